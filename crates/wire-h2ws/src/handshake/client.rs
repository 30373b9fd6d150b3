//! The client's side: a request goes, a response comes.

use alloc::borrow::Cow;

use wire_ws::EncodeError;
use wire_ws::handshake::{self, Accepted, protocols_value, verify_terms};

use super::RequestHead;

/// Where a WebSocket URL leads (RFC 6455 section 3), as pseudo-fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    scheme: &'static str,
    authority: &'a str,
    path: Cow<'a, str>,
}

impl<'a> Target<'a> {
    /// Takes a `ws` or `wss` URL apart; `http` and `https` mean the same (RFC 8441 section 5). It must be in ASCII,
    /// escaped where that is needed.
    ///
    /// # Errors
    ///
    /// Another scheme, no host, userinfo, a fragment, or a byte that no URL has.
    pub fn parse(url: &'a str) -> Result<Self, InvalidTarget> {
        let (scheme, rest) = url.split_once("://").ok_or(InvalidTarget::Scheme)?;
        let is = |names: [&str; 2]| names.iter().any(|name| scheme.eq_ignore_ascii_case(name));
        let scheme = match () {
            () if is(["wss", "https"]) => "https",
            () if is(["ws", "http"]) => "http",
            () => return Err(InvalidTarget::Scheme),
        };
        if rest.contains('#') {
            return Err(InvalidTarget::Fragment);
        }
        if !rest.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte)) {
            return Err(InvalidTarget::Byte);
        }
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.is_empty() || authority.starts_with(':') || authority.contains('@') {
            return Err(InvalidTarget::Authority);
        }
        let path = match path.as_bytes() {
            [] => Cow::Borrowed("/"),
            [b'?', ..] => Cow::Owned(["/", path].concat()),
            _ => Cow::Borrowed(path),
        };
        Ok(Self { scheme, authority, path })
    }

    /// The request's method and pseudo-fields.
    #[must_use]
    pub fn request_head(&self) -> RequestHead<'_> {
        RequestHead {
            method: "CONNECT",
            protocol: Some("websocket"),
            scheme: Some(self.scheme),
            authority: Some(self.authority),
            path: Some(&self.path),
        }
    }
}

/// What is wrong with a WebSocket URL. Sections are those of RFC 6455.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTarget {
    /// Section 3: the scheme is neither `ws` nor `wss`.
    #[error("the scheme is neither ws nor wss")]
    Scheme,
    /// Section 3: there is no host, or there is userinfo.
    #[error("no host, or userinfo before it")]
    Authority,
    /// Section 3: a fragment means nothing here.
    #[error("a fragment")]
    Fragment,
    /// RFC 3986 section 2: a byte that must be escaped.
    #[error("a byte that must be escaped")]
    Byte,
}

/// The fields of the request: `sec-websocket-version`, `sec-websocket-protocol` where there are `protocols`, in order
/// of preference, and `sec-websocket-extensions` where there is something to offer.
///
/// # Errors
///
/// [`EncodeError::InvalidProtocol`] where `protocols` are not unique tokens.
pub fn request_fields<'a>(
    protocols: &[&str],
    extensions: Option<&'a str>,
) -> Result<impl Iterator<Item = (&'static str, Cow<'a, str>)> + use<'a>, EncodeError> {
    let protocols = protocols_value(protocols)?.map(|list| ("sec-websocket-protocol", Cow::Owned(list)));
    let extensions = extensions.map(|value| ("sec-websocket-extensions", Cow::Borrowed(value)));
    let version = [("sec-websocket-version", Cow::Borrowed("13"))];
    Ok(version.into_iter().chain(protocols).chain(extensions))
}

/// Checks the status and fields of the final response against the subprotocols and the names of the extensions that
/// were offered. Any 2xx accepts (RFC 8441 section 5). What the server made of the extensions is another function's
/// to check.
///
/// # Errors
///
/// The connection is not established: the first rule broken.
pub fn verify<'a, I>(
    status: u16,
    fields: I,
    protocols: &[&str],
    extensions: &[&str],
) -> Result<Accepted<'a>, ResponseError>
where
    I: IntoIterator<Item = (&'a str, &'a [u8])>,
{
    if !(200..300).contains(&status) {
        return Err(ResponseError::Status(status));
    }
    Ok(verify_terms(fields, protocols, extensions)?)
}

/// Why a response does not establish a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ResponseError {
    /// RFC 8441 section 5: the status is not 2xx, to be handled as HTTP says (redirects, authentication).
    #[error("status {0} instead of 2xx")]
    Status(u16),
    /// A subprotocol or an extension that was not offered. The stream is to be reset with CANCEL.
    #[error(transparent)]
    Terms(#[from] handshake::ResponseError),
}
