//! `decode(encode(x)) == x`, for requests written here and responses written by the encoder.

use proptest::prelude::*;
use testkit::laws;
use wire_http1::{BodyLen, Config, Event, ServerConnection};

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

    /// A response's fields and chunked content, read back by the request decoder: both directions share the syntax.
    #[test]
    fn responses(
        status in 200..600u16,
        fields in fields(),
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 0..5),
        trailers in fields(),
    ) {
        let mut connection = ServerConnection::new(Config::default());
        connection.decode(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("a request");
        let mut out = Vec::new();
        let mut head = connection.encode_head(status, "", BodyLen::Streamed, &mut out).expect("a head");
        for (name, value) in &fields {
            head.field(name, value).expect("a field");
        }
        head.finish().expect("a head");
        if connection.response_has_body() {
            for chunk in &chunks {
                connection.encode_data(chunk, &mut out).expect("content");
            }
            connection.encode_end_with_trailers(trailers.iter().map(|(n, v)| (n, v)), &mut out).expect("an end");
        } else {
            connection.encode_end(&mut out).expect("an end");
        }
        prop_assert!(connection.next_cycle());

        let line = out.windows(2).position(|end| end == b"\r\n").expect("a status line") + 2;
        let start = format!("HTTP/1.1 {status} ");
        prop_assert!(out.starts_with(start.as_bytes()));
        let request = [b"POST / HTTP/1.1\r\nHost: a\r\n", &out[line..]].concat();
        let transcript = laws::run(&mut Server::new(Config::default()), &request, || usize::MAX);
        prop_assert_eq!(&transcript.end, &Ok(()));
        let mut events = transcript.events.into_iter();
        let Some(Seen::Head(head)) = events.next() else { panic!("no head") };
        prop_assert_eq!(&head.fields[1..=fields.len()], &fields);
        let mut next = events.next();
        if !matches!(status, 204 | 205 | 304) {
            let content = chunks.concat();
            if !content.is_empty() {
                prop_assert_eq!(next, Some(Seen::Data(content)));
                next = events.next();
            }
            if !trailers.is_empty() {
                prop_assert_eq!(next, Some(Seen::Trailers { fields: trailers, dropped: 0 }));
                next = events.next();
            }
        }
        prop_assert_eq!(next, Some(Seen::End));
        prop_assert_eq!(events.next(), None);
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
