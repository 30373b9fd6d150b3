//! The tables of `conformance/ws` against the codec, each case at every split.

use conformance::ws::{self, Case, Event};
use testkit::laws::{self, Subject, Transcript};
use wire_ws::handshake::{self, Key, RequestLine};
use wire_ws::{CloseCode, Config, DataKind, Error, MessageDecoder, Role};

use crate::laws::{Messages, Owned, Pieces};

pub(crate) fn config(case: &Case) -> Config {
    let mut config = Config::default();
    config.max_message_size = case.limits.message.unwrap_or(config.max_message_size);
    config.max_frame_size = case.limits.frame.unwrap_or(config.max_frame_size);
    config.max_fragments = case.limits.fragments.unwrap_or(config.max_fragments);
    config
}

pub(crate) fn owned(event: Event) -> Owned {
    let data = |kind, payload| Owned::Data { kind, payload, first: true, last: true };
    match event {
        Event::Text(payload) => data(DataKind::Text, payload),
        Event::Binary(payload) => data(DataKind::Binary, payload),
        Event::Ping(payload) => Owned::Ping(payload),
        Event::Pong(payload) => Owned::Pong(payload),
        Event::Close(code, reason) => {
            let code = code.map(|code| CloseCode::new(code).expect("a table expects a legal code"));
            Owned::Close(code, reason)
        }
    }
}

/// All splits of a short input; of a long one those near both ends and some in between.
pub(crate) fn at_splits<S: Subject>(make: impl Fn() -> S, input: &[u8]) -> Transcript<S::Event, S::Error> {
    let whole = laws::run(&mut make(), input, || usize::MAX);
    if input.len() <= 600 {
        laws::splits(make, input);
        return whole;
    }
    let ends = (1..40).chain(input.len() - 40..input.len());
    for at in ends.chain((40..input.len() - 40).step_by(input.len() / 20)) {
        let mut first = true;
        let got = laws::run(&mut make(), input, || if std::mem::take(&mut first) { at } else { usize::MAX });
        assert!(got == whole, "split at {at}");
    }
    whole
}

pub(crate) fn check_end(case: &Case, closed: bool, end: Result<(), Error>) {
    match (end, case.fail) {
        (Err(error), Some(code)) => assert_eq!(u16::from(error.close_code()), code, "{}: {error}", case.id),
        (Err(error), None) => assert!(!closed, "{}: {error}", case.id),
        (Ok(()), code) => assert!(closed && code.is_none(), "{}: no failure", case.id),
    }
}

#[test]
fn frames() {
    for case in ws::cases() {
        let expected: Vec<Owned> = case.events().into_iter().map(owned).collect();
        let closed = matches!(expected.last(), Some(Owned::Close(..)));
        for role in [Role::Server, Role::Client] {
            if !case.is_for(role == Role::Server) {
                continue;
            }
            let input = case.bytes(role == Role::Server);
            for direct in [false, true] {
                let make =
                    || Messages { decoder: MessageDecoder::new(role, &config(&case)), quiet: false, direct };
                let transcript = at_splits(make, &input);
                assert_eq!(transcript.events, expected, "{} for a {role:?}", case.id);
                check_end(&case, closed, transcript.end);
            }
            // The pieces: the same end, and what is whole among them.
            let make = || Pieces { decoder: wire_ws::Decoder::new(role, &config(&case)), quiet: false };
            check_end(&case, closed, at_splits(make, &input).end);
        }
    }
}

fn borrowed(fields: &[ws::Field]) -> impl Iterator<Item = (&str, &[u8])> {
    fields.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
}

#[test]
fn requests() {
    for case in ws::requests() {
        let fields = case.fields();
        let line = RequestLine { method: &case.method, http_11_or_later: case.http == "1.1" };
        let supported: Vec<&str> = case.supported.iter().map(String::as_str).collect();
        let (status, response): (u16, Vec<(String, String)>) =
            match handshake::accept(&line, borrowed(&fields)) {
                Ok(offer) => {
                    assert!(handshake::is_upgrade(borrowed(&fields)), "{}", case.id);
                    let origin = fields.iter().find(|(name, _)| name == "Origin");
                    assert_eq!(offer.origin(), origin.map(|(_, value)| value.as_bytes()), "{}", case.id);
                    let sent = fields.iter().filter(|(name, _)| name == "Sec-WebSocket-Extensions");
                    assert!(offer.extensions().eq(sent.map(|(_, value)| value.as_bytes())), "{}", case.id);
                    let fields = offer.response_fields(offer.select_protocol(&supported));
                    (101, fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
                }
                Err(rejection) => {
                    let fields = rejection.response_fields().iter();
                    (
                        rejection.status(),
                        fields.map(|&(name, value)| (name.to_owned(), value.to_owned())).collect(),
                    )
                }
            };
        assert_eq!(status, case.status, "{}", case.id);
        for field in &case.response {
            assert!(response.contains(field), "{}: {field:?} is missing in {response:?}", case.id);
        }
        for name in &case.response_without {
            assert!(response.iter().all(|field| field.0 != *name), "{}: {response:?}", case.id);
        }
    }
}

#[test]
fn responses() {
    let key = Key::parse(b"dGhlIHNhbXBsZSBub25jZQ==").expect("the example of the RFC");
    for case in ws::responses() {
        let offered: Vec<&str> = case.offered.iter().map(String::as_str).collect();
        let fields = case.fields();
        let result = handshake::verify(case.status, borrowed(&fields), &key, &offered);
        assert_eq!(result.is_ok(), case.ok, "{}: {result:?}", case.id);
        if let Ok(accepted) = result {
            assert_eq!(accepted.protocol, case.protocol.as_deref(), "{}", case.id);
        }
    }
}
