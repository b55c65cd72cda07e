//! error at: `aggregate`
//! says: two of `Longest` cannot be put together

use streamweave::prelude::*;

#[derive(Default)]
struct Longest(usize);

impl Aggregate<(i64, &'static str)> for Longest {
    type Output = usize;

    fn add(&mut self, row: (i64, &'static str)) {
        self.0 = self.0.max(row.1.len());
    }

    fn output(&self) -> usize {
        self.0
    }
}

fn main() {
    let _ = graph! {
        rows = from_iter([(1_i64, "a")]);
        longest = session(10.secs()).aggregate(Longest::default);
        rows -> event_time(|row| EventTime::from_secs(row.0), bounded(1.secs())) -> key_by(|row| row.1) -> longest;
        longest -> panes;
        longest.late -> discard;
        panes = collect();
    };
}
