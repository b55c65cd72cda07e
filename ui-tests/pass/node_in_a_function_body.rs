//! A node may stand in a function body and work on a type that is private to it.

#[path = "../block_on.rs"]
mod block_on;

use streamweave::prelude::*;

async fn run() -> Result<(), streamweave::Error> {
    #[derive(Debug, PartialEq)]
    struct Word {
        length: usize,
    }

    #[node]
    fn weigh(text: &str) -> Word {
        Word { length: text.len() }
    }

    let result = graph! {
        words = from_iter(["warp", "weft"]);
        words -> weigh -> weighed;
        weighed = collect();
    }
    .run()
    .await?;
    assert_eq!(result.weighed, [Word { length: 4 }, Word { length: 4 }]);
    assert_eq!(weigh::call("loom").length, 4);
    Ok(())
}

fn main() {
    block_on::block_on(run());
}
