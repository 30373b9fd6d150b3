//! The tables of `conformance/h2ws` against the handshake.

use conformance::h2ws::{self, Field};
use wire_h2ws::handshake::{self, ConnectProtocol, RequestHead, Target};

fn borrowed(fields: &[Field]) -> impl Iterator<Item = (&str, &[u8])> {
    fields.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
}

#[test]
fn requests() {
    for case in h2ws::tables().requests {
        let fields = case.fields();
        let head = RequestHead {
            method: case.method(),
            protocol: case.protocol(),
            scheme: case.scheme(),
            authority: case.authority(),
            path: case.path(),
        };
        let supported: Vec<&str> = case.supported.iter().map(String::as_str).collect();
        let (status, response): (u16, Vec<Field>) = match handshake::accept(&head, borrowed(&fields)) {
            Ok(offer) => {
                assert!(handshake::is_websocket(&head), "{}", case.id);
                let origin = fields.iter().find(|(name, _)| name == "origin");
                assert_eq!(offer.origin(), origin.map(|(_, value)| value.as_bytes()), "{}", case.id);
                let fields = handshake::response_fields(&offer, offer.select_protocol(&supported), None);
                (200, fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
            }
            Err(rejection) => {
                assert_eq!(handshake::is_websocket(&head), case.status != 501 && head.method == "CONNECT");
                assert!(!rejection.is_malformed() || rejection.status() == 400);
                let fields = rejection.response_fields().iter();
                let fields = fields.map(|&(name, value)| (name.to_owned(), value.to_owned()));
                (rejection.status(), fields.collect())
            }
        };
        assert_eq!(status, case.status, "{}", case.id);
        for field in &case.response {
            assert!(response.contains(field), "{}: {field:?} is missing in {response:?}", case.id);
        }
        for (name, _) in &response {
            assert!(!case.response_without.contains(name), "{}: {response:?}", case.id);
            assert_eq!(*name, name.to_ascii_lowercase(), "names are lower-case in HTTP/2");
        }
    }
}

#[test]
fn responses() {
    for case in h2ws::tables().responses {
        let offered: Vec<&str> = case.offered.iter().map(String::as_str).collect();
        let extensions: Vec<&str> = case.extensions.iter().map(String::as_str).collect();
        let result = handshake::verify(case.status, borrowed(&case.with), &offered, &extensions);
        assert_eq!(result.is_ok(), case.ok, "{}: {result:?}", case.id);
        if let Ok(accepted) = result {
            assert_eq!(accepted.protocol, case.protocol.as_deref(), "{}", case.id);
        }
    }
}

#[test]
fn urls() {
    for case in h2ws::tables().urls {
        let target = Target::parse(&case.url);
        assert_eq!(target.is_ok(), case.scheme.is_some(), "{}: {target:?}", case.id);
        if let Ok(target) = target {
            let head = target.request_head();
            let got = [head.scheme, head.authority, head.path];
            assert_eq!(got, [case.scheme.as_deref(), case.authority.as_deref(), case.path.as_deref()]);
            let fields = [("sec-websocket-version", &b"13"[..])];
            assert!(handshake::accept(&head, fields).is_ok(), "{}: our own request", case.id);
        }
    }
}

#[test]
fn settings() {
    for case in h2ws::tables().settings {
        let mut setting = ConnectProtocol::default();
        let results: Vec<_> = case.values.iter().map(|&value| setting.receive(value)).collect();
        let legal = results.iter().take_while(|result| result.is_ok()).count();
        assert_eq!(legal, case.values.len() - usize::from(!case.ok), "{}", case.id);
        assert!(!case.ok || setting.is_enabled() == case.enabled, "{}", case.id);
    }
}
