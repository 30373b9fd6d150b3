//! The decoder: bytes in, [`Event`]s out (HTML Living Standard sections 9.2.5 and 9.2.6).
//!
//! ```text
//! stream  = [ bom ] *event
//! event   = *( comment / field ) end-of-line
//! comment = colon *any-char end-of-line
//! field   = 1*name-char [ colon [ space ] *any-char ] end-of-line
//! ```
//!
//! Invariants: every byte is consumed by the call that is given it, unless an event comes first; nothing is buffered but
//! the first bytes of a field name; events do not depend on how the input was cut.

use core::time::Duration;

use crate::{Config, Error, ErrorKind, Event, Field, Step};

/// The byte order mark in UTF-8 (section 9.2.5).
const BOM: [u8; 3] = *b"\xef\xbb\xbf";

/// The longest name that means something has 5 bytes; one more tells longer names from it.
const NAME: usize = 6;

/// Decodes an event stream into pieces of field values, where they lie.
///
/// Call [`decode`](Self::decode) until it yields no event, then read more: nothing stays unconsumed. The rules that join
/// pieces into events are those of [`EventDecoder`](crate::EventDecoder), which most callers want.
///
/// ```
/// use wire_sse::{Config, Decoder, Event, Field};
///
/// let mut decoder = Decoder::new(&Config::default());
/// let mut input = &b"data: Hello\r\n\r\n"[..];
/// let step = decoder.decode(input)?;
/// assert_eq!(step.event, Some(Event::Value { field: Field::Data, len: 5, last: true }));
/// assert_eq!(step.payload(input), b"Hello");
/// input = &input[step.consumed..];
/// assert_eq!(decoder.decode(input)?.event, Some(Event::Dispatch));
/// # Ok::<(), wire_sse::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Decoder {
    state: State,
    /// A CR ended the line: an LF that follows belongs to it.
    after_cr: bool,
    name: [u8; NAME],
    /// Bytes of the name, at most `NAME`.
    name_len: u8,
    /// The field of the current value.
    field: Field,
    /// Bytes of the current event type or id.
    count: usize,
    /// The number of the current `retry`.
    millis: u64,
    /// Bytes of data in the current event, a line feed for each line.
    data: usize,
    config: Config,
    /// Bytes consumed since the first.
    offset: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// At the start of the stream, so many bytes into a byte order mark.
    Bom(u8),
    LineStart,
    Name,
    /// Behind the colon: one space is not part of the value.
    Space,
    Value,
    /// In the value of `retry`; whether there was a digit.
    Retry(bool),
    /// In a line that means nothing.
    Ignored,
    /// The last piece of a value was given, its line end is next.
    LineEnd,
    Failed(Error),
}

impl Decoder {
    /// A decoder at the first byte of a response body.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            state: State::Bom(0),
            after_cr: false,
            name: [0; NAME],
            name_len: 0,
            field: Field::Comment,
            count: 0,
            millis: 0,
            data: 0,
            config: *config,
            offset: 0,
        }
    }

    /// Decodes until there is one event or the input is used up.
    ///
    /// # Errors
    ///
    /// A limit was passed. Events complete before that come first; the error then comes again at every call.
    pub fn decode(&mut self, input: &[u8]) -> Result<Step, Error> {
        let mut at = 0;
        while let Some(&byte) = input.get(at) {
            let line_end = matches!(byte, b'\n' | b'\r');
            match self.state {
                State::Failed(error) => return Err(error),
                State::Bom(matched) if byte == BOM[usize::from(matched)] => {
                    let done = usize::from(matched) + 1 == BOM.len();
                    self.state = if done { State::LineStart } else { State::Bom(matched + 1) };
                    at += 1;
                }
                State::Bom(0) => self.state = State::LineStart,
                // No mark: a name that begins with what has been taken, and so means nothing.
                State::Bom(_) => self.state = State::Ignored,
                State::LineStart => {
                    if core::mem::take(&mut self.after_cr) && byte == b'\n' {
                        at += 1;
                    } else if line_end {
                        self.end_line(byte);
                        self.data = 0;
                        return Ok(self.step(at + 1, Some(Event::Dispatch)));
                    } else {
                        self.name_len = 0;
                        self.state = State::Name;
                    }
                }
                State::Name if line_end => self.begin_value(),
                State::Name if byte == b':' => {
                    self.begin_value();
                    if self.state != State::Ignored {
                        self.state = State::Space;
                    }
                    at += 1;
                }
                State::Name => {
                    if let Some(place) = self.name.get_mut(usize::from(self.name_len)) {
                        *place = byte;
                        self.name_len += 1;
                        at += 1;
                    } else {
                        self.state = State::Ignored;
                    }
                }
                State::Space => {
                    at += usize::from(byte == b' ');
                    // The field is known by now; `begin_value` only takes the state behind the space.
                    self.begin_value();
                }
                State::Value => return self.value(input, at),
                State::Retry(digits) if line_end => {
                    self.state = State::LineEnd;
                    if digits {
                        let time = Duration::from_millis(self.millis);
                        return Ok(self.step(at, Some(Event::Retry(time))));
                    }
                }
                State::Retry(_) if byte.is_ascii_digit() => {
                    self.millis = self.millis.saturating_mul(10).saturating_add(u64::from(byte - b'0'));
                    self.state = State::Retry(true);
                    at += 1;
                }
                State::Retry(_) => self.state = State::Ignored,
                State::Ignored => {
                    at += memchr::memchr2(b'\n', b'\r', &input[at..]).unwrap_or(input.len() - at);
                    if at < input.len() {
                        self.state = State::LineEnd;
                    }
                }
                State::LineEnd => {
                    self.end_line(byte);
                    at += 1;
                }
            }
        }
        match self.state {
            State::Failed(error) => Err(error),
            _ => Ok(self.step(at, None)),
        }
    }

    /// The end of the input. An event that no empty line completed is discarded (section 9.2.6).
    ///
    /// # Errors
    ///
    /// The error found before.
    pub fn decode_eof(&mut self) -> Result<(), Error> {
        match self.state {
            State::Failed(error) => Err(error),
            _ => Ok(()),
        }
    }

    /// What the line means, by its name.
    fn begin_value(&mut self) {
        (self.count, self.millis) = (0, 0);
        let field = match &self.name[..usize::from(self.name_len)] {
            b"" => Field::Comment,
            b"event" => Field::Event,
            b"data" => Field::Data,
            b"id" => Field::Id,
            b"retry" => {
                self.state = State::Retry(false);
                return;
            }
            _ => {
                self.state = State::Ignored;
                return;
            }
        };
        self.field = field;
        self.state = State::Value;
    }

    /// A piece of the current value, whose bytes begin at `at`: there is at least one byte, which may end the line.
    fn value(&mut self, input: &[u8], at: usize) -> Result<Step, Error> {
        let rest = &input[at..];
        let end = memchr::memchr2(b'\n', b'\r', rest);
        let (mut len, mut last) = (end.unwrap_or(rest.len()), end.is_some());
        let (kind, limit, before) = match self.field {
            Field::Comment => (ErrorKind::DataTooBig, usize::MAX, 0),
            Field::Event => (ErrorKind::EventTypeTooBig, self.config.max_event_type, self.count),
            Field::Data => (ErrorKind::DataTooBig, self.config.max_data, self.data),
            Field::Id => (ErrorKind::IdTooBig, self.config.max_id, self.count),
        };
        // The line feed behind a line of data is part of the data.
        let line_feed = usize::from(last && self.field == Field::Data);
        let room = limit - before;
        if room < len + line_feed {
            // What fits comes out first, however the input is cut.
            (len, last) = (len.min(room), false);
            if len == 0 {
                let error = Error::new(kind, self.offset + at as u64);
                self.state = State::Failed(error);
                return Err(error);
            }
        }
        match self.field {
            Field::Comment => {}
            Field::Data => self.data += len + usize::from(last),
            Field::Event | Field::Id => self.count += len,
        }
        if last {
            self.state = State::LineEnd;
        }
        Ok(self.step(at + len, Some(Event::Value { field: self.field, len, last })))
    }

    fn end_line(&mut self, byte: u8) {
        self.after_cr = byte == b'\r';
        self.state = State::LineStart;
    }

    fn step(&mut self, consumed: usize, event: Option<Event>) -> Step {
        self.offset += consumed as u64;
        Step { consumed, event }
    }
}
