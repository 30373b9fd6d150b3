//! `multipart/byteranges` (RFC 9110 section 14.6): several parts of a file, with the exact length known before.

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use http::HeaderValue;
use server_core::file::{FileBody, FileRange, Piece};
use wire_multipart::{Boundary, ByteRangesEncoder};

/// The parts of `file`, whose length is `len`, each under its own head; and the content type of the whole. `None` where the
/// system has no entropy for a boundary.
pub(crate) fn multipart(
    file: &Arc<File>,
    len: u64,
    content_type: &HeaderValue,
    parts: Vec<Range<u64>>,
) -> Option<(HeaderValue, FileBody)> {
    let mut encoder = ByteRangesEncoder::new(Boundary::random().ok()?, content_type, Some(len)).ok()?;
    let multipart_type = HeaderValue::try_from(encoder.content_type()).ok()?;
    let mut pieces = Vec::with_capacity(2 * parts.len() + 1);
    for range in parts {
        let mut head = Vec::with_capacity(192);
        encoder.encode_range_head(range.clone(), &mut head).ok()?;
        pieces.push(Piece::Bytes(head.into()));
        pieces.push(Piece::File(FileRange::new(Arc::clone(file), range.start, range.end - range.start)));
    }
    let mut end = Vec::with_capacity(64);
    encoder.encode_end(&mut end).ok()?;
    pieces.push(Piece::Bytes(end.into()));
    Some((multipart_type, FileBody::new(pieces)))
}
