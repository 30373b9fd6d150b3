//! The encoder: messages in, frames out (RFC 6455 sections 5 and 6.1).
//!
//! Invariants: what is appended is legal in the state that the calls before it made; a refused call changes nothing
//! and appends nothing; a client's frame has a key of its own from a cryptographic generator (section 5.3).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::frame::{FrameHeader, Header, MAX_CONTROL_LEN, Mask, OpCode};
use crate::{CloseCode, DataKind, EncodeError};

/// Encodes one direction of a connection, after the opening handshake.
///
/// Independent of the [`Decoder`](crate::Decoder), so that a payload can be encoded while it is borrowed from the
/// input. Every method appends whole frames to the caller's `out`.
///
/// ```
/// use wire_ws::{DataKind, Encoder};
///
/// let mut encoder = Encoder::server();
/// let mut out = Vec::new();
/// encoder.encode_message(DataKind::Text, b"Hello", &mut out)?;
/// assert_eq!(out, b"\x81\x05Hello");
/// # Ok::<(), wire_ws::EncodeError>(())
/// ```
pub struct Encoder {
    state: State,
    /// Only a client masks. Boxed: 320 bytes that servers need not carry.
    keys: Option<Box<ChaCha20Rng>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Between messages.
    Idle,
    /// Within a fragmented text message.
    Text,
    /// Within a fragmented binary message.
    Binary,
    /// A Close was sent.
    Closed,
}

impl State {
    const fn within(kind: DataKind) -> Self {
        match kind {
            DataKind::Text => Self::Text,
            DataKind::Binary => Self::Binary,
        }
    }
}

impl Encoder {
    /// A server's encoder: frames are not masked.
    #[must_use]
    pub fn server() -> Self {
        Self { state: State::Idle, keys: None }
    }

    /// A client's encoder. The masking keys are the stream of ChaCha20 from `seed`, which must be fresh from the
    /// system's entropy for each connection (section 10.3 says what predictable keys allow).
    #[must_use]
    pub fn client(seed: [u8; 32]) -> Self {
        Self { state: State::Idle, keys: Some(Box::new(ChaCha20Rng::from_seed(seed))) }
    }

    /// Appends a whole message as one frame.
    ///
    /// The payload of a text message must be UTF-8 (section 5.6). It is not checked here: a caller that holds a
    /// `&str`, or echoes what a decoder checked, need not pay twice.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Closed`], [`EncodeError::UnfinishedMessage`].
    #[inline]
    pub fn encode_message(
        &mut self,
        kind: DataKind,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        if self.state != State::Idle {
            let closed = self.is_closed();
            return Err(if closed { EncodeError::Closed } else { EncodeError::UnfinishedMessage });
        }
        if self.keys.is_none() && payload.len() <= 125 {
            out.extend_from_slice(&[0x80 | opcode(kind) as u8, payload.len() as u8]);
            out.extend_from_slice(payload);
        } else {
            self.frame(true, opcode(kind), payload, out);
        }
        Ok(())
    }

    /// Appends the next fragment of a message: `kind` in the first, which starts the message, and in all others,
    /// which become continuation frames until `last` ends it. Pings and Pongs may come between.
    ///
    /// A text message must be UTF-8 as a whole; fragments may be cut within a code point.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Closed`], [`EncodeError::KindChanged`].
    pub fn encode_fragment(
        &mut self,
        kind: DataKind,
        payload: &[u8],
        last: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let opcode = match self.state {
            State::Idle => opcode(kind),
            State::Closed => return Err(EncodeError::Closed),
            within if within == State::within(kind) => OpCode::Continuation,
            _ => return Err(EncodeError::KindChanged),
        };
        self.state = if last { State::Idle } else { State::within(kind) };
        self.frame(last, opcode, payload, out);
        Ok(())
    }

    /// The header of a frame whose payload of `len` bytes the caller sends itself, by vectored write say. A client
    /// must put the payload through [`Header::mask`].
    ///
    /// The frame counts as sent: after the header of a Close this encoder is closed.
    ///
    /// # Errors
    ///
    /// A frame that is not legal now, or in no state: every [`EncodeError`] but those of the handshake.
    pub fn encode_header(&mut self, opcode: OpCode, fin: bool, len: u64) -> Result<Header, EncodeError> {
        if len >> 63 != 0 {
            return Err(EncodeError::PayloadTooLong);
        }
        if opcode.is_control() {
            if !fin {
                return Err(EncodeError::FragmentedControl);
            }
            if len > MAX_CONTROL_LEN as u64 {
                return Err(EncodeError::ControlTooLong);
            }
        }
        let next = |within| if fin { State::Idle } else { within };
        self.state = match (opcode, self.state) {
            (OpCode::Ping | OpCode::Pong, state) => state,
            (_, State::Closed) => return Err(EncodeError::Closed),
            (OpCode::Close, _) if len == 1 => return Err(EncodeError::ReasonWithoutCode),
            (OpCode::Close, _) => State::Closed,
            (OpCode::Text, State::Idle) => next(State::Text),
            (OpCode::Binary, State::Idle) => next(State::Binary),
            (OpCode::Continuation, State::Idle) => return Err(EncodeError::NoMessage),
            (OpCode::Continuation, within) => next(within),
            _ => return Err(EncodeError::UnfinishedMessage),
        };
        Ok(FrameHeader { fin, rsv: 0, opcode, key: self.fresh_key(), len }.encode())
    }

    /// Appends a Ping. Allowed at any time, within a fragmented message and after a Close too (section 5.5.2).
    ///
    /// # Errors
    ///
    /// [`EncodeError::ControlTooLong`] for more than 125 bytes.
    pub fn encode_ping(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.control(OpCode::Ping, payload, out)
    }

    /// Appends a Pong. Allowed at any time, as a Ping is.
    ///
    /// # Errors
    ///
    /// [`EncodeError::ControlTooLong`] for more than 125 bytes.
    pub fn encode_pong(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.control(OpCode::Pong, payload, out)
    }

    /// Appends a Close, after which neither data nor another Close can be sent. It may come within a fragmented
    /// message, which then stays unfinished.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Closed`]; [`EncodeError::ReasonWithoutCode`]; [`EncodeError::ControlTooLong`] for a reason of
    /// more than 123 bytes.
    pub fn encode_close(
        &mut self,
        code: Option<CloseCode>,
        reason: &str,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        if self.is_closed() {
            return Err(EncodeError::Closed);
        }
        let mut payload = [0; MAX_CONTROL_LEN];
        let len = match code {
            Some(code) => {
                let (head, tail) = payload.split_at_mut(2);
                head.copy_from_slice(&code.get().to_be_bytes());
                tail.get_mut(..reason.len())
                    .ok_or(EncodeError::ControlTooLong)?
                    .copy_from_slice(reason.as_bytes());
                2 + reason.len()
            }
            None if reason.is_empty() => 0,
            None => return Err(EncodeError::ReasonWithoutCode),
        };
        self.state = State::Closed;
        self.frame(true, OpCode::Close, &payload[..len], out);
        Ok(())
    }

    /// Whether a Close was sent.
    #[inline]
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    fn control(&mut self, opcode: OpCode, payload: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if payload.len() > MAX_CONTROL_LEN {
            return Err(EncodeError::ControlTooLong);
        }
        self.frame(true, opcode, payload, out);
        Ok(())
    }

    fn frame(&mut self, fin: bool, opcode: OpCode, payload: &[u8], out: &mut Vec<u8>) {
        let key = self.fresh_key();
        out.reserve(Header::MAX_LEN + payload.len());
        out.extend_from_slice(&FrameHeader { fin, rsv: 0, opcode, key, len: payload.len() as u64 }.encode());
        match key {
            Some(key) => Mask::new(key).append(payload, out),
            None => out.extend_from_slice(payload),
        }
    }

    /// The key of the next frame; `None`: frames are not masked.
    fn fresh_key(&mut self) -> Option<[u8; 4]> {
        self.keys.as_mut().map(|keys| keys.next_u32().to_le_bytes())
    }
}

/// The opcode of a message's first frame.
#[inline]
const fn opcode(kind: DataKind) -> OpCode {
    match kind {
        DataKind::Text => OpCode::Text,
        DataKind::Binary => OpCode::Binary,
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the generator: its state predicts the keys.
        f.debug_struct("Encoder")
            .field("state", &self.state)
            .field("masks", &self.keys.is_some())
            .finish_non_exhaustive()
    }
}
