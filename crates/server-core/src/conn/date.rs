//! The `Date` field (RFC 9110 section 6.6.1), made once a second.

use std::cell::RefCell;
use std::time::{Duration, SystemTime};

use http::HeaderValue;
use wire_http1::FieldLines;

use super::deadline::Moment;

struct Cached {
    /// When it was made, and from when on it is too old.
    fresh: Option<(Moment, Moment)>,
    line: FieldLines,
    /// The same date as a value, once it was asked for.
    value: Option<HeaderValue>,
}

thread_local! {
    static CACHED: RefCell<Cached> = const { RefCell::new(Cached { fresh: None, line: FieldLines::new(), value: None }) };
}

/// Calls `use_it` with the field line of the date now. `now` is the time by the connection's own clock.
pub(super) fn with_date<T>(now: impl Into<Moment>, use_it: impl FnOnce(&FieldLines) -> T) -> T {
    CACHED.with_borrow_mut(|cached| {
        cached.refresh(now.into());
        use_it(&cached.line)
    })
}

/// The value of the date now. `now` as above.
#[cfg(feature = "http2")]
pub(super) fn date_value(now: impl Into<Moment>) -> HeaderValue {
    const NAME: usize = "date: ".len();
    CACHED.with_borrow_mut(|cached| {
        cached.refresh(now.into());
        let line = cached.line.as_bytes();
        let make = || HeaderValue::from_bytes(line[NAME..].trim_ascii_end());
        let value = cached.value.get_or_insert_with(|| make().unwrap_or(HeaderValue::from_static("")));
        value.clone()
    })
}

impl Cached {
    #[inline]
    fn refresh(&mut self, now: Moment) {
        // Not before it was made either: another connection of this thread may go by another clock.
        if !self.fresh.is_some_and(|(made, old)| made <= now && now < old) {
            self.make(now);
        }
    }

    #[cold]
    fn make(&mut self, now: Moment) {
        let date = httpdate::fmt_http_date(SystemTime::now());
        self.line.clear();
        // A date is a valid field value.
        let _ = self.line.push("date", date);
        self.value = None;
        self.fresh = Some((now, now + Duration::from_secs(1)));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn is_an_imf_fixdate_made_once_a_second() {
        let start = Instant::now();
        let text = |at| with_date(at, |line| String::from_utf8(line.as_bytes().to_vec()).unwrap());
        let first = text(start);
        let date = first.strip_prefix("date: ").and_then(|rest| rest.strip_suffix("\r\n")).unwrap();
        assert!(httpdate::parse_http_date(date).is_ok(), "{first}");
        CACHED.with_borrow_mut(|cached| cached.line.push("x", "cached").unwrap());
        assert!(text(start + Duration::from_millis(999)).contains("cached"));
        assert!(!text(start + Duration::from_secs(1)).contains("cached"));
        assert!(!text(start).contains("cached"), "time that went back");
        #[cfg(feature = "http2")]
        assert_eq!(format!("date: {}\r\n", date_value(start).to_str().unwrap()), text(start));
    }
}
