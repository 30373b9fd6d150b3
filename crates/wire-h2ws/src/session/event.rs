//! What a session says, and what it refuses.

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use wire_ws::{CloseCode, DataKind, EncodeError, Timeout};

use crate::handshake::{self, InvalidSetting, RequestHead, Terms};

/// Something that happened. Streams are named by their HTTP/2 identifier.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// Server: a request that is not a CONNECT. Answer it with [`respond`](super::Session::respond).
    Request {
        /// The stream.
        stream: u32,
        /// Method, URI and fields.
        head: Request<()>,
        /// There is no content and no trailers.
        end: bool,
    },
    /// Server: a correct request to open a WebSocket. Accept it with
    /// [`accept_websocket`](super::Session::accept_websocket), or refuse it with
    /// [`respond`](super::Session::respond). Incorrect ones, and other CONNECTs, were answered already.
    WebSocketRequest {
        /// The stream.
        stream: u32,
        /// Its head, and what is offered.
        request: WebSocketRequest,
    },
    /// Client: the server takes WebSockets from now on (RFC 8441 section 3).
    WebSocketsEnabled,
    /// Client: the final response to a request, or one that refuses a WebSocket.
    Response {
        /// The stream.
        stream: u32,
        /// Status and fields.
        head: Response<()>,
        /// There is no content and no trailers.
        end: bool,
    },
    /// Client: a WebSocket is open.
    WebSocketOpen {
        /// The stream.
        stream: u32,
        /// The subprotocol that the server chose.
        protocol: Option<String>,
        /// Status and fields.
        head: Response<()>,
    },
    /// A piece of content.
    Data {
        /// The stream.
        stream: u32,
        /// The bytes; none only where `end` is set.
        data: Bytes,
        /// The last piece, and there are no trailers.
        end: bool,
    },
    /// Trailers; nothing follows them.
    Trailers {
        /// The stream.
        stream: u32,
        /// The fields.
        fields: HeaderMap,
    },
    /// A whole WebSocket message.
    Message {
        /// The stream.
        stream: u32,
        /// Its kind. Text is valid UTF-8.
        kind: DataKind,
        /// The payload.
        data: Bytes,
    },
    /// A WebSocket Ping. It is answered already.
    Ping {
        /// The stream.
        stream: u32,
        /// The payload.
        data: Bytes,
    },
    /// A WebSocket Pong.
    Pong {
        /// The stream.
        stream: u32,
        /// The payload.
        data: Bytes,
    },
    /// The peer's WebSocket Close. It is answered already; [`Closed`](Self::Closed) follows.
    Close {
        /// The stream.
        stream: u32,
        /// The code; `None`: there was none.
        code: Option<CloseCode>,
        /// The reason, valid UTF-8.
        reason: Bytes,
    },
    /// There is room again on a stream that had less than was offered.
    Writable {
        /// The stream.
        stream: u32,
    },
    /// The peer wants no more streams than up to this one (RFC 9113 section 6.8). Those that are open go on. Of
    /// several such frames only the latest counts.
    GoAway {
        /// The last stream that the peer does or may handle.
        last_stream: u32,
        /// The error code; 0: there is no error.
        code: u32,
    },
    /// A stream is over. Each that an event or a method named gets this once, and nothing after.
    Closed {
        /// The stream.
        stream: u32,
        /// How.
        end: StreamEnd,
    },
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamEnd {
    /// Both sides said all they had to say. Of a WebSocket: both sent a Close before.
    Complete,
    /// It was reset (RFC 9113 section 6.4).
    Reset {
        /// The error code.
        code: u32,
        /// By the peer; else by this side, by itself or because it was told to.
        by_peer: bool,
    },
    /// Client: the response to a request for a WebSocket broke a rule; the stream was reset.
    Refused(handshake::ResponseError),
    /// The WebSocket's peer broke its protocol, or ended the stream without a Close (1006 to an application).
    Abnormal(wire_ws::Error),
    /// The WebSocket's peer did not answer in time; the stream was reset.
    TimedOut(Timeout),
    /// The connection ended before.
    ConnectionEnded,
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionEnd {
    /// In order, or the peer was done.
    Clean,
    /// By an error. A GOAWAY with it was sent or received; only a client ends without one when it is flooded.
    Error {
        /// The error code (RFC 9113 section 7).
        code: u32,
        /// The peer's GOAWAY said so.
        by_peer: bool,
    },
    /// The transport ended although streams were open, or within the preface.
    Transport,
    /// Client: the server broke the rules of SETTINGS_ENABLE_CONNECT_PROTOCOL.
    Setting(InvalidSetting),
}

/// A correct request to open a WebSocket.
#[derive(Debug)]
pub struct WebSocketRequest {
    pub(super) head: Request<()>,
}

impl WebSocketRequest {
    /// The URI and the fields.
    #[must_use]
    pub fn head(&self) -> &Request<()> {
        &self.head
    }

    /// What the client offers: subprotocols, extensions, its origin.
    #[must_use]
    pub fn offer(&self) -> Terms<'_> {
        // It was accepted before.
        offer(&self.head).unwrap_or_default()
    }
}

/// Checks a CONNECT request.
pub(super) fn offer(head: &Request<()>) -> Result<Terms<'_>, handshake::Rejection> {
    let uri = head.uri();
    let request = RequestHead {
        method: head.method().as_str(),
        protocol: head.extensions().get::<h2::ext::Protocol>().map(h2::ext::Protocol::as_str),
        scheme: uri.scheme_str(),
        authority: uri.authority().map(http::uri::Authority::as_str),
        path: uri.path_and_query().map(http::uri::PathAndQuery::as_str),
    };
    handshake::accept(&request, fields(head.headers()))
}

pub(super) fn fields(map: &HeaderMap) -> impl Iterator<Item = (&str, &[u8])> {
    map.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
}

/// What the caller did wrong, or what cannot be done now. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UseError {
    /// There is no such stream, or it is over: its [`Closed`](Event::Closed) was given or is about to be. No mistake: the
    /// peer may have reset it while it was being answered.
    #[error("no such stream, or it is over")]
    UnknownStream,
    /// A method for another kind of stream, or not what comes next on this one.
    #[error("the stream is in no state for this")]
    WrongState,
    /// The WebSocket's output is full: wait for [`Writable`](Event::Writable).
    #[error("the output is full")]
    Full,
    /// WebSocket does not allow it.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// HTTP/2 does not allow such a message (RFC 9113 section 8.2.2).
    #[error("not a message that HTTP/2 could send")]
    Message,
    /// Client: the server takes no WebSockets, or did not say so yet (RFC 8441 section 3).
    #[error("the server takes no WebSockets")]
    WebSocketsDisabled,
    /// Client: as many streams are open or wait as the server allows.
    #[error("too many streams")]
    TooManyStreams,
    /// The session is over or about to be: no new streams.
    #[error("no new streams")]
    GoingAway,
}
