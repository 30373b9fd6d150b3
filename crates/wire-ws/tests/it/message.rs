//! What `MessageDecoder` adds to the laws: where a message lies, direct reads, memory between messages.

use testkit::alloc::measure;
use wire_ws::{Config, DataKind, ErrorKind, MessageDecoder, MessageEvent, Payload, Role};

use crate::frames::{BINARY, BINARY_FIRST, LAST, PING, TEXT, frame, header};

fn server() -> MessageDecoder {
    MessageDecoder::new(Role::Server, &Config::default())
}

fn message(kind: DataKind, payload: Payload) -> MessageEvent {
    MessageEvent::Message { kind, payload }
}

/// Decodes once and returns the event, with all of `input` consumed.
fn whole(decoder: &mut MessageDecoder, input: &mut [u8]) -> Option<MessageEvent> {
    let step = decoder.decode(input).expect("legal");
    assert_eq!(step.consumed, input.len());
    step.event
}

#[test]
fn a_message_in_one_piece_stays_in_the_input() {
    let mut decoder = server();
    let mut input = frame(BINARY, true, &[7; 100_000]);
    let (event, usage) = measure(|| whole(&mut decoder, &mut input));
    assert_eq!(event, Some(message(DataKind::Binary, Payload::Input(14..100_014))));
    assert_eq!(usage.count, 0);
    assert!(input[14..].iter().all(|&byte| byte == 7));
    assert!(decoder.buffer().is_empty() && decoder.take_buffer().is_empty());
}

#[test]
fn a_message_in_pieces_is_joined_and_can_be_taken() {
    let mut decoder = server();
    let mut input = [frame(BINARY_FIRST, true, b"ab"), frame(LAST, true, b"cd")].concat();
    assert_eq!(whole(&mut decoder, &mut input), Some(message(DataKind::Binary, Payload::Buffer)));
    assert_eq!(decoder.buffer(), b"abcd");
    assert_eq!(decoder.take_buffer(), b"abcd");
    assert!(decoder.take_buffer().is_empty());
    // The next one starts anew, whether the last was taken or not.
    for _ in 0..2 {
        let mut input = [frame(BINARY_FIRST, true, b"e"), frame(LAST, true, b"f")].concat();
        assert_eq!(whole(&mut decoder, &mut input), Some(message(DataKind::Binary, Payload::Buffer)));
        assert_eq!(decoder.buffer(), b"ef");
    }
}

#[test]
fn an_unfinished_message_cannot_be_taken() {
    let mut decoder = server();
    assert_eq!(whole(&mut decoder, &mut frame(BINARY_FIRST, true, b"ab")), None);
    assert!(decoder.take_buffer().is_empty());
    decoder.shrink();
    assert_eq!(decoder.buffer(), b"ab");
    assert_eq!(
        whole(&mut decoder, &mut frame(LAST, true, b"")),
        Some(message(DataKind::Binary, Payload::Buffer))
    );
    assert_eq!(decoder.buffer(), b"ab");
}

#[test]
fn the_rest_of_a_frame_can_be_read_straight_into_the_message() {
    let mut decoder = server();
    assert!(decoder.spare().is_none(), "between frames");
    let text = "größer als ein Lesepuffer ".repeat(10_000);
    let wire = frame(TEXT, true, text.as_bytes());
    let mut input = wire[..5_000].to_vec();
    assert_eq!(whole(&mut decoder, &mut input), None);
    let mut at = input.len();
    loop {
        let remaining = usize::try_from(decoder.remaining()).expect("it fits");
        assert_eq!(remaining, wire.len() - at);
        let received = decoder.buffer().len();
        let spare = decoder.spare().expect("within a frame");
        assert!(spare.capacity() <= 2 * received.max(4 << 10), "{} for {received}", spare.capacity());
        let room = spare.capacity() - spare.len();
        assert!(room > 0);
        let piece = room.min(remaining).min(7_001);
        spare.extend_from_slice(&wire[at..at + piece]);
        at += piece;
        if let Some(event) = decoder.filled().expect("legal") {
            assert_eq!(event, message(DataKind::Text, Payload::Buffer));
            break;
        }
    }
    assert_eq!(at, wire.len());
    assert_eq!(decoder.buffer(), text.as_bytes());
    assert!(decoder.spare().is_none());
    // Nothing was allocated beyond the message by the last growth.
    assert_eq!(decoder.take_buffer().capacity(), text.len());
}

#[test]
fn a_direct_read_fails_fast_and_stays_failed() {
    let mut decoder = server();
    assert_eq!(whole(&mut decoder, &mut header(TEXT, true, 100)), None);
    assert_eq!(decoder.filled(), Ok(None), "nothing was read");
    decoder.spare().expect("within a frame").extend([0x37 ^ b'a', 0xfa ^ 0xff, 0, 0]);
    let error = decoder.filled().expect_err("not UTF-8");
    assert_eq!((error.kind(), error.offset()), (ErrorKind::InvalidUtf8, 7));
    assert_eq!(decoder.filled(), Err(error));
    assert_eq!(decoder.decode(&mut []), Err(error));
    assert_eq!(decoder.decode_eof(), Err(error));
    assert!(decoder.spare().is_none());
}

#[test]
#[should_panic(expected = "4 bytes read where 3 remained")]
fn reading_beyond_the_frame_is_a_bug_of_the_caller() {
    let mut decoder = server();
    assert_eq!(whole(&mut decoder, &mut header(BINARY, true, 3)), None);
    decoder.spare().expect("within a frame").extend([0; 4]);
    let _ = decoder.filled();
}

#[test]
fn a_large_buffer_is_not_kept() {
    let mut decoder = server();
    let mut pieces = |len: usize| {
        let mut input = [frame(BINARY_FIRST, true, &vec![0; len]), frame(LAST, true, b"")].concat();
        assert_eq!(whole(&mut decoder, &mut input), Some(message(DataKind::Binary, Payload::Buffer)));
        assert!(whole(&mut decoder, &mut frame(PING, true, b"")).is_some());
        measure(|| {
            let mut input = [frame(BINARY_FIRST, true, b"a"), frame(LAST, true, b"")].concat();
            whole(&mut decoder, &mut input);
        })
        .1
    };
    let kept = pieces(60_000);
    let dropped = pieces(70_000);
    assert_eq!(dropped.count, kept.count + 1, "only the small buffer was kept");
}
