//! The same on the types of the `http` crate (feature `http`).

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::{
    Choice, Coding, Decision, NotAcceptable, REMOVED_FIELDS, ResponseHead, decide, negotiate, weak_etag,
};

/// [`negotiate`] with the Accept-Encoding of a request's fields.
///
/// # Errors
///
/// [`NotAcceptable`].
pub fn negotiate_headers(request: &HeaderMap, offered: &[Coding]) -> Result<Choice, NotAcceptable> {
    negotiate(request.get_all(header::ACCEPT_ENCODING).iter().map(HeaderValue::as_bytes), offered)
}

/// [`decide`] with a response's fields. `len`: the length of the content, where it is known.
#[must_use]
pub fn decide_headers(
    choice: Choice,
    status: http::StatusCode,
    headers: &HeaderMap,
    len: Option<u64>,
    secret: bool,
    min_size: u64,
) -> Decision {
    let fields = headers.iter().map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()));
    decide(choice, ResponseHead { status: status.as_u16(), len, secret, fields }, min_size)
}

impl Decision {
    /// Does to a response's fields what was decided: Vary is merged into one line, ETag becomes weak, and with a
    /// coding Content-Encoding is set and [`REMOVED_FIELDS`] go.
    pub fn apply(&self, headers: &mut HeaderMap) {
        if self.vary {
            let mut vary = alloc::vec::Vec::new();
            for value in headers.get_all(header::VARY).iter().filter(|value| !value.is_empty()) {
                vary.extend_from_slice(value.as_bytes());
                vary.extend_from_slice(b", ");
            }
            vary.extend_from_slice(b"Accept-Encoding");
            if let Ok(vary) = HeaderValue::from_bytes(&vary) {
                headers.insert(header::VARY, vary);
            }
        }
        if self.weaken_etag
            && let Some(etag) = headers.get(header::ETAG).and_then(|etag| weak_etag(etag.as_bytes()))
            && let Ok(etag) = HeaderValue::from_bytes(&etag)
        {
            headers.insert(header::ETAG, etag);
        }
        if let Some(coding) = self.coding {
            for name in REMOVED_FIELDS {
                headers.remove(HeaderName::from_static(name));
            }
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.token()));
        }
    }
}
