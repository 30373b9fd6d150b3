//! gzip (RFC 1952) and deflate in the zlib format (RFC 1950), by zlib-rs.

use alloc::vec::Vec;

use flate2::{Compress, Compression, FlushCompress, Status};

use crate::pool::{self, shelf};
use crate::{EncodeError, Flush, Progress};

/// A compressor, with the settings it was made for.
struct Compressor {
    inner: Compress,
    made_for: (u8, bool),
}

shelf!(SHELF: Compressor);

pub(super) struct Encoder {
    /// Until the stream is finished.
    compressor: Option<Compressor>,
    /// What did not fit when there was little room, and how much of it went out since.
    spill: Vec<u8>,
    sent: usize,
}

/// Room from which on output goes where it belongs. A flush must end before the end of the room, or zlib makes its
/// marker again with the next call, and again: so with little room output takes the way over `spill`.
const ROOM: usize = 64;

/// Room for what is spilled.
const SPILL: usize = 512;

impl Encoder {
    pub(super) fn new(level: u8, gzip: bool) -> Self {
        let made_for = (level.clamp(1, 9), gzip);
        let compressor = match pool::take(&SHELF, |compressor| compressor.made_for == made_for) {
            Some(mut compressor) => {
                compressor.inner.reset();
                compressor
            }
            None => {
                let level = Compression::new(u32::from(made_for.0));
                let inner = if gzip { Compress::new_gzip(level, 15) } else { Compress::new(level, true) };
                Compressor { inner, made_for }
            }
        };
        Self { compressor: Some(compressor), spill: Vec::new(), sent: 0 }
    }

    pub(super) fn encode(
        &mut self,
        input: &[u8],
        flush: Flush,
        out: &mut Vec<u8>,
    ) -> Result<Progress, EncodeError> {
        if !self.send(out) {
            return Ok(Progress { consumed: 0, done: false });
        }
        let Some(compressor) = &mut self.compressor else { return Ok(Progress { consumed: 0, done: true }) };
        let mut progress = if out.capacity() - out.len() >= ROOM {
            compress(&mut compressor.inner, input, flush, out)?
        } else {
            self.spill.reserve_exact(SPILL);
            compress(&mut compressor.inner, input, flush, &mut self.spill)?
        };
        if progress.done && flush == Flush::Finish {
            self.release(true);
        }
        progress.done &= self.send(out);
        Ok(progress)
    }

    /// Sends what was spilled. Whether that was all.
    fn send(&mut self, out: &mut Vec<u8>) -> bool {
        let rest = &self.spill[self.sent..];
        let len = rest.len().min(out.capacity() - out.len());
        out.extend_from_slice(&rest[..len]);
        self.sent += len;
        let all = self.sent == self.spill.len();
        if all {
            self.spill.clear();
            self.sent = 0;
        }
        all
    }

    fn release(&mut self, finished: bool) {
        // At level 1 a reset of zlib-rs (0.6.8) forgets that a block was open: the next stream would lack its header.
        if let Some(compressor) = self.compressor.take()
            && (finished || compressor.made_for.0 > 1)
        {
            pool::give(&SHELF, compressor);
        }
    }
}

fn compress(
    compress: &mut Compress,
    input: &[u8],
    flush: Flush,
    out: &mut Vec<u8>,
) -> Result<Progress, EncodeError> {
    let before = compress.total_in();
    let mode = match flush {
        Flush::None => FlushCompress::None,
        Flush::Sync => FlushCompress::Sync,
        Flush::Finish => FlushCompress::Finish,
    };
    let status = compress.compress_vec(input, out, mode).map_err(|_| EncodeError::Failed)?;
    let consumed = (compress.total_in() - before) as usize;
    let done = match flush {
        Flush::None => true,
        Flush::Sync => out.len() < out.capacity(),
        Flush::Finish => status == Status::StreamEnd,
    };
    Ok(Progress { consumed, done: done && consumed == input.len() })
}

impl Drop for Encoder {
    fn drop(&mut self) {
        self.release(false);
    }
}
