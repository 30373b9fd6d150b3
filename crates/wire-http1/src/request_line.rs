//! The request line (RFC 9112 section 3): method, one space, target, one space, version, CRLF.
//!
//! Invariants are those of the field scanner: it keeps its place to the byte, and reports an error as soon as its byte is
//! there. The form of the target is judged when the line is complete, since it depends on method and version: an HTTP/2
//! preface deserves its 505.

use core::ops::Range;

use crate::class::{self, HEX, TOKEN};
use crate::config::Config;
use crate::error::ErrorKind;
use crate::framing::Decision;
use crate::known::Known;
use crate::receive::StartLine;
use crate::search;
use crate::target::{self, Form};

/// A request method (RFC 9110 section 9, and PATCH of RFC 5789). Case-sensitive.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Method {
    /// `GET`
    Get,
    /// `HEAD`
    Head,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `DELETE`
    Delete,
    /// `CONNECT`
    Connect,
    /// `OPTIONS`
    Options,
    /// `TRACE`
    Trace,
    /// `PATCH`
    Patch,
    /// Any other token; [`HeadView::method`](crate::HeadView::method) has it.
    #[default]
    Other,
}

impl Method {
    /// The method of this name.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Self {
        match name {
            b"GET" => Self::Get,
            b"HEAD" => Self::Head,
            b"POST" => Self::Post,
            b"PUT" => Self::Put,
            b"DELETE" => Self::Delete,
            b"CONNECT" => Self::Connect,
            b"OPTIONS" => Self::Options,
            b"TRACE" => Self::Trace,
            b"PATCH" => Self::Patch,
            _ => Self::Other,
        }
    }
}

/// The version of a request. A minor version above 1 counts as 1 (RFC 9110 section 2.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0: no chunked coding, no interim responses, closes unless it says `keep-alive`.
    Http10,
    /// HTTP/1.1 and later minor versions.
    #[default]
    Http11,
}

/// A longer method is one that nobody implements: 501. The longest registered one has 17 bytes (`UPDATEREDIRECTREF`).
const MAX_METHOD: usize = 32;

/// A longer token is no method at all.
const METHOD_LIMIT: usize = 256;

/// `HTTP/1.1` and its line end.
const VERSION_LINE: usize = 10;

/// A complete request line; offsets from the start of the message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RequestLine {
    pub(crate) method: Method,
    pub(crate) version: Version,
    pub(crate) form: Form,
    /// At most [`MAX_METHOD`].
    pub(crate) method_end: u8,
    pub(crate) target_end: u32,
}

impl RequestLine {
    pub(crate) fn method_range(&self) -> Range<usize> {
        0..self.method_end.into()
    }

    pub(crate) fn target_range(&self) -> Range<usize> {
        usize::from(self.method_end) + 1..self.target_end as usize
    }
}

impl StartLine for RequestLine {
    type Scanner = LineScanner;
    type Decision = Decision;

    #[inline]
    fn scan(
        &mut self,
        scanner: &mut LineScanner,
        view: &[u8],
        config: &Config,
    ) -> Result<bool, (ErrorKind, usize)> {
        scanner.scan(view, config.target_limit(), self)
    }

    #[inline]
    fn len(&self) -> usize {
        self.target_end as usize + 1 + VERSION_LINE
    }

    #[inline]
    fn decides(&self, known: Known) -> bool {
        known.decides_framing()
    }
}

/// Where the scanner stands in a request line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LineScanner {
    /// The next byte to look at.
    at: usize,
    /// The method and where it ended, once its space was found.
    method: Option<(Method, usize)>,
    /// Where the target ended, once its space was found.
    target_end: Option<usize>,
}

impl LineScanner {
    /// The method, as soon as it is known: a refused HEAD gets no content either.
    pub(crate) fn method(&self) -> Option<Method> {
        self.method.map(|(method, _)| method)
    }

    /// Goes on in `view`, which begins with the message and has grown at its end, and writes `line` once it is complete.
    /// False: more bytes, please.
    #[inline]
    pub(crate) fn scan(
        &mut self,
        view: &[u8],
        target_limit: usize,
        line: &mut RequestLine,
    ) -> Result<bool, (ErrorKind, usize)> {
        let (method, method_end) = match self.method {
            Some(method) => method,
            None => {
                let Some(method) = self.scan_method(view)? else { return Ok(false) };
                method
            }
        };
        let start = method_end + 1;
        let target_end = match self.target_end {
            Some(end) => end,
            None => {
                // The limit is a cut of the view: what does not end within it is too long, however it arrived.
                let cut = start + target_limit + 1;
                let Some(end) = self.scan_target(&view[..view.len().min(cut)], start)? else {
                    return if view.len() < cut {
                        Ok(false)
                    } else {
                        Err((ErrorKind::TargetTooLong, cut - 1))
                    };
                };
                end
            }
        };
        let Some(version) = version(view, target_end + 1)? else { return Ok(false) };
        let target = &view[start..target_end];
        let form = target::form(method, target).map_err(|kind| (kind, start))?;
        *line = RequestLine {
            method,
            version,
            form,
            method_end: method_end as u8,
            target_end: target_end as u32,
        };
        Ok(true)
    }

    #[inline]
    fn scan_method(&mut self, view: &[u8]) -> Result<Option<(Method, usize)>, (ErrorKind, usize)> {
        if self.at == 0 && view.starts_with(b"GET ") {
            self.at = 4;
            self.method = Some((Method::Get, 3));
            return Ok(self.method);
        }
        let cut = view.len().min(METHOD_LIMIT);
        let end = class::skip(&view[..cut], self.at, TOKEN);
        self.at = end;
        match view[..cut].get(end) {
            Some(b' ') if end > MAX_METHOD => return Err((ErrorKind::MethodTooLong, MAX_METHOD)),
            Some(b' ') if end > 0 => {}
            None if end < METHOD_LIMIT => return Ok(None),
            _ => return Err((ErrorKind::InvalidMethod, end)),
        }
        let method = (Method::from_name(&view[..end]), end);
        self.method = Some(method);
        self.at = end + 1;
        Ok(Some(method))
    }

    #[inline]
    fn scan_target(&mut self, view: &[u8], start: usize) -> Result<Option<usize>, (ErrorKind, usize)> {
        loop {
            let end = search::skip_target(view, self.at);
            self.at = end;
            match view[end..] {
                [b' ', ..] if end > start => {
                    self.target_end = Some(end);
                    return Ok(Some(end));
                }
                [b'%', first, second, ..] if class::is(first, HEX) && class::is(second, HEX) => {
                    // `%00`: whoever decodes it into a C string gets another, shorter target.
                    if (first, second) == (b'0', b'0') {
                        return Err((ErrorKind::InvalidTarget, end));
                    }
                    self.at = end + 3;
                }
                [] | [b'%'] => return Ok(None),
                [b'%', first] if class::is(first, HEX) => return Ok(None),
                // The line ends without a version: HTTP/0.9, or a client that lost it (RFC 9112 section C.1).
                [b'\r' | b'\n', ..] if end > start => return Err((ErrorKind::InvalidVersion, end)),
                _ => return Err((ErrorKind::InvalidTarget, end)),
            }
        }
    }
}

/// The version at `start` with its line end, byte by byte only where it is not the usual one.
#[inline]
fn version(view: &[u8], start: usize) -> Result<Option<Version>, (ErrorKind, usize)> {
    let tail = view.get(start..).unwrap_or_default();
    if tail.starts_with(b"HTTP/1.1\r\n") {
        return Ok(Some(Version::Http11));
    }
    const PATTERN: &[u8; VERSION_LINE] = b"HTTP/0.0\r\n";
    for (i, (&byte, &wanted)) in tail.iter().zip(PATTERN).enumerate() {
        let fits = if wanted == b'0' { byte.is_ascii_digit() } else { byte == wanted };
        if !fits {
            let kind = match byte {
                b'\n' if i == 8 => ErrorKind::BareLf,
                _ if i == 9 => ErrorKind::BareCr,
                _ => ErrorKind::InvalidVersion,
            };
            return Err((kind, start + if i == 9 { 8 } else { i }));
        }
    }
    match tail.get(..VERSION_LINE) {
        None => Ok(None),
        Some([_, _, _, _, _, b'1', _, minor, ..]) => {
            Ok(Some(if *minor == b'0' { Version::Http10 } else { Version::Http11 }))
        }
        Some(_) => Err((ErrorKind::UnsupportedVersion, start)),
    }
}
