//! The conveniences over the contract: types of the `http` crate, and the reader that owns its buffer.

#[cfg(feature = "http")]
mod http_types {
    use http::{HeaderName, HeaderValue};
    use wire_http1::{BodyLen, ClientConnection, EncodeError, HeadWriter, ServerConnection};

    use crate::client::write;

    #[test]
    fn a_request_becomes_one_of_http() {
        let mut connection = ServerConnection::default();
        let input = b"M-X http://b/p?q HTTP/1.1\r\nHost: b\r\nx-a: 1\r\nX-UnKnown: \xff\r\nX-A: 2\r\n\r\n";
        let step = connection.decode(input).expect("a head");
        let request = connection.head().view(step.payload(input)).to_http_request(()).expect("a request");
        assert_eq!((request.method().as_str(), request.uri().path()), ("M-X", "/p"));
        assert_eq!(request.uri().authority().map(http::uri::Authority::as_str), Some("b"));
        assert_eq!(request.version(), http::Version::HTTP_11);
        assert_eq!(request.headers().len(), 4);
        assert!(request.headers().get_all("x-a").iter().eq(["1", "2"]));
        assert_eq!(request.headers()["x-unknown"].as_bytes(), b"\xff");
    }

    #[test]
    fn every_form_of_a_target_is_a_uri() {
        for line in ["GET /a?b", "GET http://a/", "CONNECT a:1", "OPTIONS *", "GET //a//b?%41"] {
            let mut connection = ServerConnection::default();
            let input = format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n");
            let step = connection.decode(input.as_bytes()).expect("a head");
            let view = connection.head().view(step.payload(input.as_bytes()));
            assert!(view.to_http_uri().is_ok(), "{line}");
            assert_eq!(view.to_http_method().expect("a method").as_str(), view.method());
        }
    }

    #[test]
    fn headers_of_http_are_written_as_field_lines_are() {
        let input = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
        let written = |write: &dyn Fn(&mut HeadWriter<'_>) -> Result<(), EncodeError>| {
            let (mut connection, mut out) = (ServerConnection::default(), Vec::new());
            connection.decode(input).expect("a head");
            let mut head = connection.encode_head(200, "", BodyLen::Fixed(0), &mut out).expect("a head");
            let result = write(&mut head);
            head.finish().expect("a head");
            result.map(|()| out)
        };
        let names = ["date", "upgrade", "x-own", "connection", "content-length", "transfer-encoding"];
        let names = names.map(HeaderName::from_static);
        // No byte gets into a `HeaderValue` that may not be in a field line.
        let values = (0..=255).filter_map(|byte| HeaderValue::from_bytes(&[b'a', byte, b'b']).ok());
        for (name, value) in values.flat_map(|value| names.clone().map(|name| (name, value.clone()))) {
            let header = written(&|head| head.header(&name, &value));
            assert_eq!(header, written(&|head| head.field(&name, &value)), "{name}: {value:?}");
        }
    }

    #[test]
    fn a_response_becomes_one_of_http_with_its_trailers() {
        let (mut connection, mut out) = (ClientConnection::default(), Vec::new());
        write(&mut connection, "GET", &mut out).expect("a request");
        let input = b"HTTP/1.0 299 X\r\nServer: s\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n";
        let step = connection.decode(input).expect("a head");
        let response = connection.head().view(step.payload(input)).to_http_response(1).expect("a response");
        assert_eq!((response.status().as_u16(), *response.body()), (299, 1));
        assert_eq!((response.version(), response.headers().len()), (http::Version::HTTP_10, 3));

        let mut connection = ServerConnection::default();
        let head = b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        connection.decode(head).expect("a head");
        let input = b"0\r\nX-A: b\r\n\r\n";
        let step = connection.decode(input).expect("trailers");
        let map = connection.trailers().view(step.payload(input)).to_header_map().expect("a map");
        assert_eq!((map.len(), map["x-a"].as_bytes()), (1, &b"b"[..]));
    }
}

#[cfg(feature = "bytes")]
mod reader {
    use wire_http1::{ClientConnection, Event, Reader, ServerConnection};

    use crate::client::write;

    /// Everything that comes out, whatever the pieces.
    #[test]
    fn payloads_are_the_bytes_of_the_buffer() {
        let input = b"\r\nPUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n0\r\nX-A: b\r\n\r\nGET";
        for piece in 1..=input.len() {
            let mut reader = Reader::new(ServerConnection::default());
            let (mut content, mut events) = (Vec::new(), Vec::new());
            for bytes in input.chunks(piece) {
                reader.buffer.extend_from_slice(bytes);
                while let Some((event, payload)) = reader.next().expect("a request") {
                    match event {
                        Event::Head => {
                            assert_eq!(reader.connection.head().view(&payload).get("host"), Some(&b"a"[..]));
                        }
                        Event::Data { .. } => {
                            content.extend_from_slice(&payload);
                            continue;
                        }
                        Event::Trailers => {
                            let view = reader.connection.trailers().view(&payload);
                            assert_eq!(view.get("x-a"), Some(&b"b"[..]));
                        }
                        Event::Paused => break,
                        _ => assert!(payload.is_empty()),
                    }
                    events.push(event);
                }
            }
            assert_eq!(
                (events, &content[..]),
                (vec![Event::Head, Event::Trailers, Event::End], &b"hello"[..])
            );
            assert_eq!(reader.buffer, b"GET"[..]);
        }
    }

    #[test]
    fn a_client_reads_too_and_an_error_leaves_the_buffer() {
        let (mut connection, mut out) = (ClientConnection::default(), Vec::new());
        write(&mut connection, "GET", &mut out).expect("a request");
        let mut reader = Reader::new(connection);
        reader.buffer.extend_from_slice(b"HTTP/1.1 204 \r\n\r\nbehind");
        assert!(matches!(reader.next(), Ok(Some((Event::Head, head))) if head.ends_with(b"\r\n\r\n")));
        assert_eq!(reader.next().map(|event| event.map(|(event, _)| event)), Ok(Some(Event::End)));
        assert!(reader.connection.next_cycle());
        reader.next().expect_err("nobody asked");
        assert_eq!(reader.buffer, b"behind"[..]);
    }
}
