//! The chunked transfer coding, decoded (RFC 9112 section 7.1).
//!
//! ```text
//! chunk     = 1*HEXDIG [ chunk-ext ] CRLF chunk-data CRLF
//! chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
//! ```
//!
//! Lines are consumed byte by byte as they arrive: nothing of them stays with the caller, and nothing is scanned twice.
//! Content is only counted.
//!
//! Invariants: `size` never wraps; a line never passes `max_chunk_line`, the extensions of a body never
//! `max_chunk_extensions`.

use crate::class::{self, TEXT, TOKEN};
use crate::config::Config;
use crate::error::ErrorKind;

/// Where the decoder stands in a chunked body, and how much it has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chunked {
    place: Place,
    /// Size of the current chunk, then what is left of it.
    size: u64,
    /// Bytes of the current chunk-size line.
    line: usize,
    /// Bytes of extensions in the whole body.
    extensions: usize,
}

/// What the next byte must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// The first digit of a size.
    #[default]
    SizeStart,
    /// Another digit, or what follows a size.
    Size,
    /// White space before a `;`, which must follow.
    BeforeSemicolon,
    /// White space or the name of an extension.
    NameStart,
    /// The rest of the name.
    Name,
    /// White space behind the name: `=`, or `;`.
    AfterName,
    /// White space or the value.
    ValueStart,
    /// The rest of a token.
    Value,
    /// Inside a quoted string.
    Quoted,
    /// Behind a backslash in a quoted string.
    QuotedPair,
    /// Behind a quoted string.
    AfterQuoted,
    /// The LF of the line's end.
    LineFeed,
    /// Content.
    Data,
    /// The CR behind the content.
    DataCr,
    /// The LF behind the content.
    DataLf,
    /// The trailer section: the coding itself is done.
    Trailers,
}

/// What [`Chunked::advance`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// All input is used.
    More,
    /// Content begins or goes on: this many bytes are left of the chunk.
    Data(u64),
    /// The last chunk was read; the trailer section follows.
    Trailers,
}

impl Chunked {
    /// Reads framing up to the next content. The consumed length, and what comes next; an error has its offset.
    pub(crate) fn advance(
        &mut self,
        input: &[u8],
        config: &Config,
    ) -> Result<(usize, Progress), (ErrorKind, usize)> {
        let mut at = 0;
        loop {
            match self.place {
                Place::Data => return Ok((at, Progress::Data(self.size))),
                Place::Trailers => return Ok((at, Progress::Trailers)),
                _ => {}
            }
            let Some(&byte) = input.get(at) else { return Ok((at, Progress::More)) };
            self.byte(byte, config).map_err(|kind| (kind, at))?;
            at += 1;
        }
    }

    /// Counts `len` bytes of content, at most what is left of the chunk.
    pub(crate) fn take(&mut self, len: u64) {
        self.size -= len;
        if self.size == 0 {
            self.place = Place::DataCr;
        }
    }

    /// One byte of framing.
    #[inline]
    fn byte(&mut self, byte: u8, config: &Config) -> Result<(), ErrorKind> {
        match (self.place, byte) {
            (Place::DataCr, b'\r') => {
                self.place = Place::DataLf;
                return Ok(());
            }
            (Place::DataLf, b'\n') => {
                self.place = Place::SizeStart;
                return Ok(());
            }
            (Place::DataCr | Place::DataLf, _) => return Err(ErrorKind::InvalidChunkEnd),
            _ => {}
        }
        if self.place == Place::SizeStart {
            self.line = 0;
        }
        self.line += 1;
        if self.line > config.max_chunk_line {
            return Err(ErrorKind::ChunkLineTooLong);
        }
        let next = self.line(byte)?;
        if !matches!(next, Place::Size | Place::LineFeed | Place::Data | Place::Trailers) {
            self.extensions += 1;
            if self.extensions > config.max_chunk_extensions {
                return Err(ErrorKind::ChunkExtensionsTooLarge);
            }
        }
        self.place = next;
        Ok(())
    }

    /// One byte of a chunk-size line: what comes behind it.
    #[inline]
    fn line(&mut self, byte: u8) -> Result<Place, ErrorKind> {
        use Place::*;
        Ok(match (self.place, byte) {
            (SizeStart | Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let digit = u64::from((byte & 0xf) + (byte >> 6) * 9);
                if self.place == SizeStart {
                    self.size = digit;
                } else if self.size >> 60 == 0 {
                    self.size = self.size << 4 | digit;
                } else {
                    return Err(ErrorKind::ChunkSizeOverflow);
                }
                Size
            }
            (Size | Name | Value | AfterQuoted, b'\r') => LineFeed,
            (LineFeed, b'\n') if self.size > 0 => Data,
            (LineFeed, b'\n') => Trailers,
            (LineFeed, _) => return Err(ErrorKind::BareCr),
            // A bare LF hides nowhere: not in a size, not in an extension.
            (_, b'\n') => return Err(ErrorKind::BareLf),
            (Size | BeforeSemicolon | Name | AfterName | Value | AfterQuoted, b';') => NameStart,
            (Size | BeforeSemicolon, b' ' | b'\t') => BeforeSemicolon,
            (SizeStart | Size, _) => return Err(ErrorKind::InvalidChunkSize),
            (NameStart, b' ' | b'\t') => NameStart,
            (NameStart | Name, _) if class::is(byte, TOKEN) => Name,
            (Name | AfterName, b' ' | b'\t') => AfterName,
            (Name | AfterName, b'=') => ValueStart,
            (ValueStart, b' ' | b'\t') => ValueStart,
            (ValueStart, b'"') => Quoted,
            (ValueStart | Value, _) if class::is(byte, TOKEN) => Value,
            (Value | AfterQuoted, b' ' | b'\t') => BeforeSemicolon,
            (Quoted, b'"') => AfterQuoted,
            (Quoted, b'\\') => QuotedPair,
            (Quoted | QuotedPair, _) if class::is(byte, TEXT) => Quoted,
            _ => return Err(ErrorKind::InvalidChunkExtension),
        })
    }
}
