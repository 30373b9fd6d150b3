//! `decode(encode(x)) == x`: requests written here, and whole exchanges between the two roles.

use proptest::prelude::*;
use testkit::laws;
use wire_http1::{BodyLen, Config, Event, HeadWriter, ServerConnection};

use crate::client::{Client, Heard};
use crate::server::{Seen, Server};

const TOKEN: &str = "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,40}";

/// Field values as they come out: no white space at the ends.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let text = prop_oneof![Just(b'\t'), 0x20..=0x7eu8, 0x80..=0xffu8];
    prop::collection::vec(text, 0..60).prop_map(|value| {
        let trimmed = value.trim_ascii_start().trim_ascii_end();
        trimmed.to_vec()
    })
}

/// Names that the codec gives no meaning.
fn fields() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    prop::collection::vec((TOKEN.prop_map(|name| format!("X-{name}")), value()), 0..20)
}

fn write_fields(fields: &[(String, Vec<u8>)], out: &mut Vec<u8>) {
    for (name, value) in fields {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    }
}

#[derive(Clone, Debug)]
enum Body {
    None,
    Fixed(Vec<u8>),
    Chunked { chunks: Vec<Vec<u8>>, trailers: Vec<(String, Vec<u8>)> },
}

fn body() -> impl Strategy<Value = Body> {
    let bytes = |min| prop::collection::vec(any::<u8>(), min..100);
    prop_oneof![
        Just(Body::None),
        bytes(0).prop_map(Body::Fixed),
        (prop::collection::vec(bytes(1), 0..5), fields())
            .prop_map(|(chunks, trailers)| Body::Chunked { chunks, trailers }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn requests(
        method in "[A-Z]{1,32}".prop_filter("has rules of its own", |name| name != "CONNECT" && name != "TRACE"),
        target in "/[a-zA-Z0-9/?:@!$&'()*+,;=._~-]{0,60}",
        fields in fields(),
        body in body(),
        seed in any::<u64>(),
    ) {
        let mut bytes = format!("{method} {target} HTTP/1.1\r\nHost: a\r\n").into_bytes();
        write_fields(&fields, &mut bytes);
        let mut content = Vec::new();
        match &body {
            Body::None => bytes.extend_from_slice(b"\r\n"),
            Body::Fixed(body) => {
                bytes.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
                bytes.extend_from_slice(body);
                content.extend_from_slice(body);
            }
            Body::Chunked { chunks, trailers } => {
                bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
                for chunk in chunks {
                    bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                    bytes.extend_from_slice(chunk);
                    bytes.extend_from_slice(b"\r\n");
                    content.extend_from_slice(chunk);
                }
                bytes.extend_from_slice(b"0\r\n");
                write_fields(trailers, &mut bytes);
                bytes.extend_from_slice(b"\r\n");
            }
        }

        let mut rng = testkit::rng::Rng::new(seed);
        let transcript = laws::run(&mut Server::new(Config::default()), &bytes, || 1 + rng.below(50));
        prop_assert_eq!(&transcript.end, &Ok(()));
        let mut events = transcript.events.into_iter();
        let Some(Seen::Head(head)) = events.next() else { panic!("no head") };
        prop_assert_eq!(head.method, method);
        prop_assert_eq!(head.target, target);
        prop_assert_eq!(&head.fields[1..=fields.len()], &fields);
        let mut next = events.next();
        if !content.is_empty() {
            prop_assert_eq!(next, Some(Seen::Data(content)));
            next = events.next();
        }
        if let Body::Chunked { trailers, .. } = body && !trailers.is_empty() {
            prop_assert_eq!(next, Some(Seen::Trailers { fields: trailers, dropped: 0 }));
            next = events.next();
        }
        prop_assert_eq!(next, Some(Seen::End));
        prop_assert_eq!(events.next(), None);
    }

    /// Both roles: what a client writes its server reads, and what that answers the client reads, in any pieces.
    #[test]
    fn exchanges(
        method in prop_oneof![Just("GET"), Just("HEAD"), Just("POST"), Just("PUT"), Just("X-ANY")],
        status in 200..600u16,
        fields in fields(),
        request in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..3),
        response in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 0..5),
        trailers in fields(),
        (streamed, interim) in any::<(bool, bool)>(),
        seed in any::<u64>(),
    ) {
        let (mut client, mut server) = (Client::new(Config::default(), []), Server::new(Config::default()));
        let (sent, content) = (request.concat(), response.concat());
        let length = |len: usize| if streamed { BodyLen::Streamed } else { BodyLen::Fixed(len as u64) };

        let mut out = Vec::new();
        let connection = &mut client.connection;
        let mut head = connection.encode_head(method, "/", Some(length(sent.len())), &mut out).expect("a line");
        head.field("Host", "a").expect("a field");
        fields.iter().try_for_each(|(name, value)| head.field(name, value)).expect("fields");
        head.finish().expect("a head");
        request.iter().try_for_each(|piece| connection.encode_data(piece, &mut out)).expect("content");
        let request_trailers: &[_] = if streamed { &trailers } else { &[] };
        connection.encode_end_with_trailers(request_trailers.iter().map(|(n, v)| (n, v)), &mut out).expect("an end");

        let mut rng = testkit::rng::Rng::new(seed);
        let mut events = Vec::new();
        let (mut start, mut end) = (0, 0);
        while !server.connection.request_complete() {
            let step = server.connection.decode(&out[start..end]).expect("a request");
            if let (Some(Event::Data { .. }), payload) = (step.event, step.payload(&out[start..end])) {
                events.extend_from_slice(payload);
            }
            if step.event == Some(Event::Head) {
                let view = server.connection.head().view(step.payload(&out[start..end]));
                let got: Vec<_> = view.fields().map(|f| (f.name.to_owned(), f.value.to_owned())).collect();
                prop_assert_eq!((view.method(), &got[1..=fields.len()]), (method, &fields[..]));
            }
            start += step.consumed;
            if step.event.is_none() {
                prop_assert!(end < out.len());
                end = (end + 1 + rng.below(50)).min(out.len());
            }
        }
        prop_assert_eq!((start, events), (out.len(), sent));

        out.clear();
        if interim {
            server.connection.encode_interim(103, &mut out).and_then(HeadWriter::finish).expect("an interim head");
        }
        let mut head = server.connection.encode_head(status, "", length(content.len()), &mut out).expect("a line");
        fields.iter().try_for_each(|(name, value)| head.field(name, value)).expect("fields");
        head.finish().expect("a head");
        let has_body = server.connection.response_has_body();
        if has_body {
            response.iter().try_for_each(|p| server.connection.encode_data(p, &mut out)).expect("content");
        }
        let chunked = streamed && has_body;
        let response_trailers: &[_] = if chunked { &trailers } else { &[] };
        server
            .connection
            .encode_end_with_trailers(response_trailers.iter().map(|(n, v)| (n, v)), &mut out)
            .expect("an end");
        prop_assert!(server.connection.next_cycle());

        let transcript = laws::run(&mut client, &out, || 1 + rng.below(50));
        prop_assert_eq!(&transcript.end, &Ok(()));
        let mut events = transcript.events.into_iter();
        if interim {
            prop_assert!(matches!(events.next(), Some(Heard::Head(head)) if head.interim));
        }
        let Some(Heard::Head(head)) = events.next() else { panic!("no head") };
        prop_assert_eq!(head.status, status);
        prop_assert_eq!(&head.fields[..fields.len()], &fields);
        let mut next = events.next();
        if has_body && !content.is_empty() {
            prop_assert_eq!(next, Some(Heard::Data(content)));
            next = events.next();
        }
        if chunked && !trailers.is_empty() {
            prop_assert_eq!(next, Some(Heard::Trailers { fields: trailers, dropped: 0 }));
            next = events.next();
        }
        prop_assert_eq!(next, Some(Heard::End));
        prop_assert_eq!(events.next(), None);
        prop_assert!(client.connection.keep_alive() && client.connection.outstanding() == 0);
    }
}

#[test]
fn a_head_that_ends_with_the_buffer_is_found() {
    // The scanners look at windows; the last lines of a buffer have none.
    for pad in 0..80 {
        let request = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\nAccept: b\r\n\r\n", "c".repeat(pad));
        let mut connection = ServerConnection::new(Config::default());
        let step = connection.decode(request.as_bytes()).expect("a request");
        assert_eq!((step.consumed, step.event), (request.len(), Some(Event::Head)));
        let view = connection.head().view(request.as_bytes());
        assert_eq!(view.get("x").map(<[u8]>::len), Some(pad));
        assert_eq!(view.get_known(wire_http1::Known::Accept), Some(&b"b"[..]));
    }
}
