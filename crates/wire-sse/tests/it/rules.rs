//! The rule table, whole and at every split.

use conformance::sse::{Event, cases};
use wire_sse::{Config, ErrorKind, EventDecoder, StreamEvent};

/// Everything a client learns from a stream.
#[derive(Debug, PartialEq)]
struct Outcome {
    events: Vec<Event>,
    last_event_id: String,
    retry: Option<u64>,
    limit: Option<String>,
}

fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut config = Config::default();
    (config.max_data, config.max_event_type, config.max_id) = (32, 32, 32);
    let mut decoder = EventDecoder::new(&config);
    let (mut events, mut retry, mut limit) = (Vec::new(), None, None);
    'stream: for mut input in pieces {
        loop {
            let step = match decoder.decode(input) {
                Ok(step) => step,
                Err(error) => {
                    assert_eq!(decoder.decode_eof(), Err(error));
                    let name = match error.kind() {
                        ErrorKind::DataTooBig => "data",
                        ErrorKind::EventTypeTooBig => "event",
                        ErrorKind::IdTooBig => "id",
                        kind => panic!("{kind:?}"),
                    };
                    limit = Some(name.to_owned());
                    break 'stream;
                }
            };
            input = &input[step.consumed..];
            match step.event {
                Some(StreamEvent::Message) => events.push(Event {
                    data: decoder.data().into_owned(),
                    event: decoder.event_type().into_owned(),
                    id: decoder.last_event_id().into_owned(),
                }),
                // The table's integers have 63 bits.
                Some(StreamEvent::Retry(time)) => {
                    retry = Some((time.as_millis() as u64).min(i64::MAX as u64));
                }
                None => break,
            }
        }
        assert!(input.is_empty(), "everything is consumed");
    }
    assert_eq!(decoder.decode_eof().is_err(), limit.is_some());
    Outcome { events, last_event_id: decoder.last_event_id().into_owned(), retry, limit }
}

#[test]
fn every_rule_at_every_split() {
    for case in cases() {
        let (bytes, id) = (case.bytes(), &case.id);
        let expected = Outcome {
            events: case.events,
            last_event_id: case.last_event_id,
            retry: case.retry,
            limit: case.limit,
        };
        assert_eq!(decode([&bytes[..]]), expected, "{id}");
        assert_eq!(decode(bytes.chunks(1)), expected, "{id}: byte by byte");
        for at in 1..bytes.len() {
            let (a, b) = bytes.split_at(at);
            assert_eq!(decode([a, b]), expected, "{id}: split at {at}");
        }
    }
}

#[test]
fn an_id_from_before_the_reconnection_goes_on() {
    let mut decoder = EventDecoder::new(&Config::default()).with_last_event_id("41");
    assert_eq!(decoder.last_event_id(), "41");
    let step = decoder.decode(b"data: a\n\n").expect("legal");
    assert_eq!((step.event, &*decoder.last_event_id()), (Some(StreamEvent::Message), "41"));
}

#[test]
fn an_error_says_which_byte() {
    let mut config = Config::default();
    config.max_data = 4;
    let mut decoder = EventDecoder::new(&config);
    let error = decoder.decode(b": x\ndata: abcde\n\n").expect_err("over the limit");
    assert_eq!((error.kind(), error.offset()), (ErrorKind::DataTooBig, 14));
    assert_eq!(error.to_string(), "data of an event over the limit: raise `Config::max_data` (at byte 14)");
    // The line feed is a byte too.
    let mut decoder = EventDecoder::new(&config);
    assert_eq!(decoder.decode(b"data: abcd\n").map_err(|error| error.offset()), Err(10));
}

#[test]
fn nothing_of_a_message_shows_before_it_is_complete() {
    let mut decoder = EventDecoder::new(&Config::default());
    decoder.decode(b"id: 7\nevent: x\ndata: abc").expect("legal");
    assert_eq!((&*decoder.data(), &*decoder.event_type(), &*decoder.last_event_id()), ("", "message", ""));
}
