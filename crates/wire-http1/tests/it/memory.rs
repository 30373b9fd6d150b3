//! Once warm, a request allocates nothing.

use testkit::alloc;
use wire_http1::{
    BodyLen, ClientConnection, Config, Event, FieldLines, RequestHead, ResponseHead, ServerConnection,
};

const REQUEST: &[u8] = b"POST /a?b HTTP/1.1\r\nHost: example.com\r\nUser-Agent: test\r\nX-One: 1\r\nX-Two: 2\r\n\
    Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-Other: 2\r\n\r\n";

/// One exchange, whole, with the head taken and given back.
fn exchange(
    connection: &mut ServerConnection,
    spare: &mut RequestHead,
    lines: &FieldLines,
    out: &mut Vec<u8>,
) {
    out.clear();
    let mut start = 0;
    loop {
        let step = connection.decode(&REQUEST[start..]).expect("a request");
        start += step.consumed;
        match step.event.expect("a whole request") {
            Event::Head => {
                *spare = connection.take_head(std::mem::take(spare));
                connection.encode_continue(out).expect("100");
            }
            Event::End => break,
            _ => {}
        }
    }
    let mut head = connection.encode_head(200, "", BodyLen::Streamed, out).expect("a head");
    head.lines(lines);
    head.field("X-Three", "3").expect("a field");
    head.finish().expect("a head");
    connection.encode_data(b"hello", out).expect("content");
    connection.encode_end_with_trailers([("X-Sum", "1")], out).expect("an end");
    assert!(connection.next_cycle());
}

#[test]
fn a_warm_connection_allocates_nothing() {
    let mut connection = ServerConnection::new(Config::default());
    let (mut spare, mut lines, mut out) = (RequestHead::default(), FieldLines::new(), Vec::new());
    lines.push("Server", "wire").expect("a field");
    let (cold, warm) = (2, 1000);
    for _ in 0..cold {
        exchange(&mut connection, &mut spare, &lines, &mut out);
    }
    let ((), usage) = alloc::measure(|| {
        for _ in 0..warm {
            exchange(&mut connection, &mut spare, &lines, &mut out);
        }
    });
    assert_eq!((usage.count, usage.peak), (0, 0));
}

/// Two requests, pipelined, and their responses.
fn client_exchange(connection: &mut ClientConnection, spare: &mut ResponseHead, out: &mut Vec<u8>) {
    const RESPONSES: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX-One: 1\r\n\
        Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n\
        HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    out.clear();
    for _ in 0..2 {
        let mut head = connection.encode_head("PUT", "/a", Some(BodyLen::Streamed), out).expect("a line");
        head.field("Host", "example.com").expect("a field");
        head.finish().expect("a head");
        connection.encode_data(b"hello", out).expect("content");
        connection.encode_end_with_trailers([("X-Sum", "1")], out).expect("an end");
    }
    let mut start = 0;
    while connection.outstanding() > 0 {
        let step = connection.decode(&RESPONSES[start..]).expect("a response");
        start += step.consumed;
        match step.event.expect("a whole response") {
            Event::Head => *spare = connection.take_head(std::mem::take(spare)),
            Event::End => assert!(connection.next_cycle()),
            _ => {}
        }
    }
    assert_eq!(start, RESPONSES.len());
}

#[test]
fn a_warm_client_allocates_nothing() {
    let mut connection = ClientConnection::new(Config::default());
    let (mut spare, mut out) = (ResponseHead::default(), Vec::new());
    for _ in 0..2 {
        client_exchange(&mut connection, &mut spare, &mut out);
    }
    let ((), usage) = alloc::measure(|| {
        for _ in 0..1000 {
            client_exchange(&mut connection, &mut spare, &mut out);
        }
    });
    assert_eq!((usage.count, usage.peak), (0, 0));
}

#[test]
fn refusals_allocate_nothing_beyond_the_table() {
    let ((), usage) = alloc::measure(|| {
        let mut connection = ServerConnection::new(Config::default());
        for _ in 0..3 {
            connection.decode(b"GET / HTTP/1.1\r\n\r\n").expect_err("no Host");
        }
    });
    assert_eq!(usage.count, 0);
}

#[test]
fn the_table_is_small() {
    assert!(size_of::<RequestHead>() <= 96, "{}", size_of::<RequestHead>());
    assert!(size_of::<ServerConnection>() <= 640, "{}", size_of::<ServerConnection>());
    assert!(size_of::<ClientConnection>() <= 640, "{}", size_of::<ClientConnection>());
    assert!(size_of::<wire_http1::Error>() <= 16);
}
