//! Whole messages over the [`Decoder`]'s pieces.
//!
//! A message that lies in one piece in the input stays there. Others are joined in one `Vec`, which grows with what
//! has arrived and never by what a header declares.

#[cfg(feature = "deflate")]
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

#[cfg(feature = "deflate")]
use crate::deflate::{DeflateParams, Inflater};
use crate::{CloseCode, Config, DataKind, Decoder, Error, Event, Role, Step};

/// What one call of [`MessageDecoder::decode`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageStep {
    /// So many bytes at the start of the input are done with; they are the only ones that may have been modified.
    pub consumed: usize,
    /// What they gave; `None`: more bytes, please.
    pub event: Option<MessageEvent>,
}

/// What arrived. Ranges are positions in the input that was decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageEvent {
    /// A whole message.
    Message {
        /// Its kind. Text is valid UTF-8.
        kind: DataKind,
        /// Where it is.
        payload: Payload,
    },
    /// A Ping, to be answered with a Pong of the same payload (see [`Event::Ping`]).
    Ping {
        /// The payload, at most 125 bytes.
        range: Range<usize>,
    },
    /// A Pong.
    Pong {
        /// The payload, at most 125 bytes.
        range: Range<usize>,
    },
    /// The peer's Close, the last event, to be answered with a Close (see [`Event::Close`]).
    Close {
        /// The code; `None`: the frame was empty.
        code: Option<CloseCode>,
        /// The reason, valid UTF-8.
        range: Range<usize>,
    },
}

/// Where a message is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// In the input that was decoded: it was not copied.
    Input(Range<usize>),
    /// In [`MessageDecoder::buffer`], or [`MessageDecoder::take_buffer`], until the next `decode`.
    Buffer,
}

/// Decodes one direction of a connection to whole messages.
///
/// The same contract as [`Decoder`]: call [`decode`](Self::decode) until it yields no event. It leaves at most 13
/// bytes unconsumed, 130 within a control frame.
///
/// It holds at most twice what has arrived of the current message, 4 KiB more where [`spare`](Self::spare) is used;
/// between messages at most 64 KiB, and nothing after [`shrink`](Self::shrink).
///
/// ```
/// use wire_ws::{Config, DataKind, MessageDecoder, MessageEvent, Payload, Role};
///
/// let mut decoder = MessageDecoder::new(Role::Client, &Config::default());
/// let mut input = *b"\x81\x05Hello\x01\x03Hel\x80\x02lo";
/// let step = decoder.decode(&mut input)?;
/// // In one piece: it lies in the input.
/// let message = MessageEvent::Message { kind: DataKind::Text, payload: Payload::Input(2..7) };
/// assert_eq!(step.event, Some(message));
///
/// let step = decoder.decode(&mut input[step.consumed..])?;
/// // In fragments: joined in the decoder.
/// assert_eq!(step.event, Some(MessageEvent::Message { kind: DataKind::Text, payload: Payload::Buffer }));
/// assert_eq!(decoder.buffer(), b"Hello");
/// # Ok::<(), wire_ws::Error>(())
/// ```
pub struct MessageDecoder {
    decoder: Decoder,
    /// The pieces so far of the current message, then the whole one until the next call.
    buffer: Vec<u8>,
    /// How much of `buffer` went through the decoder; the rest was read by the caller through `spare`.
    taken: usize,
    /// The message in `buffer` was given: the next call starts anew.
    given: bool,
    #[cfg(feature = "deflate")]
    inflater: Option<Box<Inflater>>,
}

impl MessageDecoder {
    /// Least room that [`spare`](Self::spare) offers, where the frame has so much left.
    const MIN_SPARE: usize = 4 << 10;

    /// Most memory that is kept from one message for the next.
    const KEEP: usize = 64 << 10;

    /// A decoder at the first byte behind the opening handshake.
    #[must_use]
    pub fn new(role: Role, config: &Config) -> Self {
        Self {
            decoder: Decoder::new(role, config),
            buffer: Vec::new(),
            taken: 0,
            given: false,
            #[cfg(feature = "deflate")]
            inflater: None,
        }
    }

    /// This decoder, where permessage-deflate was agreed on: compressed messages come out as others do, always as
    /// [`Payload::Buffer`], limited by `config` once inflated. `role` is the same as in [`new`](Self::new).
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn with_deflate(self, params: &DeflateParams, config: &Config) -> Self {
        let inflater = Inflater::new(self.decoder.role(), params, config);
        Self { decoder: self.decoder.with_deflate(), inflater: Some(Box::new(inflater)), ..self }
    }

    /// Decodes until there is one event or the input is used up.
    ///
    /// # Errors
    ///
    /// As [`Decoder::decode`].
    ///
    /// # Panics
    ///
    /// Where bytes were appended to [`spare`](Self::spare) and not announced by [`filled`](Self::filled).
    #[inline]
    pub fn decode(&mut self, input: &mut [u8]) -> Result<MessageStep, Error> {
        self.recycle();
        match self.decoder.decode_short(input) {
            // Inlined into the caller, who takes it apart: nothing of it is built.
            Some(Step { consumed, event: Some(Event::Data { kind, len, .. }) }) => {
                let payload = Payload::Input(consumed - len..consumed);
                Ok(MessageStep { consumed, event: Some(MessageEvent::Message { kind, payload }) })
            }
            _ => self.decode_any(input),
        }
    }

    #[inline(never)]
    fn decode_any(&mut self, input: &mut [u8]) -> Result<MessageStep, Error> {
        let mut consumed = 0;
        loop {
            let step = self.decoder.decode_any(&mut input[consumed..])?;
            let payload = step.payload_range();
            let range = consumed + payload.start..consumed + payload.end;
            consumed += step.consumed;
            let event = match step.event {
                None => None,
                #[cfg(feature = "deflate")]
                Some(Event::Data { kind, last, deflated: true, .. }) => {
                    self.inflate(kind, &input[range], last)?;
                    if !last {
                        continue;
                    }
                    Some(self.give(kind))
                }
                Some(Event::Data { kind, first: true, last: true, .. }) => {
                    Some(MessageEvent::Message { kind, payload: Payload::Input(range) })
                }
                Some(Event::Data { kind, last, .. }) => {
                    self.append(&input[range]);
                    if !last {
                        continue;
                    }
                    Some(self.give(kind))
                }
                Some(Event::Ping { .. }) => Some(MessageEvent::Ping { range }),
                Some(Event::Pong { .. }) => Some(MessageEvent::Pong { range }),
                Some(Event::Close { code, .. }) => Some(MessageEvent::Close { code, range }),
            };
            return Ok(MessageStep { consumed, event });
        }
    }

    /// The end of the input.
    ///
    /// # Errors
    ///
    /// As [`Decoder::decode_eof`].
    pub fn decode_eof(&mut self) -> Result<(), Error> {
        self.decoder.decode_eof()
    }

    /// Whether [`decode`](Self::decode) would give an event or an error for `input`, what is left unconsumed,
    /// without more bytes. Looks at headers only.
    #[inline]
    #[must_use]
    pub fn is_ready(&self, input: &[u8]) -> bool {
        self.decoder.is_ready_short(input).unwrap_or_else(|| self.decoder.scan(input, true))
    }

    /// Bytes of the current data frame's payload that have not arrived; 0 between frames.
    #[inline]
    #[must_use]
    pub fn remaining(&self) -> u64 {
        self.decoder.remaining()
    }

    /// Whether the peer's Close was received.
    #[inline]
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.decoder.is_closed()
    }

    /// The message that was given as [`Payload::Buffer`]; otherwise what has arrived of the current one.
    #[inline]
    #[must_use]
    pub fn buffer(&self) -> &[u8] {
        &self.buffer
    }

    /// The message that was given as [`Payload::Buffer`], without a copy. Empty where none was.
    #[inline]
    #[must_use]
    pub fn take_buffer(&mut self) -> Vec<u8> {
        if self.given { core::mem::take(&mut self.buffer) } else { Vec::new() }
    }

    /// Gives memory back that is kept for the next message. For connections that fall idle: between messages the
    /// decoder then holds nothing on the heap, except what context takeover needs (at most 32 KiB).
    pub fn shrink(&mut self) {
        self.recycle();
        if self.buffer.is_empty() {
            self.buffer = Vec::new();
        }
        #[cfg(feature = "deflate")]
        if let Some(inflater) = &mut self.inflater {
            inflater.shrink();
        }
    }

    /// The message's own buffer, to read the rest of a frame straight into, while a data frame is unfinished.
    ///
    /// Append at most [`remaining`](Self::remaining) bytes of the connection, as they are, to its end, and call
    /// [`filled`](Self::filled). Nothing must wait in the caller's own input buffer: `decode` it first.
    ///
    /// The room reserved is what the frame still lacks, but at most as much as has arrived of the message (at least
    /// 4 KiB), so that a declared length alone reserves nothing.
    ///
    /// `None` where reading so makes no sense: between frames, and within compressed ones. Read into the input buffer
    /// then.
    pub fn spare(&mut self) -> Option<&mut Vec<u8>> {
        if self.remaining() == 0 || self.decoder.is_deflated() {
            return None;
        }
        self.recycle();
        let len = self.buffer.len();
        let rest = usize::try_from(self.remaining()).unwrap_or(usize::MAX);
        if self.buffer.capacity() - len < rest.min(Self::MIN_SPARE) {
            self.buffer.reserve_exact(rest.min(len.max(Self::MIN_SPARE)));
        }
        Some(&mut self.buffer)
    }

    /// Takes what was appended to [`spare`](Self::spare): unmasks and checks it. The message, always
    /// [`Payload::Buffer`], when it is whole.
    ///
    /// # Errors
    ///
    /// As [`Decoder::decode`].
    ///
    /// # Panics
    ///
    /// Where the buffer was shortened, or more than `remaining` bytes were appended: they would belong to the next
    /// frame.
    pub fn filled(&mut self) -> Result<Option<MessageEvent>, Error> {
        let remaining = self.decoder.remaining();
        let piece = &mut self.buffer[self.taken..];
        if piece.is_empty() {
            return self.decoder.error().map_or(Ok(None), Err);
        }
        assert!(piece.len() as u64 <= remaining, "{} bytes read where {remaining} remained", piece.len());
        let event = self.decoder.resume(piece);
        self.taken = self.buffer.len();
        if let Some(error) = self.decoder.error() {
            return Err(error);
        }
        match event {
            Some(Event::Data { kind, last: true, .. }) => Ok(Some(self.give(kind))),
            _ => Ok(None),
        }
    }

    /// As [`spare`](Self::spare), moved out, for who reads elsewhere. It comes back through
    /// [`put_spare`](Self::put_spare) before anything else is asked of this decoder.
    pub fn take_spare(&mut self) -> Option<Vec<u8>> {
        self.spare().map(core::mem::take)
    }

    /// The buffer that [`take_spare`](Self::take_spare) moved out, and what was appended to it, as
    /// [`filled`](Self::filled) takes it.
    ///
    /// # Errors
    ///
    /// As [`Decoder::decode`].
    ///
    /// # Panics
    ///
    /// As [`filled`](Self::filled).
    pub fn put_spare(&mut self, buffer: Vec<u8>) -> Result<Option<MessageEvent>, Error> {
        self.buffer = buffer;
        self.filled()
    }

    /// A piece of a message that does not lie in the input as a whole.
    fn append(&mut self, piece: &[u8]) {
        assert_eq!(self.buffer.len(), self.taken, "bytes read into `spare` without `filled`");
        self.buffer.extend_from_slice(piece);
        self.taken = self.buffer.len();
    }

    /// A piece of a compressed message.
    #[cfg(feature = "deflate")]
    fn inflate(&mut self, kind: DataKind, piece: &[u8], last: bool) -> Result<(), Error> {
        // Without an inflater no event is `deflated`.
        let Some(inflater) = &mut self.inflater else { return Ok(()) };
        let inflated = inflater.inflate(kind, piece, last, &mut self.buffer);
        self.taken = self.buffer.len();
        inflated.map_err(|kind| self.decoder.fail_frame(kind))
    }

    /// The message in the buffer is whole.
    fn give(&mut self, kind: DataKind) -> MessageEvent {
        self.given = true;
        MessageEvent::Message { kind, payload: Payload::Buffer }
    }

    /// Makes room for the next message if the last one was given.
    #[inline]
    fn recycle(&mut self) {
        if self.given {
            self.given = false;
            self.taken = 0;
            self.buffer.clear();
            if self.buffer.capacity() > Self::KEEP {
                self.buffer = Vec::new();
            }
        }
    }
}

impl fmt::Debug for MessageDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the message itself: it may be large, and not for logs.
        f.debug_struct("MessageDecoder")
            .field("decoder", &self.decoder)
            .field("buffered", &self.buffer.len())
            .finish_non_exhaustive()
    }
}
