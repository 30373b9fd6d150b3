//! The response side: heads, bodies as they come, and the answers that the server gives by itself.

use bytes::{Buf, Bytes};
use http::response::Parts;
use http::{HeaderMap, StatusCode, header};
use http_body::Frame;
use wire_http1::{BodyLen, EncodeError};

use super::link::{Ending, Link};
use super::{BoxError, ConnectionError, Deadline, date, panic_message};
use crate::body::BodyError;
use crate::io::WriteBuffer;

impl<Io> Link<Io> {
    /// The handler has answered. False: the response is complete as it is, its body is not wanted.
    pub(super) fn begin_response<B: http_body::Body>(&mut self, parts: Parts, body: &B) -> bool {
        self.deadlines.clear(Deadline::Handler);
        let declared = content_length(&parts.headers);
        let len = match (body.size_hint().exact(), declared) {
            // To HEAD and with 304 the handler may say the length of what it does not send (RFC 9110 section 8.6).
            (Some(0), Some(declared)) if self.http.is_head_request() || parts.status == StatusCode::NOT_MODIFIED => {
                BodyLen::Fixed(declared)
            }
            (Some(exact), _) | (None, Some(exact)) => BodyLen::Fixed(exact),
            (None, None) => BodyLen::Streamed,
        };
        self.head = Some(Box::new((parts, len)));
        if body.is_end_stream() || self.http.is_head_request() || bodyless(self.head.as_deref().map(|head| head.0.status)) {
            return self.end_response().is_err();
        }
        true
    }
}
