//! What of a request decides about a file.

use std::borrow::Cow;

/// What of a request decides about a file: method, path, query, and eight fields.
///
/// Made from a reference to a `http::Request`, or to a `server_core::Request`.
#[derive(Clone, Debug)]
pub struct FileRequest<'a> {
    pub(crate) method: Method,
    /// The path of the target, as sent.
    pub(crate) path: Cow<'a, str>,
    pub(crate) query: Option<Cow<'a, str>>,
    fields: [Option<Cow<'a, [u8]>>; FIELDS],
}

/// The methods that make a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Head,
    Other,
}

/// The fields that make a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Accept,
    AcceptEncoding,
    IfMatch,
    IfModifiedSince,
    IfNoneMatch,
    IfRange,
    IfUnmodifiedSince,
    Range,
}

const FIELDS: usize = 8;

impl Field {
    fn of(name: &str) -> Option<Self> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        // By length first: most fields of a request are none of these.
        match name.len() {
            5 if is("range") => Some(Self::Range),
            6 if is("accept") => Some(Self::Accept),
            8 if is("if-match") => Some(Self::IfMatch),
            8 if is("if-range") => Some(Self::IfRange),
            13 if is("if-none-match") => Some(Self::IfNoneMatch),
            15 if is("accept-encoding") => Some(Self::AcceptEncoding),
            17 if is("if-modified-since") => Some(Self::IfModifiedSince),
            19 if is("if-unmodified-since") => Some(Self::IfUnmodifiedSince),
            _ => None,
        }
    }
}

impl<'a> FileRequest<'a> {
    /// From the parts of any request. Lines of one field are joined (RFC 9110 section 5.2): those that may not be lists
    /// then are malformed, and treated so.
    pub fn new(
        method: &str,
        path: &'a str,
        query: Option<&'a str>,
        fields: impl Iterator<Item = (&'a str, &'a [u8])>,
    ) -> Self {
        let method = match method {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            _ => Method::Other,
        };
        let mut values = [const { None }; FIELDS];
        for (name, value) in fields {
            let Some(field) = Field::of(name) else { continue };
            let place: &mut Option<Cow<'_, [u8]>> = &mut values[field as usize];
            *place = Some(match place.take() {
                None => Cow::Borrowed(value),
                Some(before) => Cow::Owned([&before, &b", "[..], value].concat()),
            });
        }
        Self { method, path: Cow::Borrowed(path), query: query.map(Cow::Borrowed), fields: values }
    }

    /// The same without a borrow, to outlive the request.
    #[must_use]
    pub fn into_owned(self) -> FileRequest<'static> {
        FileRequest {
            method: self.method,
            path: Cow::Owned(self.path.into_owned()),
            query: self.query.map(|query| Cow::Owned(query.into_owned())),
            fields: self.fields.map(|value| value.map(|value| Cow::Owned(value.into_owned()))),
        }
    }

    /// The value of a field; its lines joined by commas.
    pub(crate) fn field(&self, field: Field) -> Option<&[u8]> {
        self.fields[field as usize].as_deref()
    }
}

impl<'a, B> From<&'a http::Request<B>> for FileRequest<'a> {
    fn from(request: &'a http::Request<B>) -> Self {
        let fields = request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        Self::new(request.method().as_str(), request.uri().path(), request.uri().query(), fields)
    }
}

impl<'a> From<&'a server_core::Request> for FileRequest<'a> {
    fn from(request: &'a server_core::Request) -> Self {
        Self::new(request.method(), request.path(), request.query(), request.fields())
    }
}
