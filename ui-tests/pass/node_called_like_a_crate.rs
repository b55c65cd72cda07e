//! A node that is called as a crate in use is: the crate is reached by a path that begins with `::`.

use ::streamweave::prelude::*;

#[node]
fn streamweave(number: u64) -> Option<u64> {
    (number > 1).then_some(number)
}

#[node]
fn core(number: u64) -> u64 {
    number + 1
}

#[node]
async fn std(number: u64, #[param] by: u64) -> Result<u64, ::std::num::TryFromIntError> {
    u32::try_from(number * by).map(u64::from)
}

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64, 2]);
        scaled = std(3);
        numbers -> streamweave -> core -> scaled -> all;
        scaled.err -> discard;
        all = collect();
    };
}
