//! One connection in the server role: the request decoder and the response encoder, coupled.
//!
//! ```text
//!  reading:    Head -> Fixed | Chunked -> Trailers -> End -> Complete ---+--> next_cycle() -> Head
//!                 \_______________________________/            (Paused)  |
//!                                                                        +--> Switched (Upgraded)
//!  responding: Idle (interim heads) -> Body -> Complete -----------------+
//! ```
//!
//! Invariants:
//! - a request is read only when the one before it was read and answered completely: later bytes stay with the caller;
//! - the connection persists only if both sides agree and both messages ended by their own framing;
//! - after an error nothing is decoded any more, and the next head says `close`;
//! - a switch of protocols is proposed by the request and confirmed by the final head. Until then bytes behind the
//!   request belong to nobody.

use crate::config::Config;
use crate::framing::Decision;
use crate::head::RequestHead;
use crate::receive::{Reading, Receiver};
use crate::request_line::{Method, RequestLine, Version};
use crate::sending::Sending;
use crate::trailers::Trailers;

/// One HTTP/1.1 connection, server role: bytes in, events out; responses in, bytes out.
///
/// `decode` until it says `None` (more bytes, please) or `Paused` (answer first). Interim heads, the final head, content
/// and end are appended to the caller's buffer by the `encode_*` methods, at any time from `Event::Head` on.
/// [`next_cycle`](Self::next_cycle) goes on to the next request.
///
/// # Unconsumed input
///
/// Without an event, at most this much stays with the caller: a head in progress, that is
/// `max_target + max_field_section + 267` bytes (255 for a method, 12 for the rest of the request line), or a trailer
/// section of `max_trailer_section`. Everything else is consumed as it comes.
#[derive(Debug)]
pub struct ServerConnection {
    pub(crate) receiver: Receiver<RequestLine>,
    pub(crate) responding: Sending,
    /// What the current request means for its response.
    pub(crate) request: Request,
    pub(crate) head: RequestHead,
    /// This side wants to close, or must.
    pub(crate) close: bool,
    /// A 100 was sent, or content came without one.
    pub(crate) continued: bool,
}

/// What the connection keeps of a request when its head is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Request {
    /// Known as soon as the decoder has read it, even if the request is refused later.
    pub(crate) method: Option<Method>,
    /// Known when the head is complete.
    pub(crate) version: Option<Version>,
    pub(crate) decision: Decision,
}

impl ServerConnection {
    /// A connection on which nothing was received yet.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            receiver: Receiver::new(config),
            responding: Sending::Idle,
            request: Request::default(),
            head: RequestHead::default(),
            close: false,
            continued: false,
        }
    }

    /// The head of the current request, from [`Event::Head`](crate::Event::Head) until the next head begins; unless it
    /// was taken.
    #[must_use]
    #[inline]
    pub fn head(&self) -> &RequestHead {
        &self.head
    }

    /// Takes the head of the current request, after [`Event::Head`](crate::Event::Head), and leaves `spare`, whose table
    /// serves the next one: with two of them in turn no request allocates. What framing and response need, the connection
    /// has kept for itself.
    #[inline]
    pub fn take_head(&mut self, spare: RequestHead) -> RequestHead {
        core::mem::replace(&mut self.head, spare)
    }

    /// The limits.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.receiver.config
    }

    /// Whether it is as good as a new one: it stands between two exchanges, has seen nothing of the next one, and does not
    /// close. It may then serve another connection.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        let Receiver { reading, offset, pending, error, .. } = &self.receiver;
        let nothing_received = matches!(reading, Reading::Head) && *offset == 0 && *pending == 0;
        nothing_received && error.is_none() && matches!(self.responding, Sending::Idle) && !self.close
    }

    /// The trailer section of the current request, from [`Event::Trailers`](crate::Event::Trailers) until the next
    /// head begins. Empty if there was none.
    #[must_use]
    pub fn trailers(&self) -> &Trailers {
        &self.receiver.trailers
    }

    /// Whether a request has begun (with bytes that `decode` has seen) and is not complete: the input must not end now.
    #[must_use]
    pub fn is_mid_message(&self) -> bool {
        self.receiver.is_mid_message()
    }

    /// Whether [`Event::End`](crate::Event::End) of the current request was reported.
    #[must_use]
    #[inline]
    pub fn request_complete(&self) -> bool {
        matches!(self.receiver.reading, Reading::Complete)
    }

    /// Content of the current request that is still to come, where its head declared the length.
    #[must_use]
    pub fn request_remaining(&self) -> Option<u64> {
        self.receiver.remaining()
    }

    /// Whether a final head of the response was written.
    #[must_use]
    #[inline]
    pub fn response_started(&self) -> bool {
        !matches!(self.responding, Sending::Idle)
    }

    /// Whether the response was written completely.
    #[must_use]
    pub fn response_complete(&self) -> bool {
        matches!(self.responding, Sending::Complete | Sending::Switched)
    }

    /// Whether the protocol was switched: by 101, or by a 2xx response to CONNECT.
    #[must_use]
    #[inline]
    pub fn is_upgraded(&self) -> bool {
        matches!(self.responding, Sending::Switched)
    }

    /// Whether the connection persists behind this exchange, as decided so far: the request's version and Connection
    /// field, no error, no [`set_close`](Self::set_close), and a response that ends by its own framing. False without a
    /// request: a head written now closes.
    #[must_use]
    #[inline]
    pub fn keep_alive(&self) -> bool {
        self.receiver.error.is_none()
            && !self.close
            && self.request.version.is_some()
            && self.request.decision.keep_alive
    }

    /// Closes the connection behind this exchange: the next final head says `Connection: close`, and
    /// [`next_cycle`](Self::next_cycle) returns false.
    pub fn set_close(&mut self) {
        self.close = true;
    }

    /// Whether the client still waits for a `100 Continue`: it expects one, none was sent, and no content has come.
    /// A final head sent now closes the connection, since nobody knows whether the content will follow.
    #[must_use]
    #[inline]
    pub fn awaits_continue(&self) -> bool {
        self.request.decision.expects_continue && !self.continued && !self.request_read()
    }

    /// Goes on to the next request: true if request and response are complete and the connection persists. Otherwise
    /// nothing changes; once the response is complete, false means: close. (If only the request is not complete, the
    /// caller may drain it first.)
    #[inline]
    pub fn next_cycle(&mut self) -> bool {
        if !matches!(self.responding, Sending::Complete) || !self.request_read() || !self.keep_alive() {
            return false;
        }
        self.receiver.restart();
        self.responding = Sending::Idle;
        self.request = Request::default();
        self.continued = false;
        true
    }

    /// Whether all of the request was received, reported or not.
    pub(crate) fn request_read(&self) -> bool {
        self.receiver.is_read()
    }
}

impl Default for ServerConnection {
    /// With the default limits.
    fn default() -> Self {
        Self::new(Config::default())
    }
}
