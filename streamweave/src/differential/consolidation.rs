//! Changes of the same row added up.

use std::cmp::Ordering;

use crate::envelope::Abelian;
use crate::time::Rounds;

/// Sorts changes by row, adds up those of each and drops what comes to nothing (rule G1).
///
/// Linear where they are in order already, which is looked at first.
///
/// # Errors
///
/// A row of which there are more than can be counted (rule G4), for
/// [`Unsound::too_many`](super::Unsound::too_many). What is then left of the changes is no collection.
///
/// # Examples
///
/// ```
/// use streamweave::differential::consolidation::consolidate;
///
/// let mut changes = vec![("loom", 1), ("shuttle", 1), ("loom", 2), ("shuttle", -1)];
/// assert_eq!(consolidate(&mut changes), Ok(()));
/// assert_eq!(changes, [("loom", 3)]);
/// assert_eq!(consolidate(&mut vec![("loom", i64::MAX), ("loom", 1)]), Err("loom"));
/// ```
pub fn consolidate<D: Ord, R: Abelian>(changes: &mut Vec<(D, R)>) -> Result<(), D> {
    add_up(changes, |one, other| one.0.cmp(&other.0), |(_, diff)| diff).map_err(|(row, _)| row)
}

/// As [`consolidate`], of changes that are at rounds: those of the same row at the same rounds are added up.
///
/// # Errors
///
/// A row of which there are more than can be counted (rule G4).
pub fn consolidate_rounds<D: Ord, P: Rounds, R: Abelian>(changes: &mut Vec<(D, P, R)>) -> Result<(), D> {
    let compare = |one: &(D, P, R), other: &(D, P, R)| one.0.cmp(&other.0).then_with(|| one.1.cmp(&other.1));
    add_up(changes, compare, |(.., diff)| diff).map_err(|(row, ..)| row)
}

/// Leaves one change of those that compare as equal; gives one for which there is no room.
fn add_up<X, R: Abelian>(
    changes: &mut Vec<X>,
    compare: impl Fn(&X, &X) -> Ordering,
    diff: impl Fn(&mut X) -> &mut R,
) -> Result<(), X> {
    if !changes.is_sorted_by(|one, next| compare(one, next) == Ordering::Less) {
        // Which of them comes first does not show in a sum.
        changes.sort_unstable_by(&compare);
        let mut has_room = true;
        changes.dedup_by(|change, kept| {
            if !has_room || compare(kept, change) != Ordering::Equal {
                return false;
            }
            let by = diff(change).clone();
            has_room = diff(kept).add(&by);
            has_room
        });
        if !has_room {
            return Err(full(changes, compare));
        }
    }
    changes.retain_mut(|change| !diff(change).is_zero());
    Ok(())
}

/// The change that could not be added: the first that stands behind one of the same row.
#[cold]
fn full<X>(changes: &mut Vec<X>, compare: impl Fn(&X, &X) -> Ordering) -> X {
    let of_one_row = |pair: &[X]| compare(&pair[0], &pair[1]) == Ordering::Equal;
    let place = changes.windows(2).position(of_one_row).expect("it was left where it was");
    changes.swap_remove(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g1_equal_rows_are_added_up_and_zeros_dropped() {
        let mut changes = vec![(3, 1), (1, 1), (3, 1), (2, 1), (1, -1), (2, -3)];
        assert_eq!(consolidate(&mut changes), Ok(()));
        assert_eq!(changes, [(2, -2), (3, 2)]);
    }

    #[test]
    fn g1_what_is_in_order_may_have_zeros() {
        let mut changes = vec![(1, 0), (2, 5), (3, 0)];
        assert_eq!(consolidate(&mut changes), Ok(()));
        assert_eq!(changes, [(2, 5)]);
        let mut none: Vec<(u8, i64)> = Vec::new();
        assert_eq!(consolidate(&mut none), Ok(()));
        assert_eq!(none, []);
    }

    #[test]
    fn g1_the_same_row_at_other_rounds_is_another_change() {
        let at = |round| ((), round);
        let mut changes = vec![("a", at(2), 1), ("a", at(0), 1), ("a", at(2), 1), ("b", at(1), 0)];
        assert_eq!(consolidate_rounds(&mut changes), Ok(()));
        assert_eq!(changes, [("a", at(0), 1), ("a", at(2), 2)]);
    }

    #[test]
    fn g4_a_row_without_room_is_named_wherever_it_stands() {
        let mut changes = vec![(7, i64::MIN), (1, 1), (1, 1), (7, -1), (9, 1), (9, 1)];
        assert_eq!(consolidate(&mut changes), Err(7));
        let mut changes = vec![(7, ((), 1), i64::MAX), (7, ((), 0), 1), (7, ((), 1), 1)];
        assert_eq!(consolidate_rounds(&mut changes), Err(7));
    }

    #[test]
    fn g1_any_order_comes_to_the_same() {
        let changes: Vec<(u64, i64)> = (0..500).map(|i| (i * 7919 % 41, (i % 5) as i64 - 2)).collect();
        let mut sums = [0; 41];
        changes.iter().for_each(|&(row, diff)| sums[row as usize] += diff);
        let expected: Vec<(u64, i64)> = (0..).zip(sums).filter(|&(_, sum)| sum != 0).collect();
        for start in [0, 13, 400] {
            let mut turned = changes.clone();
            turned.rotate_left(start);
            assert_eq!(consolidate(&mut turned), Ok(()));
            assert_eq!(turned, expected);
        }
    }
}
