//! error at: `both`
//! says: input `right` of this node is not connected

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        names = from_iter(["ada", "grace"]);
        both = zip();
        names -> both.left;
        both -> pairs;
        pairs = collect();
    };
}
