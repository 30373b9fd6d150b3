//! The forms of a request target (RFC 9112 section 3.2) and the authority in it and in Host (RFC 3986 section 3.2).
//!
//! | form | example | methods |
//! |---|---|---|
//! | origin | `/where?q=now` | all but CONNECT |
//! | absolute | `http://www.example.org/where?q=now` | all but CONNECT |
//! | authority | `www.example.com:80` | CONNECT |
//! | asterisk | `*` | OPTIONS |
//!
//! An absolute target must have an authority (`scheme "://" authority`): without it, `example.com:80` would be a URI of
//! scheme `example.com`, and no resource of a server lacks an authority.

use core::net::Ipv6Addr;

use crate::class::{self, HEX, REG_NAME};
use crate::error::ErrorKind;
use crate::request_line::Method;

/// Which form a target has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Form {
    #[default]
    Origin,
    /// Authority at these offsets in the target, never empty; the path begins where it ends.
    Absolute {
        start: u32,
        end: u32,
    },
    Authority,
    Asterisk,
}

/// Judges a target whose bytes are valid, for a method.
#[inline]
pub(crate) fn form(method: Method, target: &[u8]) -> Result<Form, ErrorKind> {
    match target {
        _ if method == Method::Connect => match authority(target) {
            Some(Authority { empty_host: false, port: Some(1..) }) => Ok(Form::Authority),
            // "A server MUST reject a CONNECT request that targets an empty or invalid port number" (RFC 9110, 9.3.6).
            _ => Err(ErrorKind::InvalidTargetAuthority),
        },
        [b'/', ..] => Ok(Form::Origin),
        b"*" if method == Method::Options => Ok(Form::Asterisk),
        _ => absolute(target),
    }
}

/// RFC 3986 section 4.3, with an authority.
fn absolute(target: &[u8]) -> Result<Form, ErrorKind> {
    let scheme = target
        .iter()
        .position(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')))
        .filter(|_| target[0].is_ascii_alphabetic())
        .ok_or(ErrorKind::InvalidTargetForm)?;
    let rest = target[scheme..].strip_prefix(b"://").ok_or(ErrorKind::InvalidTargetForm)?;
    let len = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
    match authority(&rest[..len]) {
        Some(Authority { empty_host: false, .. }) => {
            let start = scheme + 3;
            Ok(Form::Absolute { start: start as u32, end: (start + len) as u32 })
        }
        _ => Err(ErrorKind::InvalidTargetAuthority),
    }
}

/// `uri-host [ ":" port ]`; user information is not part of it (RFC 9110 sections 4.2.4 and 7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Authority {
    pub(crate) empty_host: bool,
    /// The port, if it is there and not empty.
    pub(crate) port: Option<u16>,
}

/// The parts of an authority, or `None` if it is malformed.
pub(crate) fn authority(bytes: &[u8]) -> Option<Authority> {
    let host = match bytes {
        [b'[', rest @ ..] => {
            let len = rest.iter().position(|&byte| byte == b']')?;
            is_ip_literal(&rest[..len]).then_some(len + 2)?
        }
        _ => reg_name(bytes)?,
    };
    let port = match &bytes[host..] {
        [] | [b':'] => None,
        [b':', digits @ ..] => Some(port(digits)?),
        _ => return None,
    };
    Some(Authority { empty_host: host == 0, port })
}

/// Length of the registered name (or IPv4 address, which is one by its characters) that `bytes` begins with.
fn reg_name(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at = class::skip(bytes, at, REG_NAME);
        match bytes[at..] {
            [b'%', first, second, ..] if class::is(first, HEX) && class::is(second, HEX) => at += 3,
            [] | [b':', ..] => return Some(at),
            _ => return None,
        }
    }
}

/// `IPv6address / IPvFuture` (RFC 3986 section 3.2.2), without its brackets.
fn is_ip_literal(bytes: &[u8]) -> bool {
    if let [b'v' | b'V', rest @ ..] = bytes {
        let mut parts = rest.splitn(2, |&byte| byte == b'.');
        let (version, address) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let all = |bytes: &[u8], ok: fn(u8) -> bool| !bytes.is_empty() && bytes.iter().all(|&byte| ok(byte));
        return all(version, |byte| class::is(byte, HEX))
            && all(address, |byte| byte == b':' || class::is(byte, REG_NAME));
    }
    core::str::from_utf8(bytes).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok())
}

/// `*DIGIT` up to 65535.
fn port(digits: &[u8]) -> Option<u16> {
    digits.iter().try_fold(0u16, |port, byte| {
        let digit = byte.is_ascii_digit().then(|| u16::from(byte - b'0'))?;
        port.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities() {
        for (text, expected) in [
            ("", Some((true, None))),
            (":80", Some((true, Some(80)))),
            ("example.com", Some((false, None))),
            ("example.com:", Some((false, None))),
            ("example.com:8080", Some((false, Some(8080)))),
            ("ex%41mple", Some((false, None))),
            ("127.0.0.1:65535", Some((false, Some(65535)))),
            ("[::1]", Some((false, None))),
            ("[::1]:443", Some((false, Some(443)))),
            ("[v1.x:y]", Some((false, None))),
            ("example.com:65536", None),
            ("example.com:+80", None),
            ("example.com:8 0", None),
            ("example.com:80:80", None),
            ("user@example.com", None),
            ("user:pass@example.com", None),
            ("a,b", None),
            ("a/b", None),
            ("a b", None),
            ("ex%4", None),
            ("ex%4g", None),
            ("[::1", None),
            ("[::1]x", None),
            ("[::g]", None),
            ("[]", None),
            ("[v.x]", None),
            ("[v1.]", None),
            ("[127.0.0.1]", None),
            ("::1", None),
        ] {
            let got = authority(text.as_bytes()).map(|authority| (authority.empty_host, authority.port));
            assert_eq!(got, expected, "{text}");
        }
    }

    #[test]
    fn absolute_forms_need_scheme_and_authority() {
        assert_eq!(form(Method::Get, b"http://a:1?q"), Ok(Form::Absolute { start: 7, end: 10 }));
        assert_eq!(form(Method::Get, b"http:///x"), Err(ErrorKind::InvalidTargetAuthority));
        assert_eq!(form(Method::Get, b"http:x"), Err(ErrorKind::InvalidTargetForm));
        assert_eq!(form(Method::Get, b"1http://a/"), Err(ErrorKind::InvalidTargetForm));
        assert_eq!(form(Method::Get, b"a.b:80"), Err(ErrorKind::InvalidTargetForm));
        assert_eq!(form(Method::Get, b"://a"), Err(ErrorKind::InvalidTargetForm));
    }
}
