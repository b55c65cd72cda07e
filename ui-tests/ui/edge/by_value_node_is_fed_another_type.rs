//! error at: `double`
//! says: `numbers` carries `u64`, but `double` takes `String`

use streamweave::prelude::*;

#[node]
fn double(text: String) -> String {
    text.repeat(2)
}

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64, 2]);
        numbers -> double -> texts;
        texts = collect();
    };
}
