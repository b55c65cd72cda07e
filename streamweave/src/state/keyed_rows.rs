//! Rows by key that come and stay: what is saved of them is what has come since.

use super::Arrivals;

/// Rows in order of arrival, which do not change and do not go one by one.
///
/// Whose a row is its owner knows, by a table of its own. In a graph with checkpoints the keys of the rows that came since the last cut
/// are noted beside them ([`Arrivals`]).
#[derive(Clone, Debug)]
pub(crate) struct KeyedRows<K, V> {
    pub(super) rows: Vec<V>,
    pub(super) arrivals: Arrivals<K>,
}

impl<K, V> Default for KeyedRows<K, V> {
    fn default() -> Self {
        KeyedRows::new()
    }
}

impl<K, V> KeyedRows<K, V> {
    /// No rows.
    pub(crate) const fn new() -> Self {
        KeyedRows { rows: Vec::new(), arrivals: Arrivals::new() }
    }

    /// The number of rows.
    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The row at a place.
    #[inline(always)]
    pub(crate) fn get(&self, place: usize) -> Option<&V> {
        self.rows.get(place)
    }

    /// Adds a row of a key.
    #[inline(always)]
    pub(crate) fn push(&mut self, key: &K, row: V)
    where
        K: Clone,
    {
        if self.arrivals.is_tracked() {
            self.arrivals.note(key.clone());
        }
        self.rows.push(row);
    }

    /// Adds a row that was loaded.
    pub(crate) fn push_loaded(&mut self, row: V) {
        self.rows.push(row);
        self.arrivals.loaded(self.rows.len());
    }
}

#[cfg(test)]
mod tests {
    use super::super::fields::Fields;
    use super::super::loading::Loading;
    use super::super::{Chance, Part, Saving};
    use super::*;

    /// Rows whose keys their owner keeps in a vector.
    #[derive(Clone, Default)]
    struct Owner {
        keys: Vec<u32>,
        rows: KeyedRows<u32, String>,
    }

    impl Owner {
        fn push(&mut self, key: u32) {
            self.keys.push(key);
            self.rows.push(&key, format!("row {}", self.keys.len()));
        }

        fn visit(&mut self, fields: &mut Fields<'_>) {
            let keys = &self.keys;
            let loaded = fields.keyed_rows("rows", &mut self.rows, |_| keys.clone()).expect("the same type");
            for (key, row) in loaded {
                self.keys.push(key);
                self.rows.push_loaded(row);
            }
        }

        fn all(&self) -> Vec<(u32, String)> {
            self.keys.iter().copied().zip(self.rows.rows.iter().cloned()).collect()
        }
    }

    fn loaded(parts: &[Part]) -> Owner {
        let mut loading = Loading::of_one();
        for part in parts {
            let file = loading.file(part.bytes.clone());
            loading.piece(part, file, 0..part.bytes.len());
        }
        let mut owner = Owner::default();
        owner.visit(&mut Fields::load(&mut loading));
        owner
    }

    #[test]
    fn what_is_cut_while_rows_come_is_what_there_was_at_the_cut() {
        for seed in 0..60 {
            let mut chance = Chance(seed);
            let (mut owner, mut parts, mut number) = (Owner::default(), Vec::<Part>::new(), 0);
            for cut in 0..12 {
                (0..chance.below(80)).for_each(|_| owner.push(chance.below(20) as u32));
                if chance.below(9) == 0 {
                    owner = Owner::default();
                } else if chance.below(5) == 0 && cut > 0 {
                    // A restart behind the last cut.
                    owner = loaded(&parts);
                    number = 0;
                }
                (0..chance.below(30)).for_each(|_| owner.push(chance.below(20) as u32));
                let expected = owner.all();
                number += 1;
                let full = cut == 0 || chance.below(6) == 0;
                let mut saving = Saving { full, number, budget: chance.below(40), ..Saving::default() };
                owner.visit(&mut Fields::cut(&mut saving));
                let mut unfinished = !saving.unfinished.is_empty();
                parts.append(&mut saving.parts);
                while unfinished {
                    (0..chance.below(9)).for_each(|_| owner.push(chance.below(20) as u32));
                    let mut saving = Saving { budget: 1 + chance.below(40), ..Saving::default() };
                    owner.visit(&mut Fields::slice(&mut saving));
                    unfinished = !saving.unfinished.is_empty();
                    parts.append(&mut saving.parts);
                }
                assert_eq!(loaded(&parts).all(), expected, "seed {seed}, cut {cut}");
            }
        }
    }

    #[test]
    fn bytes_written_follow_what_came() {
        let mut owner = Owner::default();
        (0..10_000).for_each(|key| owner.push(key));
        let mut number = 0;
        let mut written = |owner: &mut Owner| {
            number += 1;
            let mut saving = Saving { full: number == 1, number, budget: usize::MAX, ..Saving::default() };
            owner.visit(&mut Fields::cut(&mut saving));
            saving.parts.iter().map(|part| part.bytes.len()).sum::<usize>()
        };
        assert!(written(&mut owner) > 100_000);
        assert_eq!(written(&mut owner), 0);
        (0..10).for_each(|key| owner.push(key));
        assert!((100..300).contains(&written(&mut owner)));
    }
}
