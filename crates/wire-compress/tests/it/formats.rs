//! What each format allows and forbids, in bytes.

use wire_compress::{Coding, Config, Decoder, ErrorKind, accept_encoding};

use crate::common::{self, decode, encode};

fn verdict(codings: &str, input: &[u8]) -> Result<Vec<u8>, ErrorKind> {
    decode(codings, &Config::default(), input)
}

#[test]
fn content_encodings() {
    let new = |values: &[&str]| {
        Decoder::new(values.iter().map(|value| value.as_bytes()), &Config::default())
            .map(|decoder| decoder.is_some())
            .map_err(|error| (error.kind(), error.status()))
    };
    assert_eq!(new(&[]), Ok(false));
    assert_eq!(new(&["", "identity", " , IDENTITY"]), Ok(false));
    assert_eq!(new(&["gzip"]), Ok(true));
    assert_eq!(new(&["X-GZIP"]), Ok(true));
    assert_eq!(new(&["gzip", "identity, br"]), Ok(true));
    for unsupported in ["compress", "gzip;q=1", "gzip br", "aes128gcm", "dcb", "*"] {
        assert_eq!(new(&[unsupported]), Err((ErrorKind::UnsupportedCoding, 415)), "{unsupported}");
    }
    assert_eq!(new(&["gzip, gzip", "gzip"]), Err((ErrorKind::TooManyCodings, 415)));
    assert_eq!(accept_encoding(), "br, zstd, gzip, deflate");
}

#[test]
fn codings_come_off_from_right_to_left() {
    for first in Coding::PREFERENCE {
        for second in Coding::PREFERENCE {
            let content = common::json(30_000);
            let wire = encode(second, &encode(first, &content));
            assert!(
                verdict(&format!("{first}, {second}"), &wire).as_ref() == Ok(&content),
                "{first}, {second}"
            );
            if first != second {
                assert!(verdict(&format!("{second}, {first}"), &wire).is_err());
            }
        }
    }
}

/// Cut anywhere it is truncated, and with anything behind it is refused at once, not when more comes.
#[test]
fn ends() {
    for coding in Coding::PREFERENCE {
        let wire = encode(coding, &common::json(600));
        for at in 0..wire.len() {
            assert_eq!(verdict(coding.token(), &wire[..at]), Err(ErrorKind::Truncated), "{coding} at {at}");
        }
        let garbage = [&wire[..], b"\0\0\0\0"].concat();
        assert_eq!(verdict(coding.token(), &garbage), Err(ErrorKind::TrailingData), "{coding}");
        if coding != Coding::Zstd {
            // zstd looks at four bytes before it judges them.
            let mut decoder = common::decoder(coding.token(), &Config::default());
            let mut out = Vec::with_capacity(10_000);
            assert!(decoder.decode(&wire, &mut out).expect("good").done);
            let error = decoder.decode(b"\0", &mut out).expect_err("garbage");
            assert_eq!((error.kind(), error.status()), (ErrorKind::TrailingData, 400), "{coding}");
            assert_eq!(error.offset(), wire.len() as u64, "{coding}");
        }
    }
    // Two streams behind each other are one content for those two, whose formats say so, only.
    for (coding, several) in
        [(Coding::Gzip, true), (Coding::Zstd, true), (Coding::Deflate, false), (Coding::Brotli, false)]
    {
        let two = [encode(coding, b"one"), encode(coding, b"two")].concat();
        let expected = if several { Ok(b"onetwo".to_vec()) } else { Err(ErrorKind::TrailingData) };
        assert_eq!(verdict(coding.token(), &two), expected, "{coding}");
    }
}

/// A flipped bit never goes unnoticed where there is a checksum.
#[test]
fn checksums() {
    for coding in [Coding::Gzip, Coding::Deflate] {
        let content = common::json(500);
        let wire = encode(coding, &content);
        for at in wire.len() - 8..wire.len() {
            let mut flipped = wire.clone();
            flipped[at] ^= 0x10;
            assert!(verdict(coding.token(), &flipped).is_err(), "{coding} at {at}");
        }
    }
}

#[test]
fn members_are_counted() {
    let mut config = Config::default();
    config.max_members = 3;
    for coding in [Coding::Gzip, Coding::Zstd] {
        let member = encode(coding, b"a");
        assert_eq!(decode(coding.token(), &config, &member.repeat(3)), Ok(b"aaa".to_vec()), "{coding}");
        assert_eq!(decode(coding.token(), &config, &member.repeat(4)), Err(ErrorKind::TooManyMembers));
    }
    let skippable = b"\x5f\x2a\x4d\x18\x01\0\0\0x";
    let frame = encode(Coding::Zstd, b"a");
    let good = [&skippable[..], &frame, skippable].concat();
    assert_eq!(decode("zstd", &config, &good), Ok(b"a".to_vec()));
    let bad = [&good[..], skippable].concat();
    assert_eq!(decode("zstd", &config, &bad), Err(ErrorKind::TooManyMembers));
}

/// RFC 9659 section 3: 8 MiB and no more. What libzstd would decode by itself is not the measure.
#[test]
fn zstd_windows() {
    // Frames with one raw block of one byte; the window in the descriptor is 2^(10 + exponent).
    let frame = |descriptor: u8| [&b"\x28\xb5\x2f\xfd\x00"[..], &[descriptor], b"\x09\0\0a"].concat();
    assert_eq!(verdict("zstd", &frame(13 << 3)), Ok(b"a".to_vec()));
    assert_eq!(verdict("zstd", &frame(13 << 3 | 1)), Err(ErrorKind::WindowTooBig));
    assert_eq!(verdict("zstd", &frame(14 << 3)), Err(ErrorKind::WindowTooBig));
    assert_eq!(verdict("zstd", &frame(21 << 3)), Err(ErrorKind::WindowTooBig));
    // One segment, whose content is its window: 8 MiB, and a byte more.
    let segment = |descriptor: u8, size: u32| {
        [&b"\x28\xb5\x2f\xfd"[..], &[descriptor], &size.to_le_bytes(), b"\x09\0\0aaaaaaaaaa"].concat()
    };
    assert_eq!(verdict("zstd", &segment(0xa0, (8 << 20) + 1)), Err(ErrorKind::WindowTooBig));
    assert_eq!(verdict("zstd", &segment(0xa0, 8 << 20)), Err(ErrorKind::Corrupt));
    // A reserved bit, whatever the window is (RFC 8878 section 3.1.1.1.1.4).
    assert_eq!(verdict("zstd", &segment(0xa8, (8 << 20) + 1)), Err(ErrorKind::Corrupt));
    // A dictionary that nobody has.
    assert_eq!(verdict("zstd", b"\x28\xb5\x2f\xfd\x01\x00\x07\x09\0\0a"), Err(ErrorKind::Corrupt));
}

/// The large window of brotli starts with what RFC 7932 section 9.1 keeps free.
#[test]
fn brotli_windows() {
    assert_eq!(verdict("br", b"\x11\x1e\x03"), Err(ErrorKind::Corrupt));
    assert_eq!(verdict("br", b"\x3b"), Ok(Vec::new()));
}

#[test]
fn deflate_is_zlib_or_raw() {
    assert_eq!(verdict("deflate", b"\x4b\x04\0"), Ok(b"a".to_vec()));
    assert_eq!(verdict("deflate", b"\x78\x9c\x4b\x04\0\0\x62\0\x62"), Ok(b"a".to_vec()));
    // A wrong check of the header, a preset dictionary, another method (which as raw data is none).
    for bad in [&b"\x78\x9d\x4b\x04\0\0\x62\0\x62"[..], b"\x78\xbb\0\0\0\x01\x4b\x04\0\0\x62\0\x62"] {
        assert_eq!(verdict("deflate", bad), Err(ErrorKind::Corrupt));
    }
    assert_eq!(verdict("deflate", b"\x77\x85\x4b\x04\0\0\x62\0\x62"), Err(ErrorKind::Corrupt));
}

#[test]
fn gzip_headers() {
    let body = &encode(Coding::Gzip, b"a")[10..];
    let with = |header: &[u8]| verdict("gzip", &[header, body].concat());
    assert_eq!(with(b"\x1f\x8b\x08\0\0\0\0\0\0\0"), Ok(b"a".to_vec()));
    assert_eq!(with(b"\x1f\x8b\x08\x1d\x11\x22\x33\x44\x02\xff\x02\0ab-name\0comment\0"), Ok(b"a".to_vec()));
    for bad in [
        &b"\x1e\x8b\x08\0\0\0\0\0\0\0"[..],
        b"\x1f\x8c\x08\0\0\0\0\0\0\0",
        b"\x1f\x8b\x07\0\0\0\0\0\0\0",
        b"\x1f\x8b\x08\x20\0\0\0\0\0\0",
        // A checksum of the header that is wrong.
        b"\x1f\x8b\x08\x02\0\0\0\0\0\0\x12\x34",
    ] {
        assert_eq!(with(bad), Err(ErrorKind::Corrupt), "{bad:02x?}");
    }
}
