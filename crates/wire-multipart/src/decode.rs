//! The decoder: a form in, events out (RFC 2046 section 5.1, RFC 7578).
//!
//! ```text
//! form      = [ preamble CRLF ] "--" boundary ( close / line *( head [ body ] CRLF "--" boundary line ) .. close )
//! line      = padding CRLF
//! close     = "--" padding [ CRLF epilogue ]
//! ```
//!
//! Invariants:
//! - content is reported where it lies and never copied; what may be the beginning of a delimiter waits unconsumed;
//! - everything else is consumed byte by byte as it arrives, but a head, which waits until it is whole.

use crate::boundary::Boundary;
use crate::config::Config;
use crate::delimiter::{Compared, Delimiter, Found};
use crate::error::{Error, ErrorKind};
use crate::field::{FieldScanner, HeadLimits};
use crate::head::PartHead;
use crate::step::{Event, Step};

/// Decodes one form, or another multipart body.
///
/// Call [`decode`](Self::decode) with what has arrived and is not consumed until it yields no event, then again with more,
/// and [`decode_eof`](Self::decode_eof) at the end. Unconsumed without an event stay at most the bytes of one head
/// ([`Config::max_field_section`]) or of one delimiter less one (73), nothing else. The decoder holds a table of field
/// offsets and the searcher of the boundary; its memory does not grow with the input.
///
/// ```
/// use wire_multipart::{Boundary, Config, Decoder, Event};
///
/// let boundary = Boundary::from_content_type("multipart/form-data; boundary=b")?;
/// let mut decoder = Decoder::new(&boundary, &Config::default());
/// let mut input = &b"--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nhello\r\n--b--\r\n"[..];
/// let mut body = Vec::new();
/// while let step = decoder.decode(input)? && let Some(event) = step.event {
///     match event {
///         Event::PartBegin => assert_eq!(*decoder.head().view(step.payload(input)).name(), *b"a"),
///         Event::Data { .. } => body.extend_from_slice(step.payload(input)),
///         Event::PartEnd | Event::End => {}
///     }
///     input = &input[step.consumed..];
/// }
/// decoder.decode_eof()?;
/// assert_eq!(body, b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Decoder {
    delimiter: Delimiter,
    config: Config,
    line_end: LineEnd,
    place: Place,
    error: Option<Error>,
    /// Bytes consumed in all.
    consumed: u64,
    /// What is known of the unconsumed input, in a preamble or a body.
    found: Found,
    /// At the start of a line in a preamble or a body: bytes that are equal to `--boundary`.
    line_start: Option<usize>,
    /// The last byte of the preamble that was consumed was a CR.
    behind_cr: bool,
    head: PartHead,
    scanner: FieldScanner,
    parts: usize,
    field_bytes: usize,
    /// Bytes of padding, or of the epilogue.
    count: usize,
    part: Option<Part>,
}

/// The part that is being read.
#[derive(Clone, Copy, Debug)]
struct Part {
    received: u64,
    limit: u64,
    skip: bool,
}

/// What ends a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineEnd {
    CrLf,
    Lf,
    /// The first line end decides.
    Either,
}

/// What the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Of the preamble, or of the first delimiter.
    Preamble,
    /// The first one behind a delimiter.
    Behind,
    /// Of the padding behind a delimiter, or of its line end.
    Padding,
    /// The LF of its line end.
    LineFeed,
    /// The second `-` of a close delimiter.
    Dash,
    /// Of a head.
    Head,
    /// Of a body, or of the delimiter behind it.
    Body,
    /// The form is complete; it was not said yet.
    End,
    /// Of the padding behind the close delimiter, or of its line end.
    ClosePadding,
    /// The LF of its line end.
    CloseLineFeed,
    /// Of the epilogue.
    Epilogue,
}

type Failure = (ErrorKind, usize);

impl Decoder {
    /// A decoder of one body with this boundary.
    #[must_use]
    pub fn new(boundary: &Boundary, config: &Config) -> Self {
        let (needle, line_end) =
            if config.allow_bare_lf { (&b"\n"[..], LineEnd::Either) } else { (&b"\r\n"[..], LineEnd::CrLf) };
        Self {
            delimiter: Delimiter::new(needle, boundary.as_bytes()),
            config: config.clone(),
            line_end,
            place: Place::Preamble,
            error: None,
            consumed: 0,
            found: Found::default(),
            line_start: Some(0),
            behind_cr: false,
            head: PartHead::default(),
            scanner: FieldScanner::default(),
            parts: 0,
            field_bytes: 0,
            count: 0,
            part: None,
        }
    }

    /// Decodes the next event out of `input`, all that was received and not consumed. Returns `event: None` when more bytes
    /// are needed; one call may consume several things that make no event.
    ///
    /// # Errors
    ///
    /// What the peer did wrong. Events that were complete before it have been reported; from then on every call returns it.
    pub fn decode(&mut self, input: &[u8]) -> Result<Step, Error> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let mut at = 0;
        match self.advance(input, &mut at) {
            Ok(event) => {
                self.consumed += at as u64;
                Ok(Step { consumed: at, event })
            }
            Err((kind, at)) => Err(self.fail(kind, self.consumed + at as u64)),
        }
    }

    /// The end of the input, once [`decode`](Self::decode) yields no event.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Truncated`] before the close delimiter, [`ErrorKind::NoBoundary`] before any; an error that was returned
    /// before.
    pub fn decode_eof(&mut self) -> Result<(), Error> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let kind = match self.place {
            Place::End | Place::ClosePadding | Place::Epilogue => return Ok(()),
            Place::Preamble => ErrorKind::NoBoundary,
            _ => ErrorKind::Truncated,
        };
        let waiting = match self.place {
            Place::Head => self.scanner.searched(),
            _ => self.found.content + self.found.equal + self.line_start.unwrap_or(0),
        };
        Err(self.fail(kind, self.consumed + waiting as u64))
    }

    /// The head of the part that began last.
    #[must_use]
    pub fn head(&self) -> &PartHead {
        &self.head
    }

    /// Takes that head out, so that it can be kept while decoding goes on, and puts `spare` in its place, whose memory is
    /// used for the next one: [`PartHead::default`], or one that was taken before.
    pub fn take_head(&mut self, spare: PartHead) -> PartHead {
        core::mem::replace(&mut self.head, spare)
    }

    /// Sets the most bytes that the body of the current part may have in all, in place of what [`Config`] says. Outside of a
    /// part it does nothing.
    pub fn limit_part(&mut self, max: u64) {
        if let Some(part) = &mut self.part {
            part.limit = max;
        }
    }

    /// Reports no more data of the current part: what is left of it is searched for its end, and has no limit. Its `PartEnd`
    /// is reported. Outside of a part it does nothing.
    pub fn skip_part(&mut self) {
        if let Some(part) = &mut self.part {
            part.skip = true;
        }
    }

    /// Refuses the whole form: from now on every call returns this error ([`ErrorKind::Refused`]), or the one that there is
    /// already.
    pub fn refuse(&mut self) -> Error {
        match self.error {
            Some(error) => error,
            None => self.fail(ErrorKind::Refused, self.consumed),
        }
    }

    /// Whether the close delimiter was read and reported: the form is complete, whatever follows.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        matches!(self.place, Place::ClosePadding | Place::CloseLineFeed | Place::Epilogue)
    }

    fn fail(&mut self, kind: ErrorKind, offset: u64) -> Error {
        *self.error.insert(Error::new(kind, offset))
    }

    /// Goes through `input` from `at` on, up to the next event. An error has its offset in `input`.
    fn advance(&mut self, input: &[u8], at: &mut usize) -> Result<Option<Event>, Failure> {
        loop {
            match self.place {
                Place::Preamble => {
                    if !self.preamble(input, at)? {
                        return Ok(None);
                    }
                }
                Place::Head => {
                    let Some(len) =
                        self.part_head(&input[*at..], *at).map_err(|(kind, i)| (kind, *at + i))?
                    else {
                        return Ok(None);
                    };
                    *at += len;
                    return Ok(Some(Event::PartBegin));
                }
                Place::Body => {
                    if let Some(len) = self.body(input, at)? {
                        return Ok(Some(Event::Data { len }));
                    }
                    if self.place == Place::Body {
                        return Ok(None);
                    }
                }
                Place::End => {
                    (self.place, self.count) = (Place::ClosePadding, 0);
                    return Ok(Some(Event::End));
                }
                Place::Epilogue => {
                    let rest = input.len() - *at;
                    let room = self.config.max_epilogue - self.count;
                    if rest > room {
                        return Err((ErrorKind::EpilogueTooLarge, *at + room));
                    }
                    self.count += rest;
                    *at = input.len();
                    return Ok(None);
                }
                _ => {
                    let Some(&byte) = input.get(*at) else { return Ok(None) };
                    let part_ends = self.line(byte).map_err(|kind| (kind, *at))?;
                    *at += 1;
                    if part_ends {
                        self.part = None;
                        return Ok(Some(Event::PartEnd));
                    }
                }
            }
        }
    }

    /// Looks for the first delimiter. Whether it is there; then it is consumed.
    fn preamble(&mut self, input: &[u8], at: &mut usize) -> Result<bool, Failure> {
        let rest = &input[*at..];
        if let Some(equal) = self.line_start {
            match self.delimiter.compare_line(rest, equal) {
                Compared::Whole => {
                    *at += self.delimiter.line_len();
                    self.behind_delimiter();
                    return Ok(true);
                }
                Compared::More(equal) => {
                    self.line_start = Some(equal);
                    return Ok(false);
                }
                Compared::Differs(equal) => {
                    self.line_start = None;
                    self.found = Found { content: equal, equal: 0 };
                }
            }
        }
        self.found = self.delimiter.search(rest, self.found);
        let Found { content, equal } = self.found;
        // All that was consumed is preamble.
        let room = self.config.max_preamble as u64 - self.consumed.min(self.config.max_preamble as u64);
        if content as u64 > room {
            return Err((ErrorKind::PreambleTooLarge, *at + room as usize));
        }
        if let Some(before) = content.checked_sub(1).and_then(|last| rest.get(last)) {
            self.behind_cr = *before == b'\r';
        }
        *at += content;
        self.found.content = 0;
        if equal < self.delimiter.len() {
            return Ok(false);
        }
        *at += equal;
        if self.line_end == LineEnd::Either {
            self.fix_line_end(if self.behind_cr { LineEnd::CrLf } else { LineEnd::Lf });
        }
        self.behind_delimiter();
        Ok(true)
    }

    /// From here on lines end so.
    fn fix_line_end(&mut self, line_end: LineEnd) {
        self.line_end = line_end;
        if line_end == LineEnd::CrLf {
            self.delimiter = self.delimiter.with_line_end(b"\r\n");
        }
    }

    fn behind_delimiter(&mut self) {
        self.place = Place::Behind;
        self.found = Found::default();
        self.line_start = None;
        self.count = 0;
    }

    /// A byte behind a delimiter (RFC 2046 section 5.1.1). Whether it completes the part before.
    fn line(&mut self, byte: u8) -> Result<bool, ErrorKind> {
        let within_part = self.part.is_some();
        match (self.place, byte) {
            (Place::Behind, b'-') => self.place = Place::Dash,
            (Place::Dash, b'-') => {
                self.place = Place::End;
                return Ok(within_part);
            }
            (Place::Behind | Place::Padding | Place::ClosePadding, b' ' | b'\t') => {
                self.count += 1;
                if self.count > self.config.max_padding {
                    return Err(ErrorKind::PaddingTooLong);
                }
                if self.place == Place::Behind {
                    self.place = Place::Padding;
                }
            }
            (Place::Behind | Place::Padding | Place::ClosePadding, b'\r') => {
                if self.line_end == LineEnd::Lf {
                    return Err(ErrorKind::BareCr);
                }
                self.place =
                    if self.place == Place::ClosePadding { Place::CloseLineFeed } else { Place::LineFeed };
            }
            (Place::Behind | Place::Padding | Place::ClosePadding, b'\n') => {
                match self.line_end {
                    LineEnd::CrLf => return Err(ErrorKind::BareLf),
                    LineEnd::Either => self.fix_line_end(LineEnd::Lf),
                    LineEnd::Lf => {}
                }
                return self.line_ends(within_part);
            }
            (Place::LineFeed | Place::CloseLineFeed, b'\n') => {
                if self.line_end == LineEnd::Either {
                    self.fix_line_end(LineEnd::CrLf);
                }
                return self.line_ends(within_part);
            }
            (Place::LineFeed | Place::CloseLineFeed, _) => return Err(ErrorKind::BareCr),
            _ => return Err(ErrorKind::InvalidDelimiter),
        }
        Ok(false)
    }

    /// Behind the line of a delimiter.
    fn line_ends(&mut self, within_part: bool) -> Result<bool, ErrorKind> {
        self.count = 0;
        if matches!(self.place, Place::ClosePadding | Place::CloseLineFeed) {
            self.place = Place::Epilogue;
            return Ok(false);
        }
        self.place = Place::Head;
        self.scanner = FieldScanner::default();
        self.head.clear();
        Ok(within_part)
    }

    /// The head of a part at the start of `rest`, which begins at `start` of the input. Its length.
    fn part_head(&mut self, rest: &[u8], start: usize) -> Result<Option<usize>, Failure> {
        if self.parts >= self.config.max_parts {
            return Err((ErrorKind::TooManyParts, 0));
        }
        let limits = HeadLimits {
            lines: self.config.max_fields,
            bytes: self.config.field_section_limit(),
            total: self.config.max_total_field_bytes - self.field_bytes,
        };
        let Some(len) = self.scanner.scan(rest, self.line_end, limits, &mut self.head.fields)? else {
            return Ok(None);
        };
        self.head.complete(start, &rest[..len], self.config.form_data)?;
        self.parts += 1;
        self.field_bytes += len;
        self.part = Some(Part { received: 0, limit: self.part_limit(&rest[..len]), skip: false });
        self.place = Place::Body;
        self.line_start = Some(0);
        Ok(Some(len))
    }

    /// What the configuration allows the part of this head.
    fn part_limit(&self, head: &[u8]) -> u64 {
        let by_name = if self.config.part_sizes.is_empty() {
            None
        } else {
            self.config.part_sizes.get(self.head.name_in(head).as_ref())
        };
        let by_kind = if self.head.is_file() { self.config.max_file_size } else { self.config.max_text_size };
        by_name.copied().unwrap_or(by_kind)
    }

    /// A body: the length of the content that is consumed, or `None` behind the delimiter or for more bytes.
    fn body(&mut self, input: &[u8], at: &mut usize) -> Result<Option<usize>, Failure> {
        let rest = &input[*at..];
        if let Some(equal) = self.line_start {
            match self.delimiter.compare_line(rest, equal) {
                // Some take the empty line of the head for the line end of this delimiter, some do not.
                Compared::Whole => return Err((ErrorKind::InvalidDelimiter, *at)),
                Compared::More(equal) => {
                    self.line_start = Some(equal);
                    return Ok(None);
                }
                Compared::Differs(equal) => {
                    self.line_start = None;
                    self.found = Found { content: equal, equal: 0 };
                }
            }
        }
        self.found = self.delimiter.search(rest, self.found);
        let content = self.found.content.min(rest.len());
        if content > 0
            && let Some(part) = &mut self.part
        {
            if !part.skip {
                let room = usize::try_from(part.limit.saturating_sub(part.received)).unwrap_or(usize::MAX);
                if room == 0 {
                    return Err((ErrorKind::PartTooLarge, *at));
                }
                let len = content.min(room);
                part.received += len as u64;
                self.found.content -= len;
                *at += len;
                return Ok(Some(len));
            }
            self.found.content -= content;
            *at += content;
        }
        if self.found.equal == self.delimiter.len() && input.len() - *at >= self.delimiter.len() {
            *at += self.delimiter.len();
            self.behind_delimiter();
        }
        Ok(None)
    }
}
