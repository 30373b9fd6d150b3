//! What HTTP/2 asks of a request beyond what `h2` has judged (RFC 9113 section 8.3.1).
//!
//! `h2` itself resets streams with misplaced, repeated or missing pseudo-header fields, fields of a connection, names in
//! upper case, or a content that is not as long as declared. What it lets pass and we do not is answered 400, which tells
//! the client more than a reset.

use h2::ext::Protocol;
use http::header::{CONTENT_LENGTH, COOKIE, EXPECT, HOST, HeaderMap, HeaderValue};
use http::request::Parts;
use http::uri::{Authority, Scheme};
use http::{Method, Uri};

/// Why a request is not given to the handler: a status, and a line that says more.
pub(super) type Refusal = (u16, &'static str);

/// Judges a request, and makes of it what a handler expects. True: the client waits for a 100 before it sends content.
pub(super) fn admit(parts: &mut Parts) -> Result<bool, Refusal> {
    if parts.method == Method::CONNECT {
        match parts.extensions.get::<Protocol>() {
            // RFC 9110 section 9.3.6.
            None => return Err((501, "no tunnel to be had here")),
            Some(protocol) if !protocol.as_str().eq_ignore_ascii_case("websocket") => {
                return Err((501, "the only :protocol to be had here is websocket"));
            }
            Some(_) => {}
        }
    }
    check_host(&parts.uri, &parts.headers)?;
    let path = parts.uri.path();
    let is_asterisk = path == "*" && parts.method == Method::OPTIONS;
    if !is_asterisk && !path.starts_with('/') {
        return Err((400, ":path does not begin with a slash"));
    }
    let (mut cookies, mut lengths, mut expects_continue) = (0, 0, false);
    for (name, value) in &parts.headers {
        // "A field value MUST NOT start or end with an ASCII whitespace character" (RFC 9113 section 8.2.1).
        if let [b' ' | b'\t', ..] | [.., b' ' | b'\t'] = value.as_bytes() {
            return Err((400, "a field value has whitespace around it"));
        }
        cookies += usize::from(name == COOKIE);
        lengths += usize::from(name == CONTENT_LENGTH);
        if name == EXPECT {
            // "A server that receives an Expect field value containing a member other than 100-continue MAY respond with
            // a 417" (RFC 9110 section 10.1.1). As in HTTP/1 we do.
            let mut members = value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
            if !members.all(|member| member.is_empty() || member.eq_ignore_ascii_case(b"100-continue")) {
                return Err((417, "expected is more than a 100"));
            }
            expects_continue = true;
        }
    }
    // Equal ones: `h2` resets where they differ. As in HTTP/1 they are not merged (RFC 9110 section 8.6).
    if lengths > 1 {
        return Err((400, "more than one Content-Length"));
    }
    if cookies > 1 {
        join_cookies(&mut parts.headers);
    }
    Ok(expects_continue)
}

/// "A server SHOULD treat a request as malformed if it contains a Host header field that identifies an entity that differs
/// from the entity in the ":authority" pseudo-header field", and one of them must be there (RFC 9113 section 8.3.1).
fn check_host(uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err((400, "more than one Host"));
    }
    let host = match host.map(|host| Authority::try_from(host.as_bytes())) {
        None => None,
        Some(Ok(host)) => Some(host),
        Some(Err(_)) => return Err((400, "Host is not a host")),
    };
    let given = [uri.authority(), host.as_ref()];
    if given.iter().flatten().any(|authority| authority.as_str().contains('@')) {
        return Err((400, "an authority with user information"));
    }
    match given {
        [None, None] => Err((400, "neither :authority nor Host")),
        [Some(authority), Some(host)] if !is_same(authority, host, uri.scheme()) => {
            Err((400, ":authority and Host differ"))
        }
        _ => Ok(()),
    }
}

fn is_same(a: &Authority, b: &Authority, scheme: Option<&Scheme>) -> bool {
    let default = if scheme == Some(&Scheme::HTTPS) { 443 } else { 80 };
    a.host().eq_ignore_ascii_case(b.host())
        && a.port_u16().unwrap_or(default) == b.port_u16().unwrap_or(default)
}

/// Cookies may come in crumbs, one field each; "these MUST be concatenated" before others see them (RFC 9113 section
/// 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let crumbs: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    let joined = HeaderValue::from_maybe_shared(bytes::Bytes::from(crumbs.join(&b"; "[..])));
    // Values joined by what is allowed in a value are a value.
    if let Ok(joined) = joined {
        headers.insert(COOKIE, joined);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(uri: &str, fields: &[(&'static str, &'static str)]) -> Result<Parts, u16> {
        let mut request = http::Request::builder().uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let mut parts = request.body(()).unwrap().into_parts().0;
        admit(&mut parts).map(|_| parts).map_err(|(status, _)| status)
    }

    #[test]
    fn authority_and_host_name_one_and_the_same() {
        for (uri, host) in [
            ("http://a.example/", "a.example"),
            ("http://a.example/", "A.Example:80"),
            ("https://a.example:443/", "a.example"),
            ("/", "a.example"),
        ] {
            assert!(judge(uri, &[("host", host)]).is_ok(), "{uri} {host}");
        }
        for (uri, host) in [
            ("http://a.example/", "b.example"),
            ("http://a.example/", "a.example:443"),
            ("https://a.example/", "a.example:80"),
            ("http://a.example/", "user@a.example"),
            ("http://user@a.example/", "a.example"),
            ("/", "a b"),
            ("/", ""),
        ] {
            assert_eq!(judge(uri, &[("host", host)]).err(), Some(400), "{uri} {host}");
        }
        assert_eq!(judge("/", &[]).err(), Some(400));
        assert_eq!(judge("http://a/", &[("host", "a"), ("host", "a")]).err(), Some(400));
    }

    #[test]
    fn values_have_no_whitespace_around_them() {
        for value in [" x", "x ", "\tx", "x\t"] {
            assert_eq!(judge("http://a/", &[("x", value)]).err(), Some(400), "{value:?}");
        }
        assert!(judge("http://a/", &[("x", "a b"), ("y", "")]).is_ok());
    }

    #[test]
    fn a_length_is_said_once() {
        assert!(judge("http://a/", &[("content-length", "3")]).is_ok());
        let twice = [("content-length", "3"), ("content-length", "3")];
        assert_eq!(judge("http://a/", &twice).err(), Some(400));
    }

    #[test]
    fn cookie_crumbs_are_joined() {
        let parts = judge("http://a/", &[("cookie", "a=1"), ("x", "y"), ("cookie", "b=2")]).unwrap();
        let cookies: Vec<_> = parts.headers.get_all(COOKIE).iter().collect();
        assert_eq!(cookies, ["a=1; b=2"]);
    }
}
