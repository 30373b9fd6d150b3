//! Responses: what goes out, to the byte, and what the encoder refuses to write.

use wire_http1::{BodyLen, Config, EncodeError, Event, FieldLines, HeadWriter, ServerConnection};

/// A connection that has received the head of `request` (and its end, if it has no content).
fn received(request: &str) -> ServerConnection {
    let mut connection = ServerConnection::new(Config::default());
    let step = connection.decode(request.as_bytes()).expect("a request");
    assert_eq!((step.consumed, step.event), (request.len(), Some(Event::Head)));
    connection
}

fn request(method: &str, version: &str, fields: &str) -> ServerConnection {
    received(&format!("{method} / HTTP/{version}\r\nHost: a\r\n{fields}\r\n"))
}

fn get() -> ServerConnection {
    request("GET", "1.1", "")
}

/// The head of a response without fields of the caller.
fn head(connection: &mut ServerConnection, status: u16, body: BodyLen) -> String {
    let mut out = Vec::new();
    connection.encode_head(status, "", body, &mut out).and_then(HeadWriter::finish).expect("a head");
    String::from_utf8(out).expect("ASCII")
}

#[test]
fn framing_by_status_method_and_version() {
    use BodyLen::{Fixed, Streamed};
    for (method, version, status, body, expected, has_body) in [
        ("GET", "1.1", 200, Fixed(5), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true),
        ("GET", "1.1", 200, Fixed(0), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true),
        ("GET", "1.1", 200, Streamed, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true),
        ("GET", "1.1", 299, Fixed(1), "HTTP/1.1 299 \r\nContent-Length: 1\r\n\r\n", true),
        (
            "GET",
            "1.0",
            200,
            Fixed(5),
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n",
            true,
        ),
        ("GET", "1.0", 200, Streamed, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", true),
        ("HEAD", "1.1", 200, Fixed(5), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", false),
        ("HEAD", "1.1", 200, Fixed(0), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false),
        ("HEAD", "1.1", 200, Streamed, "HTTP/1.1 200 OK\r\n\r\n", false),
        ("HEAD", "1.1", 404, Fixed(9), "HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n", false),
        ("GET", "1.1", 204, Fixed(0), "HTTP/1.1 204 No Content\r\n\r\n", false),
        ("GET", "1.1", 204, Streamed, "HTTP/1.1 204 No Content\r\n\r\n", false),
        ("GET", "1.1", 204, Fixed(5), "HTTP/1.1 204 No Content\r\n\r\n", false),
        ("GET", "1.0", 204, Streamed, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", false),
        ("GET", "1.1", 205, Streamed, "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n", false),
        ("GET", "1.1", 304, Fixed(0), "HTTP/1.1 304 Not Modified\r\n\r\n", false),
        ("GET", "1.1", 304, Fixed(7), "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", false),
        ("GET", "1.1", 304, Streamed, "HTTP/1.1 304 Not Modified\r\n\r\n", false),
    ] {
        let mut connection = request(method, version, "");
        assert_eq!(head(&mut connection, status, body), expected, "{method} {version} {status} {body:?}");
        assert_eq!(connection.response_has_body(), has_body, "{method} {version} {status} {body:?}");
        if !has_body {
            let mut out = Vec::new();
            assert_eq!(connection.encode_data(b"x", &mut out), Err(EncodeError::BodyNotAllowed));
            assert_eq!(connection.encode_data(b"", &mut out), Ok(()));
            assert_eq!(connection.encode_end(&mut out), Ok(()));
            assert!(out.is_empty() && connection.response_complete());
        }
    }
}

#[test]
fn connection_field() {
    for (version, fields, close, expected) in [
        ("1.1", "", false, ""),
        ("1.1", "", true, "Connection: close\r\n"),
        ("1.1", "Connection: close\r\n", false, "Connection: close\r\n"),
        ("1.0", "", false, "Connection: close\r\n"),
        ("1.0", "Connection: keep-alive\r\n", false, "Connection: keep-alive\r\n"),
        ("1.0", "Connection: keep-alive\r\n", true, "Connection: close\r\n"),
    ] {
        let mut connection = request("GET", version, fields);
        if close {
            connection.set_close();
        }
        let text = head(&mut connection, 200, BodyLen::Fixed(0));
        assert_eq!(
            text,
            format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{expected}\r\n"),
            "{version} {fields}"
        );
        connection.encode_end(&mut Vec::new()).expect("an end");
        assert_eq!(connection.next_cycle(), !expected.contains("close"));
    }
}

#[test]
fn an_upgrade_field_is_named_in_connection() {
    let mut upgrade = FieldLines::new();
    upgrade.push("Upgrade", "h2c").expect("a field");
    for (version, fields, expected) in [
        ("1.1", "", "upgrade"),
        ("1.1", "Connection: close\r\n", "close, upgrade"),
        ("1.0", "Connection: keep-alive\r\n", "keep-alive, upgrade"),
    ] {
        for by_lines in [false, true] {
            let mut connection = request("GET", version, fields);
            let mut out = Vec::new();
            let mut head = connection.encode_head(426, "", BodyLen::Fixed(0), &mut out).expect("a head");
            if by_lines {
                head.lines(&upgrade);
            } else {
                head.field("Upgrade", "h2c").expect("a field");
            }
            head.finish().expect("a head");
            let text = String::from_utf8(out).expect("ASCII");
            assert!(text.ends_with(&format!("\r\nConnection: {expected}\r\n\r\n")), "{text}");
        }
    }
}

#[test]
fn fields_are_written_as_given_and_injection_is_refused() {
    let mut connection = get();
    let mut out = b"before".to_vec();
    let mut head = connection.encode_head(200, "Fine \u{e9}", BodyLen::Fixed(0), &mut out).expect("a head");
    head.field("X-Case", b"a\tb \x80\xff").expect("a field");
    head.field("x-empty", "").expect("a field");
    for value in ["a\r\nX: y", "a\rb", "a\nb", "a\0b", "\x01", "\x7f", "a\u{b}"] {
        assert_eq!(head.field("X-A", value), Err(EncodeError::InvalidFieldValue), "{value:?}");
    }
    for name in ["", "a b", "a:", "a\r\n", "\u{e9}", "a\0", "(a)", " a"] {
        assert_eq!(head.field(name, "x"), Err(EncodeError::InvalidFieldName), "{name:?}");
    }
    for name in ["Content-Length", "TRANSFER-ENCODING", "connection"] {
        let error = head.field(name, "x");
        assert!(
            matches!(error, Err(EncodeError::CodecField(known)) if known.eq_ignore_ascii_case(name)),
            "{name}"
        );
    }
    head.finish().expect("a head");
    let expected = b"beforeHTTP/1.1 200 Fine \xc3\xa9\r\nX-Case: a\tb \x80\xff\r\nx-empty: \r\nContent-Length: 0\r\n\r\n";
    assert_eq!(out, expected);
}

#[test]
fn field_lines_are_validated_once() {
    let mut lines = FieldLines::new();
    lines.push("Server", "wire").expect("a field");
    assert_eq!(lines.push("Connection", "close"), Err(EncodeError::CodecField("connection")));
    assert_eq!(lines.push("X", "a\nb"), Err(EncodeError::InvalidFieldValue));
    assert_eq!(lines.as_bytes(), b"Server: wire\r\n");
    let (mut connection, mut out) = (get(), Vec::new());
    let mut head = connection.encode_head(200, "", BodyLen::Fixed(0), &mut out).expect("a head");
    head.lines(&lines);
    head.finish().expect("a head");
    assert_eq!(out, b"HTTP/1.1 200 OK\r\nServer: wire\r\nContent-Length: 0\r\n\r\n");
    lines.clear();
    assert_eq!(lines, FieldLines::new());
}

#[test]
fn a_head_that_is_not_finished_is_taken_back() {
    let (mut connection, mut out) = (get(), b"before".to_vec());
    let mut head = connection.encode_head(500, "", BodyLen::Streamed, &mut out).expect("a head");
    head.field("X", "y").expect("a field");
    drop(head);
    assert_eq!(out, b"before");
    assert!(!connection.response_started());
    drop(connection.encode_interim(103, &mut out).expect("a head"));
    assert_eq!(out, b"before");
    out.clear();
    assert_eq!(head_of(&mut connection, &mut out), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
}

fn head_of(connection: &mut ServerConnection, out: &mut Vec<u8>) -> String {
    connection.encode_head(200, "", BodyLen::Fixed(0), out).and_then(HeadWriter::finish).expect("a head");
    String::from_utf8(out.clone()).expect("ASCII")
}

#[test]
fn status_and_reason_are_checked() {
    let (mut connection, mut out) = (get(), Vec::new());
    for status in [0, 99, 100, 102, 103, 199, 600, 1000] {
        let error = connection.encode_head(status, "", BodyLen::Fixed(0), &mut out).err();
        assert_eq!(error, Some(EncodeError::InvalidStatus(status)));
    }
    for status in [99, 101, 200] {
        assert_eq!(
            connection.encode_interim(status, &mut out).err(),
            Some(EncodeError::InvalidStatus(status))
        );
    }
    for reason in ["a\r\nX: y", "a\0", "\x7f"] {
        let error = connection.encode_head(200, reason, BodyLen::Fixed(0), &mut out).err();
        assert_eq!(error, Some(EncodeError::InvalidReason));
    }
    assert!(out.is_empty() && !connection.response_started());
}

#[test]
fn fixed_content_is_counted() {
    let (mut connection, mut out) = (get(), Vec::new());
    assert_eq!(connection.encode_data(b"x", &mut out), Err(EncodeError::NotStarted));
    assert_eq!(connection.encode_end(&mut out), Err(EncodeError::NotStarted));
    head(&mut connection, 200, BodyLen::Fixed(5));
    assert_eq!(connection.encode_data(b"he", &mut out), Ok(()));
    assert_eq!(connection.encode_data(b"llo!", &mut out), Err(EncodeError::BodyTooLong { excess: 1 }));
    assert_eq!(connection.encode_data_header(9).err(), Some(EncodeError::BodyTooLong { excess: 6 }));
    assert_eq!(connection.encode_end(&mut out), Err(EncodeError::BodyIncomplete { missing: 3 }));
    assert!(!connection.response_complete());
    assert_eq!(connection.encode_data(b"llo", &mut out), Ok(()));
    assert_eq!(connection.encode_end(&mut out), Ok(()));
    assert_eq!(out, b"hello");
    assert_eq!(connection.encode_end(&mut out), Err(EncodeError::AlreadyComplete));
    assert_eq!(connection.encode_data(b"x", &mut out), Err(EncodeError::AlreadyComplete));
    assert_eq!(
        connection.encode_head(200, "", BodyLen::Fixed(0), &mut out).err(),
        Some(EncodeError::AlreadyStarted)
    );
}

#[test]
fn streamed_content_is_chunked_and_never_empty() {
    let (mut connection, mut out) = (get(), Vec::new());
    head(&mut connection, 200, BodyLen::Streamed);
    connection.encode_data(b"", &mut out).expect("nothing");
    assert!(out.is_empty(), "a chunk of length zero would be the end");
    connection.encode_data(b"hello", &mut out).expect("a chunk");
    connection.encode_data(&[b'x'; 26], &mut out).expect("a chunk");
    let large = connection.encode_data_header(u64::MAX).expect("a chunk");
    assert_eq!((large.as_bytes(), large.suffix()), (&b"ffffffffffffffff\r\n"[..], &b"\r\n"[..]));
    let none = connection.encode_data_header(0).expect("nothing");
    assert_eq!((none.as_bytes(), none.suffix()), (&b""[..], &b""[..]));
    connection.encode_end(&mut out).expect("an end");
    assert_eq!(out, [&b"5\r\nhello\r\n1a\r\n"[..], &[b'x'; 26], b"\r\n0\r\n\r\n"].concat());
    assert!(connection.next_cycle());
}

#[test]
fn content_until_close_is_raw_and_closes() {
    let mut connection = request("GET", "1.0", "Connection: keep-alive\r\n");
    let text = head(&mut connection, 200, BodyLen::Streamed);
    assert!(text.ends_with("\r\nConnection: close\r\n\r\n"), "{text}");
    let mut out = Vec::new();
    connection.encode_data(b"hello", &mut out).expect("content");
    let raw = connection.encode_data_header(3).expect("content");
    assert_eq!((raw.as_bytes(), raw.suffix()), (&b""[..], &b""[..]));
    let trailers = connection.encode_end_with_trailers([("X-A", "b")], &mut out);
    assert_eq!(trailers, Err(EncodeError::TrailersNotAllowed));
    connection.encode_end(&mut out).expect("an end");
    assert_eq!(out, b"hello");
    assert!(!connection.keep_alive() && !connection.next_cycle());
}

#[test]
fn trailers_go_out_behind_the_last_chunk() {
    let (mut connection, mut out) = (get(), Vec::new());
    let early = connection.encode_end_with_trailers([("X-A", "b")], &mut out);
    assert_eq!(early, Err(EncodeError::NotStarted));
    head(&mut connection, 200, BodyLen::Streamed);
    for (name, error) in [
        ("Content-Length", EncodeError::ForbiddenTrailer),
        ("authorization", EncodeError::ForbiddenTrailer),
        ("X A", EncodeError::InvalidFieldName),
    ] {
        let result = connection.encode_end_with_trailers([("X-A", "b"), (name, "c")], &mut out);
        assert_eq!(result, Err(error));
    }
    let result = connection.encode_end_with_trailers([("X-A", "b\r\nc")], &mut out);
    assert_eq!(result, Err(EncodeError::InvalidFieldValue));
    assert!(out.is_empty() && !connection.response_complete());
    connection.encode_end_with_trailers([("X-A", &b"b"[..]), ("ETag", b"\"c\"")], &mut out).expect("an end");
    assert_eq!(out, b"0\r\nX-A: b\r\nETag: \"c\"\r\n\r\n");
    let late = connection.encode_end_with_trailers([("X-A", "b")], &mut out);
    assert_eq!(late, Err(EncodeError::AlreadyComplete));

    let mut fixed = get();
    head(&mut fixed, 200, BodyLen::Fixed(0));
    assert_eq!(
        fixed.encode_end_with_trailers([("X-A", "b")], &mut out),
        Err(EncodeError::TrailersNotAllowed)
    );
    assert_eq!(fixed.encode_end_with_trailers::<&str, &str>([], &mut out), Ok(()));
}
