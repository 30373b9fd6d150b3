//! Requests to the byte, what the encoder refuses to write, and how requests and responses are coupled.

use wire_http1::{
    BodyLen, ClientConnection, Config, EncodeError, ErrorKind, Event, FieldLines, RequestWriter,
};

use crate::client::write;

fn connection() -> ClientConnection {
    ClientConnection::new(Config::default())
}

/// Writes a head with these fields.
fn head(
    conn: &mut ClientConnection,
    line: (&str, &str),
    body: Option<BodyLen>,
    fields: &[(&str, &str)],
) -> Result<String, EncodeError> {
    let mut out = b"before".to_vec();
    let result = conn.encode_head(line.0, line.1, body, &mut out).and_then(|mut head| {
        fields.iter().try_for_each(|(name, value)| head.field(name, value))?;
        head.finish()
    });
    let written = String::from_utf8(out.split_off(6)).expect("ASCII");
    assert_eq!(out, b"before");
    assert_eq!(result.is_err(), written.is_empty(), "a head is whole, or nothing");
    result.map(|()| written)
}

/// One decode; what it consumed and found.
fn event(conn: &mut ClientConnection, input: &[u8]) -> (usize, Option<Event>) {
    let step = conn.decode(input).expect("a response");
    (step.consumed, step.event)
}

const HOST: (&str, &str) = ("Host", "a");
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// A whole response: head, end, next.
fn ok(conn: &mut ClientConnection) -> bool {
    assert_eq!(event(conn, OK), (OK.len(), Some(Event::Head)));
    assert_eq!(event(conn, b""), (0, Some(Event::End)));
    assert_eq!(event(conn, b"x"), (0, Some(Event::Paused)));
    conn.next_cycle()
}

#[test]
fn framing_by_method_and_length() {
    use BodyLen::{Fixed, Streamed};
    for (method, body, framing) in [
        ("GET", None, ""),
        ("DELETE", None, ""),
        ("POST", None, "Content-Length: 0\r\n"),
        ("PUT", None, "Content-Length: 0\r\n"),
        ("PATCH", None, "Content-Length: 0\r\n"),
        ("GET", Some(Fixed(0)), "Content-Length: 0\r\n"),
        ("PUT", Some(Fixed(5)), "Content-Length: 5\r\n"),
        ("PROPFIND", Some(Streamed), "Transfer-Encoding: chunked\r\n"),
    ] {
        let got = head(&mut connection(), (method, "/a?b"), body, &[HOST, ("X-A", "b")]);
        assert_eq!(got, Ok(format!("{method} /a?b HTTP/1.1\r\nHost: a\r\nX-A: b\r\n{framing}\r\n")));
    }
}

#[test]
fn connection_names_what_belongs_to_it() {
    let te = ("TE", "trailers");
    let upgrade = ("Upgrade", "x");
    for (close, fields, expected) in [
        (false, &[HOST, te][..], "Connection: TE\r\n"),
        (false, &[HOST, upgrade], "Connection: upgrade\r\n"),
        (true, &[HOST], "Connection: close\r\n"),
        (true, &[HOST, te, upgrade], "Connection: close, upgrade, TE\r\n"),
    ] {
        let mut conn = connection();
        if close {
            conn.set_close();
        }
        let written = head(&mut conn, ("GET", "/"), None, fields).expect("a head");
        assert!(written.ends_with(&format!("\r\n{expected}\r\n")), "{written}");
    }
}

#[test]
fn what_a_server_would_refuse_is_not_written() {
    use ErrorKind::*;
    for (method, target, fields, kind) in [
        ("", "/", &[HOST][..], InvalidMethod),
        ("G T", "/", &[HOST], InvalidVersion),
        ("G\r\nT", "/", &[HOST], InvalidMethod),
        ("GET", "", &[HOST], InvalidTarget),
        ("GET", "/a b", &[HOST], InvalidVersion),
        ("GET", "/ HTTP/1.1\r\nX: y\r\n\r\nGET /", &[HOST], InvalidTarget),
        ("GET", "/\r\n", &[HOST], InvalidVersion),
        ("GET", "/#a", &[HOST], InvalidTarget),
        ("GET", "/\u{e9}", &[HOST], InvalidTarget),
        ("GET", "/%zz", &[HOST], InvalidTarget),
        ("GET", "*", &[HOST], InvalidTargetForm),
        ("CONNECT", "/", &[HOST], InvalidTargetAuthority),
        ("GET", "/", &[], MissingHost),
        ("GET", "/", &[HOST, HOST], DuplicateHost),
        ("GET", "/", &[("Host", "a/b")], InvalidHost),
        ("GET", "/", &[("Host", "")], InvalidHost),
        ("GET", "http://b/", &[HOST], InvalidHost),
        ("CONNECT", "a:1", &[HOST], InvalidHost),
        ("GET", "/", &[HOST, ("Content-Type", "a/b"), ("content-type", "c/d")], DuplicateContentType),
        ("GET", "/", &[HOST, ("Expect", "x")], UnknownExpectation),
    ] {
        let got = head(&mut connection(), (method, target), None, fields);
        assert_eq!(got, Err(EncodeError::Refused(kind)), "{method} {target} {fields:?}");
    }
    let content = Some(BodyLen::Fixed(1));
    let got = head(&mut connection(), ("TRACE", "/"), content, &[HOST]);
    assert_eq!(got, Err(EncodeError::Refused(UnexpectedContent)));
    for (field, error) in [
        (("X-A", "a\r\nB: c"), EncodeError::InvalidFieldValue),
        (("X A", "a"), EncodeError::InvalidFieldName),
        (("content-length", "1"), EncodeError::CodecField("content-length")),
        (("Transfer-Encoding", "chunked"), EncodeError::CodecField("transfer-encoding")),
        (("Connection", "close"), EncodeError::CodecField("connection")),
    ] {
        assert_eq!(head(&mut connection(), ("GET", "/"), None, &[HOST, field]), Err(error));
    }
    assert!(head(&mut connection(), ("GET", "http://A:80/x"), None, &[("Host", "a:80")]).is_ok());
}

#[test]
fn a_refused_line_leaves_the_head_as_it_was() {
    let (mut conn, mut out) = (connection(), Vec::new());
    let mut head = conn.encode_head("GET", "/", None, &mut out).expect("a line");
    assert!(head.field("Host", "a b").is_err());
    head.field("Host", "a").expect("the first Host that counts");
    let mut lines = FieldLines::new();
    lines.push("TE", "trailers").expect("a line");
    lines.push("Host", "a").expect("a line");
    assert_eq!(head.lines(&lines), Err(EncodeError::Refused(ErrorKind::DuplicateHost)));
    let mut lines = FieldLines::new();
    lines.push("User-Agent", "wire").expect("a line");
    lines.push("Upgrade", "x").expect("a line");
    head.lines(&lines).expect("lines");
    head.finish().expect("a head");
    assert_eq!(
        out,
        b"GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: wire\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"
    );
}

#[test]
fn content_is_framed_and_counted() {
    let (mut conn, mut out) = (connection(), Vec::new());
    assert_eq!(conn.encode_data(b"x", &mut out), Err(EncodeError::NotStarted));
    assert_eq!(conn.encode_end(&mut out), Err(EncodeError::NotStarted));
    head(&mut conn, ("PUT", "/"), Some(BodyLen::Fixed(3)), &[HOST]).expect("a head");
    assert_eq!(conn.encode_data(b"abcd", &mut out), Err(EncodeError::BodyTooLong { excess: 1 }));
    conn.encode_data(b"ab", &mut out).expect("content");
    assert_eq!(conn.encode_end(&mut out), Err(EncodeError::BodyIncomplete { missing: 1 }));
    let trailers = [("X", "y")];
    assert_eq!(conn.encode_end_with_trailers(trailers, &mut out), Err(EncodeError::TrailersNotAllowed));
    assert_eq!(head(&mut conn, ("GET", "/"), None, &[HOST]), Err(EncodeError::AlreadyStarted));
    conn.encode_data(b"c", &mut out).expect("content");
    conn.encode_end(&mut out).expect("an end");
    assert_eq!(conn.encode_end(&mut out), Err(EncodeError::AlreadyComplete));
    assert_eq!(out, b"abc");

    out.clear();
    head(&mut conn, ("PUT", "/"), Some(BodyLen::Streamed), &[HOST]).expect("a head");
    conn.encode_data(b"", &mut out).expect("nothing");
    conn.encode_data(b"hello", &mut out).expect("a chunk");
    let chunk = conn.encode_data_header(16).expect("a chunk");
    assert_eq!((chunk.as_bytes(), chunk.suffix()), (&b"10\r\n"[..], &b"\r\n"[..]));
    let forbidden = [("X", "y"), ("Host", "b")];
    assert_eq!(conn.encode_end_with_trailers(forbidden, &mut out), Err(EncodeError::ForbiddenTrailer));
    conn.encode_end_with_trailers(trailers, &mut out).expect("an end");
    assert_eq!(out, b"5\r\nhello\r\n0\r\nX: y\r\n\r\n");

    head(&mut conn, ("GET", "/"), None, &[HOST]).expect("a head");
    assert_eq!(conn.encode_data(b"x", &mut out), Err(EncodeError::BodyNotAllowed));
}

#[test]
fn a_client_waits_for_100_continue() {
    let expect = ("Expect", "100-continue");
    let body = Some(BodyLen::Fixed(5));
    let got = head(&mut connection(), ("PUT", "/"), None, &[HOST, expect]);
    assert_eq!(got, Err(EncodeError::ExpectWithoutContent));

    let waiting = || {
        let mut conn = connection();
        head(&mut conn, ("PUT", "/"), body, &[HOST, expect]).expect("a head");
        assert!(conn.awaits_continue() && !conn.request_complete());
        conn
    };
    let mut conn = waiting();
    event(&mut conn, b"HTTP/1.1 103 X\r\n\r\n");
    assert!(conn.awaits_continue(), "103 says nothing about the content");
    event(&mut conn, b"HTTP/1.1 100 Continue\r\n\r\n");
    assert!(conn.head().is_interim() && !conn.awaits_continue());

    // It need not wait for ever.
    let (mut conn, mut out) = (waiting(), Vec::new());
    conn.encode_data(b"hello", &mut out).expect("content");
    assert!(!conn.awaits_continue());

    // A final response: the content need not follow, and then the connection cannot be used again.
    let mut conn = waiting();
    assert_eq!(event(&mut conn, OK), (OK.len(), Some(Event::Head)));
    assert!(!conn.awaits_continue());
    assert_eq!(event(&mut conn, b""), (0, Some(Event::End)));
    assert!(!conn.next_cycle(), "the request is not complete");
    conn.encode_data(b"hello", &mut out).expect("content");
    conn.encode_end(&mut out).expect("an end");
    assert!(conn.next_cycle(), "but it can be completed");
}

#[test]
fn a_response_may_come_before_the_request_is_complete() {
    let (mut conn, mut out) = (connection(), Vec::new());
    head(&mut conn, ("PUT", "/"), Some(BodyLen::Streamed), &[HOST]).expect("a head");
    assert_eq!(event(&mut conn, OK), (OK.len(), Some(Event::Head)));
    conn.encode_data(b"x", &mut out).expect("content");
    assert_eq!(event(&mut conn, b""), (0, Some(Event::End)));
    assert_eq!((conn.outstanding(), conn.next_cycle()), (0, false));
    conn.encode_end(&mut out).expect("an end");
    assert!(conn.next_cycle());
}

#[test]
fn pipelining_is_bounded_and_stops_where_it_must() {
    let mut config = Config::default();
    config.max_pipelined = 3;
    let (mut conn, mut out) = (ClientConnection::new(config), Vec::new());
    for _ in 0..3 {
        write(&mut conn, "GET", &mut out).expect("a request");
    }
    assert_eq!(write(&mut conn, "GET", &mut out), Err(EncodeError::PipelineFull));
    assert!(ok(&mut conn));
    assert_eq!(conn.outstanding(), 2);
    write(&mut conn, "GET upgrade", &mut out).expect("a request");
    assert!(ok(&mut conn));
    assert_eq!(write(&mut conn, "GET", &mut out), Err(EncodeError::UpgradePending));
    assert!(ok(&mut conn) && ok(&mut conn), "the upgrade was refused");
    write(&mut conn, "CONNECT", &mut out).expect("a request");
    assert_eq!(write(&mut conn, "GET", &mut out), Err(EncodeError::UpgradePending));
    assert_eq!(event(&mut conn, b"HTTP/1.1 200 OK\r\n\r\n"), (19, Some(Event::Head)));
    assert!(conn.head().switches() && conn.is_upgraded());
    assert_eq!(event(&mut conn, b"x"), (0, Some(Event::End)));
    assert_eq!(event(&mut conn, b"x"), (0, Some(Event::Upgraded)));
    assert_eq!(write(&mut conn, "GET", &mut out), Err(EncodeError::Closing));

    let mut conn = connection();
    write(&mut conn, "GET", &mut out).expect("a request");
    write(&mut conn, "GET close", &mut out).expect("a request");
    assert_eq!(write(&mut conn, "GET", &mut out), Err(EncodeError::Closing));
    assert!(ok(&mut conn), "the first one did not say so");
    assert!(!ok(&mut conn));

    let mut conn = connection();
    write(&mut conn, "GET", &mut out).expect("a request");
    event(&mut conn, b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\n");
    assert_eq!(write(&mut conn, "GET", &mut out), Err(EncodeError::Closing));

    let mut conn = connection();
    conn.decode(b"HTTP/1.1 200 OK\r\n").expect_err("nobody asked");
    assert_eq!(write(&mut conn, "GET", &mut out), Err(EncodeError::Closing));
}

#[test]
fn set_close_lets_outstanding_responses_in() {
    let (mut conn, mut out) = (connection(), Vec::new());
    write(&mut conn, "GET", &mut out).expect("a request");
    write(&mut conn, "GET", &mut out).expect("a request");
    conn.set_close();
    assert!(conn.keep_alive() && ok(&mut conn));
    assert!(!conn.keep_alive() && !ok(&mut conn));
}

#[test]
fn chunked_content_needs_a_server_that_knows_it() {
    let (mut conn, mut out) = (connection(), Vec::new());
    write(&mut conn, "GET", &mut out).expect("a request");
    event(&mut conn, b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n");
    event(&mut conn, b"");
    assert!(conn.next_cycle());
    let streamed = head(&mut conn, ("PUT", "/"), Some(BodyLen::Streamed), &[HOST]);
    assert_eq!(streamed, Err(EncodeError::ChunkedToHttp10));
    assert!(head(&mut conn, ("PUT", "/"), Some(BodyLen::Fixed(0)), &[HOST]).is_ok());
}

#[test]
fn a_close_delimited_body_ends_with_the_input() {
    let (mut conn, mut out) = (connection(), Vec::new());
    write(&mut conn, "GET", &mut out).expect("a request");
    event(&mut conn, b"HTTP/1.1 200 OK\r\n\r\n");
    assert_eq!(event(&mut conn, b"abc"), (3, Some(Event::Data { len: 3 })));
    assert_eq!(event(&mut conn, b""), (0, None));
    assert!(conn.is_mid_message() && conn.outstanding() == 1);
    conn.decode_eof().expect("the end of the content");
    assert_eq!(event(&mut conn, b""), (0, Some(Event::End)));
    assert_eq!((conn.outstanding(), conn.next_cycle()), (0, false));
    conn.decode_eof().expect("again");
}

#[test]
fn a_head_can_be_taken_and_read_from_a_copy() {
    let (mut conn, mut out) = (connection(), Vec::new());
    write(&mut conn, "GET", &mut out).expect("a request");
    let input = b"\r\nHTTP/1.1 200 Fine\r\nsERVER: x\r\nX-A: 1\r\nx-a:2\r\nContent-Length: 0\r\n\r\n";
    let step = conn.decode(input).expect("a head");
    let copy = step.payload(input).to_vec();
    let head = conn.take_head(wire_http1::ResponseHead::default());
    let view = head.view(&copy);
    assert_eq!((view.status(), view.reason()), (200, &b"Fine"[..]));
    assert_eq!(view.get_known(wire_http1::Known::Server), Some(&b"x"[..]));
    assert!(view.get_all("X-A").eq([b"1", b"2"]));
    let names: Vec<_> = view.fields().map(|field| field.name).collect();
    assert_eq!(names, ["sERVER", "X-A", "x-a", "Content-Length"]);
    assert_eq!((head.field_count(), head.body()), (4, wire_http1::ResponseFraming::Fixed(0)));
    assert_eq!(event(&mut conn, b""), (0, Some(Event::End)), "the connection keeps what it needs");
    assert!(conn.next_cycle());
}

#[test]
fn a_dropped_head_was_never_there() {
    let (mut conn, mut out) = (connection(), Vec::new());
    drop(conn.encode_head("GET", "/", None, &mut out));
    assert_eq!((out.len(), conn.outstanding()), (0, 0));
    conn.encode_head("GET", "/", None, &mut out).map(drop).expect("again");
    let unfinished = conn.encode_head("GET", "/", None, &mut out).and_then(RequestWriter::finish);
    assert_eq!(unfinished, Err(EncodeError::Refused(ErrorKind::MissingHost)));
    assert!(out.is_empty() && conn.request_complete());
}
