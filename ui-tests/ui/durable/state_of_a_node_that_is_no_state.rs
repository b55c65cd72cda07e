//! error at: `counted`
//! says: the state of this node, `Counter`, cannot be saved

use streamweave::prelude::*;

struct Counter {
    rows: u64,
}

#[node]
impl Counter {
    fn on_row(&mut self, _row: u64, out: &mut Out<u64>) {
        self.rows += 1;
        out.send(self.rows);
    }
}

fn main() {
    let _ = graph! {
        #![durable]
        rows = from_iter(0..3_u64);
        counted = Counter(Counter { rows: 0 });
        rows -> counted.row;
        counted -> counts;
        counts = collect();
    };
}
