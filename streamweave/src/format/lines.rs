//! Text, line by line.
//!
//! Promises a `String` for every line, the last one too if no terminator follows it, the empty ones too. `\n` and
//! `\r\n` end a line; every other character, a NUL or a lone `\r` for example, is part of it. Relies on
//! `LineSplitter` for the division.

use super::pending::LineSplitter;
use super::{Decoder, Fault, Mark, Resumable};
use std::sync::Arc;

/// Decodes UTF-8 text into its lines, without their terminators.
///
/// A line that is not UTF-8 is [`Malformed`](super::Malformed), and its reason names the first bad byte of the line,
/// counted from 1.
///
/// # Examples
///
/// ```
/// # use streamweave::format::{Decoder, lines::Lines};
/// let mut lines = Lines::new("poem.txt");
/// lines.feed(b"roses\r\nvi\xfflets");
/// lines.finish();
/// assert_eq!(lines.decode(), Some(Ok("roses".to_string())));
/// let fault = lines.decode().unwrap().unwrap_err();
/// assert_eq!(fault.to_string(), "poem.txt:2: invalid UTF-8 at byte 3 of the line: \"vi\u{fffd}lets\"");
/// ```
#[derive(Debug)]
pub struct Lines {
    lines: LineSplitter,
}

impl Lines {
    /// A decoder of the input that error messages call `file`.
    pub fn new(file: impl Into<Arc<str>>) -> Self {
        Lines { lines: LineSplitter::new(file.into()) }
    }
}

impl Decoder for Lines {
    type Item = String;

    fn feed(&mut self, block: &[u8]) {
        self.lines.pending.feed(block);
    }

    fn finish(&mut self) {
        self.lines.pending.finish();
    }

    fn decode(&mut self) -> Option<Result<String, Fault>> {
        let line = self.lines.next_line()?;
        Some(match str::from_utf8(line.bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(error) => {
                let at = error.valid_up_to() + 1;
                Err(line.malformed(format!("invalid UTF-8 at byte {at} of the line")).into())
            }
        })
    }
}

impl Resumable for Lines {
    fn undecoded(&self) -> usize {
        self.lines.pending.undecoded()
    }

    fn mark(&self) -> Mark {
        self.lines.mark()
    }

    fn resume(&mut self, mark: Mark) {
        self.lines.resume(&mark);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::cuts::{decode_any_way, faults};

    fn lines(input: &[u8]) -> Vec<Result<String, Fault>> {
        decode_any_way(|| Lines::new("x.txt"), input)
    }

    fn good(input: &str) -> Vec<String> {
        lines(input.as_bytes()).into_iter().map(|line| line.expect("UTF-8")).collect()
    }

    #[test]
    fn both_terminators_end_a_line_and_a_lone_carriage_return_does_not() {
        assert_eq!(good("a\nb\r\n\r\n\nc\rd\r\re\r\r\n"), ["a", "b", "", "", "c\rd\r\re\r"]);
    }

    #[test]
    fn last_line_needs_no_terminator_and_a_terminator_starts_no_line() {
        assert_eq!(good("a\nb"), ["a", "b"]);
        assert_eq!(good("a\nb\n"), ["a", "b"]);
        assert_eq!(good("\n"), [""]);
        assert_eq!(good("a\r"), ["a\r"]);
        assert!(good("").is_empty());
    }

    #[test]
    fn nul_is_a_character() {
        assert_eq!(good("a\0b\n\0"), ["a\0b", "\0"]);
    }

    #[test]
    fn byte_order_mark_is_skipped_at_the_start_only() {
        assert_eq!(good("\u{feff}a\n\u{feff}b"), ["a", "\u{feff}b"]);
        assert_eq!(good("\u{feff}\u{feff}a"), ["\u{feff}a"]);
        assert!(good("\u{feff}").is_empty());
        assert_eq!(faults(&lines(b"\xef\xbb")).len(), 1, "half a mark is bad UTF-8");
    }

    #[test]
    fn invalid_utf8_spoils_its_own_line_only() {
        let lines = lines(b"caf\xc3\xa9\n\n\xc3\xa9\xc3\nend");
        assert_eq!(faults(&lines), ["x.txt:3: invalid UTF-8 at byte 3 of the line: \"é\u{fffd}\""]);
        assert_eq!(lines.len(), 4);
        assert_eq!(lines[3], Ok("end".to_owned()));
        let Err(Fault::Malformed(bad)) = &lines[2] else { panic!("{lines:?}") };
        assert_eq!((bad.raw.as_slice(), &bad.column), (&b"\xc3\xa9\xc3"[..], &None));
    }
}
