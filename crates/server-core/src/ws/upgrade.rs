//! From a request to a WebSocket.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Response, StatusCode};
use pin_project_lite::pin_project;
#[cfg(feature = "ws-deflate")]
use wire_ws::deflate::{Agreed, DeflateConfig};
use wire_ws::handshake::{self, Rejection, RequestLine, Terms};
use wire_ws::{Encoder, MessageDecoder, Role};

use super::WebSocket;
use crate::body::Body;
use crate::conn::Duplex;
use crate::request::Request;

/// A request's way to the connection it came on, where the client offers to upgrade that.
#[derive(Clone, Debug)]
pub(crate) struct Upgrade {
    pub(crate) duplex: Arc<Duplex>,
}

/// A correct opening handshake (RFC 6455 section 4.2.1; over HTTP/2 RFC 8441 section 5), not yet answered.
// Boxed, for a handler's future keeps room for it as long as the WebSocket is open.
pub struct WebSocketUpgrade(Box<Handshake>);

struct Handshake {
    upgrade: Upgrade,
    limits: wire_ws::Config,
    /// `Sec-WebSocket-Accept`, which HTTP/2 does without.
    accept: Option<String>,
    origin: Option<Vec<u8>>,
    offered: Vec<String>,
    selected: Option<String>,
    #[cfg(feature = "ws-deflate")]
    extensions: Vec<Vec<u8>>,
    #[cfg(feature = "ws-deflate")]
    deflate: Option<DeflateConfig>,
}

impl fmt::Debug for WebSocketUpgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketUpgrade")
            .field("offered", &self.0.offered)
            .field("selected", &self.0.selected)
            .finish_non_exhaustive()
    }
}

impl WebSocketUpgrade {
    /// Checks a request.
    ///
    /// # Errors
    /// The request does not ask for a WebSocket, or not rightly: answer with
    /// [`into_response`](WebSocketRejection::into_response).
    pub fn from_request(request: &mut Request) -> Result<Self, WebSocketRejection> {
        let upgrade = request.take_upgrade();
        #[cfg(feature = "http2")]
        if let Some(head) = request.extended_connect() {
            let terms = wire_h2ws::handshake::accept(&head, request.fields())?;
            return Self::new(None, &terms, upgrade, request.body().remaining() != Some(0));
        }
        let line = RequestLine {
            method: request.method(),
            http_11_or_later: request.version() >= http::Version::HTTP_11,
        };
        let content = request.body().remaining() != Some(0);
        let offer = handshake::accept(&line, request.fields())?;
        Self::new(Some(offer.accept_value()), offer.terms(), upgrade, content)
    }

    /// Checks a request of the ecosystem's type, as [`Server`](crate::Server) gave it: the way to the connection is
    /// among its extensions.
    ///
    /// # Errors
    /// As [`from_request`](Self::from_request).
    pub fn from_http<B>(request: &mut http::Request<B>) -> Result<Self, WebSocketRejection> {
        let upgrade = request.extensions_mut().remove::<Upgrade>();
        let fields = request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        #[cfg(feature = "http2")]
        if request.version() == http::Version::HTTP_2 {
            let head = super::request_head(request.method(), request.uri(), request.extensions());
            let terms = wire_h2ws::handshake::accept(&head, fields)?;
            return Self::new(None, &terms, upgrade, false);
        }
        let line = RequestLine {
            method: request.method().as_str(),
            http_11_or_later: request.version() >= http::Version::HTTP_11,
        };
        let offer = handshake::accept(&line, fields)?;
        Self::new(Some(offer.accept_value()), offer.terms(), upgrade, false)
    }

    fn new(
        accept: Option<&str>,
        terms: &Terms<'_>,
        upgrade: Option<Upgrade>,
        content: bool,
    ) -> Result<Self, WebSocketRejection> {
        let upgrade = match upgrade.filter(|upgrade| upgrade.duplex.claim()) {
            Some(upgrade) => upgrade,
            None if content => return Err(WebSocketRejection(Reason::Content)),
            None => return Err(WebSocketRejection(Reason::Unavailable)),
        };
        Ok(Self(Box::new(Handshake {
            limits: upgrade.duplex.settings().limits,
            #[cfg(feature = "ws-deflate")]
            extensions: terms.extensions().map(<[u8]>::to_vec).collect(),
            #[cfg(feature = "ws-deflate")]
            deflate: upgrade.duplex.settings().deflate,
            upgrade,
            accept: accept.map(str::to_owned),
            origin: terms.origin().map(<[u8]>::to_vec),
            offered: terms.protocols().map(str::to_owned).collect(),
            selected: None,
        })))
    }

    /// The subprotocols that the client offers, in its order of preference.
    pub fn offered_protocols(&self) -> impl Iterator<Item = &str> {
        self.0.offered.iter().map(String::as_str)
    }

    /// Selects the first of `supported` that the client offers, if any.
    #[must_use]
    pub fn protocols(mut self, supported: &[&str]) -> Self {
        self.0.selected = supported
            .iter()
            .find(|name| self.0.offered.iter().any(|offered| offered == *name))
            .map(|name| (*name).into());
        self
    }

    /// The subprotocol that was selected.
    #[must_use]
    pub fn protocol(&self) -> Option<&str> {
        self.0.selected.as_deref()
    }

    /// The `Origin` of the page that asks; other clients than browsers need not send it. Browsers let any page open a
    /// WebSocket anywhere, with the user's cookies: where cookies mean something, check it, with
    /// [`wire_ws::handshake::origin_allowed`].
    #[must_use]
    pub fn origin(&self) -> Option<&[u8]> {
        self.0.origin.as_deref()
    }

    /// Limits of this WebSocket, instead of [`Config::websocket`](crate::Config::websocket).
    #[must_use]
    pub fn limits(mut self, limits: wire_ws::Config) -> Self {
        self.0.limits = limits;
        self
    }

    /// How this WebSocket compresses, if the client offers it, instead of
    /// [`Config::websocket_deflate`](crate::Config::websocket_deflate). `None`: not at all.
    #[cfg(feature = "ws-deflate")]
    #[must_use]
    pub fn deflate(mut self, deflate: Option<DeflateConfig>) -> Self {
        self.0.deflate = deflate;
        self
    }

    /// Accepts at once, runs `serve`, and gives the response that the handler then returns (nobody sees it). The connection
    /// closes when the [`WebSocket`], or both its halves, are dropped.
    pub fn run<F, Serving>(self, serve: F) -> impl Future<Output = Response<Body>>
    where
        F: FnOnce(WebSocket) -> Serving,
        Serving: Future<Output = ()>,
    {
        // What is accepted is held once, by `serve`: the handshake is done with, and the response made at the end.
        Run { serving: serve(self.accept().0) }
    }

    /// Accepts: the 101, or over HTTP/2 the 200, is sent when the handler next pauses. The handler is to return the response
    /// (nobody sees it), at once or when the WebSocket is done with. It may give the WebSocket to another task.
    #[must_use]
    pub fn accept(self) -> (WebSocket, Response<Body>) {
        let handshake = *self.0;
        let mut fields = Vec::new();
        if let Some(accept) = handshake.accept {
            fields.extend([("Upgrade", "websocket".to_owned()), ("Sec-WebSocket-Accept", accept)]);
        }
        if let Some(protocol) = handshake.selected {
            fields.push(("Sec-WebSocket-Protocol", protocol));
        }
        let (encoder, decoder) = (Encoder::server(), MessageDecoder::new(Role::Server, &handshake.limits));
        #[cfg(feature = "ws-deflate")]
        let agreed = handshake
            .deflate
            .and_then(|deflate| deflate.accept(handshake.extensions.iter().map(Vec::as_slice)));
        #[cfg(feature = "ws-deflate")]
        let (encoder, decoder, compressed) = match agreed {
            Some(Agreed { params, response, .. }) => {
                fields.push(("Sec-WebSocket-Extensions", response));
                (encoder.with_deflate(&params), decoder.with_deflate(&params, &handshake.limits), true)
            }
            None => (encoder, decoder, false),
        };
        #[cfg(not(feature = "ws-deflate"))]
        let compressed = false;
        handshake.upgrade.duplex.accept(fields, encoder, !compressed);
        (WebSocket::new(handshake.upgrade.duplex, decoder), switching_protocols())
    }
}

/// What the handler returns: nobody sees it.
fn switching_protocols() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response
}

pin_project! {
    /// See [`WebSocketUpgrade::run`].
    struct Run<Serving> {
        #[pin]
        serving: Serving,
    }
}

impl<Serving: Future<Output = ()>> Future for Run<Serving> {
    type Output = Response<Body>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Response<Body>> {
        self.project().serving.poll(cx).map(|()| switching_protocols())
    }
}

/// Why a request does not become a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WebSocketRejection(Reason);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Reason {
    #[error("{0}")]
    Handshake(#[from] Rejection),
    #[cfg(feature = "http2")]
    #[error("{0}")]
    Extended(wire_h2ws::handshake::Rejection),
    #[error("a WebSocket handshake has no content")]
    Content,
    #[error("this request's connection is not there to be upgraded, or was already")]
    Unavailable,
}

impl WebSocketRejection {
    /// The response that says so: 400, 405, or 426 with the version that is spoken here; over HTTP/2 400, or 501 to what is
    /// no extended CONNECT; 500 where the handler has tried twice.
    #[must_use]
    pub fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(format!("{self}\n")));
        let (status, fields) = match &self.0 {
            Reason::Handshake(rejection) => (rejection.status(), rejection.response_fields()),
            #[cfg(feature = "http2")]
            Reason::Extended(rejection) => (rejection.status(), rejection.response_fields()),
            Reason::Content => (400, &[][..]),
            Reason::Unavailable => (500, &[][..]),
        };
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        let headers = response.headers_mut();
        headers
            .insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("text/plain; charset=utf-8"));
        for (name, value) in fields {
            if let Ok(name) = http::HeaderName::from_bytes(name.as_bytes()) {
                headers.insert(name, http::HeaderValue::from_static(value));
            }
        }
        response
    }
}

impl From<Rejection> for WebSocketRejection {
    fn from(rejection: Rejection) -> Self {
        Self(Reason::Handshake(rejection))
    }
}

#[cfg(feature = "http2")]
impl From<wire_h2ws::handshake::Rejection> for WebSocketRejection {
    fn from(rejection: wire_h2ws::handshake::Rejection) -> Self {
        Self(Reason::Extended(rejection))
    }
}
