//! Decoding in the client role: from the caller's bytes to events.

use super::ClientConnection;
use crate::error::{Error, ErrorKind};
use crate::receive::Reading;
use crate::request_line::{Method, Version};
use crate::step::{Event, Step};

impl ClientConnection {
    /// Decodes the next event from `input`, which begins with the first byte not consumed yet.
    ///
    /// Call it until it says `None` or `Paused`. The content of a body is reported as it comes and never looked at.
    ///
    /// # Errors
    ///
    /// The response breaks a rule or a limit, or no request awaits one. Every later call returns the same error; the
    /// connection is to be closed.
    #[inline]
    pub fn decode(&mut self, input: &[u8]) -> Result<Step, Error> {
        if self.receiver.grows(input) { Ok(Step::more(0)) } else { self.decode_next(input) }
    }

    fn decode_next(&mut self, input: &[u8]) -> Result<Step, Error> {
        if let Some(early) = self.receiver.early(input) {
            return early;
        }
        let result = match self.receiver.reading {
            Reading::Head => self.decode_head(input),
            Reading::Complete if self.is_upgraded() => Ok(Step::event(0, Event::Upgraded)),
            Reading::Complete => Ok(Step::event(0, Event::Paused)),
            _ => self.receiver.content(input),
        };
        self.receiver.settle(input, result)
    }

    /// The input has ended. Content that ends with the connection ends here: [`decode`](Self::decode) then reports
    /// [`Event::End`], on empty input.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Truncated`] inside a response whose end was not reached, [`ErrorKind::NoResponse`] before one that a
    /// request awaits, or the error that was reported before. Behind a complete response the end is clean, although
    /// [`outstanding`](Self::outstanding) requests remain unanswered.
    pub fn decode_eof(&mut self) -> Result<(), Error> {
        let kind = match self.receiver.reading {
            _ if self.receiver.error.is_some() => return self.receiver.error.map_or(Ok(()), Err),
            Reading::UntilClose => {
                self.receiver.reading = Reading::End;
                return Ok(());
            }
            Reading::Head if self.receiver.pending == 0 && self.requests.is_empty() => return Ok(()),
            Reading::Head if self.receiver.pending == 0 => ErrorKind::NoResponse,
            _ if self.is_mid_message() => ErrorKind::Truncated,
            _ => return Ok(()),
        };
        Err(self.receiver.fail(kind, self.receiver.pending))
    }

    fn decode_head(&mut self, input: &[u8]) -> Result<Step, (ErrorKind, usize)> {
        // "The client MUST associate each received response message to the first outstanding request that has not yet
        // received a final response" (RFC 9112 section 9.2).
        let Some(&request) = self.requests.front() else { return self.decode_unsolicited(input) };
        self.receiver.place.scanner.connect = request.method == Method::Connect;
        let (start, len) = match self.receiver.head(input, &mut self.head.0)? {
            (start, Some(len)) => (start, len),
            (start, None) => return Ok(Step::more(start)),
        };
        let place = &self.receiver.place;
        let (line, framing) = (place.line, &place.framing);
        let written = self.requests.len() > 1 || self.sending.is_written();
        let decision =
            framing.decide_response(&line, request, written).map_err(|kind| (kind, start + len))?;
        if line.is_interim() {
            self.interim += 1;
            if self.interim > self.receiver.config.max_interim {
                return Err((ErrorKind::TooManyInterimResponses, start + len));
            }
        }
        self.head.0.complete(start, line, decision);
        // Only the newest request can await anything: behind it none was written.
        if self.requests.len() == 1 && (line.status == 100 || !line.is_interim()) {
            self.awaits_continue = false;
        }
        // "The 'close' connection option is defined as a signal that the sender will close this connection after completion
        // of the response" (RFC 9112 section 9.6): an interim head says it of the same response.
        self.closing |= !decision.keep_alive;
        if line.is_interim() {
            self.receiver.next_head();
        } else {
            self.http10 = line.version == Version::Http10;
            self.switched = decision.switches;
            self.receiver.reading = decision.body.into();
        }
        Ok(Step::event(start + len, Event::Head))
    }

    /// Without a request there is no response, "unless the data consists only of one or more CRLF" (RFC 9112 section 9.2).
    fn decode_unsolicited(&mut self, input: &[u8]) -> Result<Step, (ErrorKind, usize)> {
        let start = self.receiver.skip_empty_lines(input)?;
        match input[start..] {
            [] | [b'\r'] => Ok(Step::more(start)),
            _ => Err((ErrorKind::UnsolicitedResponse, start)),
        }
    }
}
