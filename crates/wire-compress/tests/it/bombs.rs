//! Content that is small on the wire: it ends at the cap, with bounded memory and time.

use std::time::Duration;

use cpu_time::ThreadTime;
use testkit::alloc::measure;
use wire_compress::{Coding, Config, Encoder, EncoderConfig, ErrorKind, Flush};

use crate::common::{self, decoder, encode, unlimited};

/// Zeros, encoded.
fn zeros(coding: Coding, len: usize) -> Vec<u8> {
    let mut config = EncoderConfig::default();
    (config.brotli_level, config.window_log) = (5, 23);
    let mut encoder = Encoder::new(coding, &config, None).expect("supported");
    let zeros = vec![0; 1 << 20];
    let mut pieces: Vec<_> = (0..len >> 20).map(|_| (&zeros[..], Flush::None)).collect();
    pieces.push((&zeros[..len % (1 << 20)], Flush::Finish));
    common::encode_pieces(&mut encoder, &pieces, 64 << 10)
}

/// 80 GiB of zeros in a few megabytes: what an encoder makes of a megabyte between two flushes may be repeated, since it
/// ends at a byte and copies only what is before it.
fn brotli_80_gib() -> Vec<u8> {
    let mut encoder = Encoder::new(Coding::Brotli, &EncoderConfig::default(), None).expect("supported");
    let zeros = vec![0; 1 << 20];
    let start = common::encode_pieces(&mut encoder, &[(&zeros[..], Flush::Sync)], 4096);
    let block = common::encode_pieces(&mut encoder, &[(&zeros[..], Flush::Sync)], 4096);
    [start, block.repeat((80 << 10) - 1), b"\x03".to_vec()].concat()
}

struct Outcome {
    kind: ErrorKind,
    came_out: u64,
    peak: usize,
    time: Duration,
}

/// Decodes to the end or to an error, keeping nothing, as one does who drains.
fn drain(codings: &str, config: &Config, bomb: &[u8]) -> Outcome {
    let start = ThreadTime::now();
    let mut came_out = 0;
    let (kind, usage) = measure(|| {
        let mut decoder = decoder(codings, config);
        let mut out = Vec::with_capacity(64 << 10);
        let mut rest = bomb;
        loop {
            out.clear();
            match decoder.decode(rest, &mut out) {
                Err(error) => {
                    assert_eq!(decoder.decode(b"", &mut out), Err(error));
                    assert_eq!(decoder.decode_eof(), Err(error));
                    return error.kind();
                }
                Ok(progress) => {
                    came_out += out.len() as u64;
                    rest = &rest[progress.consumed..];
                    assert!(!progress.done, "a bomb went through: {came_out} bytes");
                }
            }
        }
    });
    Outcome { kind, came_out, peak: usage.peak, time: start.elapsed() }
}

fn assert_harmless(codings: &str, bomb: &[u8]) {
    // The ratio ends it first.
    let outcome = drain(codings, &Config::default(), bomb);
    assert_eq!(outcome.kind, ErrorKind::RatioTooHigh, "{codings}");
    // Without it, the cap does, exactly.
    let mut config = unlimited();
    config.max_output = 20 << 20;
    let capped = drain(codings, &config, bomb);
    assert_eq!(capped.kind, ErrorKind::OutputTooBig, "{codings}");
    assert!(capped.came_out <= config.max_output);
    for outcome in [outcome, capped] {
        // The largest window of brotli, twice while it grows.
        assert!(outcome.peak < 33 << 20, "{codings}: {} bytes held", outcome.peak);
        assert!(outcome.time < Duration::from_secs(10), "{codings}: {:?}", outcome.time);
    }
}

#[test]
fn zeros_of_every_coding() {
    for coding in Coding::PREFERENCE {
        let bomb = zeros(coding, 32 << 20);
        assert!(bomb.len() < 80_000, "{coding}: no bomb at all, {} bytes", bomb.len());
        assert_harmless(coding.token(), &bomb);
    }
}

#[test]
fn brotli_to_80_gib() {
    let bomb = brotli_80_gib();
    assert!(bomb.len() < 8 << 20, "{} bytes", bomb.len());
    assert_harmless("br", &bomb);
}

#[test]
fn nested() {
    for (codings, inner, outer) in [
        ("gzip, gzip", Coding::Gzip, Coding::Gzip),
        ("br, gzip", Coding::Brotli, Coding::Gzip),
        ("zstd, br", Coding::Zstd, Coding::Brotli),
    ] {
        // Each level is harmless by itself, and so is what lies between them.
        let bomb = encode(outer, &zeros(inner, 32 << 20));
        assert_harmless(codings, &bomb);
    }
    // A bomb that is the shell of nothing: between the codings the cap holds too.
    let shell =
        encode(Coding::Gzip, &[b"\x1f\x8b\x08\x08\0\0\0\0\0\0".to_vec(), vec![b'a'; 32 << 20]].concat());
    assert_harmless("gzip, gzip", &shell);
}

/// Content that says nothing, and never ends.
#[test]
fn nothing_at_length() {
    let empty_blocks = || [0, 0, 0, 0xff, 0xff].repeat(64 << 10);
    for (codings, start, more) in [
        ("gzip", &b"\x1f\x8b\x08\0\0\0\0\0\0\0"[..], empty_blocks()),
        ("gzip", b"\x1f\x8b\x08\x08\0\0\0\0\0\0", vec![b'a'; 64 << 10]),
        ("deflate", b"\x78\x9c", empty_blocks()),
        ("zstd", b"", [&b"\x50\x2a\x4d\x18\xff\xff\0\0"[..], &[0; 0xffff]].concat()),
        // A window of 16 bits and empty metadata, which ends at a byte; then 64 KiB of metadata.
        ("br", b"\x0c", [&b"\xe6\xff\x3f"[..], &[0; 1 << 16]].concat()),
    ] {
        let mut config = Config::default();
        config.max_output = 1_000;
        let mut decoder = decoder(codings, &config);
        let mut out = Vec::with_capacity(100);
        let mut sent = start.len();
        assert!(decoder.decode(start, &mut out).expect("a good start").done);
        let error = loop {
            match decoder.decode(&more, &mut out) {
                Ok(progress) => assert!(progress.done && out.is_empty(), "{codings}"),
                Err(error) => break error,
            }
            sent += more.len();
            assert!(sent as u64 <= config.max_input(), "{codings}: {sent} bytes of nothing");
        };
        assert_eq!((error.kind(), error.status()), (ErrorKind::InputTooBig, 413), "{codings}");
    }
}

/// One byte below, at, and above.
#[test]
fn the_cap_is_exact() {
    for coding in Coding::PREFERENCE {
        let wire = encode(coding, &common::json(50_000));
        let len = common::decode(coding.token(), &unlimited(), &wire).expect("good").len() as u64;
        for (max, good) in [(len - 1, false), (len, true), (len + 1, true), (0, false)] {
            let mut config = Config::default();
            config.max_output = max;
            let result = common::decode(coding.token(), &config, &wire);
            if good {
                assert_eq!(result.map(|out| out.len() as u64), Ok(len), "{coding}");
            } else {
                assert_eq!(result, Err(ErrorKind::OutputTooBig), "{coding}");
            }
        }
        let mut config = Config::default();
        config.max_output = 0;
        assert_eq!(common::decode(coding.token(), &config, &encode(coding, b"")), Ok(Vec::new()), "{coding}");
    }
}

/// What is free is free, and content of an ordinary ratio passes whatever its length.
#[test]
fn the_ratio_counts_from_a_megabyte_on() {
    for coding in Coding::PREFERENCE {
        let wire = zeros(coding, 1 << 20);
        assert_eq!(
            common::decode(coding.token(), &Config::default(), &wire).map(|out| out.len()),
            Ok(1 << 20)
        );
        let wire = zeros(coding, (1 << 20) + 1);
        assert_eq!(common::decode(coding.token(), &Config::default(), &wire), Err(ErrorKind::RatioTooHigh));
        let wire = encode(coding, &common::json(3 << 20));
        assert!(common::decode(coding.token(), &Config::default(), &wire).is_ok(), "{coding}");
    }
}
