//! Round trips: any content, cuts, flushes, room, levels.

use proptest::prelude::*;
use wire_compress::{Coding, EncodeError, Encoder, EncoderConfig, Flush, FlushPolicy};

use crate::common::{self, decode, decode_some, encode_pieces, encode_with, unlimited};

fn config(level: u8, window_log: u8) -> EncoderConfig {
    let mut config = EncoderConfig::default();
    (config.gzip_level, config.brotli_level, config.zstd_level) = (level, level, level);
    config.window_log = window_log;
    config
}

fn coding() -> impl Strategy<Value = Coding> {
    prop::sample::select(&Coding::PREFERENCE[..])
}

fn flush() -> impl Strategy<Value = Flush> {
    prop_oneof![3 => Just(Flush::None), 2 => Just(Flush::Sync)]
}

/// Text with repetitions, or noise.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        (0_usize..30_000).prop_map(common::json),
        (0_usize..100_000).prop_map(|len| vec![b'z'; len]),
        (0_usize..20_000).prop_map(common::noise),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn what_goes_in_comes_out(
        coding in coding(),
        level in 0_u8..10,
        window_log in 10_u8..24,
        hint in prop::option::of(0_u64..1_000_000),
        pieces in prop::collection::vec((piece(), flush()), 0..6),
        room in prop_oneof![Just(1_usize), Just(7), Just(63), Just(64), Just(65), 100_usize..10_000],
        cut in 1_usize..5_000,
        read in 1_usize..5_000,
    ) {
        let mut encoder = Encoder::new(coding, &config(level, window_log), hint).expect("supported");
        let mut decoder = common::decoder(coding.token(), &unlimited());
        let (mut sent, mut received) = (Vec::new(), Vec::new());
        for (piece, flush) in &pieces {
            sent.extend_from_slice(piece);
            let wire = encode_pieces(&mut encoder, &[(piece, *flush)], room);
            received.extend(decode_some(&mut decoder, &wire, cut, read).expect("good"));
            if *flush == Flush::Sync {
                // The law of flushing: all of it can be read.
                prop_assert!(received == sent, "{} of {} bytes after a flush", received.len(), sent.len());
            }
        }
        let wire = encode_pieces(&mut encoder, &[(b"", Flush::Finish)], room);
        received.extend(decode_some(&mut decoder, &wire, cut, read).expect("good"));
        prop_assert!(received == sent);
        prop_assert!(encoder.is_finished());
        prop_assert_eq!(decoder.decode_eof(), Ok(()));
    }
}

#[test]
fn every_level_and_window() {
    let content = [common::json(60_000), common::noise(1_000)].concat();
    for coding in Coding::PREFERENCE {
        for level in 0..=if coding == Coding::Zstd { 19 } else { 11 } {
            let wire = encode_with(coding, &config(level, 19), &content);
            assert!(decode(coding.token(), &unlimited(), &wire).as_ref() == Ok(&content), "{coding} {level}");
            assert!(wire.len() < content.len() / 2, "{coding} {level}: {}", wire.len());
        }
        for window_log in [0, 10, 16, 23, 255] {
            let wire = encode_with(coding, &config(5, window_log), &content);
            assert!(decode(coding.token(), &unlimited(), &wire).as_ref() == Ok(&content));
        }
    }
}

/// One call takes a bounded piece, whatever it is given.
#[test]
fn one_call_is_bounded() {
    for coding in Coding::PREFERENCE {
        let mut encoder = Encoder::new(coding, &EncoderConfig::default(), None).expect("supported");
        let mut out = Vec::with_capacity(1 << 20);
        let content = vec![0; 1 << 20];
        let progress = encoder.encode(&content, Flush::Finish, &mut out).expect("works");
        assert!(progress.consumed <= Encoder::MAX_INPUT && !progress.done, "{coding}: {progress:?}");
    }
}

/// A flush with nothing new behind it writes nothing, however often: an idle stream stays idle.
#[test]
fn repeated_flushes_write_nothing() {
    for coding in Coding::PREFERENCE {
        for room in [1, 100] {
            let mut encoder = Encoder::new(coding, &EncoderConfig::default(), None).expect("supported");
            encode_pieces(&mut encoder, &[(b"event", Flush::Sync)], room);
            let again = encode_pieces(&mut encoder, &[(b"", Flush::Sync), (b"", Flush::Sync)], room);
            assert_eq!(again, b"", "{coding}");
        }
    }
}

#[test]
fn nothing_goes_behind_the_end() {
    for coding in Coding::PREFERENCE {
        let mut encoder = Encoder::new(coding, &EncoderConfig::default(), None).expect("supported");
        encode_pieces(&mut encoder, &[(b"all", Flush::Finish)], 100);
        let mut out = Vec::with_capacity(100);
        assert_eq!(encoder.encode(b"more", Flush::None, &mut out), Err(EncodeError::Finished));
        let progress = encoder.encode(b"", Flush::Finish, &mut out).expect("finished");
        assert!(progress.done && out.is_empty());
    }
}

/// What was encoded before on this thread, finished or not, with these settings or others, leaves no trace.
#[test]
fn recycled_encoders_are_as_new() {
    let contents = [common::json(900), common::noise(7_000), common::json(100_000), b"x".repeat(4_000)];
    for coding in Coding::PREFERENCE {
        for (level, other) in [(0, 1), (1, 2), (2, 3), (3, 4), (4, 2), (4, 5), (5, 4), (9, 4), (10, 4)] {
            let (config, other) = (config(level, 19), config(other, 19));
            let fresh = |content: &Vec<u8>| {
                let (config, content) = (config, content.clone());
                let thread = std::thread::spawn(move || encode_with(coding, &config, &content));
                thread.join().expect("encodes")
            };
            let expected: Vec<_> = contents.iter().map(fresh).collect();
            for (before, _) in contents.iter().zip(&expected) {
                for (content, expected) in contents.iter().zip(&expected) {
                    encode_with(coding, &config, before);
                    assert!(encode_with(coding, &config, content) == *expected, "{coding} {level}");
                    encode_with(coding, &other, before);
                    let mut unfinished = Encoder::new(coding, &config, None).expect("supported");
                    let pieces = [(&before[..before.len() / 2], Flush::None)];
                    encode_pieces(&mut unfinished, &pieces, 64 << 10);
                    drop(unfinished);
                    assert!(encode_with(coding, &config, content) == *expected, "{coding} {level}");
                }
            }
        }
    }
}

#[test]
fn policies() {
    for (policy, more, last) in [
        (FlushPolicy::Never, Flush::None, Flush::None),
        (FlushPolicy::WhenIdle, Flush::None, Flush::Sync),
        (FlushPolicy::EachFrame, Flush::Sync, Flush::Sync),
    ] {
        assert_eq!((policy.after_piece(true), policy.after_piece(false)), (more, last), "{policy:?}");
    }
}

/// Encoders and decoders go with their response from thread to thread.
#[test]
fn they_can_be_sent() {
    fn is_send<T: Send>() {}
    is_send::<Encoder>();
    is_send::<wire_compress::Decoder>();
}
