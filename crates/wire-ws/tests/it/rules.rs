//! Where an error is, when it comes, and what comes before it.

use wire_ws::{CloseCode, Config, Decoder, ErrorKind, Event, Role};

use crate::frames::{BINARY, BINARY_FIRST, CLOSE, LAST, MORE, PING, TEXT, TEXT_FIRST, frame, header};

/// Feeds a server byte by byte: after how many bytes it fails, and with what.
fn fails_after(wire: &[u8]) -> (usize, ErrorKind, u64) {
    let mut config = Config::default();
    config.max_message_size = 1_000;
    config.max_frame_size = 500;
    config.max_fragments = 3;
    let mut decoder = Decoder::new(Role::Server, &config);
    let mut rest = Vec::new();
    for (fed, &byte) in wire.iter().enumerate() {
        rest.push(byte);
        loop {
            match decoder.decode(&mut rest) {
                Ok(step) => {
                    rest.drain(..step.consumed);
                    if step.event.is_none() {
                        break;
                    }
                }
                Err(error) => return (fed + 1, error.kind(), error.offset()),
            }
        }
    }
    let error = decoder.decode_eof().expect_err("a failure");
    (wire.len(), error.kind(), error.offset())
}

#[test]
fn errors_come_with_the_byte_that_shows_them_and_say_which() {
    use ErrorKind as K;
    let good = frame(TEXT, true, b"good");
    let start = good.len();
    for (bad, after, kind, at) in [
        (vec![0x83], 1, K::ReservedOpCode, 0),
        (vec![0xc1], 1, K::ReservedBits, 0),
        (vec![0x09], 1, K::FragmentedControl, 0),
        (vec![0x80], 1, K::UnexpectedContinuation, 0),
        (vec![0x81, 0x00], 2, K::Unmasked, 1),
        (vec![0x89, 0xfe], 2, K::ControlTooLong, 1),
        (vec![0x82, 0xfe, 0, 9], 4, K::NonMinimalLength, 2),
        (vec![0x82, 0xff, 0, 0, 0, 0, 0, 0, 1, 0], 10, K::NonMinimalLength, 2),
        (vec![0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0], 10, K::LengthOverflow, 2),
        (vec![0x82, 0xfe, 1, 0xf5], 4, K::FrameTooBig, 2),
        (frame(TEXT, true, b"ab\xffcd"), 9, K::InvalidUtf8, 8),
        (frame(TEXT, true, b"ab\xe2\x82"), 10, K::IncompleteUtf8, 10),
        (frame(CLOSE, true, b"\x03"), 7, K::InvalidCloseLength, 6),
        (frame(CLOSE, true, b"\x03\xee"), 8, K::InvalidCloseCode, 6),
        (frame(CLOSE, true, b"\x03\xe8ok\xff"), 11, K::InvalidCloseReason, 10),
        ([frame(TEXT_FIRST, true, b"a"), vec![TEXT]].concat(), 8, K::UnfinishedMessage, 7),
        (
            [frame(TEXT_FIRST, true, b"a"), frame(PING, true, b""), vec![BINARY]].concat(),
            14,
            K::UnfinishedMessage,
            13,
        ),
        (
            [frame(BINARY_FIRST, true, b""), frame(MORE, true, b"").repeat(2), vec![LAST]].concat(),
            19,
            K::TooManyFragments,
            18,
        ),
        (
            [frame(BINARY_FIRST, true, &[0; 500]), header(LAST, true, 501)[..4].to_vec()].concat(),
            512,
            K::FrameTooBig,
            510,
        ),
        (
            [
                frame(BINARY_FIRST, true, &[0; 500]),
                frame(MORE, true, &[0; 400]),
                header(LAST, true, 101)[..2].to_vec(),
            ]
            .concat(),
            918,
            K::MessageTooBig,
            917,
        ),
    ] {
        let got = fails_after(&[good.clone(), bad].concat());
        assert_eq!(got, (start + after, kind, (start + at) as u64), "{kind:?}");
    }
}

#[test]
fn errors_of_limits_say_which_to_raise() {
    for kind in [ErrorKind::FrameTooBig, ErrorKind::MessageTooBig, ErrorKind::TooManyFragments] {
        assert!(kind.to_string().contains("raise `Config::max_"), "{kind}");
    }
}

#[test]
fn the_end_without_a_close() {
    use ErrorKind as K;
    let good = frame(TEXT, true, b"good");
    for (wire, kind) in [
        (vec![], K::EndedWithoutClose),
        (good.clone(), K::EndedWithoutClose),
        (frame(TEXT_FIRST, true, b"a"), K::EndedWithoutClose),
        (good[..1].to_vec(), K::EndedWithinFrame),
        (good[..6].to_vec(), K::EndedWithinFrame),
        (good[..8].to_vec(), K::EndedWithinFrame),
        (frame(PING, true, b"ping")[..8].to_vec(), K::EndedWithinFrame),
    ] {
        assert_eq!(fails_after(&wire), (wire.len(), kind, wire.len() as u64), "{wire:?}");
    }
}

#[test]
fn after_a_close_everything_is_ignored() {
    let mut decoder = Decoder::new(Role::Server, &Config::default());
    let mut wire = [frame(CLOSE, true, b"\x03\xe9bye"), vec![0xff; 10]].concat();
    let step = decoder.decode(&mut wire).expect("legal");
    assert_eq!(step.event, Some(Event::Close { code: Some(CloseCode::GOING_AWAY), len: 3 }));
    assert_eq!(step.payload(&wire), b"bye");
    assert!(decoder.is_closed());
    let rest = &mut wire[step.consumed..];
    assert!(!decoder.is_ready(rest));
    let step = decoder.decode(rest).expect("ignored");
    assert_eq!((step.consumed, step.event), (10, None));
    assert_eq!(decoder.decode_eof(), Ok(()));
}

#[test]
fn what_is_good_before_bad_text_comes_out_first_and_the_rest_stays_masked() {
    let mut decoder = Decoder::new(Role::Server, &Config::default());
    let sent = frame(TEXT, true, b"good\xffbad");
    let mut wire = sent.clone();
    let step = decoder.decode(&mut wire).expect("the good part");
    assert_eq!(step.payload(&wire), b"good");
    assert!(matches!(step.event, Some(Event::Data { first: true, last: false, .. })));
    assert_eq!(wire[step.consumed..], sent[step.consumed..]);
    let error = decoder.decode(&mut wire[step.consumed..]).expect_err("the bad part");
    assert_eq!((error.kind(), error.close_code()), (ErrorKind::InvalidUtf8, CloseCode::INVALID_DATA));
    assert_eq!(error.to_string(), "text is not UTF-8 (at byte 10)");
}

#[test]
fn ready_and_remaining_by_the_header() {
    let mut decoder = Decoder::new(Role::Server, &Config::default());
    let wire = [frame(BINARY_FIRST, true, b""), frame(MORE, true, b""), frame(MORE, true, b"abc")].concat();
    for end in 0..=wire.len() {
        assert_eq!(decoder.is_ready(&wire[..end]), end == wire.len(), "empty fragments give no event: {end}");
    }
    let mut head = wire[..wire.len() - 2].to_vec();
    let step = decoder.decode(&mut head).expect("legal");
    assert!(matches!(step.event, Some(Event::Data { len: 1, first: true, last: false, .. })));
    assert_eq!(decoder.remaining(), 2);
    assert!(!decoder.is_ready(&wire[wire.len() - 2..wire.len() - 1]));
    assert!(decoder.is_ready(&wire[wire.len() - 2..]));
    // An error counts as ready, and is seen in the header.
    let mut tail = wire[wire.len() - 2..].to_vec();
    decoder.decode(&mut tail).expect("legal");
    assert_eq!(decoder.remaining(), 0);
    assert!(decoder.is_ready(&[TEXT]));
}

#[test]
fn a_frame_over_a_limit_is_ready_by_its_header() {
    let mut config = Config::default();
    config.max_frame_size = 10;
    let decoder = Decoder::new(Role::Server, &config);
    assert!(!decoder.is_ready(&header(BINARY, true, 10)));
    assert!(decoder.is_ready(&header(BINARY, true, 11)), "an error");
    assert!(decoder.is_ready(&header(BINARY, true, 11)[..2]), "without the key too");
}

#[test]
fn decoders_and_encoders_are_send_and_small() {
    fn assert_send<T: Send + 'static>() -> usize {
        size_of::<T>()
    }
    assert!(assert_send::<Decoder>() <= 96);
    assert!(assert_send::<wire_ws::MessageDecoder>() <= 136 + 8 * usize::from(cfg!(feature = "deflate")));
    assert!(assert_send::<wire_ws::Encoder>() <= 16);
    assert!(size_of::<Result<wire_ws::Step, wire_ws::Error>>() <= 24);
}
