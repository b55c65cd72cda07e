//! The routes, called without a network.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use streamweave_axum::app;
use tower::ServiceExt;

/// Answers a request: the status, and the JSON of the body.
async fn answer(app: &Router, request: Request<String>) -> (StatusCode, Value) {
    let response = app.clone().oneshot(request.map(Body::from)).await.expect("a router answers");
    let status = response.status();
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

fn reading(sensor: &str, celsius: f64) -> Request<String> {
    Request::post("/readings")
        .header(header::CONTENT_TYPE, "application/json")
        .body(json!({ "sensor": sensor, "celsius": celsius }).to_string())
        .expect("a request")
}

fn latest() -> Request<String> {
    Request::get("/latest").body(String::new()).expect("a request")
}

#[tokio::test]
async fn a_request_runs_a_graph_of_its_own() {
    let (app, _board) = app();
    let lines = "{\"sensor\":\"attic\",\"celsius\":21.5}\nwarm\n{\"sensor\":\"cellar\",\"celsius\":12}\n";
    let request = Request::post("/summary").body(lines.to_owned()).expect("a request");
    let (status, summary) = answer(&app, request).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        summary,
        json!({ "readings": 2, "warmest": 21.5, "malformed": ["warm: expected value at line 1 column 1"] })
    );
}

#[tokio::test]
async fn what_one_handler_feeds_another_reads() {
    let (app, _board) = app();
    assert_eq!(answer(&app, latest()).await, (StatusCode::OK, json!({})));
    for celsius in [20.0, 22.0] {
        assert_eq!(answer(&app, reading("attic", celsius)).await.0, StatusCode::ACCEPTED);
    }
    // The graph runs when this test waits.
    while answer(&app, latest()).await.1 != json!({ "attic": 21.0 }) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_server_ends_when_all_that_it_took_is_done() {
    let (app, board) = app();
    for n in 0..500 {
        let (status, _) =
            answer(&app, reading(if n % 2 == 0 { "attic" } else { "cellar" }, f64::from(n))).await;
        assert_eq!(status, StatusCode::ACCEPTED);
    }
    drop(app);
    let (latest, report) = board.finish().await.expect("nothing fails");
    report.conserved().expect("the books balance");
    assert_eq!(report.node("readings").map(|node| node.emitted_on("out")), Some(500));
    assert_eq!(Vec::from_iter(latest), [("attic".to_owned(), 249.0), ("cellar".to_owned(), 250.0)]);
}
