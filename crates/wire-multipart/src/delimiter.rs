//! The search for a delimiter, the line end and `--boundary` (RFC 2046 section 5.1.1).
//!
//! Invariants:
//! - the first byte of a delimiter, CR or LF, stands nowhere else in it. So where a comparison fails, no delimiter can have
//!   begun among the bytes that were equal, and at most one can have begun before the end of the input;
//! - a byte is searched once and compared at most once more, in whatever pieces it arrives.

use memchr::memmem::Finder;
use memchr::memrchr;

/// Room for the line end, `--` and the longest boundary.
const MAX: usize = 74;

/// A delimiter, ready to be searched for.
#[derive(Clone, Debug)]
pub(crate) struct Delimiter {
    finder: Finder<'static>,
    line_end: usize,
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
    /// This much is equal, and the next byte is not.
    Differs(usize),
}

impl Delimiter {
    /// `line_end` is CRLF or LF, `boundary` the bytes of a [`Boundary`](crate::Boundary).
    pub(crate) fn new(line_end: &[u8], boundary: &[u8]) -> Self {
        let mut needle = [0; MAX];
        let parts = [line_end, b"--", boundary];
        let mut len = 0;
        for part in parts {
            needle[len..len + part.len()].copy_from_slice(part);
            len += part.len();
        }
        Self { finder: Finder::new(&needle[..len]).into_owned(), line_end: line_end.len() }
    }

    /// The same boundary behind another line end.
    pub(crate) fn with_line_end(&self, line_end: &[u8]) -> Self {
        Self::new(line_end, &self.finder.needle()[self.line_end + 2..])
    }

    pub(crate) fn len(&self) -> usize {
        self.finder.needle().len()
    }

    /// Length without the line end.
    pub(crate) fn line_len(&self) -> usize {
        self.len() - self.line_end
    }

    /// Goes on searching `input`, of which `found` is known, and which has grown at its end.
    pub(crate) fn search(&self, input: &[u8], found: Found) -> Found {
        let Found { mut content, equal } = found;
        if equal == self.len() || input.len() < content + equal {
            return found;
        }
        if equal > 0 {
            match compare(&input[content..], self.finder.needle(), equal) {
                Compared::Whole => return Found { content, equal: self.len() },
                Compared::More(equal) => return Found { content, equal },
                Compared::Differs(equal) => content += equal,
            }
        }
        let rest = &input[content..];
        if let Some(at) = self.finder.find(rest) {
            return Found { content: content + at, equal: self.len() };
        }
        let needle = self.finder.needle();
        let end = rest.len().saturating_sub(needle.len() - 1);
        let begun = memrchr(needle[0], &rest[end..]).filter(|&at| needle.starts_with(&rest[end + at..]));
        let equal = begun.map_or(0, |at| rest.len() - end - at);
        Found { content: input.len() - equal, equal }
    }

    /// Compares `input`, the beginning of a line, with the delimiter without its line end; `equal` bytes of it are.
    pub(crate) fn compare_line(&self, input: &[u8], equal: usize) -> Compared {
        compare(input, &self.finder.needle()[self.line_end..], equal)
    }
}

fn compare(input: &[u8], needle: &[u8], equal: usize) -> Compared {
    let (more, wanted) = (input.get(equal..).unwrap_or_default(), &needle[equal..]);
    match more.iter().zip(wanted).position(|(a, b)| a != b) {
        Some(at) => Compared::Differs(equal + at),
        None if more.len() < wanted.len() => Compared::More(equal + more.len()),
        None => Compared::Whole,
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    /// All texts of a small alphabet, whole and in two pieces, against the naive search.
    #[test]
    fn agrees_with_a_naive_search() {
        const ALPHABET: &[u8] = b"\r\n-a";
        for line_end in [&b"\r\n"[..], b"\n"] {
            let delimiter = Delimiter::new(line_end, b"a");
            let needle = delimiter.finder.needle();
            for number in 0..4_usize.pow(8) {
                let text: Vec<u8> = (0..8).map(|i| ALPHABET[number >> (2 * i) & 3]).collect();
                let wanted = text.windows(needle.len()).position(|window| window == needle);
                let whole = delimiter.search(&text, Found::default());
                if let Some(at) = wanted {
                    assert_eq!(whole, Found { content: at, equal: needle.len() });
                } else {
                    let equal = (0..needle.len()).rev().find(|&n| text.ends_with(&needle[..n])).unwrap_or(0);
                    assert_eq!(whole, Found { content: text.len() - equal, equal });
                }
                for at in 0..text.len() {
                    let first = delimiter.search(&text[..at], Found::default());
                    assert_eq!(delimiter.search(&text, first), whole, "{text:?} at {at}");
                }
            }
        }
    }
}
