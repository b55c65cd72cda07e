//! Serves on port 3000 until ctrl-c.
//!
//! ```sh
//! curl localhost:3000/readings --json '{"sensor":"attic","celsius":21}'
//! curl localhost:3000/latest
//! printf '{"sensor":"attic","celsius":21}\nwarm\n' | curl localhost:3000/summary --data-binary @-
//! ```

use streamweave_axum::app;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (router, board) = app();
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 3000)).await?;
    // Requests that are under way are answered, then the router is dropped.
    axum::serve(listener, router)
        .with_graceful_shutdown(async { tokio::signal::ctrl_c().await.unwrap_or_default() })
        .await?;
    let (latest, report) = board.finish().await?;
    report.conserved()?;
    println!("{latest:?}\n{report}");
    Ok(())
}
