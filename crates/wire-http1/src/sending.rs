//! The sending half of a message behind its head, the same in both roles: content, end, trailers (RFC 9112 sections 6.3
//! and 7.1). Every method that fails has written nothing and changed nothing.

use alloc::vec::Vec;

use crate::encode::DataHead;
use crate::error::EncodeError;
use crate::field;
use crate::known;

/// What was written of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sending {
    /// No head (no final one).
    #[default]
    Idle,
    /// A head; content may follow.
    Body(Outgoing),
    Complete,
    /// A response of 101, or of 2xx to CONNECT: the protocol was switched.
    Switched,
}

/// How the content of a message is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outgoing {
    /// No content, whatever the fields say: to HEAD, and 204, 205, 304; a request without any.
    None,
    /// This many bytes are still to come.
    Fixed(u64),
    Chunked,
    /// The connection's end is the content's end; responses only.
    UntilClose,
}

impl Sending {
    /// Whether no byte of the message is missing, ended or not.
    pub(crate) fn is_written(&self) -> bool {
        !matches!(self, Self::Body(Outgoing::Fixed(1..) | Outgoing::Chunked | Outgoing::UntilClose))
    }

    /// Counts content of `len` bytes; what stands around it.
    pub(crate) fn data_header(&mut self, len: u64) -> Result<DataHead, EncodeError> {
        match self {
            Self::Idle => Err(EncodeError::NotStarted),
            Self::Complete | Self::Switched => Err(EncodeError::AlreadyComplete),
            Self::Body(_) if len == 0 => Ok(DataHead::RAW),
            Self::Body(Outgoing::None) => Err(EncodeError::BodyNotAllowed),
            Self::Body(Outgoing::Fixed(left)) => {
                let Some(rest) = left.checked_sub(len) else {
                    return Err(EncodeError::BodyTooLong { excess: len - *left });
                };
                *left = rest;
                Ok(DataHead::RAW)
            }
            Self::Body(Outgoing::Chunked) => Ok(DataHead::chunk(len)),
            Self::Body(Outgoing::UntilClose) => Ok(DataHead::RAW),
        }
    }

    /// Appends content.
    #[inline]
    pub(crate) fn data(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if let Self::Body(Outgoing::Fixed(left)) = self
            && let Some(rest) = left.checked_sub(data.len() as u64)
        {
            *left = rest;
            out.extend_from_slice(data);
            return Ok(());
        }
        self.framed_data(data, out)
    }

    /// Appends content with what stands around it, or refuses it.
    fn framed_data(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let head = self.data_header(data.len() as u64)?;
        out.reserve(head.as_bytes().len() + data.len() + head.suffix().len());
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(data);
        out.extend_from_slice(head.suffix());
        Ok(())
    }

    /// Ends the message.
    #[inline]
    pub(crate) fn end(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match *self {
            Self::Idle => return Err(EncodeError::NotStarted),
            Self::Complete => return Err(EncodeError::AlreadyComplete),
            Self::Switched => return Ok(()),
            Self::Body(Outgoing::Fixed(missing @ 1..)) => {
                return Err(EncodeError::BodyIncomplete { missing });
            }
            Self::Body(Outgoing::Chunked) => out.extend_from_slice(b"0\r\n\r\n"),
            Self::Body(Outgoing::None | Outgoing::Fixed(0) | Outgoing::UntilClose) => {}
        }
        *self = Self::Complete;
        Ok(())
    }

    /// Ends a chunked message with a trailer section (RFC 9110 section 6.5); without trailers it is `end`.
    pub(crate) fn end_with_trailers<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        trailers: impl IntoIterator<Item = (N, V)>,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let mut trailers = trailers.into_iter().peekable();
        match self {
            _ if trailers.peek().is_none() => return self.end(out),
            Self::Body(Outgoing::Chunked) => {}
            Self::Idle => return Err(EncodeError::NotStarted),
            Self::Complete => return Err(EncodeError::AlreadyComplete),
            Self::Body(_) | Self::Switched => return Err(EncodeError::TrailersNotAllowed),
        }
        let start = out.len();
        out.extend_from_slice(b"0\r\n");
        for (name, value) in trailers {
            if let Err(error) = write_trailer(name.as_ref(), value.as_ref(), out) {
                out.truncate(start);
                return Err(error);
            }
        }
        out.extend_from_slice(b"\r\n");
        *self = Self::Complete;
        Ok(())
    }
}

fn write_trailer(name: &[u8], value: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    if known::is_forbidden_trailer(name) {
        return Err(EncodeError::ForbiddenTrailer);
    }
    field::write(name, value, out)
}
