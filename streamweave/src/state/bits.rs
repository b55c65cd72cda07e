//! A set of small numbers.

/// Places that are marked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bits {
    words: Vec<u64>,
}

impl Bits {
    /// No place.
    pub(super) const fn new() -> Self {
        Bits { words: Vec::new() }
    }

    /// Marks a place.
    #[inline]
    pub(super) fn set(&mut self, place: u32) {
        let word = place as usize / 64;
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (place % 64);
    }

    /// Whether a place is marked.
    #[inline]
    pub(super) fn get(&self, place: u32) -> bool {
        self.words.get(place as usize / 64).is_some_and(|word| word >> (place % 64) & 1 == 1)
    }

    /// Takes the mark off a place.
    #[inline]
    pub(super) fn clear(&mut self, place: u32) {
        if let Some(word) = self.words.get_mut(place as usize / 64) {
            *word &= !(1 << (place % 64));
        }
    }

    /// Takes the mark off a place; says whether there was one.
    #[inline]
    pub(super) fn take(&mut self, place: u32) -> bool {
        let is_marked = self.get(place);
        self.clear(place);
        is_marked
    }

    /// The marked places, in order.
    #[inline]
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        self.words.iter().enumerate().flat_map(|(at, &word)| {
            let mut left = word;
            std::iter::from_fn(move || {
                if left == 0 {
                    return None;
                }
                let bit = left.trailing_zeros();
                left &= left - 1;
                Some(at as u32 * 64 + bit)
            })
        })
    }
}
