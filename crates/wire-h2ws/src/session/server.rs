//! What only a server does: requests that arrive, and their responses.

use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use wire_ws::Connection;

use super::Session;
use super::client::Params;
use super::event::{Event, UseError, WebSocketRequest, offer};
use super::socket::Socket;
use super::stream::{Receive, Send, Stream};
use crate::handshake::{self, Rejection};

impl Session {
    /// Server: sends a final response; with `end`, without content. To a [`WebSocketRequest`] it is a refusal, and
    /// must not be 2xx.
    ///
    /// # Errors
    ///
    /// [`UseError::UnknownStream`], [`UseError::WrongState`], [`UseError::Message`].
    pub fn respond(&mut self, stream: u32, head: Response<()>, end: bool) -> Result<(), UseError> {
        let state = self.streams.get_mut(&stream).ok_or(UseError::UnknownStream)?;
        let Send::Respond(respond) = &mut state.send else { return Err(UseError::WrongState) };
        if state.tunnel && head.status().is_success() {
            return Err(UseError::WrongState);
        }
        if head.status().is_informational() {
            // h2 would take it for the final one.
            return Err(UseError::Message);
        }
        let Ok(content) = respond.send_response(head, end) else { return Err(state.refused()) };
        state.send = if end { Send::Ended } else { Send::Content(content) };
        // What a refused client sends is to be read over.
        state.flag.raise();
        self.guard.progress();
        self.touch(stream);
        Ok(())
    }

    /// Server: accepts a [`WebSocketRequest`], with a `protocol` that the client offered, and with `fields` (such as
    /// cookies) beside those of the handshake.
    ///
    /// # Errors
    ///
    /// [`UseError::UnknownStream`], [`UseError::WrongState`], [`UseError::Message`].
    pub fn accept_websocket(
        &mut self,
        stream: u32,
        request: &WebSocketRequest,
        protocol: Option<&str>,
        fields: HeaderMap,
        now: Duration,
    ) -> Result<(), UseError> {
        let state = self.streams.get_mut(&stream).ok_or(UseError::UnknownStream)?;
        let Send::Respond(respond) = &mut state.send else { return Err(UseError::WrongState) };
        if !state.tunnel {
            return Err(UseError::WrongState);
        }
        let offer = request.offer();
        #[cfg(feature = "deflate")]
        let agreed = self.config.deflate.and_then(|config| config.accept(offer.extensions()));
        #[cfg(feature = "deflate")]
        let (extensions, params) = (
            agreed.as_ref().map(|agreed| agreed.response.as_str()),
            Params(agreed.as_ref().map(|a| a.params)),
        );
        #[cfg(not(feature = "deflate"))]
        let (extensions, params) = (None, Params());
        let mut head = Response::new(());
        *head.headers_mut() = fields;
        for (name, value) in handshake::response_fields(&offer, protocol, extensions) {
            let value = HeaderValue::from_str(value).map_err(|_| UseError::Message)?;
            head.headers_mut().insert(HeaderName::from_static(name), value);
        }
        let Ok(content) = respond.send_response(head, false) else { return Err(state.refused()) };
        state.send = Send::Content(content);
        let connection = Connection::server(&self.config.websocket, now);
        state.socket = Some(Socket::new(params.apply(connection)));
        state.flag.raise();
        self.guard.progress();
        Ok(())
    }

    /// Takes the next request.
    pub(super) fn accept(&mut self) -> Option<Event> {
        while self.accepting && self.end.is_none() {
            let waker = self.waker.clone();
            match self.role.poll_accept(&mut Context::from_waker(&waker)) {
                Poll::Pending => self.accepting = false,
                Poll::Ready(None) => self.over(Ok(())),
                Poll::Ready(Some(Err(error))) => self.over(Err(error)),
                Poll::Ready(Some(Ok((request, respond)))) => {
                    self.guard.progress();
                    let event = self.arrived(request, respond);
                    if event.is_some() {
                        return event;
                    }
                }
            }
        }
        None
    }

    fn arrived(&mut self, request: Request<RecvStream>, respond: SendResponse<Bytes>) -> Option<Event> {
        let (head, content) = request.into_parts();
        let (head, end) = (Request::from_parts(head, ()), content.is_end_stream());
        let id = u32::from(respond.stream_id());
        let tunnel = head.method() == Method::CONNECT;
        if tunnel && let Some((status, fields)) = refusal(&head, end) {
            let mut response = Response::new(());
            *response.status_mut() = status;
            for &(name, value) in fields {
                response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            // Where it fails the stream was reset meanwhile. What the client may still send is dropped with it.
            let mut respond = respond;
            let _ = respond.send_response(response, true);
            return None;
        }
        let recv = if end { Receive::Ended } else { Receive::Content(content) };
        let mut stream = Stream::new(id, recv, Send::Respond(respond), &self.wakes);
        stream.tunnel = tunnel;
        self.insert(stream);
        if tunnel {
            return Some(Event::WebSocketRequest { stream: id, request: WebSocketRequest { head } });
        }
        Some(Event::Request { stream: id, head, end })
    }
}

/// The response to a CONNECT that does not open a WebSocket. One that has ended already cannot.
fn refusal(head: &Request<()>, end: bool) -> Option<(StatusCode, &'static [(&'static str, &'static str)])> {
    let rejection: Rejection = match offer(head) {
        Err(rejection) => rejection,
        Ok(_) if end => return Some((StatusCode::BAD_REQUEST, &[])),
        Ok(_) => return None,
    };
    let status = StatusCode::from_u16(rejection.status()).unwrap_or(StatusCode::BAD_REQUEST);
    Some((status, rejection.response_fields()))
}
