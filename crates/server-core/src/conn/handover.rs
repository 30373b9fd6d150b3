//! What an open WebSocket and its driver hand each other through the [`Duplex`](super::Duplex): input one way, and what is
//! wanted the other way.

use std::io;

use crate::io::Lease;

/// What was read.
#[derive(Debug)]
pub(crate) enum Input {
    /// Into a leased buffer.
    Leased(Lease),
    /// Into the message that the receiver lent.
    Direct(Vec<u8>),
}

impl From<Lease> for Input {
    fn from(read: Lease) -> Self {
        Self::Leased(read)
    }
}

/// How the input ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InputEnd {
    /// In good order.
    Eof,
    /// By an error of the byte stream.
    Failed(io::ErrorKind),
}

/// What the driver finds when the handler has paused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wants {
    pub(crate) read: bool,
    /// What was read last was not taken yet.
    pub(crate) unread: bool,
    /// What is read next belongs into a message: see [`Duplex::take_direct`](super::Duplex::take_direct).
    pub(crate) direct: bool,
    /// Output was moved to the driver's buffer.
    pub(crate) moved: bool,
    /// Somebody waits for the output to be written, or there is more of it.
    pub(crate) flush: bool,
    /// What has ended. `None`: all of the WebSocket is open.
    pub(crate) ends: Option<Ends>,
}

/// How far a WebSocket is on its way out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ends {
    pub(crate) close_sent: bool,
    pub(crate) close_received: bool,
    /// The input, and nobody is left who does not know.
    pub(crate) input: bool,
    /// Both halves.
    pub(crate) halves: bool,
}
