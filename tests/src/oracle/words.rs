//! Words, counted.

//! The oracle of `word_count`.

use std::collections::BTreeMap;

/// Counts the words (`str::split_whitespace`) of all lines that are UTF-8.
///
/// Lines end at `\n`; the last one may lack it. Returned are the lines
/// `word<TAB>count`, each with a newline, sorted by the bytes of the word, and
/// the 1-based numbers of the lines that are not UTF-8, in order.
///
/// ```
/// let (counts, skipped) = streamweave_tests::oracle::word_count(b"b a\r\n\xff a\nb");
/// assert_eq!(counts, "a\t1\nb\t2\n");
/// assert_eq!(skipped, [2]);
/// ```
#[must_use]
pub fn word_count(bytes: &[u8]) -> (String, Vec<u64>) {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let mut skipped = Vec::new();
    for (number, line) in (1..).zip(bytes.split(|&byte| byte == b'\n')) {
        match std::str::from_utf8(line) {
            Ok(line) => {
                for word in line.split_whitespace() {
                    *counts.entry(word).or_default() += 1;
                }
            }
            Err(_) => skipped.push(number),
        }
    }
    let lines = counts.iter().map(|(word, count)| format!("{word}\t{count}\n")).collect();
    (lines, skipped)
}
