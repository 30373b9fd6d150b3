//! Preconditions, in the order of RFC 9110 section 13.2.2.

use std::str;

use crate::etag::{EntityTag, Validators, seconds};
use crate::request::{Field, FileRequest};

/// What the preconditions of a request come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The method is performed; whether the field `Range` counts.
    Perform { range: bool },
    /// 304
    NotModified,
    /// 412
    Failed,
}

/// Evaluates the preconditions of a GET or HEAD against the selected representation.
pub(crate) fn evaluate(request: &FileRequest<'_>, current: &Validators) -> Verdict {
    let date = |field| request.field(field).and_then(parse_date);
    // Steps 1 and 2.
    let held = match request.field(Field::IfMatch) {
        Some(list) => lists(list, |tag| current.is_strongly(tag)),
        None => date(Field::IfUnmodifiedSince).is_none_or(|date| current.modified <= date),
    };
    if !held {
        return Verdict::Failed;
    }
    // Steps 3 and 4.
    let modified = match request.field(Field::IfNoneMatch) {
        Some(list) => !lists(list, |tag| current.is_weakly(tag)),
        None => date(Field::IfModifiedSince).is_none_or(|date| current.modified > date),
    };
    if !modified {
        return Verdict::NotModified;
    }
    // Step 5.
    Verdict::Perform { range: request.field(Field::IfRange).is_none_or(|value| is_current(value, current)) }
}

/// Section 13.1.5: an exact match with a strong validator. A young file's date is none (section 8.8.2.2).
fn is_current(value: &[u8], current: &Validators) -> bool {
    let value = value.trim_ascii();
    match EntityTag::parse(value) {
        Some((tag, b"")) => current.is_strongly(&tag),
        _ => !current.weak && parse_date(value) == Some(current.modified),
    }
}

/// Whether a list of tags has one that matches, or is `*`. Behind the first that is malformed nothing counts.
fn lists(list: &[u8], matches: impl Fn(&EntityTag<'_>) -> bool) -> bool {
    let mut rest = list.trim_ascii();
    if rest == b"*" {
        return true;
    }
    loop {
        // Empty elements are allowed (section 5.6.1.2).
        while let [b' ' | b'\t' | b',', after @ ..] = rest {
            rest = after;
        }
        let Some((tag, after)) = EntityTag::parse(rest) else { return false };
        if matches(&tag) {
            return true;
        }
        rest = after.trim_ascii_start();
        if rest.first().is_some_and(|&byte| byte != b',') {
            return false;
        }
    }
}

/// A date in any of the three formats (section 5.6.7); what is none is ignored, as the RFC demands.
fn parse_date(value: &[u8]) -> Option<i64> {
    let date = httpdate::parse_http_date(str::from_utf8(value).ok()?.trim()).ok()?;
    Some(seconds(date))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etag::Stamp;
    use crate::open::Facts;

    /// Two seconds make a file's date a strong validator (section 8.8.2.2), and its tag a strong tag.
    #[test]
    fn validators_become_strong() {
        let stamp = Stamp::new(&Facts { len: 1, modified: (0, 5) }, "");
        let strong_at = |now: i64, field: &str, value: &str| {
            let fields = [(field, value.as_bytes())];
            let request = FileRequest::new("GET", "/", None, fields.into_iter());
            evaluate(&request, &stamp.at(now)) == Verdict::Perform { range: true }
        };
        for (field, value) in
            [("if-range", "Thu, 01 Jan 1970 00:00:00 GMT"), ("if-range", "\"1-5\""), ("if-match", "\"1-5\"")]
        {
            for (now, strong) in [(0, false), (1, false), (2, true), (100, true)] {
                assert_eq!(strong_at(now, field, value), strong, "{field}: {value} after {now} s");
            }
        }
        assert_eq!(stamp.at(1).etag(), "W/\"1-5\"");
        assert_eq!(stamp.at(2).etag(), "\"1-5\"");
    }
}
