//! The fields of an HTTP/1 head as a map. Its only unsafe code is the only one of this crate: the codec has seen each byte
//! of a value already, so that `http` need not. `cargo xtask bench instructions` shows what that buys.
#![expect(unsafe_code, reason = "values that were validated before")]

use std::sync::OnceLock;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use wire_http1::{Known, RequestHead};

/// Appends the fields of a head whose bytes are `arena`; the values are slices of it.
pub(crate) fn append_fields(map: &mut HeaderMap, table: &RequestHead, arena: &Bytes) {
    let fields = table.field_ranges();
    map.reserve(fields.len());
    // Looked at in one go. What is not may hold bytes that are no UTF-8 (obs-text, RFC 9110 section 5.5).
    let is_ascii = arena.is_ascii();
    for field in fields {
        let name = match field.known {
            Some(known) => Ok(known_name(known)),
            None => HeaderName::from_bytes(&arena[field.name]),
        };
        let Ok(name) = name else { continue };
        let value = arena.slice(field.value);
        let value = if is_ascii {
            // SAFETY: UTF-8 is asked for, and it is ASCII. Nor has it controls but HTAB, which the codec refuses; where debug
            // assertions are on, `http` looks itself.
            unsafe { HeaderValue::from_maybe_shared_unchecked(value) }
        } else {
            let Ok(value) = HeaderValue::from_maybe_shared(value) else { continue };
            value
        };
        map.append(name, value);
    }
}

/// The codec has looked the name up already: no second hash.
fn known_name(known: Known) -> HeaderName {
    static NAMES: [OnceLock<HeaderName>; 256] = [const { OnceLock::new() }; 256];
    NAMES[known as usize].get_or_init(|| HeaderName::from_static(known.as_str())).clone()
}
