//! What only a client does: requests, and opening WebSockets.

use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use h2::client::SendRequest;
use h2::ext::Protocol;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri};
use wire_ws::Connection;

use super::event::{Event, StreamEnd, UseError, fields};
use super::role::Role;
use super::socket::Socket;
use super::stream::{Receive, Send, Stream};
use super::{Session, client_seed};
use crate::handshake::{self, ResponseError, Target};

/// What was offered to a server.
pub(super) struct Opening {
    protocols: Vec<String>,
    #[cfg(feature = "deflate")]
    deflate: Option<wire_ws::deflate::DeflateOffer>,
}

impl Session {
    /// Client: sends a request, whose URI must be absolute. `end`: without content. Returns the stream.
    ///
    /// # Errors
    ///
    /// [`UseError::TooManyStreams`], [`UseError::GoingAway`], [`UseError::Message`];
    /// [`UseError::WrongState`] to a server.
    pub fn request(&mut self, head: Request<()>, end: bool) -> Result<u32, UseError> {
        let requests = self.requests()?;
        let (response, content) = requests.send_request(head, end).map_err(|_| UseError::Message)?;
        let id = u32::from(content.stream_id());
        let send = if end { Send::Ended } else { Send::Content(content) };
        self.insert(Stream::new(id, Receive::Response(response), send, &self.wakes));
        // h2 opens it, so that content can follow.
        self.drive();
        Ok(id)
    }

    /// Client: asks for a WebSocket, with `fields` (such as cookies) beside those of the handshake. Returns the
    /// stream. [`Event::WebSocketOpen`] follows, or [`Event::Response`], or the stream is closed.
    ///
    /// # Errors
    ///
    /// [`UseError::WebSocketsDisabled`] before [`Event::WebSocketsEnabled`]; [`UseError::Encode`] where `protocols`
    /// are not unique tokens; otherwise as [`request`](Self::request).
    pub fn open_websocket(
        &mut self,
        target: &Target<'_>,
        protocols: &[&str],
        fields: HeaderMap,
    ) -> Result<u32, UseError> {
        #[cfg(feature = "deflate")]
        let deflate = self.config.deflate.map(|config| config.offer());
        #[cfg(feature = "deflate")]
        let extensions = deflate.as_ref().map(wire_ws::deflate::DeflateOffer::value);
        #[cfg(not(feature = "deflate"))]
        let extensions: Option<String> = None;
        if !self.requests()?.is_extended_connect_protocol_enabled() {
            return Err(UseError::WebSocketsDisabled);
        }
        let parts = target.request_head();
        let uri = Uri::builder()
            .scheme(parts.scheme.unwrap_or_default())
            .authority(parts.authority.unwrap_or_default())
            .path_and_query(parts.path.unwrap_or_default())
            .build()
            .map_err(|_| UseError::Message)?;
        let mut head = Request::new(());
        (*head.method_mut(), *head.uri_mut(), *head.headers_mut()) = (Method::CONNECT, uri, fields);
        head.extensions_mut().insert(Protocol::from_static("websocket"));
        for (name, value) in handshake::request_fields(protocols, extensions.as_deref())? {
            let value = HeaderValue::from_str(&value).map_err(|_| UseError::Message)?;
            head.headers_mut().insert(HeaderName::from_static(name), value);
        }
        let id = self.request(head, false)?;
        if let Some(stream) = self.streams.get_mut(&id) {
            let protocols = protocols.iter().map(|&name| name.to_owned()).collect();
            stream.opening = Some(Box::new(Opening {
                protocols,
                #[cfg(feature = "deflate")]
                deflate,
            }));
        }
        Ok(id)
    }

    /// Where requests go, if another may.
    fn requests(&mut self) -> Result<&mut SendRequest<Bytes>, UseError> {
        let requests = match &mut self.role {
            Role::Client { requests: Some(requests), .. } => requests,
            Role::Preface(_) | Role::Server(_) => return Err(UseError::WrongState),
            _ => return Err(UseError::GoingAway),
        };
        match requests.poll_ready(&mut Context::from_waker(&self.waker)) {
            Poll::Ready(Ok(())) => Ok(requests),
            Poll::Ready(Err(_)) => Err(UseError::GoingAway),
            Poll::Pending => Err(UseError::TooManyStreams),
        }
    }

    /// The server takes WebSockets, and that was not said yet.
    pub(super) fn websockets_enabled(&mut self) -> bool {
        if self.announced {
            return false;
        }
        if let Role::Client { requests: Some(requests), .. } = &self.role {
            self.announced = requests.is_extended_connect_protocol_enabled();
        }
        self.announced
    }

    /// Judges the response to a request for a WebSocket.
    pub(super) fn opened(&mut self, id: u32, head: Response<()>, now: Duration) -> Option<Event> {
        let stream = self.streams.get_mut(&id)?;
        let opening = stream.opening.take()?;
        match opening.verify(&head) {
            Ok((protocol, params)) => {
                let seed = client_seed(self.seed, id);
                let connection = Connection::client(seed, &self.config.websocket, now);
                stream.socket = Some(Socket::new(params.apply(connection)));
                Some(Event::WebSocketOpen { stream: id, protocol, head })
            }
            Err(ResponseError::Status(_)) => {
                // A response as others, and nothing to add to the request.
                if let Send::Content(content) = &mut stream.send {
                    let _ = content.send_data(Bytes::new(), true);
                    stream.send = Send::Ended;
                }
                let end = matches!(&stream.recv, Receive::Content(content) if content.is_end_stream());
                if end {
                    stream.recv = Receive::Ended;
                }
                Some(Event::Response { stream: id, head, end })
            }
            Err(error) => {
                stream.reset(Reason::CANCEL);
                self.finish(id, StreamEnd::Refused(error));
                None
            }
        }
    }
}

impl Opening {
    /// The subprotocol and the extensions that the server chose.
    fn verify(&self, head: &Response<()>) -> Result<(Option<String>, Params), ResponseError> {
        let protocols: Vec<&str> = self.protocols.iter().map(String::as_str).collect();
        #[cfg(feature = "deflate")]
        let extensions: &[&str] = if self.deflate.is_some() { &["permessage-deflate"] } else { &[] };
        #[cfg(not(feature = "deflate"))]
        let extensions: &[&str] = &[];
        let status = head.status().as_u16();
        let accepted = handshake::verify(status, fields(head.headers()), &protocols, extensions)?;
        let protocol = accepted.protocol.map(str::to_owned);
        #[cfg(feature = "deflate")]
        let params = match &self.deflate {
            Some(offer) => {
                let values = head.headers().get_all("sec-websocket-extensions").into_iter();
                Params(offer.verify(values.map(HeaderValue::as_bytes))?)
            }
            None => Params(None),
        };
        #[cfg(not(feature = "deflate"))]
        let params = Params();
        Ok((protocol, params))
    }
}

/// What was agreed on beside the subprotocol.
pub(super) struct Params(#[cfg(feature = "deflate")] pub(super) Option<wire_ws::deflate::DeflateParams>);

impl Params {
    pub(super) fn apply(&self, connection: Connection) -> Connection {
        #[cfg(feature = "deflate")]
        if let Some(params) = &self.0 {
            return connection.with_deflate(params);
        }
        connection
    }
}
