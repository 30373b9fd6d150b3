//! The encoder: messages in, frames out (RFC 6455 sections 5 and 6.1).
//!
//! Invariants: what is appended is legal in the state that the calls before it made; a refused call changes nothing
//! and appends nothing; a client's frame has a key of its own from a cryptographic generator (section 5.3).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

#[cfg(feature = "deflate")]
use crate::deflate::{DeflateParams, Deflater};
use crate::frame::{FrameHeader, Header, MAX_CONTROL_LEN, Mask, OpCode};
use crate::prepared::{Frame, PreparedMessage};
use crate::{CloseCode, DataKind, EncodeError};
#[cfg(feature = "deflate")]
use crate::{Role, rules::RSV1};

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
    /// The fragmented message is compressed.
    #[cfg(feature = "deflate")]
    deflating: bool,
    /// Messages shorter than this go out as they are, in one frame without a mask.
    plain: u32,
    /// What a server without options need not carry.
    options: Option<Box<Options>>,
}

struct Options {
    /// Only a client masks.
    keys: Option<Box<ChaCha20Rng>>,
    /// Most payload of one frame.
    fragment_size: usize,
    #[cfg(feature = "deflate")]
    deflater: Option<Deflater>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            keys: None,
            fragment_size: usize::MAX,
            #[cfg(feature = "deflate")]
            deflater: None,
        }
    }
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
        Self {
            state: State::Idle,
            #[cfg(feature = "deflate")]
            deflating: false,
            plain: u32::MAX,
            options: None,
        }
    }

    /// A client's encoder. The masking keys are the stream of ChaCha20 from `seed`, which must be fresh from the
    /// system's entropy for each connection (section 10.3 says what predictable keys allow).
    #[must_use]
    pub fn client(seed: [u8; 32]) -> Self {
        let keys = Some(Box::new(ChaCha20Rng::from_seed(seed)));
        Self { plain: 0, options: Some(Box::new(Options { keys, ..Options::default() })), ..Self::server() }
    }

    /// This encoder, with [`encode_message`](Self::encode_message) cutting messages into frames of at most
    /// `payload` bytes each (0 is taken as 1), as they are after compression (section 5.4).
    ///
    /// For peers that limit frames more than messages, and intermediaries that hold frames whole.
    #[must_use]
    pub fn with_fragment_size(mut self, payload: usize) -> Self {
        let payload = payload.max(1);
        self.options.get_or_insert_default().fragment_size = payload;
        self.plain = self.plain.min(u32::try_from(payload.saturating_add(1)).unwrap_or(u32::MAX));
        self
    }

    /// This encoder, where permessage-deflate was agreed on: [`encode_message`](Self::encode_message) compresses
    /// messages of at least [`min_size`](crate::deflate::DeflateConfig::min_size), and
    /// [`encode_fragment`](Self::encode_fragment) all but those in one fragment that are smaller.
    ///
    /// Without context takeover a message that would not become shorter goes uncompressed.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn with_deflate(mut self, params: &DeflateParams) -> Self {
        let deflater = Deflater::new(if self.masks() { Role::Client } else { Role::Server }, params);
        if let Some(deflater) = &deflater {
            self.plain = self.plain.min(u32::try_from(deflater.min_size).unwrap_or(u32::MAX));
        }
        self.options.get_or_insert_default().deflater = deflater;
        self
    }

    /// Gives the compressor back to the thread, where one is held for context takeover: about 372 KiB. The next
    /// message starts without context, which the peer need not know. Within a fragmented message it does nothing.
    #[cfg(feature = "deflate")]
    pub fn shrink(&mut self) {
        if !self.deflating
            && let Some(deflater) = self.deflater()
        {
            deflater.forget();
        }
    }

    /// Appends a whole message, as one frame or as [`with_fragment_size`](Self::with_fragment_size) says.
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
        if self.state == State::Idle && payload.len() < self.plain as usize {
            if payload.len() <= 125 {
                out.extend_from_slice(&[0x80 | opcode(kind) as u8, payload.len() as u8]);
                out.extend_from_slice(payload);
            } else {
                append(true, 0, opcode(kind), None, payload, out);
            }
            return Ok(());
        }
        self.message(kind, payload, out)
    }

    /// As [`encode_message`](Self::encode_message), never compressed: for what is compressed already, such as
    /// images, and for secrets next to what an attacker chooses, since the length of what they compress to together
    /// tells of the secret (CRIME and BREACH).
    ///
    /// # Errors
    ///
    /// As [`encode_message`](Self::encode_message).
    pub fn encode_uncompressed(
        &mut self,
        kind: DataKind,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        self.check_idle()?;
        self.frames(0, opcode(kind), payload, out);
        Ok(())
    }

    /// Appends a message that was prepared for many connections: a copy, and nothing else on a server.
    ///
    /// With context takeover, what follows a message that was compressed elsewhere cannot refer to what is before it:
    /// the context is lost.
    ///
    /// # Errors
    ///
    /// As [`encode_message`](Self::encode_message).
    pub fn encode_prepared(
        &mut self,
        message: &PreparedMessage,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        self.check_idle()?;
        let (rsv, frame) = self.choose(message);
        if !self.masks() && frame.payload().len() <= self.fragment_size() {
            out.extend_from_slice(frame.bytes);
        } else {
            self.frames(rsv, opcode(message.kind()), frame.payload(), out);
        }
        Ok(())
    }

    /// As [`encode_prepared`](Self::encode_prepared), for a vectored write: the frame to send, which counts as sent.
    /// `None` from a client, whose frames are masked one by one, and where it would have to be cut: nothing changed.
    ///
    /// # Errors
    ///
    /// As [`encode_message`](Self::encode_message).
    pub fn prepared_frame<'m>(
        &mut self,
        message: &'m PreparedMessage,
    ) -> Result<Option<&'m [u8]>, EncodeError> {
        self.check_idle()?;
        if self.masks() || message.payload().len() > self.fragment_size() {
            return Ok(None);
        }
        Ok(Some(self.choose(message).1.bytes))
    }

    /// The frame of a prepared message that suits this connection, and its reserved bits.
    fn choose<'m>(&mut self, message: &'m PreparedMessage) -> (u8, Frame<'m>) {
        #[cfg(feature = "deflate")]
        if let Some(deflater) = self.deflater()
            && let Some(frame) = message.compressed(deflater.window_bits())
        {
            // The peer's window has the message, the compressor's would not.
            deflater.forget();
            return (RSV1, frame);
        }
        (0, message.plain())
    }

    fn check_idle(&self) -> Result<(), EncodeError> {
        match self.state {
            State::Idle => Ok(()),
            State::Closed => Err(EncodeError::Closed),
            _ => Err(EncodeError::UnfinishedMessage),
        }
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
        #[cfg(feature = "deflate")]
        if self.deflates(opcode, payload.len(), last) {
            self.deflating = !last;
            let at = self.deflate(payload, last, out);
            let rsv = if opcode == OpCode::Continuation { 0 } else { RSV1 };
            self.enclose(last, rsv, opcode, at, out);
            return Ok(());
        }
        self.frame(last, 0, opcode, payload, out);
        Ok(())
    }

    /// Whether a fragment is part of a compressed message.
    #[cfg(feature = "deflate")]
    fn deflates(&mut self, opcode: OpCode, len: usize, last: bool) -> bool {
        match opcode {
            OpCode::Continuation => self.deflating,
            _ => self.deflater().is_some_and(|deflater| !last || len >= deflater.min_size),
        }
    }

    /// Compresses behind the room for a header of the most likely length. Returns where room and bytes start.
    #[cfg(feature = "deflate")]
    fn deflate(&mut self, payload: &[u8], last: bool, out: &mut Vec<u8>) -> (usize, usize) {
        let start = out.len();
        // Only its length matters.
        let (key, opcode) = (self.masks().then_some([0; 4]), OpCode::Binary);
        let len = payload.len() as u64;
        out.extend_from_slice(&FrameHeader { fin: last, rsv: 0, opcode, key, len }.encode());
        let bytes = out.len();
        if let Some(deflater) = self.deflater() {
            deflater.deflate(payload, last, out);
        }
        (start, bytes)
    }

    /// Makes a frame of what [`deflate`](Self::deflate) appended.
    #[cfg(feature = "deflate")]
    fn enclose(&mut self, fin: bool, rsv: u8, opcode: OpCode, at: (usize, usize), out: &mut Vec<u8>) {
        let (start, bytes) = at;
        let (key, len) = (self.fresh_key(), (out.len() - bytes) as u64);
        let header = FrameHeader { fin, rsv, opcode, key, len }.encode();
        if let Some(mut mask) = header.mask() {
            mask.apply(&mut out[bytes..]);
        }
        if header.len() == bytes - start {
            out[start..bytes].copy_from_slice(&header);
        } else {
            out.splice(start..bytes, header.iter().copied());
        }
    }

    #[cfg(feature = "deflate")]
    fn deflater(&mut self) -> Option<&mut Deflater> {
        self.options.as_mut()?.deflater.as_mut()
    }

    /// The header of a frame whose payload of `len` bytes the caller sends itself, by vectored write say. A client
    /// must put the payload through [`Header::mask`].
    ///
    /// The frame counts as sent: after the header of a Close this encoder is closed.
    ///
    /// # Errors
    ///
    /// A frame that is not legal now, or in no state: every [`EncodeError`] but those of the handshake.
    ///
    /// It is never compressed, and so cannot continue a message that is.
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
            #[cfg(feature = "deflate")]
            (OpCode::Continuation, _) if self.deflating => return Err(EncodeError::Deflated),
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
        self.frame(true, 0, OpCode::Close, &payload[..len], out);
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
        self.frame(true, 0, opcode, payload, out);
        Ok(())
    }

    /// A whole message that is masked, long, cut or compressed.
    fn message(&mut self, kind: DataKind, payload: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.check_idle()?;
        #[cfg(feature = "deflate")]
        if self.compressed(kind, payload, out) {
            return Ok(());
        }
        self.frames(0, opcode(kind), payload, out);
        Ok(())
    }

    /// Appends a message compressed, if it should be.
    #[cfg(feature = "deflate")]
    fn compressed(&mut self, kind: DataKind, payload: &[u8], out: &mut Vec<u8>) -> bool {
        let Some(deflater) = self.deflater().filter(|deflater| payload.len() >= deflater.min_size) else {
            return false;
        };
        let takes_over = deflater.takes_over();
        let (start, bytes) = self.deflate(payload, true, out);
        let len = out.len() - bytes;
        if len >= payload.len() && !takes_over {
            out.truncate(start);
            return false;
        }
        if len > self.fragment_size() {
            let compressed = out.split_off(bytes);
            out.truncate(start);
            self.frames(RSV1, opcode(kind), &compressed, out);
        } else {
            self.enclose(true, RSV1, opcode(kind), (start, bytes), out);
        }
        true
    }

    fn fragment_size(&self) -> usize {
        self.options.as_ref().map_or(usize::MAX, |options| options.fragment_size)
    }

    fn masks(&self) -> bool {
        self.options.as_ref().is_some_and(|options| options.keys.is_some())
    }

    /// A whole message, cut where it is longer than a frame may be.
    fn frames(&mut self, rsv: u8, opcode: OpCode, payload: &[u8], out: &mut Vec<u8>) {
        let size = self.fragment_size();
        let (mut rsv, mut opcode, mut rest) = (rsv, opcode, payload);
        while rest.len() > size {
            let (piece, next) = rest.split_at(size);
            self.frame(false, rsv, opcode, piece, out);
            (rsv, opcode, rest) = (0, OpCode::Continuation, next);
        }
        self.frame(true, rsv, opcode, rest, out);
    }

    fn frame(&mut self, fin: bool, rsv: u8, opcode: OpCode, payload: &[u8], out: &mut Vec<u8>) {
        append(fin, rsv, opcode, self.fresh_key(), payload, out);
    }

    /// The key of the next frame; `None`: frames are not masked.
    fn fresh_key(&mut self) -> Option<[u8; 4]> {
        Some(self.options.as_mut()?.keys.as_mut()?.next_u32().to_le_bytes())
    }
}

/// Appends a frame, masked where there is a key.
#[inline(never)]
fn append(fin: bool, rsv: u8, opcode: OpCode, key: Option<[u8; 4]>, payload: &[u8], out: &mut Vec<u8>) {
    out.reserve(Header::MAX_LEN + payload.len());
    out.extend_from_slice(&FrameHeader { fin, rsv, opcode, key, len: payload.len() as u64 }.encode());
    match key {
        Some(key) => Mask::new(key).append(payload, out),
        None => payload.chunks(COPIED_AT_ONCE).for_each(|piece| out.extend_from_slice(piece)),
    }
}

/// From 2 KiB on libc may copy by `rep movsb`, which takes processors of AMD ten times as long where the two places have nearly
/// the same offset in their pages: as they have here, where a payload goes from behind one header to behind another. `cargo xtask bench ws` compares.
const COPIED_AT_ONCE: usize = (2 << 10) - 64;

/// The opcode of a message's first frame.
#[inline]
pub(crate) const fn opcode(kind: DataKind) -> OpCode {
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
            .field("masks", &self.masks())
            .finish_non_exhaustive()
    }
}
