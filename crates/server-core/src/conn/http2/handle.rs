//! What only HTTP/2 can do with a request's stream.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use h2::server::SendResponse;
use http::{Request, Response};

use super::response;

/// The stream of a request, for those who want more of it than a response: interim responses and pushes. From
/// [`Request::http2_stream`](crate::Request::http2_stream), or among the extensions of an `http::Request`. Clones are the
/// same stream.
#[derive(Clone)]
pub struct Http2Stream(Arc<Shared>);

struct Shared {
    respond: Mutex<SendResponse<Bytes>>,
    may_push: bool,
}

/// Why an interim response or a push cannot be sent. The request itself goes on.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Http2StreamError(crate::BoxError);

impl Http2Stream {
    pub(super) fn new(respond: SendResponse<Bytes>, may_push: bool) -> Self {
        Self(Arc::new(Shared { respond: Mutex::new(respond), may_push }))
    }

    pub(super) fn respond(&self) -> MutexGuard<'_, SendResponse<Bytes>> {
        self.0.respond.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends an interim response (RFC 9110 section 15.2), such as 103 with `Link` fields.
    ///
    /// # Errors
    /// The status is not 1xx, or the final response is out, or the stream is gone.
    pub fn send_informational(&self, response: Response<()>) -> Result<(), Http2StreamError> {
        self.respond().send_informational(response).map_err(|error| Http2StreamError(error.into()))
    }

    /// Pushes a response to a request that the client has not made (RFC 9113 section 8.4): a GET or HEAD with an absolute
    /// URI of this server. The body is held until the client's window has room for it.
    ///
    /// # Errors
    /// [`Http2Config::push`](crate::Http2Config::push) is off, the client does not want pushes, the request is not one that
    /// may be pushed, or the stream is gone.
    pub fn push(&self, request: Request<()>, response: Response<Bytes>) -> Result<(), Http2StreamError> {
        if !self.0.may_push {
            return Err(Http2StreamError("push is off".into()));
        }
        let push = || -> Result<(), h2::Error> {
            let mut promised = self.respond().push_request(request)?;
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

impl fmt::Debug for Http2Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http2Stream").finish_non_exhaustive()
    }
}
