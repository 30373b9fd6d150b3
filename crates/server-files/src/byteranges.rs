//! `multipart/byteranges` (RFC 9110 section 14.6): several parts of a file, with the exact length known before.

use std::hash::{BuildHasher, RandomState};
use std::ops::Range;
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{fmt::Write as _, fs::File};

use bytes::Bytes;
use http::HeaderValue;
use server_core::file::{FileBody, FileRange, Piece};

/// The parts of `file`, whose length is `len`, each under its own head; and the content type of the whole.
pub(crate) fn multipart(
    file: &Arc<File>,
    len: u64,
    content_type: &HeaderValue,
    parts: Vec<Range<u64>>,
) -> (HeaderValue, FileBody) {
    let boundary = boundary();
    let mut pieces = Vec::with_capacity(2 * parts.len() + 1);
    let mut line_end = "";
    for Range { start, end } in parts {
        let mut head = Vec::with_capacity(160);
        for text in [line_end, "--", &boundary, "\r\nContent-Type: "] {
            head.extend_from_slice(text.as_bytes());
        }
        head.extend_from_slice(content_type.as_bytes());
        head.extend_from_slice(
            format!("\r\nContent-Range: bytes {start}-{}/{len}\r\n\r\n", end - 1).as_bytes(),
        );
        pieces.push(Piece::Bytes(head.into()));
        pieces.push(Piece::File(FileRange::new(Arc::clone(file), start, end - start)));
        line_end = "\r\n";
    }
    pieces.push(Piece::Bytes(Bytes::from(format!("\r\n--{boundary}--\r\n"))));
    let content_type = format!("multipart/byteranges; boundary={boundary}");
    (HeaderValue::try_from(content_type).expect("a token"), FileBody::new(pieces))
}

/// 128 bits that nobody can foresee, so that no file can hold them: a keyed hash of a counter, with keys from the system's
/// entropy.
fn boundary() -> String {
    static KEYS: LazyLock<[RandomState; 2]> = LazyLock::new(Default::default);
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    KEYS.iter().fold(String::with_capacity(32), |mut boundary, key| {
        let _ = write!(boundary, "{:016x}", key.hash_one(count));
        boundary
    })
}
