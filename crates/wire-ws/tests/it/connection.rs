//! `Connection`: answers, the closing handshake, timers, limits of the output.

use std::time::Duration;

use wire_ws::{
    CloseCode, Connection, ConnectionConfig, DataKind, EncodeError, End, ErrorKind, MessageEvent,
    RefusedReason, Timeout,
};

use crate::frames::{CLOSE, PING, PONG, TEXT, frame};

const fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn server() -> Connection {
    Connection::server(&ConnectionConfig::default(), at(100))
}

fn client() -> Connection {
    Connection::client([1; 32], &ConnectionConfig::default(), at(100))
}

/// Decodes all of `input` and returns the events.
fn receive(connection: &mut Connection, mut input: Vec<u8>, now: Duration) -> Vec<MessageEvent> {
    let (mut start, mut events) = (0, Vec::new());
    loop {
        let step = connection.decode(&mut input[start..], now).expect("legal");
        start += step.consumed;
        let Some(event) = step.event else { return events };
        events.push(event);
    }
}

/// Writes all of the output.
fn write(connection: &mut Connection) -> Vec<u8> {
    let out = connection.output().to_vec();
    connection.written(out.len());
    out
}

#[test]
fn a_clean_end_started_by_the_client() {
    let (mut server, mut client) = (server(), client());
    client.close(Some(CloseCode::GOING_AWAY), "bye", at(101)).expect("open");
    assert_eq!(client.next_deadline(), Some(at(106)));
    assert_eq!(client.close(None, "", at(102)), Err(EncodeError::Closed));
    let events = receive(&mut server, write(&mut client), at(102));
    assert!(matches!(&events[..], [MessageEvent::Close { code: Some(CloseCode::GOING_AWAY), .. }]));
    assert_eq!((server.end(), server.next_deadline()), (None, Some(at(107))));
    assert_eq!(server.output(), b"\x88\x02\x03\xe9");
    let answer = write(&mut server);
    assert_eq!((server.end(), server.next_deadline()), (Some(End::Clean), None));
    receive(&mut client, answer, at(103));
    assert_eq!(client.end(), None, "the server closes the transport first");
    assert_eq!(client.decode_eof(), End::Clean);
    assert_eq!(client.next_deadline(), None);
}

#[test]
fn a_clean_end_started_by_the_server() {
    let (mut server, mut client) = (server(), client());
    server.close(Some(CloseCode::NORMAL), "", at(101)).expect("open");
    receive(&mut client, write(&mut server), at(101));
    let answer = write(&mut client);
    assert_eq!(server.end(), None);
    receive(&mut server, answer, at(102));
    assert_eq!(server.end(), Some(End::Clean));
    // The server does not close the transport: the client gives up waiting, and the end was clean.
    assert_eq!(client.next_deadline(), Some(at(106)));
    client.handle_timeout(at(106));
    assert_eq!(client.end(), Some(End::Clean));
}

#[test]
fn both_close_at_once() {
    let (mut server, mut client) = (server(), client());
    server.close(None, "", at(101)).expect("open");
    client.close(None, "", at(101)).expect("open");
    let (from_server, from_client) = (write(&mut server), write(&mut client));
    receive(&mut server, from_client, at(102));
    receive(&mut client, from_server, at(102));
    assert!(server.output().is_empty() && client.output().is_empty(), "one Close each");
    assert_eq!(server.end(), Some(End::Clean));
    assert_eq!(client.decode_eof(), End::Clean);
}

#[test]
fn a_close_that_is_not_answered() {
    let mut server = server();
    server.close(None, "", at(101)).expect("open");
    write(&mut server);
    // Whatever else comes does not count as an answer.
    receive(&mut server, frame(TEXT, true, b"still talking"), at(105));
    server.handle_timeout(at(105));
    assert_eq!(server.end(), None);
    server.handle_timeout(at(106));
    assert_eq!(server.end(), Some(End::TimedOut(Timeout::Close)));
    assert_eq!(server.decode_eof(), End::TimedOut(Timeout::Close), "the first end stands");
}

/// A peer that closes and does not read our answer: no closing handshake is done (section 7.1.4).
#[test]
fn a_close_that_is_not_taken() {
    for (mut connection, close) in [(server(), frame(CLOSE, true, b"")), (client(), b"\x88\x00".to_vec())] {
        receive(&mut connection, close, at(101));
        connection.written(1);
        connection.handle_timeout(at(106));
        assert_eq!(connection.end(), Some(End::TimedOut(Timeout::Close)));
    }
}

#[test]
fn an_end_without_close_is_abnormal() {
    for (sent, kind) in [(0, ErrorKind::EndedWithoutClose), (3, ErrorKind::EndedWithinFrame)] {
        let mut server = server();
        let input = &mut frame(TEXT, true, b"text")[..sent];
        server.decode(input, at(101)).expect("legal");
        let End::Abnormal(error) = server.decode_eof() else { panic!("{:?}", server.end()) };
        assert_eq!(error.kind(), kind);
        assert_eq!(server.end(), Some(End::Abnormal(error)));
    }
}

#[test]
fn a_broken_rule_fails_the_connection() {
    for mut connection in [server(), client()] {
        let error = connection.decode(&mut [0x83], at(101)).expect_err("reserved");
        assert_eq!(connection.decode(&mut [0x83], at(102)), Err(error));
        assert_eq!((connection.end(), connection.next_deadline()), (None, Some(at(106))));
        assert!(!connection.is_writable());
        assert!(!write(&mut connection).is_empty(), "a Close with 1002");
        assert_eq!(connection.end(), Some(End::Abnormal(error)));
    }
    // Also where the Close cannot be written.
    let mut server = server();
    let error = server.decode(&mut [0x83], at(101)).expect_err("reserved");
    assert_eq!(server.output(), b"\x88\x02\x03\xea");
    server.handle_timeout(at(106));
    assert_eq!(server.end(), Some(End::Abnormal(error)));
}

#[test]
fn keepalive() {
    let mut server = server();
    assert_eq!(server.next_deadline(), Some(at(120)));
    // Any byte postpones it.
    receive(&mut server, frame(TEXT, true, b"here")[..3].to_vec(), at(110));
    assert_eq!(server.next_deadline(), Some(at(120)), "nothing was consumed");
    receive(&mut server, frame(TEXT, true, b"here"), at(111));
    assert_eq!(server.next_deadline(), Some(at(131)));
    server.handle_timeout(at(130));
    assert!(server.output().is_empty());
    server.handle_timeout(at(131));
    assert_eq!(write(&mut server), b"\x89\x00");
    assert_eq!(server.next_deadline(), Some(at(151)));
    receive(&mut server, frame(PONG, true, b""), at(140));
    assert_eq!(server.next_deadline(), Some(at(160)));
    server.handle_timeout(at(165));
    assert_eq!(server.next_deadline(), Some(at(185)), "from when it was sent");
    server.handle_timeout(at(185));
    assert_eq!((server.end(), server.next_deadline()), (Some(End::TimedOut(Timeout::Pong)), None));

    let mut config = ConnectionConfig::default();
    config.ping_interval = None;
    assert_eq!(Connection::server(&config, at(0)).next_deadline(), None);
    config.ping_interval = Some(Duration::MAX);
    assert_eq!(Connection::server(&config, at(9)).next_deadline(), Some(Duration::MAX));
}

#[test]
fn of_many_pings_the_latest_is_answered() {
    let mut server = server();
    let pings: Vec<u8> = (b'a'..=b'z').flat_map(|name| frame(PING, true, &[name])).collect();
    receive(&mut server, pings.clone(), at(101));
    assert_eq!(server.output(), b"\x8a\x01z");
    // One is on its way in part; of those that follow one waits.
    server.written(1);
    receive(&mut server, pings.clone(), at(101));
    assert_eq!(server.output(), b"\x01z");
    receive(&mut server, pings[..14].to_vec(), at(101));
    server.written(1);
    assert_eq!(server.output(), b"z");
    server.written(1);
    assert_eq!(write(&mut server), b"\x8a\x01b");
    // Before a Close also the one that waits, behind it none.
    receive(&mut server, pings.clone(), at(101));
    assert_eq!(server.output(), b"\x8a\x01z");
    receive(&mut server, [&pings[..14], &frame(CLOSE, true, b""), &pings].concat(), at(101));
    assert_eq!(server.output(), b"\x8a\x01z\x8a\x01b\x88\x00");
}

#[test]
fn pings_before_our_own_close_are_answered() {
    let mut server = server();
    receive(&mut server, frame(PING, true, b"a"), at(101));
    server.close(None, "", at(101)).expect("open");
    receive(&mut server, frame(PING, true, b"b"), at(101));
    assert_eq!(server.output(), b"\x8a\x01a\x88\x00");
}

#[test]
fn pongs_do_not_starve_behind_messages_nor_pile_up() {
    let mut server = server();
    for _ in 0..1_000 {
        receive(&mut server, frame(PING, true, b"p"), at(101));
        let _ = server.send(DataKind::Binary, [0; 100]);
        let _ = server.output();
    }
    let out = write(&mut server);
    assert_eq!(out.windows(3).filter(|bytes| bytes == b"\x8a\x01p").count(), 1);
    assert_eq!(write(&mut server), b"\x8a\x01p");
    assert!(server.output().is_empty());
}

#[test]
fn output_limits_and_the_message_handed_back() {
    let mut config = ConnectionConfig::default();
    (config.soft_output_limit, config.hard_output_limit) = (100, 1_000);
    let mut server = Connection::server(&config, at(0));
    // Alone it may be of any size.
    server.send(DataKind::Binary, vec![1; 5_000]).expect("the output was empty");
    assert!(!server.is_writable());
    let refused = server.send(DataKind::Binary, vec![2; 10]).expect_err("full");
    assert_eq!((refused.reason, refused.message), (RefusedReason::Full, vec![2; 10]));
    let len = server.output().len();
    server.written(len - 200);
    server.send(DataKind::Binary, vec![3; 800]).expect("room");
    let refused = server.send(DataKind::Binary, vec![4; 200]).expect_err("full");
    assert_eq!(refused.to_string(), "the output is full");
    // What the protocol asks for is not limited.
    receive(&mut server, frame(PING, true, b""), at(1));
    server.close(None, "", at(1)).expect("open");
    let out = write(&mut server);
    assert_eq!(out.len(), 200 + 804 + 2 + 2);
    let refused = server.send(DataKind::Text, "late").expect_err("closed");
    assert_eq!((refused.reason, refused.message), (RefusedReason::Encode(EncodeError::Closed), "late"));
    assert!(!server.is_writable());
}

#[test]
#[should_panic(expected = "more was written than there is")]
fn writing_more_than_there_is_is_a_bug_of_the_caller() {
    server().written(1);
}

#[test]
fn an_idle_connection_holds_nothing_on_the_heap() {
    let ((), usage) = testkit::alloc::measure(|| assert!(size_of_val(&server()) <= 512));
    assert_eq!(usage.count, 0);
}
