//! A node may set rows aside at which it panics, in a graph that is durable, too.

use streamweave::prelude::*;

#[node]
fn half(cents: u32) -> u32 {
    cents / 2
}

fn main() {
    let _ = graph! {
        #![durable = exactly_once]
        cents = from_iter([1_u32, 200]);
        #[on_panic(skip)]
        #[on_error(stop)]
        parsed = try_map(|cents: u32| cents.checked_sub(1).ok_or("none"));
        #[on_panic(custom(|_| streamweave::sink::on_error::Verdict::Skip))]
        halves = half();
        cents -> parsed -> halves -> all;
        all = collect();
    };
}
