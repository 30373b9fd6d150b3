//! The `Date` field (RFC 9110 section 6.6.1), made once a second.

use std::cell::RefCell;
use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

/// `Sun, 06 Nov 1994 08:49:37 GMT`
const LEN: usize = 29;

struct Cached {
    second: u64,
    text: [u8; LEN],
}

thread_local! {
    static CACHED: RefCell<Cached> = const { RefCell::new(Cached { second: u64::MAX, text: [0; LEN] }) };
}

/// Calls `use_it` with the date now.
pub(super) fn with_date<T>(use_it: impl FnOnce(&[u8]) -> T) -> T {
    let now = SystemTime::now();
    let second = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    CACHED.with_borrow_mut(|cached| {
        if cached.second != second {
            // The buffer has exactly the length of an IMF-fixdate.
            let _ = write!(&mut cached.text[..], "{}", httpdate::HttpDate::from(now));
            cached.second = second;
        }
        use_it(&cached.text)
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn is_an_imf_fixdate() {
        super::with_date(|date| {
            let text = std::str::from_utf8(date).unwrap();
            assert!(httpdate::parse_http_date(text).is_ok(), "{text}");
        });
    }
}
