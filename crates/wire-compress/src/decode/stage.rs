//! One coding, with its limits.

use alloc::vec::Vec;
use core::fmt;

#[cfg(feature = "brotli")]
use super::brotli;
#[cfg(feature = "zstd")]
use super::zstd;
#[cfg(feature = "gzip")]
use super::{deflate, gzip};
use crate::{Coding, Config, ErrorKind, Progress};

/// One decoder, what went in and what came out.
pub(super) struct Stage {
    backend: Backend,
    config: Config,
    consumed: u64,
    produced: u64,
}

/// The closed set of decoders.
enum Backend {
    #[cfg(feature = "gzip")]
    Gzip(gzip::Decoder),
    #[cfg(feature = "gzip")]
    Deflate(deflate::Decoder),
    #[cfg(feature = "brotli")]
    Brotli(brotli::Decoder),
    #[cfg(feature = "zstd")]
    Zstd(zstd::Decoder),
}

/// What a decoder did with one piece.
pub(super) struct Step {
    /// Bytes of the input that were taken.
    pub(super) consumed: usize,
    /// All room was used: there may be more.
    pub(super) full: bool,
}

impl Stage {
    /// For a coding whose feature is on.
    pub(super) fn new(coding: Coding, config: &Config) -> Self {
        let backend = match coding {
            #[cfg(feature = "gzip")]
            Coding::Gzip => Backend::Gzip(gzip::Decoder::new(config.max_members)),
            #[cfg(feature = "gzip")]
            Coding::Deflate => Backend::Deflate(deflate::Decoder::new()),
            #[cfg(feature = "brotli")]
            Coding::Brotli => Backend::Brotli(brotli::Decoder::new()),
            #[cfg(feature = "zstd")]
            Coding::Zstd => Backend::Zstd(zstd::Decoder::new(config.max_members)),
            #[cfg(not(all(feature = "gzip", feature = "brotli", feature = "zstd")))]
            _ => unreachable!("the caller asked whether the coding is supported"),
        };
        Self { backend, config: *config, consumed: 0, produced: 0 }
    }

    /// As [`Decoder::decode`](super::Decoder::decode).
    pub(super) fn decode(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<Progress, ErrorKind> {
        let mut consumed = 0;
        while out.len() < out.capacity() {
            let left = usize::try_from(self.config.max_output - self.produced).unwrap_or(usize::MAX);
            // At the limit: what comes into this shows that there is more.
            let mut probe = Vec::new();
            let (target, room) = if left > 0 {
                (&mut *out, left)
            } else {
                probe.reserve_exact(1);
                (&mut probe, 1)
            };
            let before = target.len();
            let step = self.backend.decode(&input[consumed..], target, room)?;
            let produced = target.len() - before;
            if !probe.is_empty() {
                return Err(ErrorKind::OutputTooBig);
            }
            consumed += step.consumed;
            self.consumed += step.consumed as u64;
            self.produced += produced as u64;
            if self.consumed > self.config.max_input() {
                return Err(ErrorKind::InputTooBig);
            }
            let most = self.consumed.saturating_mul(u64::from(self.config.max_ratio));
            if self.produced > self.config.free_output.max(most) {
                return Err(ErrorKind::RatioTooHigh);
            }
            if !step.full {
                if consumed == input.len() {
                    return Ok(Progress { consumed, done: true });
                }
                if step.consumed == 0 && produced == 0 {
                    // No decoder does this; if one did, it must not stall.
                    return Err(ErrorKind::Corrupt);
                }
            }
        }
        Ok(Progress { consumed, done: false })
    }

    /// Whether the content may end here.
    pub(super) fn is_complete(&self) -> bool {
        match &self.backend {
            #[cfg(feature = "gzip")]
            Backend::Gzip(decoder) => decoder.is_complete(),
            #[cfg(feature = "gzip")]
            Backend::Deflate(decoder) => decoder.is_complete(),
            #[cfg(feature = "brotli")]
            Backend::Brotli(decoder) => decoder.is_complete(),
            #[cfg(feature = "zstd")]
            Backend::Zstd(decoder) => decoder.is_complete(),
        }
    }

    /// Bytes consumed.
    pub(super) fn consumed(&self) -> u64 {
        self.consumed
    }
}

impl Backend {
    /// Appends at most `room` bytes, and no more than there is spare capacity, which there is.
    fn decode(&mut self, input: &[u8], out: &mut Vec<u8>, room: usize) -> Result<Step, ErrorKind> {
        match self {
            #[cfg(feature = "gzip")]
            Self::Gzip(decoder) => decoder.decode(input, out, room),
            #[cfg(feature = "gzip")]
            Self::Deflate(decoder) => decoder.decode(input, out, room),
            #[cfg(feature = "brotli")]
            Self::Brotli(decoder) => decoder.decode(input, out, room),
            #[cfg(feature = "zstd")]
            Self::Zstd(decoder) => decoder.decode(input, out, room),
        }
    }
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let coding = match &self.backend {
            #[cfg(feature = "gzip")]
            Backend::Gzip(_) => Coding::Gzip,
            #[cfg(feature = "gzip")]
            Backend::Deflate(_) => Coding::Deflate,
            #[cfg(feature = "brotli")]
            Backend::Brotli(_) => Coding::Brotli,
            #[cfg(feature = "zstd")]
            Backend::Zstd(_) => Coding::Zstd,
        };
        f.debug_struct("Stage")
            .field("coding", &coding)
            .field("consumed", &self.consumed)
            .field("produced", &self.produced)
            .finish_non_exhaustive()
    }
}
