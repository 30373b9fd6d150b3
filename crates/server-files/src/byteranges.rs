//! `multipart/byteranges` (RFC 9110 section 14.6): several parts of a file.

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use http::HeaderValue;
use server_core::file::{FileBody, FileRange, Piece};
use wire_multipart::{Boundary, ByteRangesEncoder, EncodeError};

/// The parts of `file`, whose length is `len`, each under its own head; and the content type of the whole.
pub(crate) fn multipart(
    file: &Arc<File>,
    len: u64,
    content_type: &HeaderValue,
    parts: Vec<Range<u64>>,
) -> Result<(HeaderValue, FileBody), EncodeError> {
    let boundary = Boundary::random().expect("entropy, which the maps of std need too");
    let mut encoder = ByteRangesEncoder::new(boundary, content_type.as_bytes(), Some(len))?;
    let mut pieces = Vec::with_capacity(2 * parts.len() + 1);
    for part in parts {
        let mut head = Vec::with_capacity(192);
        encoder.encode_range_head(part.clone(), &mut head)?;
        pieces.push(Piece::Bytes(head.into()));
        pieces.push(Piece::File(FileRange::new(Arc::clone(file), part.start, part.end - part.start)));
    }
    let mut end = Vec::new();
    encoder.encode_end(&mut end)?;
    pieces.push(Piece::Bytes(end.into()));
    let content_type = HeaderValue::try_from(encoder.content_type()).expect("a token");
    Ok((content_type, FileBody::new(pieces)))
}
