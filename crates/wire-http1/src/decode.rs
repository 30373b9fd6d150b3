//! Decoding: from the caller's bytes to events.

use crate::chunked::Progress;
use crate::connection::{HeadPlace, Reading, Request, Responding, ServerConnection};
use crate::error::{Error, ErrorKind};
use crate::field::FieldScanner;
use crate::step::{Event, Step};

impl ServerConnection {
    /// Decodes the next event from `input`, which begins with the first byte not consumed yet.
    ///
    /// Call it until it says `None` or `Paused`. The content of a body is reported as it comes and never looked at.
    ///
    /// # Errors
    ///
    /// The request breaks a rule or a limit. Every later call returns the same error.
    pub fn decode(&mut self, input: &[u8]) -> Result<Step, Error> {
        if let Some(error) = self.error {
            return Err(error);
        }
        match self.step(input) {
            Ok(step) => {
                self.offset += step.consumed as u64;
                self.pending = input.len() - step.consumed;
                Ok(step)
            }
            Err((kind, at)) => Err(self.fail(kind, at)),
        }
    }

    /// The input has ended.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Truncated`] inside a request, or the error that was reported before. Between requests, and behind a
    /// complete one, the end is clean.
    pub fn decode_eof(&mut self) -> Result<(), Error> {
        match self.error {
            Some(error) => Err(error),
            None if self.is_mid_message() => Err(self.fail(ErrorKind::Truncated, self.pending)),
            None => Ok(()),
        }
    }

    #[cold]
    fn fail(&mut self, kind: ErrorKind, at: usize) -> Error {
        if self.reading == Reading::Head {
            self.request.method = self.place.line.method();
        }
        let error = Error::new(kind, self.offset + at as u64);
        self.error = Some(error);
        error
    }

    #[inline]
    fn step(&mut self, input: &[u8]) -> Result<Step, (ErrorKind, usize)> {
        match self.reading {
            Reading::Head => self.decode_head(input),
            Reading::Fixed(left) => Ok(self.decode_fixed(input, left)),
            Reading::Chunked(_) => self.decode_chunked(input),
            Reading::Trailers(scanner) => self.decode_trailers(input, 0, scanner),
            Reading::End => Ok(self.end(0)),
            Reading::Complete if self.responding == Responding::Switched => {
                Ok(Step::event(0, Event::Upgraded))
            }
            Reading::Complete => Ok(Step::event(0, Event::Paused)),
        }
    }

    fn end(&mut self, consumed: usize) -> Step {
        self.reading = Reading::Complete;
        Step::event(consumed, Event::End)
    }

    fn decode_head(&mut self, input: &[u8]) -> Result<Step, (ErrorKind, usize)> {
        let start = self.skip_empty_lines(input)?;
        match self.scan_head(&input[start..]) {
            Ok(None) => Ok(Step::more(start)),
            Ok(Some(len)) => {
                let line = self.place.request_line;
                let decision = self.place.framing.decide(&line).map_err(|kind| (kind, start + len))?;
                self.head.complete(start, line, decision);
                self.request = Request { method: Some(line.method), version: Some(line.version), decision };
                self.reading = Self::behind_head(decision.body);
                Ok(Step::event(start + len, Event::Head))
            }
            Err((kind, at)) => Err((kind, start + at)),
        }
    }

    /// "a server SHOULD ignore at least one empty line received prior to the request-line" (RFC 9112 section 2.2).
    #[inline]
    fn skip_empty_lines(&mut self, input: &[u8]) -> Result<usize, (ErrorKind, usize)> {
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
    fn scan_head(&mut self, view: &[u8]) -> Result<Option<usize>, (ErrorKind, usize)> {
        let HeadPlace { line, request_line, fields, framing, .. } = &mut self.place;
        let fields = match fields {
            Some(fields) => fields,
            // The first half of an empty line.
            None if view == b"\r" => return Ok(None),
            None => match line.scan(view, self.config.target_limit())? {
                None => return Ok(None),
                Some(complete) => {
                    self.head.clear();
                    self.trailers.clear();
                    *request_line = complete;
                    fields.insert(FieldScanner::new(complete.len()))
                }
            },
        };
        // The limit is a cut of the view: what is not complete within it is too large, however it arrived.
        let cut = request_line.len() + self.config.field_section_limit();
        let view = &view[..view.len().min(cut)];
        match fields.scan(view, &mut self.head.sink(framing, self.config.max_fields))? {
            None if view.len() == cut => Err((ErrorKind::FieldSectionTooLarge, cut)),
            end => Ok(end),
        }
    }

    fn decode_fixed(&mut self, input: &[u8], left: u64) -> Step {
        if left == 0 {
            return self.end(0);
        }
        if input.is_empty() {
            return Step::more(0);
        }
        self.continued = true;
        let len = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
        self.reading = Reading::Fixed(left - len as u64);
        Step::event(len, Event::Data { len })
    }

    fn decode_chunked(&mut self, input: &[u8]) -> Result<Step, (ErrorKind, usize)> {
        let Reading::Chunked(chunked) = &mut self.reading else { return Ok(Step::more(0)) };
        self.continued |= !input.is_empty();
        let (at, progress) = chunked.advance(input, &self.config)?;
        match progress {
            Progress::More => Ok(Step::more(at)),
            Progress::Data(_) if at == input.len() => Ok(Step::more(at)),
            Progress::Data(left) => {
                let len = usize::try_from(left).unwrap_or(usize::MAX).min(input.len() - at);
                chunked.take(len as u64);
                Ok(Step::event(at + len, Event::Data { len }))
            }
            Progress::Trailers => self.decode_trailers(input, at, FieldScanner::new(0)),
        }
    }

    /// Scans the trailer section, which begins at `start` of `input`.
    fn decode_trailers(
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
