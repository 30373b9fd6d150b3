//! What one encoder and one decoder hold: the figures of the crate's documentation. And what a thread keeps.

use testkit::alloc::measure;
use wire_compress::{Coding, Config, Encoder, EncoderConfig, Flush};

use crate::common;

/// The peak of encoding content piece by piece, on a thread that has nothing yet.
fn encoding(coding: Coding, level: u8, len: usize, hint: Option<u64>) -> usize {
    let mut config = EncoderConfig::default();
    (config.gzip_level, config.brotli_level) = (level, level);
    let thread = std::thread::spawn(move || {
        let content = common::json(len);
        let mut out = Vec::with_capacity(len + 100_000);
        let ((), usage) = measure(|| {
            let mut encoder = Encoder::new(coding, &config, hint).expect("supported");
            for piece in content.chunks(16 << 10) {
                assert!(encoder.encode(piece, Flush::None, &mut out).expect("works").done);
            }
            assert!(encoder.encode(b"", Flush::Finish, &mut out).expect("works").done);
        });
        usage.peak
    });
    thread.join().expect("measured")
}

/// In KiB, at most: of content whose length is known, and of a stream. libzstd's memory is not of this allocator: `src/encode/zstd.rs` asks it.
#[test]
fn an_encoder_holds_what_is_documented() {
    for (coding, level, small, page, stream) in [
        (Coding::Gzip, 1, 380, 380, 380),
        (Coding::Gzip, 6, 380, 380, 380),
        (Coding::Gzip, 9, 380, 380, 380),
        (Coding::Brotli, 1, 30, 200, 200),
        (Coding::Brotli, 3, 300, 1_100, 2_600),
        (Coding::Brotli, 4, 600, 2_000, 4_000),
        (Coding::Brotli, 5, 1_100, 2_500, 4_600),
        (Coding::Brotli, 6, 2_200, 3_600, 5_600),
        (Coding::Brotli, 7, 8_400, 9_800, 11_800),
        (Coding::Brotli, 9, 33_000, 34_500, 38_500),
        (Coding::Brotli, 11, 1_800, 7_000, 27_000),
    ] {
        for (len, hint, documented) in [
            (1 << 10, Some(1 << 10), small),
            (64 << 10, Some(64 << 10), page),
            (if level < 10 { 2 << 20 } else { 600 << 10 }, None, stream),
        ] {
            let peak = encoding(coding, level, len, hint) >> 10;
            assert!(peak <= documented, "{coding} {level}, {len} bytes: {peak}, documented {documented}");
            assert!(peak >= documented / 3, "{coding} {level}, {len} bytes: {peak}, documented {documented}");
        }
    }
}

/// The second response of a thread allocates nothing worth mentioning.
#[test]
fn the_second_encoder_is_the_first() {
    let content = common::json(1_000);
    for coding in Coding::PREFERENCE {
        let mut out = Vec::with_capacity(10_000);
        let mut encode = || {
            out.clear();
            let len = Some(content.len() as u64);
            let mut encoder = Encoder::new(coding, &EncoderConfig::default(), len).expect("supported");
            assert!(encoder.encode(&content, Flush::Finish, &mut out).expect("works").done);
        };
        encode();
        let ((), usage) = measure(&mut encode);
        println!("{coding}: {usage:?}");
        assert!(usage.peak < 64 << 10, "{coding}: {usage:?}");
    }
}

/// A thread keeps a few, however many there were.
#[test]
fn what_a_thread_keeps_is_bounded() {
    for coding in Coding::PREFERENCE {
        let content = common::json(60_000);
        let start = || {
            let mut encoder = Encoder::new(coding, &EncoderConfig::default(), None).expect("supported");
            let mut out = Vec::with_capacity(100_000);
            assert!(encoder.encode(&content, Flush::None, &mut out).expect("works").done);
            encoder
        };
        // What is live behind this is what the thread keeps.
        let (_, all) = measure(|| (0..32).map(|_| start()).collect::<Vec<_>>());
        let (kept, usage) = measure(|| (0..32).map(|_| start()).collect::<Vec<_>>());
        drop(kept);
        println!("{coding}: {all:?}, {usage:?}");
        assert!(usage.peak <= all.peak);
    }
}

/// Nothing is allocated for what a header announces.
#[test]
fn a_decoder_holds_what_came() {
    // zstd: a frame of 4 GiB with a window of 8 MiB is announced. brotli: a metablock of 16 MiB.
    let zstd = b"\x28\xb5\x2f\xfd\x80\x68\xff\xff\xff\xff";
    let brotli = common::encode(Coding::Brotli, &common::noise(10));
    for (codings, start) in [("zstd", &zstd[..]), ("br", &brotli[..6]), ("gzip", b"\x1f\x8b\x08\0")] {
        let ((), usage) = measure(|| {
            let mut decoder = common::decoder(codings, &Config::default());
            let mut out = Vec::with_capacity(1_000);
            assert!(decoder.decode(start, &mut out).expect("a good start").done);
        });
        println!("{codings}: {usage:?}");
        assert!(usage.peak < 100 << 10, "{codings}: {usage:?}");
    }
}
