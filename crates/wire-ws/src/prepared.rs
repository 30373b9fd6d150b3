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
    /// The frame, and the compressed one behind it.
    bytes: Vec<u8>,
    plain: Place,
    /// With the window that reading it takes.
    #[cfg(feature = "deflate")]
    deflated: Option<(Place, u8)>,
}

/// Where a frame lies.
#[derive(Clone, Copy)]
struct Place {
    start: usize,
    payload: usize,
    end: usize,
}

/// One frame, not masked.
#[derive(Clone, Copy)]
pub(crate) struct Frame<'m> {
    pub(crate) bytes: &'m [u8],
    header: usize,
}

impl<'m> Frame<'m> {
    pub(crate) fn payload(&self) -> &'m [u8] {
        &self.bytes[self.header..]
    }
}

/// Appends a frame.
fn append(rsv: u8, kind: DataKind, payload: &[u8], bytes: &mut Vec<u8>) -> Place {
    let start = bytes.len();
    let header = FrameHeader { fin: true, rsv, opcode: opcode(kind), key: None, len: payload.len() as u64 };
    let header = header.encode();
    bytes.reserve_exact(header.len() + payload.len());
    bytes.extend_from_slice(&header);
    bytes.extend_from_slice(payload);
    Place { start, payload: start + header.len(), end: bytes.len() }
}

impl PreparedMessage {
    /// A message that goes out uncompressed. Text must be UTF-8.
    #[must_use]
    pub fn new(kind: DataKind, payload: &[u8]) -> Self {
        let mut bytes = Vec::new();
        let plain = append(0, kind, payload, &mut bytes);
        Self {
            kind,
            bytes,
            plain,
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
        let mut message = Self::new(kind, payload);
        let mut params = *params;
        params.server_no_context_takeover = true;
        let (_, window_bits) = params.of_sender(Role::Server);
        let deflater = Deflater::new(Role::Server, &params);
        if let Some(mut deflater) = deflater.filter(|deflater| payload.len() >= deflater.min_size) {
            let mut compressed = Vec::new();
            deflater.deflate(payload, true, &mut compressed);
            if compressed.len() < payload.len() {
                let place = append(RSV1, kind, &compressed, &mut message.bytes);
                message.deflated = Some((place, window_bits));
            }
        }
        message
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> DataKind {
        self.kind
    }

    /// Its payload, uncompressed.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        self.plain().payload()
    }

    /// All that may be sent of it, in one piece of memory: what [`Encoder::prepared_frame`] gives is a part of this. For
    /// who holds that memory by reference count.
    ///
    /// [`Encoder::prepared_frame`]: crate::Encoder::prepared_frame
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn plain(&self) -> Frame<'_> {
        self.frame(self.plain)
    }

    /// The compressed frame, where a window of 2^`window_bits` is enough to read it.
    #[cfg(feature = "deflate")]
    pub(crate) fn compressed(&self, window_bits: u8) -> Option<Frame<'_>> {
        self.deflated.filter(|(_, needs)| *needs <= window_bits).map(|(place, _)| self.frame(place))
    }

    fn frame(&self, Place { start, payload, end }: Place) -> Frame<'_> {
        Frame { bytes: &self.bytes[start..end], header: payload - start }
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
