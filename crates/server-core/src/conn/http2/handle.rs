//! What only HTTP/2 can do with a request's stream.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, SendStream};
use http::{Request, Response, StatusCode};
use parking_lot::{Mutex, MutexGuard};

use super::response;

/// The stream of a request, for those who want more of it than a response: interim responses and pushes. From
/// [`Request::http2_stream`](crate::Request::http2_stream), or among the extensions of an `http::Request`. Clones are the
/// same stream.
#[derive(Clone)]
pub struct Http2Stream(Arc<Shared>);

struct Shared {
    respond: Mutex<Respond>,
    may_push: bool,
}

/// `h2` itself would send an interim response, or a promise, at any time.
struct Respond {
    /// `None` once the response is complete, or the stream is gone: a handle that is kept keeps no stream.
    send: Option<SendResponse<Bytes>>,
    /// The final response is out.
    answered: bool,
}

/// Why an interim response or a push cannot be sent. The request itself goes on.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Http2StreamError(crate::BoxError);

impl Http2Stream {
    pub(super) fn new(respond: SendResponse<Bytes>, may_push: bool) -> Self {
        let respond = Respond { send: Some(respond), answered: false };
        Self(Arc::new(Shared { respond: Mutex::new(respond), may_push }))
    }

    fn respond(&self) -> MutexGuard<'_, Respond> {
        self.0.respond.lock()
    }

    /// Sends the head of the final response.
    pub(super) fn send_response(
        &self,
        response: Response<()>,
        end: bool,
    ) -> Result<SendStream<Bytes>, Http2StreamError> {
        let mut respond = self.respond();
        respond.answered = true;
        let send = respond.send.as_mut().ok_or_else(gone)?;
        send.send_response(response, end).map_err(|error| Http2StreamError(error.into()))
    }

    /// Ready when the client has reset the stream, or the connection is gone. Before the final response only.
    pub(super) fn poll_reset(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.respond().send.as_mut().map_or(Poll::Ready(()), |send| send.poll_reset(cx).map(drop))
    }

    pub(super) fn send_reset(&self, reason: Reason) {
        if let Some(send) = &mut self.respond().send {
            send.send_reset(reason);
        }
    }

    /// The stream is over.
    pub(super) fn close(&self) {
        if Arc::strong_count(&self.0) == 1 {
            // Nobody keeps it, and nobody else can: it goes with this handle.
            return;
        }
        let send = self.respond().send.take();
        // Not under the lock: it may wake somebody.
        drop(send);
    }

    /// Sends an interim response (RFC 9110 section 15.2), such as 103 with `Link` fields.
    ///
    /// # Errors
    /// The status is not 1xx, or is 101, which HTTP/2 does not have (RFC 9113 section 8.6); or the final response is
    /// out, or the stream is gone.
    pub fn send_informational(&self, response: Response<()>) -> Result<(), Http2StreamError> {
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Http2StreamError("HTTP/2 has no 101".into()));
        }
        let mut respond = self.respond();
        if respond.answered {
            return Err(Http2StreamError("the final response is out".into()));
        }
        let send = respond.send.as_mut().ok_or_else(gone)?;
        send.send_informational(response).map_err(|error| Http2StreamError(error.into()))
    }

    /// Invites the client to send its content (RFC 9110 section 15.2.1).
    pub(super) fn send_continue(&self) -> Result<(), Http2StreamError> {
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::CONTINUE;
        self.send_informational(response)
    }

    /// Pushes a response to a request that the client has not made (RFC 9113 section 8.4): a GET or HEAD with an absolute
    /// URI of this server. The body is held until the client's window has room for it.
    ///
    /// # Errors
    /// [`Http2Config::push`](crate::Http2Config::push) is off, the client does not want pushes, the request is not one that
    /// may be pushed, or the response is complete, or the stream is gone.
    pub fn push(&self, request: Request<()>, response: Response<Bytes>) -> Result<(), Http2StreamError> {
        if !self.0.may_push {
            return Err(Http2StreamError("push is off".into()));
        }
        let mut respond = self.respond();
        let send = respond.send.as_mut().ok_or_else(gone)?;
        let push = || -> Result<(), h2::Error> {
            let mut promised = send.push_request(request)?;
            let (mut parts, body) = response.into_parts();
            response::remove_connection_fields(&mut parts.headers);
            let mut stream = promised.send_response(Response::from_parts(parts, ()), body.is_empty())?;
            if !body.is_empty() {
                stream.send_data(body, true)?;
            }
            Ok(())
        };
        push().map_err(|error| Http2StreamError(error.into()))
    }
}

fn gone() -> Http2StreamError {
    Http2StreamError("the response is complete, or the stream is gone".into())
}

impl fmt::Debug for Http2Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http2Stream").finish_non_exhaustive()
    }
}
