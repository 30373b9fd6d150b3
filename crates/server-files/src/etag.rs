//! Validators of a file: its entity tag and modification date (RFC 9110 section 8.8).

use std::time::{Duration, SystemTime};

use http::HeaderValue;

use crate::open::Facts;

/// A file that changed so recently may change again without a change of its date: its tag is weak.
const YOUNG: i64 = 2;

/// The validators of one representation, as of now.
#[derive(Clone, Debug)]
pub(crate) struct Validators {
    /// The opaque tag with its quotes.
    opaque: HeaderValue,
    /// Modification date in whole seconds, not in the future (section 8.8.2.1).
    pub(crate) modified: i64,
    /// Whether the tag is weak, and the date no strong validator.
    pub(crate) weak: bool,
}

/// What of the validators does not depend on the time of day.
#[derive(Clone, Debug)]
pub(crate) struct Stamp {
    opaque: HeaderValue,
    modified: i64,
    last_modified: HeaderValue,
}

impl Stamp {
    /// The tag is made of length and modification time; of a coded representation, of the coding too, since no two
    /// representations may share a strong tag (section 8.8.3.3).
    pub(crate) fn new(facts: &Facts, coding: &str) -> Self {
        let (seconds, nanos) = facts.modified;
        let time = i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
        let separator = if coding.is_empty() { "" } else { "-" };
        let opaque = format!("\"{:x}-{:x}{separator}{coding}\"", facts.len, time);
        Self {
            opaque: HeaderValue::try_from(opaque).expect("hexadecimal digits and a token"),
            modified: seconds,
            last_modified: http_date(seconds),
        }
    }

    pub(crate) fn at(&self, now: i64) -> Validators {
        Validators {
            opaque: self.opaque.clone(),
            modified: self.modified.min(now),
            weak: self.modified.saturating_add(YOUNG) > now,
        }
    }

    /// The field `Last-Modified`: never later than the message itself.
    pub(crate) fn last_modified(&self, now: i64) -> HeaderValue {
        if self.modified <= now { self.last_modified.clone() } else { http_date(now) }
    }
}

impl Validators {
    /// The field `ETag`.
    pub(crate) fn etag(&self) -> HeaderValue {
        if !self.weak {
            return self.opaque.clone();
        }
        let tag = [b"W/", self.opaque.as_bytes()].concat();
        HeaderValue::try_from(tag).expect("two letters more")
    }

    /// Strong comparison (section 8.8.3.2) with a tag of a request.
    pub(crate) fn is_strongly(&self, tag: &EntityTag<'_>) -> bool {
        !self.weak && !tag.weak && tag.opaque == self.opaque.as_bytes()
    }

    /// Weak comparison.
    pub(crate) fn is_weakly(&self, tag: &EntityTag<'_>) -> bool {
        tag.opaque == self.opaque.as_bytes()
    }
}

/// An entity tag of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EntityTag<'a> {
    weak: bool,
    /// With its quotes.
    opaque: &'a [u8],
}

impl<'a> EntityTag<'a> {
    /// The tag at the start of `value`, and what follows it.
    pub(crate) fn parse(value: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (weak, rest) = match value.strip_prefix(b"W/") {
            Some(rest) => (true, rest),
            None => (false, value),
        };
        let inside = rest.strip_prefix(b"\"")?;
        let len = inside.iter().position(|&byte| byte == b'"')?;
        let valid = |&byte: &u8| byte > b' ' && byte != 0x7f;
        if !inside[..len].iter().all(valid) {
            return None;
        }
        let (opaque, rest) = rest.split_at(len + 2);
        Some((Self { weak, opaque }, rest))
    }
}

/// Seconds since 1970.
pub(crate) fn seconds(time: SystemTime) -> i64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |seconds| -seconds),
    }
}

/// An IMF-fixdate (RFC 9110 section 5.6.7). Times that it cannot say are moved to the nearest that it can.
pub(crate) fn http_date(seconds: i64) -> HeaderValue {
    /// 31 December 9999, 23:59:59.
    const LAST: u64 = 253_402_300_799;
    let seconds = u64::try_from(seconds).unwrap_or(0).min(LAST);
    let date = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
    HeaderValue::try_from(date).expect("a date is visible ASCII")
}
