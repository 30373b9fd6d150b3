//! Decoding with limits: one or two codings, the last that was applied first.

#[cfg(feature = "brotli")]
mod brotli;
#[cfg(feature = "gzip")]
mod deflate;
#[cfg(feature = "gzip")]
mod gzip;
#[cfg(feature = "gzip")]
mod inflate;
mod stage;
#[cfg(feature = "zstd")]
mod zstd;

use alloc::vec::Vec;
use core::fmt;

use crate::coding::members;
use crate::{Coding, Config, Error, ErrorKind, Progress};
use stage::Stage;

/// Decodes one representation.
///
/// It writes only into the spare capacity of the caller's `Vec` and never makes it grow. What comes out, and whether it
/// fails, does not depend on how the input was cut or how much room there was (but see
/// [`Config::max_ratio`]); of several faults the first that is met is reported. Its limits hold however it is used: content that is decoded only to be thrown away is
/// limited too.
///
/// ```
/// use wire_compress::{Config, Decoder};
///
/// fn decode(content: &[u8]) -> Result<Vec<u8>, wire_compress::Error> {
///     let mut decoder = Decoder::new([&b"gzip"[..]], &Config::default())?.expect("not identity");
///     let (mut rest, mut out) = (content, Vec::new());
///     loop {
///         out.reserve(4096);
///         let progress = decoder.decode(rest, &mut out)?;
///         rest = &rest[progress.consumed..];
///         if progress.done {
///             break;
///         }
///     }
///     decoder.decode_eof()?;
///     Ok(out)
/// }
/// # #[cfg(feature = "gzip")]
/// assert_eq!(decode(b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x4b\x04\0\x43\xbe\xb7\xe8\x01\0\0\0")?, b"a");
/// # Ok::<(), wire_compress::Error>(())
/// ```
pub struct Decoder {
    /// The coding that was applied last.
    outer: Stage,
    inner: Option<Inner>,
    failed: Option<Error>,
}

/// The coding that was applied first, and what was decoded for it.
struct Inner {
    stage: Stage,
    middle: Vec<u8>,
    /// How much of it was taken.
    taken: usize,
}

/// Bytes between two codings.
const MIDDLE: usize = 8 << 10;

impl Decoder {
    /// For the values of a Content-Encoding, one for each line, in order. `None`: no coding was applied, or only
    /// `identity`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnsupportedCoding`], [`ErrorKind::TooManyCodings`]: both 415.
    pub fn new<'a>(
        content_encoding: impl IntoIterator<Item = &'a [u8]>,
        config: &Config,
    ) -> Result<Option<Self>, Error> {
        let (mut outer, mut inner) = (None, None);
        for name in content_encoding.into_iter().flat_map(members) {
            if name.eq_ignore_ascii_case(b"identity") {
                continue;
            }
            let coding = Coding::from_token(name).filter(|coding| coding.is_supported());
            let coding = coding.ok_or(Error::new(ErrorKind::UnsupportedCoding, 0))?;
            // What is named last was applied last, and comes off first.
            if inner.is_some() {
                return Err(Error::new(ErrorKind::TooManyCodings, 0));
            }
            inner = outer.replace(coding);
        }
        let stage = |coding| Stage::new(coding, config);
        Ok(outer.map(|outer| Self {
            outer: stage(outer),
            inner: inner.map(|inner| Inner { stage: stage(inner), middle: Vec::new(), taken: 0 }),
            failed: None,
        }))
    }

    /// Decodes from `input` into the spare capacity of `out`.
    ///
    /// Until [`Progress::done`], give room, at least a byte, and call again with the rest of the input. At the end
    /// of the content, call [`decode_eof`](Self::decode_eof).
    ///
    /// # Errors
    ///
    /// All kinds but those of [`new`](Self::new). What came out before is right as far as it goes, but for
    /// checksums, which come last.
    pub fn decode(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<Progress, Error> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let result = self.run(input, out);
        result.map_err(|kind| self.fail(kind))
    }

    /// The end of the content.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Truncated`], or the error that was returned before.
    pub fn decode_eof(&mut self) -> Result<(), Error> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let complete = self.outer.is_complete()
            && self.inner.as_ref().is_none_or(|inner| inner.stage.is_complete() && inner.middle.is_empty());
        if complete { Ok(()) } else { Err(self.fail(ErrorKind::Truncated)) }
    }

    fn run(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<Progress, ErrorKind> {
        let Some(inner) = &mut self.inner else { return self.outer.decode(input, out) };
        let mut consumed = 0;
        loop {
            // First what there is, whose rest may be held within the decoder.
            let progress = inner.stage.decode(&inner.middle[inner.taken..], out)?;
            inner.taken += progress.consumed;
            if !progress.done {
                return Ok(Progress { consumed, done: false });
            }
            inner.middle.clear();
            inner.taken = 0;
            inner.middle.reserve_exact(MIDDLE);
            let progress = self.outer.decode(&input[consumed..], &mut inner.middle)?;
            consumed += progress.consumed;
            if inner.middle.is_empty() {
                return Ok(Progress { consumed, done: progress.done });
            }
        }
    }

    #[cold]
    fn fail(&mut self, kind: ErrorKind) -> Error {
        let error = Error::new(kind, self.outer.consumed());
        self.failed = Some(error);
        // Nothing more will come of it.
        if let Some(inner) = &mut self.inner {
            inner.middle = Vec::new();
        }
        error
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not what was received.
        f.debug_struct("Decoder")
            .field("outer", &self.outer)
            .field("inner", &self.inner.as_ref().map(|inner| &inner.stage))
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}
