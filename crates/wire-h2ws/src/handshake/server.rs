//! The server's side: a request comes; an offer, which are [`Terms`], or a [`Rejection`] goes.

use wire_ws::handshake::{self, Terms};

/// What of a request is not a field: its method and pseudo-fields (RFC 9113 section 8.3.1, RFC 8441 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestHead<'a> {
    /// `:method`.
    pub method: &'a str,
    /// `:protocol`, which makes a CONNECT an extended one.
    pub protocol: Option<&'a str>,
    /// `:scheme`.
    pub scheme: Option<&'a str>,
    /// `:authority`.
    pub authority: Option<&'a str>,
    /// `:path`.
    pub path: Option<&'a str>,
}

/// Whether a request asks for WebSocket at all: an extended CONNECT for `websocket` (RFC 8441 section 5).
///
/// Cheap, to tell such requests from others. What [`accept`] then says is another matter.
#[must_use]
pub fn is_websocket(head: &RequestHead<'_>) -> bool {
    head.method == "CONNECT" && head.protocol.is_some_and(|name| name.eq_ignore_ascii_case("websocket"))
}

/// Checks a CONNECT request. What comes back is what the client offers; the server may still refuse for reasons of
/// its own (origin, path, authentication) with any response that is not 2xx.
///
/// Requests of other methods without `:protocol` are none of this function's business: ask [`is_websocket`] first.
///
/// # Errors
///
/// The first rule broken, with the status of the response that says so. A plain CONNECT and one for another protocol
/// are errors too, with 501 (RFC 9220 section 3): a server that has tunnels of its own looks at them before.
pub fn accept<'a, I>(head: &RequestHead<'a>, fields: I) -> Result<Terms<'a>, Rejection>
where
    I: IntoIterator<Item = (&'a str, &'a [u8])>,
{
    match (head.method, head.protocol) {
        ("CONNECT", None) => return Err(Rejection::Tunnel),
        ("CONNECT", Some(_)) if !is_websocket(head) => return Err(Rejection::UnknownProtocol),
        ("CONNECT", Some(_)) => {}
        _ => return Err(Rejection::Method),
    }
    if !head.scheme.is_some_and(|name| ["http", "https"].iter().any(|s| name.eq_ignore_ascii_case(s))) {
        return Err(Rejection::Scheme);
    }
    // RFC 9113 section 8.3.1: no userinfo.
    let authority = head
        .authority
        .filter(|authority| !authority.is_empty() && !authority.contains('@'))
        .ok_or(Rejection::Authority)?;
    if !head.path.is_some_and(|path| path.starts_with('/')) {
        return Err(Rejection::Path);
    }
    // "if the port is empty or equal to the default port ... it can be omitted" (RFC 9110 section 4.2.1).
    let https = head.scheme.is_some_and(|name| name.eq_ignore_ascii_case("https"));
    let default_port: &[u8] = if https { b":443" } else { b":80" };
    let (mut specific, mut host) = (false, true);
    let terms = Terms::read(fields.into_iter().inspect(|(name, value)| {
        specific |= is_connection_specific(name, value);
        host &= !name.eq_ignore_ascii_case("host") || is_same(value, authority.as_bytes(), default_port);
    }));
    if specific {
        return Err(Rejection::ConnectionSpecific);
    }
    if !host {
        return Err(Rejection::Host);
    }
    Ok(terms?)
}

/// Whether two authorities are one, with its port or without it where that is the default.
fn is_same(a: &[u8], b: &[u8], default_port: &[u8]) -> bool {
    let [a, b] = [a, b].map(|authority| authority.strip_suffix(default_port).unwrap_or(authority));
    a.eq_ignore_ascii_case(b)
}

/// RFC 9113 section 8.2.2.
fn is_connection_specific(name: &str, value: &[u8]) -> bool {
    let is = |other: &str| name.eq_ignore_ascii_case(other);
    match name.len() {
        2 if is("te") => !value.eq_ignore_ascii_case(b"trailers"),
        7 => is("upgrade"),
        10 => is("connection") || is("keep-alive"),
        16 => is("proxy-connection"),
        17 => is("transfer-encoding"),
        _ => false,
    }
}

/// The fields of the response with status 200 that accepts: the subprotocol and the extensions where there are any.
///
/// A `protocol` that the client did not offer is not sent, since it would make the client fail (RFC 6455 section 4.1).
pub fn response_fields<'s>(
    offer: &Terms<'_>,
    protocol: Option<&'s str>,
    extensions: Option<&'s str>,
) -> impl Iterator<Item = (&'static str, &'s str)> + use<'s> {
    let protocol = protocol.filter(|name| offer.protocols().any(|offered| offered == *name));
    let protocol = protocol.map(|name| ("sec-websocket-protocol", name));
    protocol.into_iter().chain(extensions.map(|value| ("sec-websocket-extensions", value)))
}

/// Why a request does not open a WebSocket connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// RFC 9110 section 9.3.6: a CONNECT without `:protocol` asks for a tunnel.
    #[error("a tunnel by CONNECT is not offered")]
    Tunnel,
    /// RFC 9220 section 3: a `:protocol` other than `websocket`.
    #[error("the only supported :protocol is websocket")]
    UnknownProtocol,
    /// RFC 8441 section 4: `:protocol`, or this function, with a method that is not CONNECT.
    #[error("the method is not CONNECT")]
    Method,
    /// RFC 8441 sections 4 and 5: no `:scheme`, or neither `http` nor `https`.
    #[error(":scheme must be http or https")]
    Scheme,
    /// RFC 8441 section 4, RFC 9113 section 8.3.1: no `:authority`, or one with userinfo.
    #[error(":authority is missing, or has userinfo")]
    Authority,
    /// RFC 8441 section 4: no `:path`, or not an absolute one.
    #[error(":path is missing or not absolute")]
    Path,
    /// RFC 9113 section 8.2.2: `Connection`, `Upgrade` or another field that speaks of one connection.
    #[error("a connection-specific field")]
    ConnectionSpecific,
    /// RFC 9113 section 8.3.1: a `Host` that differs from `:authority`.
    #[error("Host differs from :authority")]
    Host,
    /// What RFC 6455 asks of version, origin, subprotocols and extensions.
    #[error(transparent)]
    Terms(#[from] handshake::Rejection),
}

impl Rejection {
    /// The status of the response: 501 or 400.
    ///
    /// There is no 426: it needs an `Upgrade` field, which HTTP/2 does not have.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Tunnel | Self::UnknownProtocol => 501,
            _ => 400,
        }
    }

    /// Whether the request is malformed by HTTP's own rules (RFC 9113 section 8.1.1): a stream error PROTOCOL_ERROR
    /// (H3_MESSAGE_ERROR in HTTP/3) suits, with or without the response before it.
    #[must_use]
    pub fn is_malformed(&self) -> bool {
        !matches!(self, Self::Tunnel | Self::UnknownProtocol | Self::Terms(_))
    }

    /// The fields that such a response needs: `sec-websocket-version` where the version is at fault (RFC 6455
    /// section 4.4).
    #[must_use]
    pub fn response_fields(&self) -> &'static [(&'static str, &'static str)] {
        use handshake::Rejection::{UnsupportedVersion, Version};
        match self {
            Self::Terms(UnsupportedVersion | Version) => &[("sec-websocket-version", "13")],
            _ => &[],
        }
    }
}
