//! Fields behind a body (RFC 9110 section 6.5).

use http::{HeaderMap, HeaderName, HeaderValue};

/// The trailer fields of a request, in their original order and case. Those that may not stand there (framing,
/// routing, authentication: RFC 9110 section 6.5.1) are not among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trailers(Vec<(Box<str>, Box<[u8]>)>);

impl Trailers {
    /// Names and values.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The same as a map, names in lower case.
    #[must_use]
    pub fn to_header_map(&self) -> HeaderMap {
        self.iter()
            .filter_map(|(name, value)| {
                Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_bytes(value).ok()?))
            })
            .collect()
    }
}

impl<'a> FromIterator<(&'a str, &'a [u8])> for Trailers {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a [u8])>>(fields: I) -> Self {
        Self(fields.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}
