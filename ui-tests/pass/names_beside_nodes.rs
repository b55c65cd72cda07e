//! Nodes whose names differ by their case alone, and names of the user's that a macro might think of, too.

#![deny(unreachable_pub, missing_docs)]

use streamweave::prelude::*;

/// A type of the user's.
pub struct TotalsInputs;
/// Another.
pub struct TotalsOutputs;
struct PartedOutputs;

/// A sum that goes on.
#[derive(Clone, Default)]
pub struct Totals {
    sum: u64,
}

#[node]
impl Totals {
    fn on_row(&mut self, row: u64, out: &mut Out<u64>) {
        self.sum += row;
        out.send(self.sum);
    }
}

graph! {
    pub graph totals(rows: u64, _edge0: u64; _inputs: u64) -> (out: u64) {
        [rows, _edge0] -> map(move |row| row + _inputs) -> out;
    }
}

#[node]
fn parted(row: u64, low: &mut Out<u64>, high: &mut Out<u64>) {
    if row < 2 { low.send(row) } else { high.send(row) }
}

#[derive(Ports)]
enum Parted {
    Low(u64),
    High(u64),
}

fn main() {
    let _ = (TotalsInputs, TotalsOutputs, PartedOutputs);
    let _ = graph! {
        numbers = from_iter([1_u64]);
        others = from_iter([2_u64]);
        summed = totals(1);
        numbers -> summed.rows;
        others -> summed._edge0;
        summed -> Totals(Totals::default()) -> parts;
        parts = parted();
        parts.low -> map(|row| if row < 2 { Parted::Low(row) } else { Parted::High(row) })
            -> { Low => discard(), High => discard() };
        parts.high -> discard;
    };
}
