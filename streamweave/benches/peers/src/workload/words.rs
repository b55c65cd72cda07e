//! W2: word count.
//!
//! The text is ASCII: some 65,000 words, the frequency of each falling with its rank as in a
//! natural language, six to seventeen to a line. The lines are slices of the text in memory. Words
//! that are *borrowed* are slices of their line, and owned only where one is met for the first time;
//! words that are *owned* are a `String` each as they come out of the operator that cuts the line.

use std::collections::HashMap;
use std::fmt;

use foldhash::fast::FixedState;
use serde::{Deserialize, Serialize};

use super::Random;

/// The lines of a text.
pub(crate) type Lines = &'static [&'static str];

/// The ranks of the words go up to two to this power.
const RANK_BITS: u64 = 16;

/// The lines of a text of `bytes` bytes, or a line more.
pub(crate) fn input(bytes: usize) -> Lines {
    let mut random = Random::new();
    let vocabulary: Vec<String> = (0..1 << RANK_BITS).map(|_| word(&mut random)).collect();
    let mut text = String::with_capacity(bytes + 512);
    while text.len() < bytes {
        for _ in 0..6 + random.below(12) {
            text.push_str(&vocabulary[rank(&mut random)]);
            text.push(' ');
        }
        text.push('\n');
    }
    Vec::leak(text.leak().lines().collect())
}

/// How many words there are.
pub(crate) fn count(lines: Lines) -> usize {
    lines.iter().map(|line| cut(line).count()).sum()
}

/// The words of a line: what every engine cuts with.
#[inline(always)]
pub(crate) fn cut(line: &str) -> std::str::SplitAsciiWhitespace<'_> {
    line.split_ascii_whitespace()
}

/// A word of two to eleven letters.
fn word(random: &mut Random) -> String {
    (0..2 + random.below(10)).map(|_| char::from(b'a' + random.below(26) as u8)).collect()
}

/// A rank: each power of two as likely as the next, so that a word's frequency is about 1 / rank.
fn rank(random: &mut Random) -> usize {
    let power = random.below(RANK_BITS);
    ((1 << power) + random.below(1 << power)) as usize - 1
}

/// The answer: how many distinct words, how many words, and a sum over all counts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WordCounts {
    distinct: u64,
    words: u64,
    sum: u64,
}

impl WordCounts {
    /// Enters the count of a word.
    pub(crate) fn enter(&mut self, word: &str, count: u64) {
        let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
        let hash = word.bytes().fold(0xCBF2_9CE4_8422_2325, fnv);
        self.distinct += 1;
        self.words += count;
        self.sum = self.sum.wrapping_add(hash.wrapping_mul(count));
    }
}

impl fmt::Display for WordCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} words, {} distinct, sum {:016x}", self.words, self.distinct, self.sum)
    }
}

/// The table that an engineer counts words in: the loop by hand, and every peer whose own is slower.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Tally(HashMap<String, u64, FixedState>);

impl Tally {
    /// Counts a word that is owned only where it is new.
    #[inline(always)]
    pub(crate) fn add(&mut self, word: &str) {
        match self.0.get_mut(word) {
            Some(count) => *count += 1,
            None => {
                self.0.insert(word.to_owned(), 1);
            }
        }
    }

    /// Counts an owned word.
    #[inline(always)]
    pub(crate) fn add_owned(&mut self, word: String) {
        *self.0.entry(word).or_insert(0) += 1;
    }

    /// The words with their counts, in no order; none is left.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = (String, u64)> + '_ {
        self.0.drain()
    }

    /// Adds another's counts.
    pub(crate) fn merge(&mut self, mut other: Tally) {
        if self.0.is_empty() {
            std::mem::swap(self, &mut other);
        }
        for (word, count) in other.0 {
            *self.0.entry(word).or_insert(0) += count;
        }
    }

    /// The answer.
    pub(crate) fn answer(&self) -> WordCounts {
        let mut answer = WordCounts::default();
        self.0.iter().for_each(|(word, &count)| answer.enter(word, count));
        answer
    }
}
