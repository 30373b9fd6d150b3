//! DEFLATE data (RFC 1951), raw or in the zlib format, by zlib-rs.

use alloc::vec::Vec;

use flate2::{Decompress, FlushDecompress, Status};

use super::stage::Step;
use crate::ErrorKind;
use crate::pool::{self, shelf};

shelf!(SHELF: Decompress);

/// A decompressor, until its data ended.
pub(super) struct Inflate {
    inner: Option<Decompress>,
}

impl Inflate {
    /// At the start of data in the zlib format, or raw.
    pub(super) fn new(zlib: bool) -> Self {
        let inner = match pool::take(&SHELF, |_| true) {
            Some(mut inner) => {
                inner.reset(zlib);
                inner
            }
            None => Decompress::new(zlib),
        };
        Self { inner: Some(inner) }
    }

    /// Whether the data ended.
    pub(super) fn is_complete(&self) -> bool {
        self.inner.is_none()
    }

    /// Raw data starts anew.
    pub(super) fn restart(&mut self) {
        *self = Self::new(false);
    }

    /// Within the data only.
    pub(super) fn decode(&mut self, input: &[u8], out: &mut Vec<u8>, room: usize) -> Result<Step, ErrorKind> {
        let Some(inner) = &mut self.inner else { return Ok(Step { consumed: 0, full: false }) };
        let before = inner.total_in();
        let (status, full) = if out.capacity() - out.len() <= room {
            let status = inner.decompress_vec(input, out, FlushDecompress::None);
            (status, out.len() == out.capacity())
        } else {
            // Near the limit: by way of a piece that fits.
            let mut piece = [0; 4 << 10];
            let piece = &mut piece[..room.min(4 << 10)];
            let before = inner.total_out();
            let status = inner.decompress(input, piece, FlushDecompress::None);
            let len = (inner.total_out() - before) as usize;
            out.extend_from_slice(&piece[..len]);
            (status, len == piece.len())
        };
        let consumed = (inner.total_in() - before) as usize;
        match status {
            Err(_) => Err(ErrorKind::Corrupt),
            Ok(Status::StreamEnd) => {
                self.release();
                Ok(Step { consumed, full: false })
            }
            Ok(_) => Ok(Step { consumed, full }),
        }
    }

    fn release(&mut self) {
        if let Some(inner) = self.inner.take() {
            pool::give(&SHELF, inner);
        }
    }
}

impl Drop for Inflate {
    fn drop(&mut self) {
        self.release();
    }
}
