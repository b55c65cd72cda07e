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

    /// Marks a place; says whether it was not marked.
    #[inline]
    pub(super) fn mark(&mut self, place: u32) -> bool {
        let (at, bit) = (place as usize / 64, 1 << (place % 64));
        if at >= self.words.len() {
            self.grow(at);
        }
        let word = &mut self.words[at];
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    #[cold]
    fn grow(&mut self, at: usize) {
        self.words.resize(at + 1, 0);
    }

    /// Marks the first places, and no others.
    pub(super) fn fill(&mut self, places: u32) {
        self.words.clear();
        self.words.resize((places as usize).div_ceil(64), !0);
        self.truncate(places);
    }

    /// Takes the mark off all places but the first.
    pub(super) fn truncate(&mut self, places: u32) {
        let whole = places as usize / 64;
        if let Some(words) = self.words.get_mut(whole..) {
            let mut rest = words.iter_mut();
            if let Some(word) = rest.next() {
                *word &= (1 << (places % 64)) - 1;
            }
            rest.for_each(|word| *word = 0);
        }
    }

    /// Takes the mark off all places.
    pub(super) fn reset(&mut self) {
        self.words.fill(0);
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

    /// Takes the marks off the first marked places in order, as many as there is room for; gives how many. `from` is where it goes on:
    /// there is none before.
    pub(super) fn take_first(&mut self, from: &mut usize, places: &mut [u32]) -> usize {
        let mut taken = 0;
        while let Some(word) = self.words.get_mut(*from) {
            while *word != 0 {
                let Some(place) = places.get_mut(taken) else { return taken };
                *place = *from as u32 * 64 + word.trailing_zeros();
                *word &= *word - 1;
                taken += 1;
            }
            *from += 1;
        }
        taken
    }
}
