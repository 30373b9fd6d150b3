//! Loops around the codec, and content.

use testkit::rng::Rng;
use wire_compress::{Coding, Config, Decoder, Encoder, EncoderConfig, ErrorKind, Flush};

/// Encodes pieces, each with its flush, with `room` bytes at a time.
pub(crate) fn encode_pieces(encoder: &mut Encoder, pieces: &[(&[u8], Flush)], room: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for &(mut rest, flush) in pieces {
        let mut calls = 0;
        loop {
            let mut piece = Vec::with_capacity(room);
            let progress = encoder.encode(rest, flush, &mut piece).expect("the encoder works");
            assert!(piece.capacity() == room, "the room has grown");
            assert!(progress.consumed <= rest.len());
            let moved = progress.consumed > 0 || !piece.is_empty();
            rest = &rest[progress.consumed..];
            out.extend(piece);
            if progress.done {
                assert!(rest.is_empty(), "done, but {} bytes are left", rest.len());
                break;
            }
            calls = if moved { 0 } else { calls + 1 };
            assert!(calls < 4, "no progress");
        }
    }
    out
}

/// Encodes at once.
pub(crate) fn encode(coding: Coding, content: &[u8]) -> Vec<u8> {
    encode_with(coding, &EncoderConfig::default(), content)
}

/// Encodes at once.
pub(crate) fn encode_with(coding: Coding, config: &EncoderConfig, content: &[u8]) -> Vec<u8> {
    let mut encoder = Encoder::new(coding, config, Some(content.len() as u64)).expect("supported");
    let out = encode_pieces(&mut encoder, &[(content, Flush::Finish)], 16 << 10);
    assert!(encoder.is_finished());
    out
}

/// A decoder of the codings named.
pub(crate) fn decoder(codings: &str, config: &Config) -> Decoder {
    Decoder::new([codings.as_bytes()], config).expect("supported").expect("a coding")
}

/// What is left of a stream that has not ended: decodes pieces with `room` bytes at a time.
pub(crate) fn decode_some(
    decoder: &mut Decoder,
    input: &[u8],
    cut: usize,
    room: usize,
) -> Result<Vec<u8>, ErrorKind> {
    let mut out = Vec::new();
    for mut rest in input.chunks(cut) {
        loop {
            let mut piece = Vec::with_capacity(room);
            let progress = decoder.decode(rest, &mut piece).map_err(|error| error.kind())?;
            assert!(piece.capacity() == room, "the room has grown");
            rest = &rest[progress.consumed..];
            assert!(!progress.done || rest.is_empty());
            out.extend(piece);
            if progress.done {
                break;
            }
        }
    }
    Ok(out)
}

/// Decodes all of it.
pub(crate) fn decode(codings: &str, config: &Config, input: &[u8]) -> Result<Vec<u8>, ErrorKind> {
    let mut decoder = decoder(codings, config);
    let out = decode_some(&mut decoder, input, input.len().max(1), 16 << 10)?;
    decoder.decode_eof().map_err(|error| error.kind())?;
    Ok(out)
}

/// Without limits of ratio and size.
pub(crate) fn unlimited() -> Config {
    let mut config = Config::default();
    config.max_output = u64::MAX;
    config.max_ratio = u32::MAX;
    config
}

/// JSON as an API would send it, of at least this length.
pub(crate) fn json(len: usize) -> Vec<u8> {
    let mut rng = Rng::new(7);
    let mut out = b"[".to_vec();
    while out.len() < len {
        let id = rng.next_u64();
        let item = format!(
            r#"{{"id":{},"name":"user {}","email":"u{}@example.com","active":{},"score":{}.{}}},"#,
            id % 100_000,
            id % 977,
            id % 89_123,
            id.is_multiple_of(2),
            id % 100,
            id % 97
        );
        out.extend_from_slice(item.as_bytes());
    }
    out
}

/// Bytes that nothing makes smaller.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut rng = Rng::new(len as u64 + 1);
    (0..len).map(|_| rng.next_u64() as u8).collect()
}
