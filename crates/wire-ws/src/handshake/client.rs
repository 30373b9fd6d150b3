//! The client's side: a request goes, a response comes (RFC 6455 section 4.1).

use alloc::borrow::Cow;
use alloc::string::String;

use super::list::{contains, token, trim};
use super::{Extension, Extensions, InvalidExtensions, Key};
use crate::EncodeError;

/// The fields of the request (section 4.1): `Upgrade`, `Sec-WebSocket-Version`, `Sec-WebSocket-Key`, and
/// `Sec-WebSocket-Protocol` where there are `protocols`, in order of preference. `Host` and `Connection: Upgrade`
/// are the HTTP codec's to send; the method is `GET`.
///
/// # Errors
///
/// [`EncodeError::InvalidProtocol`] where `protocols` are not unique tokens.
pub fn request_fields<'a>(
    key: &'a Key,
    protocols: &[&str],
) -> Result<impl Iterator<Item = (&'static str, Cow<'a, str>)> + use<'a>, EncodeError> {
    let fixed = [
        ("Upgrade", Cow::Borrowed("websocket")),
        ("Sec-WebSocket-Version", Cow::Borrowed("13")),
        ("Sec-WebSocket-Key", Cow::Borrowed(key.as_str())),
    ];
    let protocols = protocols_value(protocols)?.map(|list| ("Sec-WebSocket-Protocol", Cow::Owned(list)));
    Ok(fixed.into_iter().chain(protocols))
}

/// The value of `Sec-WebSocket-Protocol` that offers `protocols`, in order of preference; `None` where there are none.
///
/// # Errors
///
/// As [`request_fields`].
pub fn protocols_value(protocols: &[&str]) -> Result<Option<String>, EncodeError> {
    let mut list = String::new();
    for (i, name) in protocols.iter().enumerate() {
        if token(name.as_bytes()).is_none() || protocols[..i].contains(name) {
            return Err(EncodeError::InvalidProtocol);
        }
        if i > 0 {
            list.push_str(", ");
        }
        list.push_str(name);
    }
    Ok((!list.is_empty()).then_some(list))
}

/// What a server agreed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Accepted<'a> {
    /// The subprotocol; `None`: the server speaks none of those offered.
    pub protocol: Option<&'a str>,
}

/// Checks a response's status and fields (section 4.1) against the key that was sent and the subprotocols that were
/// offered. No extension was.
///
/// # Errors
///
/// The connection is not established: the first rule broken.
pub fn verify<'a, I>(
    status: u16,
    fields: I,
    key: &Key,
    protocols: &[&str],
) -> Result<Accepted<'a>, ResponseError>
where
    I: IntoIterator<Item = (&'a str, &'a [u8])>,
{
    verify_offered(status, fields, key, protocols, &[])
}

/// As [`verify`], where `extensions` were offered, by their names. What the server made of them stands in the values
/// of `Sec-WebSocket-Extensions`, which are another function's to check.
///
/// # Errors
///
/// As [`verify`].
pub fn verify_offered<'a, I>(
    status: u16,
    fields: I,
    key: &Key,
    protocols: &[&str],
    extensions: &[&str],
) -> Result<Accepted<'a>, ResponseError>
where
    I: IntoIterator<Item = (&'a str, &'a [u8])>,
{
    if status != 101 {
        return Err(ResponseError::Status(status));
    }
    let (mut upgrade, mut connection, mut accept) = (None, false, None);
    let mut terms = AcceptedTerms::default();
    for (name, value) in fields {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        if is("Upgrade") && upgrade.replace(trim(value)).is_some() {
            return Err(ResponseError::Upgrade);
        } else if is("Connection") {
            connection |= contains(value, "upgrade");
        } else if is("Sec-WebSocket-Accept") && accept.replace(trim(value)).is_some() {
            return Err(ResponseError::Accept);
        }
        terms.add(name, value, extensions)?;
    }
    if !upgrade.is_some_and(|value| value.eq_ignore_ascii_case(b"websocket")) {
        return Err(ResponseError::Upgrade);
    }
    if !connection {
        return Err(ResponseError::Connection);
    }
    if accept != Some(&key.accept()[..]) {
        return Err(ResponseError::Accept);
    }
    terms.check(protocols)
}

/// Checks the fields of a response that both ways of opening a connection have in common,
/// `Sec-WebSocket-Protocol` and `Sec-WebSocket-Extensions`, against what was offered.
///
/// # Errors
///
/// [`ResponseError::Protocol`], [`ResponseError::Extension`].
pub fn verify_terms<'a, I>(
    fields: I,
    protocols: &[&str],
    extensions: &[&str],
) -> Result<Accepted<'a>, ResponseError>
where
    I: IntoIterator<Item = (&'a str, &'a [u8])>,
{
    let mut terms = AcceptedTerms::default();
    for (name, value) in fields {
        terms.add(name, value, extensions)?;
    }
    terms.check(protocols)
}

/// What a server chose, as far as it was read.
#[derive(Default)]
struct AcceptedTerms<'a> {
    protocol: Option<&'a [u8]>,
    unknown_extension: bool,
}

impl<'a> AcceptedTerms<'a> {
    fn add(&mut self, name: &str, value: &'a [u8], extensions: &[&str]) -> Result<(), ResponseError> {
        let known = |extension: Result<Extension<'_>, InvalidExtensions>| {
            extension.is_ok_and(|extension| extensions.contains(&extension.name))
        };
        if name.eq_ignore_ascii_case("Sec-WebSocket-Protocol") {
            if self.protocol.replace(trim(value)).is_some() {
                return Err(ResponseError::Protocol);
            }
        } else if name.eq_ignore_ascii_case("Sec-WebSocket-Extensions") {
            self.unknown_extension |= !Extensions::new(value).all(known);
        }
        Ok(())
    }

    fn check(self, protocols: &[&str]) -> Result<Accepted<'a>, ResponseError> {
        if self.unknown_extension {
            return Err(ResponseError::Extension);
        }
        let protocol = match self.protocol.map(token) {
            None => None,
            Some(Some(name)) if protocols.contains(&name) => Some(name),
            Some(_) => return Err(ResponseError::Protocol),
        };
        Ok(Accepted { protocol })
    }
}

/// Why a response does not establish a connection. Sections are those of RFC 6455.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ResponseError {
    /// Section 4.1 item 1: another status than 101, to be handled as HTTP says (redirects, authentication).
    #[error("status {0} instead of 101")]
    Status(u16),
    /// Section 4.1 item 2: `Upgrade` is not exactly `websocket`.
    #[error("Upgrade is not websocket")]
    Upgrade,
    /// Section 4.1 item 3: `Connection` does not list `Upgrade`.
    #[error("Connection does not list Upgrade")]
    Connection,
    /// Section 4.1 item 4: `Sec-WebSocket-Accept` is missing, there are several, or it does not answer the key.
    #[error("Sec-WebSocket-Accept does not answer the key")]
    Accept,
    /// Section 4.1 item 5: an extension that was not offered, or with parameters that do not fit the offer.
    #[error("an extension that was not offered, or not so")]
    Extension,
    /// Section 4.1 item 6: a subprotocol that was not offered, or several.
    #[error("a subprotocol that was not offered")]
    Protocol,
}
