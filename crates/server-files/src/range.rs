//! Byte ranges (RFC 9110 sections 14.1, 14.2 and 15.3.7).

use std::ops::Range;

/// Most ranges of a request; one with more is answered whole. Against requests whose answer costs far more than they do
/// (section 17.15).
const MAX_RANGES: usize = 32;

/// What the field `Range` comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ranges {
    /// The whole representation: no range, or one that has to be or may be ignored.
    Whole,
    /// 206 with these parts, in the order of the request; at least one, none empty, no two overlap or adjoin.
    Parts(Vec<Range<u64>>),
    /// 416
    Unsatisfiable,
}

impl Ranges {
    /// Reads the field's value, for a representation of `len` bytes.
    ///
    /// Ignored are: units other than `bytes`, what is malformed, too many ranges, and any range of a representation that
    /// has no bytes.
    pub(crate) fn parse(value: &[u8], len: u64) -> Self {
        let Some(at) = value.iter().position(|&byte| byte == b'=') else { return Self::Whole };
        if !value[..at].trim_ascii().eq_ignore_ascii_case(b"bytes") || len == 0 {
            return Self::Whole;
        }
        let mut parts: Vec<Range<u64>> = Vec::new();
        let mut count = 0;
        for spec in value[at + 1..].split(|&byte| byte == b',') {
            let spec = spec.trim_ascii();
            // Empty elements of a list are allowed (section 5.6.1.2), an empty list is not.
            if spec.is_empty() {
                continue;
            }
            count += 1;
            match Spec::parse(spec) {
                Some(spec) if count <= MAX_RANGES => {
                    let range = spec.within(len);
                    if !range.is_empty() {
                        add(&mut parts, range);
                    }
                }
                _ => return Self::Whole,
            }
        }
        match (count, parts.is_empty()) {
            (0, _) => Self::Whole,
            (_, true) => Self::Unsatisfiable,
            (_, false) => Self::Parts(parts),
        }
    }
}

/// Adds a range; with those that it overlaps or adjoins it becomes one, at the place of the first of them (section 15.3.7.2).
fn add(parts: &mut Vec<Range<u64>>, mut range: Range<u64>) {
    let touches = |a: &Range<u64>, b: &Range<u64>| a.start <= b.end && b.start <= a.end;
    let mut place = None;
    // What has grown may touch what it did not touch before.
    while let Some(at) = parts.iter().position(|part| touches(part, &range)) {
        let part = parts.remove(at);
        range = part.start.min(range.start)..part.end.max(range.end);
        place = Some(place.map_or(at, |place: usize| place.min(at)));
    }
    parts.insert(place.unwrap_or(parts.len()), range);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spec {
    From(u64),
    FromTo(u64, u64),
    Last(u64),
}

impl Spec {
    fn parse(spec: &[u8]) -> Option<Self> {
        let at = spec.iter().position(|&byte| byte == b'-')?;
        let (first, last) = (&spec[..at], &spec[at + 1..]);
        Some(match (first.is_empty(), last.is_empty()) {
            (true, true) => return None,
            (true, false) => Self::Last(number(last)?),
            (false, true) => Self::From(number(first)?),
            (false, false) => {
                let (first, last) = (number(first)?, number(last)?);
                if last < first {
                    return None;
                }
                Self::FromTo(first, last)
            }
        })
    }

    /// The bytes it means; none where it is not satisfiable.
    fn within(self, len: u64) -> Range<u64> {
        match self {
            Self::From(first) => first..len,
            Self::FromTo(first, last) => first..len.min(last.saturating_add(1)),
            Self::Last(count) => len.saturating_sub(count)..len,
        }
    }
}

/// Digits alone; a number past `u64::MAX` is that, which no file reaches (section 14.1.2).
fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        Some(number.saturating_mul(10).saturating_add(digit))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever is asked for: the parts are within the file, apart from each other, and hold every byte asked for.
        #[test]
        fn parts_cover_what_was_asked_for(
            len in 1_u64..2_000,
            specs in prop::collection::vec((0_u64..2_500, 0_u64..2_500, 0_u8..3), 1..MAX_RANGES),
        ) {
            let mut wanted = Vec::new();
            let mut value = String::from("bytes=");
            for (a, b, kind) in specs {
                let (first, last) = (a.min(b), a.max(b));
                let (text, range) = match kind {
                    0 => (format!("{first}-{last},"), first..(last + 1).min(len)),
                    1 => (format!("{first}-, "), first..len),
                    _ => (format!("-{first} ,"), len.saturating_sub(first)..len),
                };
                value += &text;
                if !range.is_empty() {
                    wanted.push(range);
                }
            }
            match Ranges::parse(value.as_bytes(), len) {
                Ranges::Whole => prop_assert!(false, "not ignored: {value}"),
                Ranges::Unsatisfiable => prop_assert!(wanted.is_empty()),
                Ranges::Parts(parts) => {
                    for range in &wanted {
                        prop_assert!(parts.iter().any(|part| part.start <= range.start && range.end <= part.end));
                    }
                    for (at, part) in parts.iter().enumerate() {
                        prop_assert!(part.start < part.end && part.end <= len);
                        for other in &parts[..at] {
                            prop_assert!(part.start > other.end || other.start > part.end);
                        }
                    }
                }
            }
        }
    }
}
