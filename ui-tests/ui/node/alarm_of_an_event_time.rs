//! error at: `EventTime`
//! says: mismatched types

use streamweave::prelude::*;

struct Meter {}

#[node]
impl Meter {
    fn on_rows(&mut self, _row: u64, cx: &Cx) {
        cx.set_alarm(cx.now() + 1.secs());
    }

    fn on_alarm(&mut self, _at: EventTime, out: &mut Out<u64>) {
        out.send(1);
    }
}

fn main() {}
