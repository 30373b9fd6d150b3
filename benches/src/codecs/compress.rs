//! What `wire-compress` does, most of which is its backends' work: what is left of it here is the pool and the limits.

use std::hint::black_box;

use wire_compress::{Coding, Config, Decoder, Encoder, EncoderConfig, Flush};

use super::Workload;

/// All of them.
pub const WORKLOADS: &[Workload] = &[
    ("gzip", |count| encodes(Coding::Gzip, count)),
    ("brotli", |count| encodes(Coding::Brotli, count)),
    ("zstd", |count| encodes(Coding::Zstd, count)),
    ("gunzip", |count| decodes(Coding::Gzip, count)),
    ("unbrotli", |count| decodes(Coding::Brotli, count)),
    ("unzstd", |count| decodes(Coding::Zstd, count)),
];

/// What a response of an API is long.
const LEN: usize = 4 << 10;

fn encodes(coding: Coding, count: u64) {
    let (content, mut out) = (json(LEN), Vec::with_capacity(2 * LEN));
    (0..count).for_each(|_| encode(coding, black_box(&content), &mut out));
}

fn decodes(coding: Coding, count: u64) {
    let (mut wire, mut out) = (Vec::with_capacity(2 * LEN), Vec::with_capacity(2 * LEN));
    encode(coding, &json(LEN), &mut wire);
    (0..count).for_each(|_| decode(coding, black_box(&wire), &mut out));
}

/// JSON as an API would send it.
#[must_use]
pub fn json(len: usize) -> Vec<u8> {
    let mut state = 7_u32;
    let mut out = b"[".to_vec();
    while out.len() < len {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let id = state >> 8;
        let item = format!(
            r#"{{"id":{id},"name":"user {}","active":{},"score":{}}},"#,
            id % 977,
            id.is_multiple_of(2),
            id % 100
        );
        out.extend_from_slice(item.as_bytes());
    }
    out.truncate(len);
    out
}

/// All of `content` in one call, by a compressor that the thread keeps.
///
/// # Panics
/// The codec is broken.
pub fn encode(coding: Coding, content: &[u8], out: &mut Vec<u8>) {
    out.clear();
    let len = Some(content.len() as u64);
    let mut encoder = Encoder::new(coding, &EncoderConfig::default(), len).expect("supported");
    assert!(encoder.encode(content, Flush::Finish, out).expect("works").done);
}

/// All of it in one call.
///
/// # Panics
/// `wire` is not what `coding` made.
pub fn decode(coding: Coding, wire: &[u8], out: &mut Vec<u8>) {
    out.clear();
    let config = Config::default();
    let mut decoder =
        Decoder::new([coding.token().as_bytes()], &config).expect("supported").expect("a coding");
    assert!(decoder.decode(wire, out).expect("good").done);
    decoder.decode_eof().expect("whole");
}
