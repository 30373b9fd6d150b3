//! The encoder: what it refuses, and that clients read what it writes.

use std::time::Duration;

use proptest::prelude::*;
use wire_sse::{Config, EncodeError, EventDecoder, Message, StreamEvent, encode_comment};

#[test]
fn what_a_stream_cannot_carry_is_refused_and_nothing_appended() {
    use EncodeError as E;
    for (message, error) in [
        (Message::data("a\rb"), E::CarriageReturn),
        (Message::data("a\r\nb"), E::CarriageReturn),
        (Message::data("a").id("1\n2"), E::LineEndInId),
        (Message::data("a").id("1\r"), E::LineEndInId),
        (Message::data("a").id("\0"), E::NulInId),
        (Message::data("a").event("x\ny"), E::LineEndInEventType),
        (Message::data("a").event("\r"), E::LineEndInEventType),
        (Message::default().event("x"), E::EventTypeWithoutData),
    ] {
        let mut out = b"before".to_vec();
        assert_eq!(message.encode(&mut out), Err(error), "{message:?}");
        assert_eq!(out, b"before");
    }
    let mut out = Vec::new();
    assert_eq!(encode_comment("a\rb", &mut out), Err(E::CarriageReturn));
    assert!(out.is_empty());
}

#[test]
fn the_bytes_on_the_wire() {
    let mut out = Vec::new();
    encode_comment("two\nlines", &mut out).expect("legal");
    encode_comment("", &mut out).expect("legal");
    Message::default().id("").encode(&mut out).expect("legal");
    let all = Message::data("\n x\n\0").id("7").event("note").with_retry(Duration::from_micros(1_999));
    all.encode(&mut out).expect("legal");
    assert_eq!(
        String::from_utf8(out).expect("text"),
        ": two\n: lines\n\n: \n\nid: \n\nretry: 1\nid: 7\nevent: note\ndata: \ndata:  x\ndata: \0\n\n"
    );
}

proptest! {
    #[test]
    fn clients_read_what_was_written(
        messages in prop::collection::vec(
            (
                prop::option::of("[^\r\n\0]{0,9}"),
                prop::option::of("[^\r\n]{0,9}"),
                "([^\r]|\n){0,40}",
                prop::option::of(0..u64::MAX),
                prop::option::of("([^\r]|\n){0,9}"),
            ),
            0..6,
        ),
        cut in 1_usize..50,
    ) {
        let (mut out, mut expected, mut last_id) = (Vec::new(), Vec::new(), String::new());
        for (id, event, data, retry, comment) in &messages {
            let mut message = Message::data(data);
            if let Some(id) = id {
                message = message.id(id);
                last_id.clone_from(id);
            }
            if let Some(event) = event {
                message = message.event(event);
            }
            if let Some(retry) = retry {
                message = message.with_retry(Duration::from_millis(*retry));
                expected.push(format!("retry {retry}"));
            }
            if let Some(comment) = comment {
                encode_comment(comment, &mut out).expect("legal");
            }
            message.encode(&mut out).expect("legal");
            let event = event.as_deref().filter(|event| !event.is_empty()).unwrap_or("message");
            expected.push(format!("{event:?} {last_id:?} {data:?}"));
        }
        let mut decoder = EventDecoder::new(&Config::default());
        let mut got = Vec::new();
        for mut input in out.chunks(cut) {
            while let step = decoder.decode(input).expect("legal")
                && let Some(event) = step.event
            {
                input = &input[step.consumed..];
                got.push(match event {
                    StreamEvent::Retry(time) => format!("retry {}", time.as_millis()),
                    StreamEvent::Message => {
                        format!("{:?} {:?} {:?}", decoder.event_type(), decoder.last_event_id(), decoder.data())
                    }
                });
            }
        }
        prop_assert_eq!(got, expected);
        prop_assert_eq!(decoder.last_event_id(), last_id);
    }
}
