//! What the tables of the handshake do not show.

use wire_ws::EncodeError;
use wire_ws::handshake::{
    self, Key, Rejection, RequestLine, ResponseError, is_upgrade, origin_allowed, request_fields,
};

#[test]
fn a_request_of_ours_is_accepted_by_us_and_the_response_verified() {
    let key = Key::from_random(*b"sixteen random b");
    let protocols = ["mqtt", "chat"];
    let mut fields: Vec<(String, String)> = request_fields(&key, &protocols)
        .expect("tokens")
        .map(|(n, v)| (n.to_owned(), v.into_owned()))
        .collect();
    fields.extend([("Host", "a"), ("Connection", "Upgrade")].map(|(n, v)| (n.to_owned(), v.to_owned())));
    let fields = || fields.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    assert!(is_upgrade(fields()));
    let request = RequestLine { method: "GET", http_11_or_later: true };
    let offer = handshake::accept(&request, fields()).expect("our own request");
    assert!(offer.protocols().eq(protocols));
    assert_eq!(offer.accept_value().len(), 28);
    let protocol = offer.select_protocol(&["chat"]);
    let response = || {
        let connection = [("Connection", "Upgrade")];
        connection
            .into_iter()
            .chain(offer.response_fields(protocol))
            .map(|(name, value)| (name, value.as_bytes()))
    };
    let accepted = handshake::verify(101, response(), &key, &protocols).expect("our own response");
    assert_eq!(accepted.protocol, Some("chat"));
    let other = Key::from_random([0; 16]);
    assert_eq!(handshake::verify(101, response(), &other, &protocols), Err(ResponseError::Accept));
    assert_eq!(handshake::verify(101, response(), &key, &["mqtt"]), Err(ResponseError::Protocol));
}

#[test]
fn a_protocol_that_was_not_offered_is_never_sent() {
    let request = RequestLine { method: "GET", http_11_or_later: true };
    let fields: [(&str, &[u8]); 6] = [
        ("Host", b"a"),
        ("Upgrade", b"websocket"),
        ("Connection", b"Upgrade"),
        ("Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Version", b"13"),
        ("Sec-WebSocket-Protocol", b"chat"),
    ];
    let offer = handshake::accept(&request, fields).expect("legal");
    assert_eq!(offer.response_fields(Some("mqtt")).count(), 2);
    assert_eq!(offer.response_fields(Some("chat")).count(), 3);
    assert_eq!(offer.response_fields(None).count(), 2);
}

#[test]
fn protocols_to_offer_must_be_unique_tokens() {
    let key = Key::from_random([1; 16]);
    let fields = |protocols: &[&str]| request_fields(&key, protocols).map(Iterator::count);
    assert_eq!(fields(&[]), Ok(3));
    assert_eq!(fields(&["a", "b"]), Ok(4));
    for bad in [&["a", "a"][..], &[""], &["a b"], &["a,b"], &["a\r\nX: y"], &["ä"]] {
        assert_eq!(fields(bad), Err(EncodeError::InvalidProtocol), "{bad:?}");
    }
}

#[test]
fn keys() {
    let key = Key::from_random(*b"the sample nonce");
    assert_eq!(key.as_str(), "dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(Key::parse(key.as_str().as_bytes()), Some(key));
}

#[test]
fn origins() {
    let allowed = ["https://example.com", "http://localhost:8080"];
    assert!(origin_allowed(None, &allowed), "not a browser");
    assert!(origin_allowed(Some(b"https://example.com"), &allowed));
    assert!(origin_allowed(Some(b"HTTPS://Example.com"), &allowed));
    for other in [
        &b"http://example.com"[..],
        b"https://example.com.evil.org",
        b"https://example.com:444",
        b"https://evil.org",
        b"null",
        b"",
    ] {
        assert!(!origin_allowed(Some(other), &allowed), "{}", other.escape_ascii());
    }
    assert!(!origin_allowed(Some(b"https://example.com"), &[]));
    assert!(origin_allowed(Some(b"null"), &["null"]));
}

#[test]
fn rejections_say_what_to_send() {
    assert_eq!(Rejection::Method.status(), 405);
    assert_eq!(Rejection::UnsupportedVersion.status(), 426);
    assert!(Rejection::UnsupportedVersion.response_fields().contains(&("Sec-WebSocket-Version", "13")));
    assert_eq!(Rejection::Key.response_fields(), &[]);
    assert_eq!(Rejection::Host.to_string(), "exactly one Host is needed");
}

/// Many fields and long lists cost what their length asks for: no step is quadratic.
#[test]
fn long_lists() {
    let request = RequestLine { method: "GET", http_11_or_later: true };
    let list: String = (0..20_000).map(|i| format!("p{i},")).collect();
    let commas = ",".repeat(100_000);
    let fields = [
        ("Host", "a"),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Connection", &commas),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Protocol", &list),
        ("Sec-WebSocket-Extensions", &list),
    ];
    let fields = fields.iter().map(|(name, value)| (*name, value.as_bytes()));
    assert_eq!(handshake::accept(&request, fields).map(|offer| offer.protocols().count()), Ok(20_000));
}
