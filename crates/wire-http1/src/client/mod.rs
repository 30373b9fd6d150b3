//! One connection in the client role: the request encoder and the response decoder, coupled by the list of requests that
//! await their responses (RFC 9112 section 9.2).
//!
//! ```text
//!  sending:  Idle -> Body -> Complete -> (the next request)
//!  reading:  Head (interim heads) -> Fixed | Chunked -> Trailers -> End -> Complete ---+--> next_cycle() -> Head
//!                \-> UntilClose -> decode_eof() ----------------/                      +--> Upgraded
//! ```
//!
//! Invariants:
//! - a response belongs to the oldest request without a final response; without a request there is no response;
//! - the connection persists only if both sides agree and both messages ended by their own framing;
//! - behind a request that closes, or may switch protocols, no request is written;
//! - after an error nothing is decoded any more, and no request is written.

mod decode;
mod encode;
mod head;
mod head_writer;

pub use head::{ResponseHead, ResponseView};
pub use head_writer::RequestWriter;

use alloc::collections::VecDeque;

use crate::config::Config;
use crate::receive::{Reading, Receiver};
use crate::request_line::Method;
use crate::sending::Sending;
use crate::status_line::StatusLine;
use crate::trailers::Trailers;

/// One HTTP/1.1 connection, client role: requests in, bytes out; bytes in, events out.
///
/// Requests are appended to the caller's buffer by the `encode_*` methods. `decode` until it says `None` (more bytes,
/// please), or `Paused` behind [`Event::End`](crate::Event::End): [`next_cycle`](Self::next_cycle) goes on to the response
/// of the next request, or to the state of a connection that awaits none. Requests may be written ahead of their responses
/// (pipelining), up to [`Config::max_pipelined`].
///
/// # Unconsumed input
///
/// Without an event, at most this much stays with the caller: a head in progress, that is
/// `max_reason + max_field_section + 15` bytes, or a trailer section of `max_trailer_section`. Everything else is consumed
/// as it comes.
#[derive(Debug)]
pub struct ClientConnection {
    receiver: Receiver<StatusLine>,
    /// What was written of the newest request.
    sending: Sending,
    /// Requests whose responses are not complete, the oldest first.
    requests: VecDeque<Sent>,
    head: ResponseHead,
    /// The server closes behind the current response, or its end is the connection's.
    closing: bool,
    /// The final head of the current response switched protocols.
    switched: bool,
    /// Interim responses to the oldest request.
    interim: usize,
    /// This side wants to close.
    close: bool,
    /// The last response was HTTP/1.0.
    http10: bool,
    /// The newest request awaits a 100.
    awaits_continue: bool,
}

/// What a request means for its response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) method: Method,
    pub(crate) offers_upgrade: bool,
    /// It said `Connection: close`.
    pub(crate) close: bool,
}

impl ClientConnection {
    /// A connection on which nothing was sent yet.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            receiver: Receiver::new(config),
            sending: Sending::Idle,
            requests: VecDeque::new(),
            head: ResponseHead::default(),
            closing: false,
            switched: false,
            interim: 0,
            close: false,
            http10: false,
            awaits_continue: false,
        }
    }

    /// The head of the current response, from [`Event::Head`](crate::Event::Head) until the next head begins, interim or
    /// final; unless it was taken.
    #[must_use]
    pub fn head(&self) -> &ResponseHead {
        &self.head
    }

    /// Takes the head of the current response, after [`Event::Head`](crate::Event::Head), and leaves `spare`, whose table
    /// serves the next one: with two of them in turn no response allocates.
    pub fn take_head(&mut self, spare: ResponseHead) -> ResponseHead {
        core::mem::replace(&mut self.head, spare)
    }

    /// The trailer section of the current response, from [`Event::Trailers`](crate::Event::Trailers) until the next head
    /// begins. Empty if there was none.
    #[must_use]
    pub fn trailers(&self) -> &Trailers {
        &self.receiver.trailers
    }

    /// Number of requests whose responses were not received completely. When the connection ends these were not answered:
    /// idempotent ones may be sent again (RFC 9110 section 9.2.2).
    #[must_use]
    pub fn outstanding(&self) -> usize {
        self.requests.len() - usize::from(self.response_complete())
    }

    /// The method of the request that the current (or the next) response answers.
    #[must_use]
    pub fn request_method(&self) -> Option<Method> {
        self.requests.front().map(|request| request.method)
    }

    /// Whether a response has begun (with bytes that `decode` has seen) and is not complete.
    #[must_use]
    pub fn is_mid_message(&self) -> bool {
        self.receiver.is_mid_message()
    }

    /// Whether [`Event::End`](crate::Event::End) of the current response was reported.
    #[must_use]
    pub fn response_complete(&self) -> bool {
        self.receiver.reading == Reading::Complete
    }

    /// Content of the current response that is still to come, where its head declared the length.
    #[must_use]
    pub fn response_remaining(&self) -> Option<u64> {
        self.receiver.remaining()
    }

    /// Whether the newest request was written completely (or none was written).
    #[must_use]
    pub fn request_complete(&self) -> bool {
        !matches!(self.sending, Sending::Body(_))
    }

    /// Whether the newest request said `Expect: 100-continue` and nothing has come of it: no 100, no final response, and
    /// none of its content was written. Wait a while for [`Event::Head`](crate::Event::Head), not for ever (RFC 9110
    /// section 10.1.1). When a final head came first, the content need not follow: close then.
    #[must_use]
    pub fn awaits_continue(&self) -> bool {
        self.awaits_continue
    }

    /// Whether the protocol was switched: by 101, or by a 2xx response to CONNECT.
    #[must_use]
    pub fn is_upgraded(&self) -> bool {
        self.switched
    }

    /// Whether the connection persists behind the current response, as decided so far: its version and Connection field,
    /// framing of its own, a request that did not say `close`, no error, no [`set_close`](Self::set_close) with nothing
    /// else outstanding. Before a final head: as far as this side knows.
    #[must_use]
    pub fn keep_alive(&self) -> bool {
        let wanted = match self.requests.front() {
            Some(request) if request.close => false,
            Some(_) => !self.close || self.requests.len() > 1,
            None => !self.close,
        };
        self.receiver.error.is_none() && wanted && !self.closing
    }

    /// Closes the connection behind the newest request that was or will be written: the next request head says
    /// `Connection: close`, and [`next_cycle`](Self::next_cycle) returns false behind the last response.
    pub fn set_close(&mut self) {
        self.close = true;
    }

    /// Goes on to the next response, or to awaiting none: true if the response is complete, its request was written
    /// completely, and the connection persists. Otherwise nothing changes; once the response is complete, false means:
    /// close. (If only the request is not complete, the caller may write the rest of it first.)
    ///
    /// With nothing outstanding `decode` what is left of the input, before the next request is written or the connection
    /// goes back to a pool: a response too many is refused then, and only then.
    pub fn next_cycle(&mut self) -> bool {
        let request_written = self.requests.len() > 1 || self.request_complete();
        if self.receiver.reading != Reading::Complete || !request_written || !self.keep_alive() {
            return false;
        }
        self.requests.pop_front();
        self.receiver.restart();
        self.interim = 0;
        true
    }
}

impl Default for ClientConnection {
    /// With the default limits.
    fn default() -> Self {
        Self::new(Config::default())
    }
}
