//! The server's side: a request comes, an [`Offer`] or a [`Rejection`] goes (RFC 6455 section 4.2).

use alloc::vec::Vec;

use super::list::{contains, elements, token, trim};
use super::{Extensions, Key, ascii};

/// What of the request line matters (section 4.2.1 item 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLine<'a> {
    /// The method; it must be `GET`.
    pub method: &'a str,
    /// Whether the request is HTTP/1.1 or later.
    pub http_11_or_later: bool,
}

/// A correct request to open a WebSocket connection, which the server may still refuse for reasons of its own
/// (origin, path, authentication) with any response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer<'a> {
    accept: [u8; 28],
    terms: Terms<'a>,
}

/// What a client offers, whatever opens the connection: an HTTP/1.1 Upgrade, or extended CONNECT (RFC 8441).
///
/// The default offers nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms<'a> {
    protocols: Vec<&'a str>,
    extensions: Vec<&'a [u8]>,
    origin: Option<&'a [u8]>,
}

/// Checks a request's fields (section 4.2.1).
///
/// # Errors
///
/// The first rule broken, with the status of the response that says so.
pub fn accept<'a, I>(request: &RequestLine<'a>, fields: I) -> Result<Offer<'a>, Rejection>
where
    I: IntoIterator<Item = (&'a str, &'a [u8])>,
{
    if request.method != "GET" {
        return Err(Rejection::Method);
    }
    if !request.http_11_or_later {
        return Err(Rejection::HttpVersion);
    }
    let found = Found::collect(fields);
    if !found.upgrade {
        return Err(Rejection::NoUpgrade);
    }
    if !found.connection {
        return Err(Rejection::NoConnectionUpgrade);
    }
    found.host.one().ok_or(Rejection::Host)?;
    let key = found.key.one().and_then(Key::parse).ok_or(Rejection::Key);
    let terms = found.terms()?;
    Ok(Offer { accept: key?.accept(), terms })
}

impl<'a> Terms<'a> {
    /// Checks the fields that both ways of opening a connection have in common: `Sec-WebSocket-Version`, `Origin`,
    /// `Sec-WebSocket-Protocol` and `Sec-WebSocket-Extensions`.
    ///
    /// # Errors
    ///
    /// The first rule broken. Its status is that of HTTP/1.1; HTTP/2 has no 426.
    pub fn read<I>(fields: I) -> Result<Self, Rejection>
    where
        I: IntoIterator<Item = (&'a str, &'a [u8])>,
    {
        Found::collect(fields).terms()
    }

    /// As [`Offer::protocols`].
    pub fn protocols(&self) -> impl Iterator<Item = &'a str> {
        self.protocols.iter().copied()
    }

    /// As [`Offer::select_protocol`].
    #[must_use]
    pub fn select_protocol(&self, supported: &[&str]) -> Option<&'a str> {
        supported.iter().find_map(|name| self.protocols().find(|offered| offered == name))
    }

    /// As [`Offer::extensions`].
    pub fn extensions(&self) -> impl Iterator<Item = &'a [u8]> {
        self.extensions.iter().copied()
    }

    /// As [`Offer::origin`].
    #[must_use]
    pub fn origin(&self) -> Option<&'a [u8]> {
        self.origin
    }
}

impl<'a> Offer<'a> {
    /// The value of `Sec-WebSocket-Accept` (section 4.2.2 item 5.4): 28 characters.
    #[must_use]
    pub fn accept_value(&self) -> &str {
        ascii(&self.accept)
    }

    /// All but the key: what extended CONNECT offers, too.
    #[must_use]
    pub fn terms(&self) -> &Terms<'a> {
        &self.terms
    }

    /// The subprotocols that the client would speak, in its order of preference, each once.
    pub fn protocols(&self) -> impl Iterator<Item = &'a str> {
        self.terms.protocols()
    }

    /// The first of `supported`, in the server's order of preference, that the client offers. Names are compared
    /// with case.
    #[must_use]
    pub fn select_protocol(&self, supported: &[&str]) -> Option<&'a str> {
        self.terms.select_protocol(supported)
    }

    /// The values of `Sec-WebSocket-Extensions`, one for each line, correct by the grammar (see [`Extensions`]).
    pub fn extensions(&self) -> impl Iterator<Item = &'a [u8]> {
        self.terms.extensions()
    }

    /// The `Origin` of the page that the request comes from; other clients than browsers need not send it.
    #[must_use]
    pub fn origin(&self) -> Option<&'a [u8]> {
        self.terms.origin
    }

    /// The fields of the response with status 101 that accepts the offer (section 4.2.2 item 5): `Upgrade`,
    /// `Sec-WebSocket-Accept`, and `Sec-WebSocket-Protocol` where there is a `protocol`. `Connection: Upgrade` is
    /// the HTTP codec's to send.
    ///
    /// A `protocol` that the client did not offer is not sent, since it would make the client fail (section 4.1).
    pub fn response_fields<'s>(
        &'s self,
        protocol: Option<&'s str>,
    ) -> impl Iterator<Item = (&'static str, &'s str)> {
        let protocol = protocol.filter(|name| self.terms.protocols.contains(name));
        [("Upgrade", "websocket"), ("Sec-WebSocket-Accept", self.accept_value())]
            .into_iter()
            .chain(protocol.map(|name| ("Sec-WebSocket-Protocol", name)))
    }
}

/// Why a request does not open a WebSocket connection. Sections are those of RFC 6455.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// Section 4.2.1 item 1: the method is not `GET`.
    #[error("the method of a WebSocket handshake is GET")]
    Method,
    /// Section 4.2.1 item 1: the request is older than HTTP/1.1.
    #[error("a WebSocket handshake needs HTTP/1.1")]
    HttpVersion,
    /// Section 4.2.1 item 3: no `Upgrade`, or none that lists `websocket`.
    #[error("Upgrade does not list websocket")]
    NoUpgrade,
    /// Section 4.2.1 item 4: no `Connection`, or none that lists `Upgrade`.
    #[error("Connection does not list Upgrade")]
    NoConnectionUpgrade,
    /// Section 4.2.1 item 2: no `Host`, or several.
    #[error("exactly one Host is needed")]
    Host,
    /// Section 4.2.1 item 6: no `Sec-WebSocket-Version`, or several.
    #[error("exactly one Sec-WebSocket-Version is needed")]
    Version,
    /// Section 4.2.2 item 4: another version than 13.
    #[error("the only supported Sec-WebSocket-Version is 13")]
    UnsupportedVersion,
    /// Section 4.2.1 item 5: no `Sec-WebSocket-Key`, several, or one that is not 16 bytes in base64.
    #[error("exactly one Sec-WebSocket-Key of 16 bytes in base64 is needed")]
    Key,
    /// RFC 6454 section 7.3: several `Origin`.
    #[error("more than one Origin")]
    Origin,
    /// Section 4.1 item 10: `Sec-WebSocket-Protocol` is not a list of tokens, or empty.
    #[error("malformed Sec-WebSocket-Protocol")]
    Protocols,
    /// Section 4.1 item 10: a subprotocol is listed twice.
    #[error("a subprotocol is offered twice")]
    DuplicateProtocol,
    /// Section 9.1: `Sec-WebSocket-Extensions` breaks its grammar, or is empty.
    #[error("malformed Sec-WebSocket-Extensions")]
    Extensions,
}

impl Rejection {
    /// The status of the response: 405, 426 or 400.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Method => 405,
            Self::NoUpgrade | Self::UnsupportedVersion => 426,
            _ => 400,
        }
    }

    /// The fields that such a response needs: `Allow` with 405, `Upgrade` with 426 (RFC 9110 sections 15.5.6 and
    /// 15.5.22), and `Sec-WebSocket-Version` where the version is at fault (RFC 6455 section 4.4).
    #[must_use]
    pub fn response_fields(&self) -> &'static [(&'static str, &'static str)] {
        const UPGRADE: (&str, &str) = ("Upgrade", "websocket");
        const VERSION: (&str, &str) = ("Sec-WebSocket-Version", "13");
        match self {
            Self::Method => &[("Allow", "GET")],
            Self::NoUpgrade | Self::UnsupportedVersion => &[UPGRADE, VERSION],
            Self::Version => &[VERSION],
            _ => &[],
        }
    }
}

/// A field that may stand once.
#[derive(Clone, Copy, Default)]
enum Single<'a> {
    #[default]
    None,
    One(&'a [u8]),
    Several,
}

impl<'a> Single<'a> {
    fn add(&mut self, value: &'a [u8]) {
        *self = match self {
            Self::None => Self::One(trim(value)),
            _ => Self::Several,
        };
    }

    fn one(self) -> Option<&'a [u8]> {
        match self {
            Self::One(value) => Some(value),
            _ => None,
        }
    }
}

/// The fields that matter.
#[derive(Default)]
struct Found<'a> {
    upgrade: bool,
    connection: bool,
    host: Single<'a>,
    version: Single<'a>,
    key: Single<'a>,
    origin: Single<'a>,
    protocols: Vec<&'a [u8]>,
    extensions: Vec<&'a [u8]>,
}

impl<'a> Found<'a> {
    fn terms(self) -> Result<Terms<'a>, Rejection> {
        match self.version.one() {
            Some(b"13") => {}
            Some(_) => return Err(Rejection::UnsupportedVersion),
            None => return Err(Rejection::Version),
        }
        let origin = match self.origin {
            Single::None => None,
            origin => Some(origin.one().ok_or(Rejection::Origin)?),
        };
        let protocols = protocols(&self.protocols)?;
        for value in &self.extensions {
            let mut extensions = Extensions::new(value).peekable();
            if extensions.peek().is_none() || extensions.any(|extension| extension.is_err()) {
                return Err(Rejection::Extensions);
            }
        }
        Ok(Terms { protocols, extensions: self.extensions, origin })
    }

    fn collect(fields: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut found = Self::default();
        for (name, value) in fields {
            let is = |other: &str| name.eq_ignore_ascii_case(other);
            match name.len() {
                4 if is("Host") => found.host.add(value),
                6 if is("Origin") => found.origin.add(value),
                7 if is("Upgrade") => found.upgrade |= contains(value, "websocket"),
                10 if is("Connection") => found.connection |= contains(value, "upgrade"),
                17 if is("Sec-WebSocket-Key") => found.key.add(value),
                21 if is("Sec-WebSocket-Version") => found.version.add(value),
                22 if is("Sec-WebSocket-Protocol") => found.protocols.push(value),
                24 if is("Sec-WebSocket-Extensions") => found.extensions.push(value),
                _ => {}
            }
        }
        found
    }
}

/// All lines of `Sec-WebSocket-Protocol` as one list of unique tokens.
fn protocols<'a>(values: &[&'a [u8]]) -> Result<Vec<&'a str>, Rejection> {
    let mut protocols = Vec::new();
    for value in values {
        let before = protocols.len();
        for element in elements(value) {
            protocols.push(token(element).ok_or(Rejection::Protocols)?);
        }
        if protocols.len() == before {
            return Err(Rejection::Protocols);
        }
    }
    // Sorted, so that a long list costs no more than its length asks for.
    let mut sorted = protocols.clone();
    sorted.sort_unstable();
    if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(Rejection::DuplicateProtocol);
    }
    Ok(protocols)
}
