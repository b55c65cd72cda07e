//! W6: rows counted per key, and the counts joined with a second collection of rows per key.
//!
//! At first there are so many rows to count, of random keys, and one row to join for each key. Of
//! eight edits seven are of the rows to count; half of them insert a random row, half retract one of
//! those present. A key without rows to count, or without rows to join, is not in the answer.

use super::script::{Change, Edits, Script};
use super::{Pace, Size};
use crate::workload::Random;

/// A key.
pub(crate) type Key = u32;

/// A row of either collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    /// One to count.
    Counted(Key, u32),
    /// One to join with the count.
    Joined(Key, u32),
}

/// Joined counts: for each key a count, a row to join, and the row that the join keeps of the count.
pub(crate) fn script(size: Size, paces: &[Pace]) -> &'static Script<Row> {
    let Size { nodes, edges } = size;
    let mut random = Random::new();
    let mut rows = Rows {
        counted: (0..edges).map(|_| row(nodes, &mut random)).collect(),
        joined: (0..nodes).map(|key| (key, random.next() as u32)).collect(),
    };
    let counted = rows.counted.iter().map(|&(key, value)| (Row::Counted(key, value), 1));
    let joined = rows.joined.iter().map(|&(key, value)| (Row::Joined(key, value), 1));
    let load = counted.chain(joined).collect();
    let edits = paces.iter().map(|pace| Edits {
        batches: (0..pace.batches)
            .map(|_| (0..pace.size).map(|_| rows.change(nodes, &mut random)).collect())
            .collect(),
        between: pace.between,
    });
    let edits = edits.collect();
    Box::leak(Box::new(Script { nodes, arranged: 3 * nodes as usize, load, edits }))
}

/// The rows present.
struct Rows {
    counted: Vec<(Key, u32)>,
    joined: Vec<(Key, u32)>,
}

impl Rows {
    /// A row comes or goes.
    fn change(&mut self, nodes: u32, random: &mut Random) -> Change<Row> {
        let (present, kind): (_, fn(Key, u32) -> Row) = match random.below(8) {
            0 => (&mut self.joined, Row::Joined),
            _ => (&mut self.counted, Row::Counted),
        };
        let ((key, value), diff) = if present.is_empty() || random.below(2) == 0 {
            let new = row(nodes, random);
            present.push(new);
            (new, 1)
        } else {
            (present.swap_remove(random.below(present.len() as u64) as usize), -1)
        };
        (kind(key, value), diff)
    }
}

fn row(nodes: u32, random: &mut Random) -> (Key, u32) {
    (random.below(u64::from(nodes)) as Key, random.next() as u32)
}
