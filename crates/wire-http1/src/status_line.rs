//! The status line (RFC 9112 section 4): version, one space, three digits, one space, reason phrase, CRLF.
//!
//! Invariants are those of the request line's scanner. The space behind the code is required even where no phrase follows
//! ("A server MUST send the space that separates the status-code from the reason-phrase even when the reason-phrase is
//! absent").

use core::ops::Range;

use crate::config::Config;
use crate::error::ErrorKind;
use crate::framing::ResponseDecision;
use crate::known::Known;
use crate::receive::StartLine;
use crate::request_line::Version;
use crate::search;

/// `HTTP/1.1 200 `: everything before the reason phrase.
const BEFORE_REASON: usize = 13;

/// A complete status line; offsets from the start of the message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StatusLine {
    pub(crate) version: Version,
    pub(crate) status: u16,
    /// 2xx to CONNECT: a tunnel begins behind the head (RFC 9110 section 9.3.6).
    pub(crate) tunnel: bool,
    reason_end: u32,
}

/// Where the scanner stands in a status line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LineScanner {
    /// The response answers CONNECT.
    pub(crate) connect: bool,
    /// The next byte to look at.
    at: usize,
}

impl StatusLine {
    pub(crate) fn reason_range(&self) -> Range<usize> {
        BEFORE_REASON..self.reason_end as usize
    }

    /// An interim response: another head follows (RFC 9110 section 15.2). 101 is the last one in HTTP/1.1.
    pub(crate) fn is_interim(&self) -> bool {
        self.status < 200 && self.status != 101
    }
}

impl StartLine for StatusLine {
    type Scanner = LineScanner;
    type Decision = ResponseDecision;

    fn scan(
        &mut self,
        LineScanner { connect, at }: &mut LineScanner,
        view: &[u8],
        config: &Config,
    ) -> Result<bool, (ErrorKind, usize)> {
        const PATTERN: &[u8; BEFORE_REASON] = b"HTTP/0.0 000 ";
        while *at < BEFORE_REASON {
            let Some(&byte) = view.get(*at) else { return Ok(false) };
            let wanted = PATTERN[*at];
            let fits = if wanted == b'0' { byte.is_ascii_digit() } else { byte == wanted };
            match *at {
                // Only the major version decides who may read on (RFC 9110 section 2.5).
                5 if fits && byte != b'1' => return Err((ErrorKind::UnsupportedVersion, 5)),
                // "Values outside the range 100..599 are invalid" (RFC 9110 section 15), to be taken as 5xx; but below 100
                // recipients disagree whether a final response follows.
                9 if byte == b'0' => return Err((ErrorKind::InvalidStatus, 9)),
                _ if fits => *at += 1,
                0..=8 => return Err((ErrorKind::InvalidVersion, *at)),
                _ => return Err((ErrorKind::InvalidStatus, *at)),
            }
        }
        let stop = BEFORE_REASON + config.reason_limit();
        let end = loop {
            let text = &view[*at..view.len().min(stop)];
            *at += text.len() - search::from_control(text).len();
            match view[*at..] {
                [b'\r', b'\n', ..] => break *at,
                [] | [b'\r'] => return Ok(false),
                [b'\r', ..] => return Err((ErrorKind::BareCr, *at)),
                [b'\n', ..] => return Err((ErrorKind::BareLf, *at)),
                _ if *at == stop => return Err((ErrorKind::ReasonTooLong, stop)),
                [b'\t', ..] => *at += 1,
                _ => return Err((ErrorKind::InvalidReason, *at)),
            }
        };
        let digit = |at: usize| u16::from(view[at] - b'0');
        *self = Self {
            version: if view[7] == b'0' { Version::Http10 } else { Version::Http11 },
            status: digit(9) * 100 + digit(10) * 10 + digit(11),
            tunnel: *connect && view[9] == b'2',
            reason_end: end as u32,
        };
        Ok(true)
    }

    fn len(&self) -> usize {
        self.reason_end as usize + 2
    }

    fn decides(&self, known: Known) -> bool {
        match known {
            // "A client MUST ignore any Content-Length or Transfer-Encoding header fields received in a successful
            // response to CONNECT" (RFC 9110 section 9.3.6): also what is wrong with them.
            Known::ContentLength | Known::TransferEncoding => !self.tunnel,
            // Host, Expect and TE are fields of requests.
            Known::Connection | Known::Upgrade | Known::ContentType => true,
            _ => false,
        }
    }
}
