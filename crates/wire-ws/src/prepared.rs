//! Messages for many connections, encoded once.

use alloc::vec::Vec;
use core::fmt;

use crate::DataKind;
#[cfg(feature = "deflate")]
use crate::deflate::{DeflateParams, Deflater};
use crate::encode::opcode;
use crate::frame::FrameHeader;
#[cfg(feature = "deflate")]
use crate::{Role, rules::RSV1};

/// A message that is framed, and compressed, once, and then sent to many by [`Encoder::encode_prepared`] or
/// [`Encoder::prepared_frame`]. Put it into an `Arc` to share it.
///
/// ```
/// use wire_ws::{DataKind, Encoder, PreparedMessage};
///
/// let message = PreparedMessage::new(DataKind::Text, b"to all");
/// let mut out = Vec::new();
/// for mut connection in [Encoder::server(), Encoder::server()] {
///     connection.encode_prepared(&message, &mut out)?;
/// }
/// assert_eq!(out, b"\x81\x06to all\x81\x06to all");
/// # Ok::<(), wire_ws::EncodeError>(())
/// ```
///
/// [`Encoder::encode_prepared`]: crate::Encoder::encode_prepared
/// [`Encoder::prepared_frame`]: crate::Encoder::prepared_frame
#[derive(Clone)]
pub struct PreparedMessage {
    kind: DataKind,
    plain: Frame,
    /// Compressed, with the window that reading it takes.
    #[cfg(feature = "deflate")]
    deflated: Option<(Frame, u8)>,
}

/// One frame, not masked.
#[derive(Clone)]
pub(crate) struct Frame {
    bytes: Vec<u8>,
    header: usize,
}

impl Frame {
    fn new(rsv: u8, kind: DataKind, payload: &[u8]) -> Self {
        let header =
            FrameHeader { fin: true, rsv, opcode: opcode(kind), key: None, len: payload.len() as u64 };
        let header = header.encode();
        Self { bytes: [&header, payload].concat(), header: header.len() }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn payload(&self) -> &[u8] {
        &self.bytes[self.header..]
    }
}

impl PreparedMessage {
    /// A message that goes out uncompressed. Text must be UTF-8.
    #[must_use]
    pub fn new(kind: DataKind, payload: &[u8]) -> Self {
        Self {
            kind,
            plain: Frame::new(0, kind, payload),
            #[cfg(feature = "deflate")]
            deflated: None,
        }
    }

    /// A message that goes out compressed where `params` allow it: with `level` and the server's window of `params`,
    /// to every connection that agreed on such a window or a larger one, and uncompressed to the others; to all
    /// where it is shorter than `min_size` or would not become shorter.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn deflated(kind: DataKind, payload: &[u8], params: &DeflateParams) -> Self {
        let mut params = *params;
        params.server_no_context_takeover = true;
        let (_, window_bits) = params.of_sender(Role::Server);
        let deflater =
            Deflater::new(Role::Server, &params).filter(|deflater| payload.len() >= deflater.min_size);
        let deflated = deflater.and_then(|mut deflater| {
            let mut compressed = Vec::new();
            deflater.deflate(payload, true, &mut compressed);
            (compressed.len() < payload.len()).then(|| (Frame::new(RSV1, kind, &compressed), window_bits))
        });
        Self { deflated, ..Self::new(kind, payload) }
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> DataKind {
        self.kind
    }

    /// Its payload, uncompressed.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        self.plain.payload()
    }

    pub(crate) fn plain(&self) -> &Frame {
        &self.plain
    }

    /// The compressed frame, where a window of 2^`window_bits` is enough to read it.
    #[cfg(feature = "deflate")]
    pub(crate) fn compressed(&self, window_bits: u8) -> Option<&Frame> {
        self.deflated.as_ref().filter(|(_, needs)| *needs <= window_bits).map(|(frame, _)| frame)
    }
}

impl fmt::Debug for PreparedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the message itself: it may be large, and not for logs.
        f.debug_struct("PreparedMessage")
            .field("kind", &self.kind)
            .field("len", &self.payload().len())
            .finish_non_exhaustive()
    }
}
