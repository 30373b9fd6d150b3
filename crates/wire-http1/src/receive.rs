//! The receiving half of a connection, the same in both roles: empty lines, a head, content, trailers (RFC 9112 sections
//! 2.2 and 5 to 7). What a head means, and what follows it, is for the role to say.
//!
//! Invariants:
//! - a place in the input is kept to the byte, so that no split of the input changes an event, an error or its offset;
//! - `offset` counts what was consumed of the current message, `pending` what was left of the last call's input.

use core::fmt::Debug;

use crate::chunked::{Chunked, Progress};
use crate::class;
use crate::config::Config;
use crate::error::{Error, ErrorKind};
use crate::field::FieldScanner;
use crate::framing::Framing;
use crate::head::Head;
use crate::known::Known;
use crate::search;
use crate::step::{Event, Step};
use crate::trailers::Trailers;

/// The first line of a message: what tells the roles apart while a head is read.
pub(crate) trait StartLine: Copy + Debug + Default {
    /// Where the scanner stands in the line.
    type Scanner: Copy + Debug + Default;
    /// What a head with this line decides.
    type Decision: Copy + Debug + Default;

    /// Goes on in `view`, which begins with the message and has grown at its end. False: more bytes, please. The line is
    /// written where it stays: what is moved as soon as it is written stalls the processor.
    fn scan(
        &mut self,
        scanner: &mut Self::Scanner,
        view: &[u8],
        config: &Config,
    ) -> Result<bool, (ErrorKind, usize)>;

    /// Length of the line with its line end, which is where the field section begins.
    fn len(&self) -> usize;

    /// Whether framing looks at this field of the head.
    fn decides(&self, known: Known) -> bool;
}

/// What is received next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// A head, from [`Receiver::place`] on.
    Head,
    /// Content of this many bytes more.
    Fixed(u64),
    Chunked(Chunked),
    Trailers(FieldScanner),
    /// Content up to the end of the input; responses only.
    UntilClose,
    /// The message is complete; the event was not reported yet.
    End,
    /// The event was reported.
    Complete,
}

/// Where the decoder stands in a head, and what the head says so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HeadPlace<L: StartLine> {
    pub(crate) empty_lines: usize,
    pub(crate) scanner: L::Scanner,
    pub(crate) line: L,
    /// Once the start line is complete.
    pub(crate) fields: Option<FieldScanner>,
    pub(crate) framing: Framing,
}

/// What the input may grow by, in the middle of a field name or value, without a look at anything else; nothing by default.
/// How far it has grown is in [`Receiver::pending`] alone.
#[derive(Clone, Copy, Debug, Default)]
struct Growth {
    /// The class of the bytes.
    class: u8,
    /// Where the head must end.
    limit: usize,
}

#[derive(Debug)]
pub(crate) struct Receiver<L: StartLine> {
    pub(crate) config: Config,
    pub(crate) reading: Reading,
    /// Where the decoder stands in the head that it reads.
    pub(crate) place: HeadPlace<L>,
    pub(crate) trailers: Trailers,
    /// Bytes of the current message that were consumed.
    pub(crate) offset: u64,
    /// Bytes that the last call left unconsumed when it asked for more: they are presented again.
    pub(crate) pending: usize,
    growth: Growth,
    pub(crate) error: Option<Error>,
}

impl<L: StartLine> Receiver<L> {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            config,
            reading: Reading::Head,
            place: HeadPlace::default(),
            trailers: Trailers::default(),
            offset: 0,
            pending: 0,
            growth: Growth::default(),
            error: None,
        }
    }

    /// Goes on to the next message; what was left unconsumed is presented again.
    pub(crate) fn restart(&mut self) {
        self.next_head();
        (self.offset, self.pending) = (0, 0);
    }

    /// Goes on to another head of the same message, behind an interim one; offsets count on.
    pub(crate) fn next_head(&mut self) {
        self.reading = Reading::Head;
        self.place = HeadPlace::default();
    }

    /// The shortest way through bytes that arrive a few at a time: whether `input` has only grown in the middle of a field
    /// name or value. Then more is needed.
    #[inline]
    pub(crate) fn grows(&mut self, input: &[u8]) -> bool {
        self.growth.class != 0 && self.grows_on(input)
    }

    fn grows_on(&mut self, input: &[u8]) -> bool {
        let Growth { class, limit } = self.growth;
        match input.get(self.pending..) {
            Some(&[byte]) if class::is(byte, class) && input.len() < limit => {}
            Some(new @ [_, _, ..]) if class == class::TEXT && input.len() < limit => {
                if search::has_control(new) {
                    return false;
                }
            }
            _ => return false,
        }
        self.pending = input.len();
        true
    }

    /// What `decode` says without looking at `input`: the error of before, or nothing where the caller presents fewer
    /// bytes than were left unconsumed, which is its mistake and no reason to panic.
    #[inline]
    pub(crate) fn early(&self, input: &[u8]) -> Option<Result<Step, Error>> {
        match self.error {
            Some(error) => Some(Err(error)),
            None if input.len() < self.pending => Some(Ok(Step::more(0))),
            None => None,
        }
    }

    /// Accounts for what was done with `input`.
    #[inline]
    pub(crate) fn settle(
        &mut self,
        input: &[u8],
        result: Result<Step, (ErrorKind, usize)>,
    ) -> Result<Step, Error> {
        match result {
            Ok(step) => {
                self.offset += step.consumed as u64;
                self.pending = if step.event.is_none() { input.len() - step.consumed } else { 0 };
                Ok(step)
            }
            Err((kind, at)) => Err(self.fail(kind, at)),
        }
    }

    #[cold]
    pub(crate) fn fail(&mut self, kind: ErrorKind, at: usize) -> Error {
        let error = Error::new(kind, self.offset + at as u64);
        self.error = Some(error);
        self.growth = Growth::default();
        error
    }

    /// Whether a message has begun and is not complete.
    pub(crate) fn is_mid_message(&self) -> bool {
        match self.reading {
            Reading::Head => self.pending > 0,
            Reading::Fixed(_) | Reading::Chunked(_) | Reading::Trailers(_) | Reading::UntilClose => true,
            Reading::End | Reading::Complete => false,
        }
    }

    /// Whether all of the message was received, reported or not.
    pub(crate) fn is_read(&self) -> bool {
        match self.reading {
            Reading::End | Reading::Complete | Reading::Fixed(0) => true,
            Reading::Head
            | Reading::Fixed(_)
            | Reading::Chunked(_)
            | Reading::Trailers(_)
            | Reading::UntilClose => false,
        }
    }

    /// Content that is still to come, where its head declared the length.
    pub(crate) fn remaining(&self) -> Option<u64> {
        match self.reading {
            Reading::Fixed(left) => Some(left),
            Reading::End | Reading::Complete => Some(0),
            Reading::Head | Reading::Chunked(_) | Reading::Trailers(_) | Reading::UntilClose => None,
        }
    }

    /// Reads on in a head: where it starts in `input`, behind empty lines, and its length once it is complete.
    #[inline]
    pub(crate) fn head(
        &mut self,
        input: &[u8],
        head: &mut Head<L>,
    ) -> Result<(usize, Option<usize>), (ErrorKind, usize)> {
        if core::mem::take(&mut self.growth).class != 0
            && let Some(fields) = &mut self.place.fields
        {
            fields.went_on(self.pending);
        }
        let start = self.skip_empty_lines(input)?;
        match self.scan_head(&input[start..], head) {
            Ok(len) => Ok((start, len)),
            Err((kind, at)) => Err((kind, start + at)),
        }
    }

    /// "a server SHOULD ignore at least one empty line received prior to the request-line" (RFC 9112 section 2.2); a
    /// client may discard them between responses (section 9.2).
    #[inline]
    pub(crate) fn skip_empty_lines(&mut self, input: &[u8]) -> Result<usize, (ErrorKind, usize)> {
        let mut start = 0;
        while let [b'\r', rest @ ..] = &input[start..] {
            match rest {
                [] => break,
                [b'\n', ..] if self.place.empty_lines < self.config.max_empty_lines => {
                    self.place.empty_lines += 1;
                    start += 2;
                }
                [b'\n', ..] => return Err((ErrorKind::TooManyEmptyLines, start)),
                _ => return Err((ErrorKind::BareCr, start)),
            }
        }
        Ok(start)
    }

    /// Scans the head that `view` begins with; its length once it is complete.
    #[inline]
    fn scan_head(&mut self, view: &[u8], head: &mut Head<L>) -> Result<Option<usize>, (ErrorKind, usize)> {
        let HeadPlace { scanner, line, fields, framing, .. } = &mut self.place;
        let fields = match fields {
            Some(fields) => fields,
            // The first half of an empty line.
            None if view == b"\r" => return Ok(None),
            None if !line.scan(scanner, view, &self.config)? => return Ok(None),
            None => {
                head.clear();
                self.trailers.clear();
                fields.insert(FieldScanner::new(line.len()))
            }
        };
        // The limit is a cut of the view: what is not complete within it is too large, however it arrived.
        let cut = line.len() + self.config.field_section_limit();
        let view = &view[..view.len().min(cut)];
        match fields.scan(view, &mut head.sink(line, framing, self.config.max_fields))? {
            None if view.len() == cut => Err((ErrorKind::FieldSectionTooLarge, cut)),
            None => {
                self.growth = Growth { class: fields.goes_on_with(view.len()), limit: cut };
                Ok(None)
            }
            end => Ok(end),
        }
    }

    /// Reads on behind a head: content, trailers, end.
    #[inline]
    pub(crate) fn content(&mut self, input: &[u8]) -> Result<Step, (ErrorKind, usize)> {
        match self.reading {
            Reading::Fixed(left) => Ok(self.fixed(input, left)),
            Reading::Chunked(_) => self.chunked(input),
            Reading::Trailers(scanner) => self.trailers(input, 0, scanner),
            Reading::UntilClose if input.is_empty() => Ok(Step::more(0)),
            Reading::UntilClose => Ok(Step::event(input.len(), Event::Data { len: input.len() })),
            Reading::End => Ok(self.end(0)),
            Reading::Head | Reading::Complete => Ok(Step::more(0)),
        }
    }

    #[inline]
    pub(crate) fn end(&mut self, consumed: usize) -> Step {
        self.reading = Reading::Complete;
        Step::event(consumed, Event::End)
    }

    fn fixed(&mut self, input: &[u8], left: u64) -> Step {
        if left == 0 {
            return self.end(0);
        }
        if input.is_empty() {
            return Step::more(0);
        }
        let len = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
        self.reading = Reading::Fixed(left - len as u64);
        Step::event(len, Event::Data { len })
    }

    fn chunked(&mut self, input: &[u8]) -> Result<Step, (ErrorKind, usize)> {
        let Reading::Chunked(chunked) = &mut self.reading else { return Ok(Step::more(0)) };
        let (at, progress) = chunked.advance(input, &self.config)?;
        match progress {
            Progress::More => Ok(Step::more(at)),
            Progress::Data(_) if at == input.len() => Ok(Step::more(at)),
            Progress::Data(left) => {
                let len = usize::try_from(left).unwrap_or(usize::MAX).min(input.len() - at);
                chunked.take(len as u64);
                Ok(Step::event(at + len, Event::Data { len }))
            }
            Progress::Trailers => self.trailers(input, at, FieldScanner::new(0)),
        }
    }

    /// Scans the trailer section, which begins at `start` of `input`.
    fn trailers(
        &mut self,
        input: &[u8],
        start: usize,
        mut scanner: FieldScanner,
    ) -> Result<Step, (ErrorKind, usize)> {
        let section = &input[start..];
        let cut = self.config.trailer_section_limit();
        let view = &section[..section.len().min(cut)];
        let end = scanner
            .scan(view, &mut self.trailers.sink(self.config.max_fields))
            .map_err(|(kind, at)| (kind, start + at))?;
        self.reading = Reading::Trailers(scanner);
        match end {
            None if view.len() == cut => Err((ErrorKind::TrailerSectionTooLarge, start + cut)),
            None => Ok(Step::more(start)),
            Some(2) => Ok(self.end(start + 2)),
            Some(len) => {
                self.trailers.set_start(start);
                self.reading = Reading::End;
                Ok(Step::event(start + len, Event::Trailers))
            }
        }
    }
}
