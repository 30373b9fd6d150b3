//! The fields of an HTTP/1 head as a map.

use std::sync::OnceLock;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use wire_http1::{Known, RequestHead};

/// Appends the fields of a head whose bytes are `arena`; the values are slices of it.
pub(crate) fn append_fields(map: &mut HeaderMap, table: &RequestHead, arena: &Bytes) {
    let fields = table.field_ranges();
    map.reserve(fields.len());
    for field in fields {
        let name = match field.known {
            Some(known) => Ok(known_name(known)),
            None => HeaderName::from_bytes(&arena[field.name]),
        };
        let Ok(name) = name else { continue };
        let Ok(value) = HeaderValue::from_maybe_shared(arena.slice(field.value)) else { continue };
        map.append(name, value);
    }
}

/// The codec has looked the name up already: no second hash.
fn known_name(known: Known) -> HeaderName {
    static NAMES: [OnceLock<HeaderName>; 256] = [const { OnceLock::new() }; 256];
    NAMES[known as usize].get_or_init(|| HeaderName::from_static(known.as_str())).clone()
}
