//! The search for a delimiter, the line end and `--boundary` (RFC 2046 section 5.1.1).
//!
//! `memmem` looks for the first 16 bytes of a delimiter, which its vector search does in one pass; the rest is compared. It
//! picks its candidates by two bytes, which are chosen here: the line end, and the one that appears latest. So bodies that
//! are made of line ends or dashes have few candidates. What costs most is those 16 bytes again and again, with a call of
//! `memmem` for each. `benches/` has the figures.
//!
//! Invariants:
//! - the first byte of a delimiter, CR or LF, stands nowhere else in it. So where a comparison fails, no delimiter can have
//!   begun among the bytes that were equal, and at most one can have begun before the end of the input;
//! - a byte is searched once and compared at most once more, in whatever pieces it arrives.

use memchr::arch::all::packedpair::HeuristicFrequencyRank;
use memchr::memmem::{Finder, FinderBuilder};
use memchr::memrchr;

/// Room for the line end, `--` and the longest boundary.
const MAX: usize = 74;

/// The longest needle that `memmem` searches by vectors alone.
const PREFIX: usize = 16;

/// A delimiter, ready to be searched for.
#[derive(Clone, Debug)]
pub(crate) struct Delimiter {
    /// Of the first bytes.
    finder: Finder<'static>,
    bytes: [u8; MAX],
    len: usize,
    line_end: usize,
}

/// Tells `memmem` which two bytes make a candidate.
struct Rarity {
    first: u8,
    latest: u8,
}

impl HeuristicFrequencyRank for Rarity {
    fn rank(&self, byte: u8) -> u8 {
        match byte {
            byte if byte == self.first => 0,
            byte if byte == self.latest => 1,
            _ => 2,
        }
    }
}

/// What is known of the unconsumed input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// This many bytes are content.
    pub(crate) content: usize,
    /// This many behind them are equal to the first ones of the delimiter.
    pub(crate) equal: usize,
}

/// What a comparison came to.
pub(crate) enum Compared {
    /// All of it is there.
    Whole,
    /// This much is equal, and the input ends.
    More(usize),
    /// At least this much is equal, but not all that is there.
    Differs(usize),
}

impl Delimiter {
    /// `line_end` is CRLF or LF, `boundary` the bytes of a [`Boundary`](crate::Boundary).
    pub(crate) fn new(line_end: &[u8], boundary: &[u8]) -> Self {
        let mut bytes = [0; MAX];
        let mut len = 0;
        for part in [line_end, b"--", boundary] {
            bytes[len..len + part.len()].copy_from_slice(part);
            len += part.len();
        }
        let prefix = &bytes[..len.min(PREFIX)];
        let first_seen = |byte: &u8| prefix.iter().position(|other| other == byte);
        let latest = prefix.iter().copied().max_by_key(first_seen).unwrap_or_default();
        let rarity = Rarity { first: prefix[0], latest };
        let finder = FinderBuilder::new().build_forward_with_ranker(rarity, prefix).into_owned();
        Self { finder, bytes, len, line_end: line_end.len() }
    }

    /// The same boundary behind another line end.
    pub(crate) fn with_line_end(&self, line_end: &[u8]) -> Self {
        Self::new(line_end, &self.bytes()[self.line_end + 2..])
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Length without the line end.
    pub(crate) fn line_len(&self) -> usize {
        self.len - self.line_end
    }

    /// Goes on searching `input`, of which `found` is known, and which has grown at its end.
    pub(crate) fn search(&self, input: &[u8], found: Found) -> Found {
        let Found { mut content, mut equal } = found;
        if equal == self.len || input.len() < content + equal {
            return found;
        }
        loop {
            // Nothing is equal, or the beginning of a delimiter is.
            if equal > 0 {
                match compare(&input[content..], self.bytes(), equal) {
                    Compared::Whole => return Found { content, equal: self.len },
                    Compared::More(equal) => return Found { content, equal },
                    Compared::Differs(equal) => content += equal,
                }
            }
            let rest = &input[content..];
            let prefix = self.finder.needle();
            match self.finder.find(rest) {
                Some(at) => (content, equal) = (content + at, prefix.len()),
                None => {
                    let end = rest.len().saturating_sub(prefix.len() - 1);
                    let begun =
                        memrchr(prefix[0], &rest[end..]).filter(|&at| prefix.starts_with(&rest[end + at..]));
                    let equal = begun.map_or(0, |at| rest.len() - end - at);
                    return Found { content: input.len() - equal, equal };
                }
            }
        }
    }

    /// Compares `input`, the beginning of a line, with the delimiter without its line end; `equal` bytes of it are.
    pub(crate) fn compare_line(&self, input: &[u8], equal: usize) -> Compared {
        compare(input, &self.bytes()[self.line_end..], equal)
    }
}

fn compare(input: &[u8], needle: &[u8], equal: usize) -> Compared {
    let (more, wanted) = (input.get(equal..).unwrap_or_default(), &needle[equal..]);
    let len = more.len().min(wanted.len());
    if more[..len] != wanted[..len] {
        Compared::Differs(equal)
    } else if len == wanted.len() {
        Compared::Whole
    } else {
        Compared::More(equal + len)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    /// All texts of a small alphabet, whole and in two pieces, against the naive search.
    #[test]
    fn agrees_with_a_naive_search() {
        for line_end in [&b"\r\n"[..], b"\n"] {
            let delimiter = Delimiter::new(line_end, b"a");
            for number in 0..4_usize.pow(7) {
                let text: Vec<u8> = (0..7).map(|i| b"\r\n-a"[number >> (2 * i) & 3]).collect();
                check(&delimiter, &text);
            }
        }
    }

    /// Texts of pieces of a delimiter that is longer than what `memmem` looks for.
    #[test]
    fn agrees_with_a_naive_search_for_a_long_delimiter() {
        for boundary in
            [&b"abcdefghijklmnopqrstuvwxyz"[..], b"--------------------", b"aaaaaaaaaaaaaaaaaaaab"]
        {
            let delimiter = Delimiter::new(b"\r\n", boundary);
            let bytes = delimiter.bytes();
            let lengths = [0, 1, 3, 4, 15, 16, 17, bytes.len() - 1, bytes.len()];
            for first in lengths {
                for second in lengths {
                    for third in lengths {
                        check(
                            &delimiter,
                            &[&bytes[..first], b"-", &bytes[..second], &bytes[..third]].concat(),
                        );
                    }
                }
            }
        }
    }

    fn check(delimiter: &Delimiter, text: &[u8]) {
        let needle = delimiter.bytes();
        let whole = delimiter.search(text, Found::default());
        if let Some(at) = text.windows(needle.len()).position(|window| window == needle) {
            assert_eq!(whole, Found { content: at, equal: needle.len() });
        } else {
            let equal = (0..needle.len()).rev().find(|&n| text.ends_with(&needle[..n])).unwrap_or(0);
            assert_eq!(whole, Found { content: text.len() - equal, equal });
        }
        for at in 0..text.len() {
            let first = delimiter.search(&text[..at], Found::default());
            assert_eq!(delimiter.search(text, first), whole, "{text:?} at {at}");
        }
    }
}
