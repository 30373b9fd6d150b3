//! The two halves together: interim responses, early answers, errors, upgrades, pipelining.

use wire_http1::{
    BodyFraming, BodyLen, Config, EncodeError, ErrorKind, Event, HeadWriter, ServerConnection, Step,
};

fn connection() -> ServerConnection {
    ServerConnection::new(Config::default())
}

fn event(connection: &mut ServerConnection, input: &[u8]) -> (usize, Option<Event>) {
    let Step { consumed, event } = connection.decode(input).expect("no error");
    (consumed, event)
}

/// Answers with 200 and no content.
fn answer(connection: &mut ServerConnection) -> String {
    let mut out = Vec::new();
    connection
        .encode_head(200, "", BodyLen::Fixed(0), &mut out)
        .and_then(HeadWriter::finish)
        .expect("a head");
    connection.encode_end(&mut out).expect("an end");
    String::from_utf8(out).expect("ASCII")
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn later_requests_wait_for_the_response() {
    let mut connection = connection();
    let input = [GET, GET].concat();
    assert_eq!(event(&mut connection, &input), (GET.len(), Some(Event::Head)));
    assert_eq!(connection.head().body(), BodyFraming::None);
    assert!(!connection.request_complete() && !connection.next_cycle());
    assert_eq!(event(&mut connection, GET), (0, Some(Event::End)));
    assert!(connection.request_complete());
    for _ in 0..3 {
        assert_eq!(event(&mut connection, GET), (0, Some(Event::Paused)));
    }
    assert_eq!(connection.decode_eof(), Ok(()), "a half-closing client still wants its answer");
    answer(&mut connection);
    assert_eq!(event(&mut connection, GET), (0, Some(Event::Paused)));
    assert!(connection.next_cycle());
    assert!(!connection.response_started() && !connection.is_mid_message());
    assert_eq!(event(&mut connection, GET), (GET.len(), Some(Event::Head)));
}

#[test]
fn a_connection_is_fresh_only_between_exchanges() {
    let mut connection = connection();
    assert!(connection.is_fresh());
    // Behind an empty line, which counts.
    let input = [b"\r\n", GET].concat();
    let mut done = 0;
    for end in 1..=input.len() {
        done += connection.decode(&input[done..end]).unwrap().consumed;
        assert!(!connection.is_fresh(), "{end}");
    }
    assert_eq!(event(&mut connection, b""), (0, Some(Event::End)));
    assert!(!connection.is_fresh());
    answer(&mut connection);
    assert!(!connection.is_fresh() && connection.next_cycle() && connection.is_fresh());
    connection.set_close();
    assert!(!connection.is_fresh());

    let mut refused = ServerConnection::new(Config::default());
    assert!(refused.decode(b"\n").is_err() && !refused.is_fresh());
}

#[test]
fn an_answer_may_come_before_the_end_is_reported() {
    let mut connection = connection();
    event(&mut connection, GET);
    answer(&mut connection);
    assert!(connection.next_cycle(), "there is no content to wait for");
    assert_eq!(event(&mut connection, GET), (GET.len(), Some(Event::Head)));
}

#[test]
fn an_early_answer_leaves_the_content_to_be_drained() {
    let mut connection = connection();
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
    event(&mut connection, head);
    assert!(!answer(&mut connection).contains("close"));
    assert!(!connection.next_cycle(), "five bytes are on their way");
    assert_eq!(event(&mut connection, b"hel"), (3, Some(Event::Data { len: 3 })));
    assert!(connection.is_mid_message() && !connection.next_cycle());
    assert_eq!(event(&mut connection, b"loGET"), (2, Some(Event::Data { len: 2 })));
    assert!(connection.next_cycle());
    assert_eq!(event(&mut connection, GET), (GET.len(), Some(Event::Head)));
}

#[test]
fn continue_is_sent_once_and_only_when_awaited() {
    let awaiting = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    let mut out = Vec::new();
    let mut conn = connection();
    event(&mut conn, awaiting);
    assert!(conn.head().expects_continue() && conn.awaits_continue());
    conn.encode_continue(&mut out).expect("100");
    conn.encode_continue(&mut out).expect("nothing");
    assert_eq!(out, b"HTTP/1.1 100 Continue\r\n\r\n");
    assert!(!conn.awaits_continue());
    assert!(!answer(&mut conn).contains("close"), "the client was told to send its content");

    let mut conn = connection();
    event(&mut conn, awaiting);
    event(&mut conn, b"h");
    out.clear();
    conn.encode_continue(&mut out).expect("nothing: the content comes anyway");
    assert!(out.is_empty());

    let mut conn = connection();
    event(&mut conn, awaiting);
    assert!(
        answer(&mut conn).ends_with("Connection: close\r\n\r\n"),
        "nobody knows whether the content follows"
    );
    event(&mut conn, b"hello");
    assert!(!conn.next_cycle());
    out.clear();
    assert_eq!(conn.encode_continue(&mut out), Ok(()));
    assert!(out.is_empty());

    let mut conn = connection();
    event(&mut conn, GET);
    conn.encode_continue(&mut out).expect("nothing");
    assert!(out.is_empty());
}

#[test]
fn interim_responses_precede_the_final_one() {
    let (mut conn, mut out) = (connection(), Vec::new());
    assert_eq!(conn.encode_interim(103, &mut out).err(), Some(EncodeError::InterimNotAllowed));
    event(&mut conn, GET);
    for link in ["</a>", "</b>"] {
        let mut head = conn.encode_interim(103, &mut out).expect("a head");
        head.field("Link", link).expect("a field");
        assert!(head.field("Content-Length", "0").is_err());
        head.finish().expect("a head");
    }
    assert!(!conn.response_started());
    answer(&mut conn);
    assert_eq!(
        out,
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </b>\r\n\r\n"
    );
    assert_eq!(conn.encode_interim(103, &mut out).err(), Some(EncodeError::AlreadyStarted));

    let mut old = connection();
    event(&mut old, b"GET / HTTP/1.0\r\n\r\n");
    assert_eq!(old.encode_interim(103, &mut out).err(), Some(EncodeError::InterimNotAllowed));
}

#[test]
fn a_refusal_goes_out_and_closes() {
    let (mut conn, mut out) = (connection(), Vec::new());
    let error = conn.decode(b"GET / HTTP/1.1\r\n\r\n").expect_err("Host is missing");
    assert_eq!((error.kind(), error.offset(), error.status()), (ErrorKind::MissingHost, 18, 400));
    assert_eq!(error.to_string(), "missing Host at byte 18 of the message");
    assert_eq!(conn.decode(GET), Err(error));
    assert_eq!(conn.decode_eof(), Err(error));
    assert!(!conn.keep_alive());
    conn.encode_head(400, "", BodyLen::Streamed, &mut out).and_then(HeadWriter::finish).expect("a head");
    conn.encode_data(b"no", &mut out).expect("content");
    conn.encode_end(&mut out).expect("an end");
    assert_eq!(out, b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nno", "no version, no chunks");
    assert!(!conn.next_cycle());
}

#[test]
fn a_refused_head_gets_no_content_either() {
    let mut conn = connection();
    conn.decode(b"HEAD / HTTP/1.1\r\nHost: a b\r\n\r\n").expect_err("a malformed Host");
    assert!(!conn.response_has_body());
    let text = answer(&mut conn);
    assert_eq!(text, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

#[test]
fn an_error_in_the_content_closes_a_response_under_way() {
    let (mut conn, mut out) = (connection(), Vec::new());
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    event(&mut conn, head);
    conn.encode_head(200, "", BodyLen::Streamed, &mut out).and_then(HeadWriter::finish).expect("a head");
    let error = conn.decode(b"x").expect_err("no chunk");
    assert_eq!((error.kind(), error.offset()), (ErrorKind::InvalidChunkSize, head.len() as u64));
    conn.encode_data(b"x", &mut out).expect("the response can still be completed");
    conn.encode_end(&mut out).expect("an end");
    assert!(!conn.next_cycle());
}

#[test]
fn a_server_may_speak_without_a_request() {
    let mut conn = connection();
    assert_eq!(event(&mut conn, b"GET / HT"), (0, None));
    assert!(conn.is_mid_message());
    let text = answer(&mut conn);
    assert!(text.ends_with("Connection: close\r\n\r\n"), "408, say: {text}");
    assert!(!conn.next_cycle());
}

#[test]
fn the_end_of_input_is_clean_only_between_requests() {
    assert_eq!(connection().decode_eof(), Ok(()));
    let mut conn = connection();
    assert_eq!(event(&mut conn, b"\r\n"), (2, None));
    assert_eq!(conn.decode_eof(), Ok(()));
    for (input, offset) in [(&b"\r"[..], 1), (b"G", 1), (b"\r\nG", 3), (&GET[..20], 20)] {
        let mut conn = connection();
        event(&mut conn, input);
        let error = conn.decode_eof().expect_err("inside a request");
        assert_eq!((error.kind(), error.offset()), (ErrorKind::Truncated, offset), "{input:?}");
        assert_eq!(conn.decode(b"x"), Err(error), "sticky");
    }
    let mut conn = connection();
    event(&mut conn, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n");
    assert_eq!(conn.decode_eof().map_err(|error| error.kind()), Err(ErrorKind::Truncated));
}

const UPGRADE: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

#[test]
fn an_upgrade_is_proposed_and_confirmed() {
    let (mut conn, mut out) = (connection(), Vec::new());
    let input = [UPGRADE, b"\x81\x00"].concat();
    assert_eq!(event(&mut conn, &input), (UPGRADE.len(), Some(Event::Head)));
    assert!(conn.head().offers_upgrade());
    assert_eq!(event(&mut conn, b"\x81\x00"), (0, Some(Event::End)));
    assert_eq!(event(&mut conn, b"\x81\x00"), (0, Some(Event::Paused)), "these bytes belong to nobody yet");
    let error = conn.encode_head(101, "", BodyLen::Fixed(0), &mut out).and_then(HeadWriter::finish);
    assert_eq!(error, Err(EncodeError::MissingUpgradeField));
    assert!(out.is_empty() && !conn.response_started());
    let mut head = conn.encode_head(101, "", BodyLen::Fixed(0), &mut out).expect("a head");
    head.field("Upgrade", "websocket").expect("a field");
    head.finish().expect("a head");
    assert_eq!(out, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n");
    assert!(conn.response_complete() && conn.is_upgraded());
    assert_eq!(event(&mut conn, b"\x81\x00"), (0, Some(Event::Upgraded)));
    assert_eq!(conn.encode_end(&mut out), Ok(()));
    assert_eq!(conn.encode_data(b"x", &mut out), Err(EncodeError::AlreadyComplete));
    assert!(!conn.next_cycle());
    assert_eq!(conn.decode_eof(), Ok(()));
}

#[test]
fn an_upgrade_that_is_not_taken_changes_nothing() {
    let mut conn = connection();
    event(&mut conn, UPGRADE);
    assert_eq!(answer(&mut conn), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert!(conn.next_cycle());
    assert_eq!(event(&mut conn, GET), (GET.len(), Some(Event::Head)));
}

#[test]
fn no_switch_without_a_proposal_or_inside_a_request() {
    let (mut conn, mut out) = (connection(), Vec::new());
    assert_eq!(
        conn.encode_head(101, "", BodyLen::Fixed(0), &mut out).err(),
        Some(EncodeError::UpgradeNotOffered)
    );
    event(&mut conn, GET);
    assert_eq!(
        conn.encode_head(101, "", BodyLen::Fixed(0), &mut out).err(),
        Some(EncodeError::UpgradeNotOffered)
    );
    let mut conn = connection();
    let head =
        b"POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\nContent-Length: 2\r\n\r\n";
    event(&mut conn, head);
    assert_eq!(
        conn.encode_head(101, "", BodyLen::Fixed(0), &mut out).err(),
        Some(EncodeError::RequestIncomplete)
    );
    event(&mut conn, b"ab");
    assert!(conn.encode_head(101, "", BodyLen::Fixed(0), &mut out).is_ok());
}

const CONNECT: &[u8] = b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n";

#[test]
fn connect_makes_a_tunnel_or_closes() {
    let (mut conn, mut out) = (connection(), Vec::new());
    event(&mut conn, CONNECT);
    assert_eq!(event(&mut conn, b"\x16\x03"), (0, Some(Event::End)));
    assert_eq!(event(&mut conn, b"\x16\x03"), (0, Some(Event::Paused)));
    conn.encode_head(200, "", BodyLen::Streamed, &mut out).and_then(HeadWriter::finish).expect("a head");
    assert_eq!(out, b"HTTP/1.1 200 OK\r\n\r\n", "neither length nor coding (RFC 9110, 9.3.6)");
    assert!(!conn.response_has_body());
    assert_eq!(event(&mut conn, b"\x16\x03"), (0, Some(Event::Upgraded)));

    let (mut conn, mut out) = (connection(), Vec::new());
    event(&mut conn, CONNECT);
    conn.encode_head(407, "", BodyLen::Fixed(0), &mut out).and_then(HeadWriter::finish).expect("a head");
    assert!(out.ends_with(b"Connection: close\r\n\r\n"), "bytes for the tunnel may be on their way");
    conn.encode_end(&mut out).expect("an end");
    assert!(!conn.next_cycle());
}

#[test]
fn the_payload_is_the_tail_of_the_consumed_prefix() {
    let mut conn = connection();
    event(&mut conn, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    let input = b"5;x\r\nhello\r\n0\r\nX-A: b\r\nHost: c\r\n\r\nGET";
    let step = conn.decode(input).expect("a chunk");
    assert_eq!((step.payload(input), step.payload_range()), (&b"hello"[..], 5..10));
    let rest = &input[step.consumed..];
    let step = conn.decode(rest).expect("trailers");
    assert_eq!((step.event, step.consumed), (Some(Event::Trailers), rest.len() - 3));
    let trailers = conn.trailers();
    assert_eq!((trailers.field_count(), trailers.dropped()), (1, 1));
    let view = trailers.view(step.payload(rest));
    assert_eq!((view.get("x-a"), view.get("host")), (Some(&b"b"[..]), None));
    assert_eq!(event(&mut conn, b"GET"), (0, Some(Event::End)));
}

#[test]
fn a_head_reads_the_same_from_a_copy_of_its_bytes() {
    let mut conn = connection();
    let input = b"\r\nPUT http://b:1/p?q HTTP/1.1\r\nhOST: a\r\nX-Thing: 1\r\nAccept: x\r\nx-thing:2\r\nContent-Length: 0\r\n\r\n";
    let step = conn.decode(input).expect("a head");
    let copy = step.payload(input).to_vec();
    let head = conn.take_head(wire_http1::RequestHead::default());
    assert_eq!(conn.head(), &wire_http1::RequestHead::default());
    let view = head.view(&copy);
    assert_eq!((view.method(), view.target(), view.scheme()), ("PUT", "http://b:1/p?q", Some("http")));
    assert_eq!((view.path(), view.query(), view.authority()), ("/p", Some("q"), Some("b:1")));
    assert_eq!(view.get("HOST"), Some(&b"a"[..]));
    assert_eq!(view.get_known(wire_http1::Known::Accept), Some(&b"x"[..]));
    assert!(view.get_all("X-THING").eq([b"1", b"2"]));
    assert_eq!(view.get("x-other"), None);
    let names: Vec<_> = view.fields().map(|field| field.name).collect();
    assert_eq!(names, ["hOST", "X-Thing", "Accept", "x-thing", "Content-Length"]);
    assert_eq!(head.field_count(), 5);
    assert_eq!(head.body(), BodyFraming::Fixed(0));
    assert!(head.keep_alive());
    assert_eq!(event(&mut conn, b""), (0, Some(Event::End)), "the connection keeps what it needs");
}

#[test]
fn input_that_shrinks_is_not_decoded() {
    for len in 1..GET.len() {
        let mut conn = connection();
        event(&mut conn, &GET[..len]);
        for shorter in 0..len {
            assert_eq!(event(&mut conn, &GET[..shorter]), (0, None));
        }
        assert_eq!(event(&mut conn, GET), (GET.len(), Some(Event::Head)));
    }
}

#[test]
fn a_value_that_grows_in_pieces_ends_with_the_limit_or_the_input() {
    let head = [b"GET / HTTP/1.1\r\nX: ".as_slice(), &[b'v'; 100]].concat();
    let mut config = Config::default();
    config.max_field_section = 50;
    for piece in 1..8 {
        let mut conn = ServerConnection::new(config.clone());
        let mut ends = (20..head.len()).step_by(piece);
        let refused = ends.find_map(|end| conn.decode(&head[..end]).err()).expect("a limit");
        assert_eq!((refused.kind(), refused.offset()), (ErrorKind::FieldSectionTooLarge, 66), "{piece}");

        let mut conn = ServerConnection::new(config.clone());
        for end in [25, 25 + piece] {
            assert_eq!(event(&mut conn, &head[..end]), (0, None));
        }
        let truncated = conn.decode_eof().expect_err("an end inside a value");
        assert_eq!((truncated.kind(), truncated.offset()), (ErrorKind::Truncated, 25 + piece as u64));
        assert_eq!(conn.decode(&head[..40]), Err(truncated));
    }
}

#[test]
fn trailers_are_welcome_where_te_says_so() {
    for (version, te, expected) in [
        ("1.1", "TE: trailers\r\n", true),
        ("1.1", "te: deflate;q=0.5, Trailers\r\n", true),
        ("1.1", "TE: gzip\r\nTE: trailers\r\n", true),
        ("1.1", "TE: trailersx\r\n", false),
        ("1.1", "TE:\r\n", false),
        ("1.1", "", false),
        ("1.0", "TE: trailers\r\n", false),
    ] {
        let mut conn = connection();
        event(&mut conn, format!("GET / HTTP/{version}\r\nHost: a\r\n{te}\r\n").as_bytes());
        assert_eq!(conn.head().accepts_trailers(), expected, "{version} {te}");
    }
}
