//! The decoder: bytes in, [`Event`]s out (RFC 6455 sections 5 and 7).
//!
//! Invariants:
//!
//! - Nothing is buffered. A data payload is handed out as it arrives, unmasked where it lies; of a control frame
//!   nothing is consumed before it is whole.
//! - What a header shows is refused as soon as the byte is there that shows it, in the order of the bytes.
//! - Which events and which error come out, pieces of one message joined, does not depend on how the input was cut.

use crate::frame::{FrameHeader, Mask, OpCode, Utf8Validator};
use crate::rules::{BLOCK, Message, RSV1, Rules};
use crate::utf8;
use crate::{CloseCode, Config, DataKind, Error, ErrorKind, Event, Role, Step};

/// Decodes one direction of a connection, after the opening handshake.
///
/// Call [`decode`](Self::decode) until it yields no event, read more, put the new bytes behind what it left
/// unconsumed, call again. It leaves at most 13 bytes (a header without its last byte), or 130 where they are a
/// control frame without its last byte.
///
/// ```
/// use wire_ws::{Config, DataKind, Decoder, Event, Role};
///
/// let mut decoder = Decoder::new(Role::Client, &Config::default());
/// let mut input = *b"\x01\x03Hel\x89\x00\x80\x02lo"; // "Hel", a Ping, "lo"
/// let mut start = 0;
/// let mut text = Vec::new();
/// loop {
///     let step = decoder.decode(&mut input[start..])?;
///     match step.event {
///         Some(Event::Data { .. }) => text.extend_from_slice(step.payload(&input[start..])),
///         Some(event) => assert_eq!(event, Event::Ping { len: 0 }),
///         None => break,
///     }
///     start += step.consumed;
/// }
/// assert_eq!(text, b"Hello");
/// # Ok::<(), wire_ws::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Decoder {
    state: State,
    rules: Rules,
    /// Bytes that the last call left unconsumed (at most 130): the input ends within a frame if it ends now.
    pending: u8,
    /// Of the current frame: the mask where it is masked, and whether it is the last of its message.
    mask: Mask,
    fin: bool,
    /// An event of the current message was given.
    begun: bool,
    utf8: Utf8Validator,
    /// Payload bytes of the current frame that have not arrived. Above 0 exactly in `State::Payload`.
    remaining: u64,
    message: Message,
    /// Bytes consumed since the first.
    offset: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before a frame that is not within a message.
    Idle,
    /// Before a frame within a fragmented message.
    Message,
    /// In the payload of a data frame.
    Payload,
    /// A Close was received: whatever follows is ignored (section 5.5.1).
    Closed,
    /// An error was found.
    Failed(Error),
}

impl Decoder {
    /// A decoder at the first byte behind the opening handshake.
    #[must_use]
    pub fn new(role: Role, config: &Config) -> Self {
        Self {
            state: State::Idle,
            rules: Rules::new(role, config),
            pending: 0,
            mask: Mask::new([0; 4]),
            fin: false,
            begun: false,
            utf8: Utf8Validator::new(),
            remaining: 0,
            message: Message::NONE,
            offset: 0,
        }
    }

    /// This decoder, where permessage-deflate was agreed on: RSV1 then marks compressed messages (RFC 7692 section
    /// 6), whose events are `deflated`.
    ///
    /// Their payload is handed out as it comes, compressed; text is not checked. [`Config::max_message_size`] and
    /// [`Config::max_frame_size`] allow the compressed bytes an eighth and 1 KiB more, and a message 16 bytes for each
    /// fragment: what they stand for is limited by whoever inflates them.
    #[must_use]
    pub fn with_deflate(mut self) -> Self {
        self.rules.rsv = RSV1;
        self
    }

    /// Decodes until there is one event or the input is used up.
    ///
    /// Payload bytes are unmasked in place. After a Close everything is consumed and ignored.
    ///
    /// # Errors
    ///
    /// The peer broke the protocol or passed a limit. Events complete before the error come first; the error then
    /// comes again at every call.
    #[inline]
    pub fn decode(&mut self, input: &mut [u8]) -> Result<Step, Error> {
        match self.decode_short(input) {
            Some(step) => Ok(step),
            None => self.decode_any(input),
        }
    }

    /// The end of the input.
    ///
    /// # Errors
    ///
    /// `Ok` only after a Close (the connection then ended cleanly, section 7.1.4). Otherwise
    /// [`ErrorKind::EndedWithoutClose`] or [`ErrorKind::EndedWithinFrame`], or the error found before.
    pub fn decode_eof(&mut self) -> Result<(), Error> {
        let within = self.remaining > 0 || self.pending > 0;
        match self.state {
            State::Failed(error) => Err(error),
            State::Closed => Ok(()),
            _ if within => Err(self.fail(ErrorKind::EndedWithinFrame, usize::from(self.pending))),
            _ => Err(self.fail(ErrorKind::EndedWithoutClose, 0)),
        }
    }

    /// Whether [`decode`](Self::decode) would give an event or an error for `input`, what is left unconsumed,
    /// without more bytes. A data frame counts only when it is wholly there.
    ///
    /// Looks at headers only, and only at more than one where frames are empty fragments, which give no event. So
    /// it can say `false` although text that is there is invalid.
    #[inline]
    #[must_use]
    pub fn is_ready(&self, input: &[u8]) -> bool {
        self.is_ready_short(input).unwrap_or_else(|| self.scan(input, false))
    }

    /// Bytes of the current data frame's payload that were not consumed yet; 0 between frames.
    ///
    /// So many of the next bytes are payload for sure: the bound for reading them straight to where they belong.
    #[inline]
    #[must_use]
    pub fn remaining(&self) -> u64 {
        self.remaining
    }

    /// Whether the peer's Close was received: the input may end, and what else arrives is ignored.
    #[inline]
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// The fast path: a whole short message in one frame. `None` leaves everything as it was.
    #[inline(always)]
    pub(crate) fn decode_short(&mut self, input: &mut [u8]) -> Option<Step> {
        let [first, second, rest @ ..] = input else { return None };
        let kind = match *first {
            0x81 => DataKind::Text,
            0x82 => DataKind::Binary,
            _ => return None,
        };
        // With the wrong mask bit this is at least 128.
        let short = *second ^ self.rules.mask_bit;
        if !matches!(self.state, State::Idle) || short > self.rules.short {
            return None;
        }
        // The bits that a length of 125 takes: it is known not to be long.
        self.decode_whole(kind, 2, usize::from(short & 0x7f), rest)
    }

    /// As [`decode_short`](Self::decode_short), for 126 bytes and more, up to a block.
    fn decode_medium(&mut self, input: &mut [u8]) -> Option<Step> {
        let [first, second, high, low, rest @ ..] = input else { return None };
        let kind = match *first {
            0x81 => DataKind::Text,
            0x82 => DataKind::Binary,
            _ => return None,
        };
        let len = u16::from_be_bytes([*high, *low]);
        if !matches!(self.state, State::Idle)
            || *second ^ self.rules.mask_bit != 126
            || !(126..=self.rules.medium).contains(&len)
        {
            return None;
        }
        self.decode_whole(kind, 4, usize::from(len), rest)
    }

    /// A whole message of `len` bytes, whose key and payload are in `rest`, behind `header` bytes. `None` where it is
    /// not wholly there, or text that is not valid.
    #[inline(always)]
    fn decode_whole(
        &mut self,
        kind: DataKind,
        mut header: usize,
        len: usize,
        rest: &mut [u8],
    ) -> Option<Step> {
        if self.rules.mask_bit != 0 {
            let (key, rest) = rest.split_first_chunk_mut()?;
            let payload = rest.get_mut(..len)?;
            let ascii = Mask::new(*key).apply(payload);
            if kind == DataKind::Text && !ascii && !utf8::is_valid(payload) {
                Mask::new(*key).apply(payload);
                return None;
            }
            header += 4;
        } else {
            let payload = rest.get(..len)?;
            if kind == DataKind::Text && !utf8::is_valid(payload) {
                return None;
            }
        }
        let event = Event::Data { kind, len, first: true, last: true, deflated: false };
        Some(self.step(header + len, Some(event)))
    }

    /// [`decode`](Self::decode) without its fast path.
    #[inline(never)]
    pub(crate) fn decode_any(&mut self, input: &mut [u8]) -> Result<Step, Error> {
        if let Some(step) = self.decode_medium(input) {
            return Ok(step);
        }
        let mut consumed = 0;
        loop {
            let rest = &mut input[consumed..];
            match self.state {
                // The end of what arrived, most often.
                State::Idle if rest.is_empty() => return Ok(self.step(consumed, None)),
                State::Payload => {
                    if rest.is_empty() {
                        return Ok(self.step(consumed, None));
                    }
                    let len = usize::try_from(self.remaining).map_or(rest.len(), |n| n.min(rest.len()));
                    let (taken, event) = self.take(&mut rest[..len], consumed);
                    consumed += taken;
                    if event.is_some() {
                        return Ok(self.step(consumed, event));
                    }
                }
                State::Idle | State::Message => {
                    let (header, header_len) = match self.rules.check(self.message, rest) {
                        Ok(Some(parsed)) => parsed,
                        Ok(None) => return Ok(self.step_unfinished(consumed, rest.len())),
                        Err((kind, at)) => return Err(self.fail(kind, consumed + at)),
                    };
                    if header.opcode.is_control() {
                        // At most 125.
                        let end = header_len + header.len as usize;
                        let Some(frame) = rest.get_mut(..end) else {
                            return Ok(self.step_unfinished(consumed, rest.len()));
                        };
                        let event = self.control(&header, &mut frame[header_len..], consumed + header_len)?;
                        return Ok(self.step(consumed + end, Some(event)));
                    }
                    consumed += header_len;
                    self.begin(&header);
                    if header.len == 0 {
                        let event = self.end_frame(0, consumed);
                        if event.is_some() {
                            return Ok(self.step(consumed, event));
                        }
                    }
                }
                State::Closed => return Ok(self.step(input.len(), None)),
                State::Failed(error) => return Err(error),
            }
        }
    }

    /// Enters a data frame.
    fn begin(&mut self, header: &FrameHeader) {
        self.message = self.message.with(header);
        self.mask = Mask::new(header.key.unwrap_or([0; 4]));
        self.fin = header.fin;
        self.remaining = header.len;
        self.state = State::Payload;
    }

    /// Takes the next bytes of the current frame's payload, at most [`remaining`](Self::remaining) and at least
    /// one, which lie `at` bytes behind `self.offset`. Returns how many are good, and the event they give.
    fn take(&mut self, payload: &mut [u8], at: usize) -> (usize, Option<Event>) {
        let mask = self.mask;
        let mut good = 0;
        for block in payload.chunks_mut(usize::from(BLOCK)) {
            let ascii = self.rules.mask_bit != 0 && self.mask.apply(block);
            if self.message.kind == DataKind::Text && !self.message.deflated {
                let checked = match (self.rules.mask_bit, ascii) {
                    (0, _) => self.utf8.push(block),
                    (_, true) => self.utf8.push_ascii(block),
                    (_, false) => self.utf8.push_any(block),
                };
                if let Err(bad) = checked {
                    // What was not consumed stays as it was.
                    let masked = good + block.len();
                    good += bad;
                    self.undo(mask, payload, good, masked);
                    self.fail(ErrorKind::InvalidUtf8, at + good);
                    return (good, (good > 0).then(|| self.data(good, false)));
                }
            }
            good += block.len();
        }
        self.remaining -= good as u64;
        if self.remaining > 0 {
            return (good, Some(self.data(good, false)));
        }
        (good, self.end_frame(good, at + good))
    }

    /// Takes payload that the caller did not pass through `decode`: 1 to [`remaining`](Self::remaining) bytes.
    pub(crate) fn resume(&mut self, payload: &mut [u8]) -> Option<Event> {
        let (taken, event) = self.take(payload, 0);
        self.step(taken, event).event
    }

    /// Masks `payload[from..to]` again, which `mask` (as it was at the start of `payload`) unmasked.
    #[cold]
    fn undo(&self, mut mask: Mask, payload: &mut [u8], from: usize, to: usize) {
        if self.rules.mask_bit != 0 {
            mask.skip(from);
            mask.apply(&mut payload[from..to]);
        }
    }

    /// Leaves the current frame, of which the last `len` bytes were not given as an event. It ends `at` bytes
    /// behind `self.offset`.
    fn end_frame(&mut self, len: usize, at: usize) -> Option<Event> {
        if !self.fin {
            self.state = State::Message;
            return (len > 0).then(|| self.data(len, false));
        }
        if !self.utf8.is_complete() {
            self.fail(ErrorKind::IncompleteUtf8, at);
            return (len > 0).then(|| self.data(len, false));
        }
        let event = self.data(len, true);
        self.state = State::Idle;
        self.message = Message::NONE;
        self.begun = false;
        Some(event)
    }

    /// A piece of the current message.
    #[inline]
    fn data(&mut self, len: usize, last: bool) -> Event {
        let first = !self.begun;
        self.begun = true;
        let Message { kind, deflated, .. } = self.message;
        Event::Data { kind, len, first, last, deflated }
    }

    /// Handles a whole control frame (section 5.5), whose payload lies `at` bytes behind `self.offset`.
    fn control(&mut self, header: &FrameHeader, payload: &mut [u8], at: usize) -> Result<Event, Error> {
        if let Some(key) = header.key {
            Mask::new(key).apply(payload);
        }
        let len = payload.len();
        match header.opcode {
            OpCode::Ping => Ok(Event::Ping { len }),
            OpCode::Pong => Ok(Event::Pong { len }),
            _ => {
                let code = match payload {
                    [] => None,
                    [_] => return Err(self.fail(ErrorKind::InvalidCloseLength, at)),
                    [high, low, reason @ ..] => {
                        let Some(code) = CloseCode::new(u16::from_be_bytes([*high, *low])) else {
                            return Err(self.fail(ErrorKind::InvalidCloseCode, at));
                        };
                        if let Err(e) = core::str::from_utf8(reason) {
                            return Err(self.fail(ErrorKind::InvalidCloseReason, at + 2 + e.valid_up_to()));
                        }
                        Some(code)
                    }
                };
                self.state = State::Closed;
                Ok(Event::Close { code, len: len.saturating_sub(2) })
            }
        }
    }

    #[inline]
    fn step(&mut self, consumed: usize, event: Option<Event>) -> Step {
        self.pending = 0;
        self.offset += consumed as u64;
        Step { consumed, event }
    }

    /// More bytes, please, with so many left unconsumed.
    fn step_unfinished(&mut self, consumed: usize, pending: usize) -> Step {
        let step = self.step(consumed, None);
        // At most 130.
        self.pending = pending as u8;
        step
    }

    /// Fails at the byte `at` bytes behind `self.offset`.
    #[cold]
    fn fail(&mut self, kind: ErrorKind, at: usize) -> Error {
        let error = Error::new(kind, self.offset + at as u64);
        self.state = State::Failed(error);
        self.remaining = 0;
        error
    }

    /// Fails within the payload of the current frame, or right behind it: with the byte behind the frame.
    #[cfg(feature = "deflate")]
    #[cold]
    pub(crate) fn fail_frame(&mut self, kind: ErrorKind) -> Error {
        let error = Error::new(kind, self.offset.saturating_add(self.remaining));
        self.state = State::Failed(error);
        self.remaining = 0;
        error
    }

    /// Whether the current message is compressed.
    pub(crate) fn is_deflated(&self) -> bool {
        self.message.deflated
    }

    #[cfg(feature = "deflate")]
    pub(crate) fn role(&self) -> Role {
        if self.rules.mask_bit != 0 { Role::Server } else { Role::Client }
    }

    /// The error, if there is one.
    pub(crate) fn error(&self) -> Option<Error> {
        match self.state {
            State::Failed(error) => Some(error),
            _ => None,
        }
    }

    /// The fast path of [`is_ready`](Self::is_ready), for what [`decode`](Self::decode) has a fast path for.
    #[inline]
    pub(crate) fn is_ready_short(&self, input: &[u8]) -> Option<bool> {
        let [0x81 | 0x82, second, rest @ ..] = input else { return None };
        if !matches!(self.state, State::Idle) {
            return None;
        }
        let short = *second ^ self.rules.mask_bit;
        // The key takes four bytes where the mask bit is set.
        let key = usize::from(self.rules.mask_bit >> 5);
        if short <= self.rules.short {
            return Some(rest.len() >= key + usize::from(short));
        }
        let [high, low, rest @ ..] = rest else { return None };
        let len = u16::from_be_bytes([*high, *low]);
        (short == 126 && (126..=self.rules.medium).contains(&len))
            .then(|| rest.len() >= key + usize::from(len))
    }

    /// Whether `input` holds what [`is_ready`](Self::is_ready) asks for; with `whole`, up to the end of a message
    /// or a control frame.
    #[inline(never)]
    pub(crate) fn scan(&self, input: &[u8], whole: bool) -> bool {
        let mut message = self.message;
        let mut rest = input;
        match self.state {
            State::Closed => return false,
            State::Failed(_) => return true,
            State::Payload => {
                let Some(next) = skip(rest, self.remaining) else { return false };
                if !whole || self.fin {
                    return true;
                }
                rest = next;
            }
            State::Idle | State::Message => {}
        }
        loop {
            let header = match self.rules.check(message, rest) {
                Ok(Some((header, len))) => {
                    rest = &rest[len..];
                    header
                }
                Ok(None) => return false,
                Err(_) => return true,
            };
            let Some(next) = skip(rest, header.len) else { return false };
            if header.fin || (!whole && header.len > 0) {
                return true;
            }
            message = message.with(&header);
            rest = next;
        }
    }
}

/// `input` without its first `len` bytes, if there are so many.
fn skip(input: &[u8], len: u64) -> Option<&[u8]> {
    input.get(usize::try_from(len).ok()?..)
}
