//! Encoding: one object for all codings, the padding at the end.

#[cfg(feature = "brotli")]
mod brotli;
#[cfg(feature = "gzip")]
mod deflate;
#[cfg(feature = "zstd")]
mod zstd;

use alloc::vec::Vec;
use core::fmt;

use crate::padding::{self, Drawing};
use crate::{Coding, EncodeError, EncoderConfig, Flush, Progress};

/// Encodes one representation.
///
/// It writes only into the spare capacity of the caller's `Vec`, never makes it grow, and takes at most
/// [`MAX_INPUT`](Self::MAX_INPUT) bytes per call: both bound what one call costs, so that an executor can run others in
/// between. Dropping it gives what it holds back to its thread, finished or not.
///
/// What comes out decodes to what went in however it was cut; the encoded bytes themselves depend on the cuts.
/// Content that is given whole with [`Flush::Finish`] is encoded best, and fastest.
///
/// ```
/// use wire_compress::{Coding, Encoder, EncoderConfig, Flush};
///
/// fn encode(content: &[u8]) -> Result<Vec<u8>, wire_compress::EncodeError> {
///     let mut encoder = Encoder::new(Coding::Gzip, &EncoderConfig::default(), Some(content.len() as u64))?;
///     let (mut rest, mut out) = (content, Vec::new());
///     loop {
///         out.reserve(1024);
///         let progress = encoder.encode(rest, Flush::Finish, &mut out)?;
///         rest = &rest[progress.consumed..];
///         if progress.done {
///             return Ok(out);
///         }
///     }
/// }
/// # #[cfg(feature = "gzip")]
/// assert!(encode(&[b'a'; 10_000])?.len() < 100);
/// # Ok::<(), wire_compress::EncodeError>(())
/// ```
pub struct Encoder {
    coding: Coding,
    backend: Backend,
    phase: Phase,
    padding: Option<Drawing>,
    /// The padding, and how much of it went out.
    tail: Vec<u8>,
    tail_sent: usize,
}

/// The closed set of encoders.
enum Backend {
    #[cfg(feature = "gzip")]
    Deflate(deflate::Encoder),
    #[cfg(feature = "brotli")]
    Brotli(brotli::Encoder),
    #[cfg(feature = "zstd")]
    Zstd(zstd::Encoder),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Content,
    /// All of the content is encoded; with padding that stands within the stream, flushed.
    Tail,
    End,
    Finished,
}

impl Encoder {
    /// Most bytes of input that one call takes.
    pub const MAX_INPUT: usize = 64 << 10;

    /// For one representation. `len`: its length, where it is known; it need not be right, and makes the windows of
    /// brotli and zstd no larger than they must be.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Unsupported`]; [`EncodeError::Failed`] where there is no memory.
    pub fn new(coding: Coding, config: &EncoderConfig, len: Option<u64>) -> Result<Self, EncodeError> {
        let backend = match coding {
            #[cfg(feature = "gzip")]
            Coding::Gzip | Coding::Deflate => {
                Backend::Deflate(deflate::Encoder::new(config.gzip_level, coding == Coding::Gzip))
            }
            #[cfg(feature = "brotli")]
            Coding::Brotli => Backend::Brotli(brotli::Encoder::new(config, len)),
            #[cfg(feature = "zstd")]
            Coding::Zstd => Backend::Zstd(zstd::Encoder::new(config, len)?),
            #[cfg(not(all(feature = "gzip", feature = "brotli", feature = "zstd")))]
            _ => return Err(EncodeError::Unsupported),
        };
        #[cfg(not(any(feature = "brotli", feature = "zstd")))]
        let _ = len;
        Ok(Self {
            coding,
            backend,
            phase: Phase::Content,
            padding: config.padding.as_ref().map(Drawing::new),
            tail: Vec::new(),
            tail_sent: 0,
        })
    }

    /// Its coding.
    #[must_use]
    pub fn coding(&self) -> Coding {
        self.coding
    }

    /// Whether all of the encoded stream came out.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.phase == Phase::Finished
    }

    /// Encodes from `input` into the spare capacity of `out`.
    ///
    /// Until [`Progress::done`], give room and call again with the rest of the input and the same flush. Any room will
    /// do; a few hundred bytes or more are faster.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Finished`] for input behind the end, which changes nothing; [`EncodeError::Failed`].
    pub fn encode(&mut self, input: &[u8], flush: Flush, out: &mut Vec<u8>) -> Result<Progress, EncodeError> {
        let piece = &input[..input.len().min(Self::MAX_INPUT)];
        let flush = if piece.len() < input.len() { Flush::None } else { flush };
        let mut consumed = 0;
        if self.phase == Phase::Content {
            // Before the padding, where that stands within the stream.
            let now = match flush {
                Flush::Finish if self.padding.is_some() && self.backend.pads_within() => Flush::Sync,
                flush => flush,
            };
            let progress = self.backend.encode(piece, now, out)?;
            consumed = progress.consumed;
            if let Some(padding) = &mut self.padding {
                padding.update(&piece[..consumed]);
            }
            if !progress.done || flush != Flush::Finish {
                return Ok(Progress { consumed, done: progress.done && consumed == input.len() });
            }
            self.phase = Phase::Tail;
            match self.padding.take() {
                Some(padding) => self.tail = self.backend.padding(padding.draw()),
                None => self.phase = Phase::Finished,
            }
        } else if !input.is_empty() {
            return Err(EncodeError::Finished);
        }
        if self.phase == Phase::Tail {
            let rest = &self.tail[self.tail_sent..];
            let len = rest.len().min(out.capacity() - out.len());
            out.extend_from_slice(&rest[..len]);
            self.tail_sent += len;
            if self.tail_sent == self.tail.len() {
                self.tail = Vec::new();
                self.phase = if self.backend.pads_within() { Phase::End } else { Phase::Finished };
            }
        }
        if self.phase == Phase::End && self.backend.encode(&[], Flush::Finish, out)?.done {
            self.phase = Phase::Finished;
        }
        Ok(Progress { consumed, done: self.phase == Phase::Finished })
    }
}

impl Backend {
    fn encode(&mut self, input: &[u8], flush: Flush, out: &mut Vec<u8>) -> Result<Progress, EncodeError> {
        match self {
            #[cfg(feature = "gzip")]
            Self::Deflate(encoder) => encoder.encode(input, flush, out),
            #[cfg(feature = "brotli")]
            Self::Brotli(encoder) => encoder.encode(input, flush, out),
            #[cfg(feature = "zstd")]
            Self::Zstd(encoder) => encoder.encode(input, flush, out),
        }
    }

    /// Whether padding stands before the end of the stream, or behind it.
    fn pads_within(&self) -> bool {
        match self {
            #[cfg(feature = "gzip")]
            Self::Deflate(_) => true,
            #[cfg(feature = "brotli")]
            Self::Brotli(_) => true,
            #[cfg(feature = "zstd")]
            Self::Zstd(_) => false,
        }
    }

    fn padding(&self, len: usize) -> Vec<u8> {
        match self {
            #[cfg(feature = "gzip")]
            Self::Deflate(_) => padding::deflate(len),
            #[cfg(feature = "brotli")]
            Self::Brotli(_) => padding::brotli(len),
            #[cfg(feature = "zstd")]
            Self::Zstd(_) => padding::zstd(len),
        }
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not what is held.
        f.debug_struct("Encoder")
            .field("coding", &self.coding)
            .field("phase", &self.phase)
            .finish_non_exhaustive()
    }
}
