//! error at: `on_alarm`
//! says: `on_alarm` is never called: no method takes `&Cx`

use streamweave::prelude::*;

struct Meter {}

#[node]
impl Meter {
    fn on_rows(&mut self, _row: u64) {}

    fn on_alarm(&mut self, _at: ProcessingTime, out: &mut Out<u64>) {
        out.send(1);
    }
}

fn main() {}
