//! Decoding in the server role: from the caller's bytes to events.

use crate::connection::{Request, ServerConnection};
use crate::error::{Error, ErrorKind};
use crate::receive::Reading;
use crate::step::{Event, Step};

impl ServerConnection {
    /// Decodes the next event from `input`, which begins with the first byte not consumed yet.
    ///
    /// Call it until it says `None` or `Paused`. The content of a body is reported as it comes and never looked at.
    ///
    /// # Errors
    ///
    /// The request breaks a rule or a limit. Every later call returns the same error.
    #[inline]
    pub fn decode(&mut self, input: &[u8]) -> Result<Step, Error> {
        if matches!(self.receiver.reading, Reading::End) && self.receiver.error.is_none() {
            // All that most requests have behind their head.
            return Ok(self.receiver.end(0));
        }
        if self.receiver.grows(input) { Ok(Step::more(0)) } else { self.decode_next(input) }
    }

    fn decode_next(&mut self, input: &[u8]) -> Result<Step, Error> {
        if let Some(early) = self.receiver.early(input) {
            return early;
        }
        let result = match self.receiver.reading {
            Reading::Head => {
                let head = self.decode_head(input);
                if head.is_err() {
                    self.request.method = self.receiver.place.scanner.method();
                }
                head
            }
            Reading::Complete if self.is_upgraded() => Ok(Step::event(0, Event::Upgraded)),
            Reading::Complete => Ok(Step::event(0, Event::Paused)),
            _ => {
                self.continued |= !input.is_empty();
                self.receiver.content(input)
            }
        };
        self.receiver.settle(input, result)
    }

    /// The input has ended.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Truncated`] inside a request, or the error that was reported before. Between requests, and behind a
    /// complete one, the end is clean.
    pub fn decode_eof(&mut self) -> Result<(), Error> {
        match self.receiver.error {
            Some(error) => Err(error),
            None if self.is_mid_message() => {
                if matches!(self.receiver.reading, Reading::Head) {
                    self.request.method = self.receiver.place.scanner.method();
                }
                Err(self.receiver.fail(ErrorKind::Truncated, self.receiver.pending))
            }
            None => Ok(()),
        }
    }

    #[inline]
    fn decode_head(&mut self, input: &[u8]) -> Result<Step, (ErrorKind, usize)> {
        let (start, len) = match self.receiver.head(input, &mut self.head.0)? {
            (start, Some(len)) => (start, len),
            (start, None) => return Ok(Step::more(start)),
        };
        let place = &self.receiver.place;
        let (line, framing) = (place.line, &place.framing);
        let decision = framing.decide(&line).map_err(|kind| (kind, start + len))?;
        self.head.0.complete(start, line, decision);
        self.request = Request { method: Some(line.method), version: Some(line.version), decision };
        self.receiver.reading = decision.body.into();
        Ok(Step::event(start + len, Event::Head))
    }
}
