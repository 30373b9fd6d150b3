//! h2, in either role, from the first byte on.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::client::SendRequest;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::Request;

use super::{Config, Pipe};

/// The connection.
pub(super) enum Role {
    /// The client's preface is awaited.
    Preface(Box<h2::server::Handshake<Pipe, Bytes>>),
    Server(Box<h2::server::Connection<Pipe, Bytes>>),
    /// The preface could not be written yet.
    Connecting(Pin<Box<Connecting>>),
    Client {
        connection: Box<h2::client::Connection<Pipe, Bytes>>,
        /// `None`: there are to be no more requests.
        requests: Option<SendRequest<Bytes>>,
    },
    Over,
}

type Connecting =
    dyn Future<Output = Result<(SendRequest<Bytes>, h2::client::Connection<Pipe, Bytes>), h2::Error>> + Send;

impl Role {
    pub(super) fn server(config: &Config, pipe: Pipe) -> Self {
        let handshake = h2::server::Builder::new()
            .initial_window_size(config.stream_window.clamp(1, MAX_WINDOW))
            .initial_connection_window_size(config.connection_window.clamp(DEFAULT_WINDOW, MAX_WINDOW))
            .max_concurrent_streams(config.max_concurrent_streams)
            .max_header_list_size(config.max_header_list_size)
            .max_send_buffer_size(config.max_send_buffer.min(MAX_WINDOW as usize))
            .max_local_error_reset_streams(Some(config.max_local_error_resets))
            .max_pending_accept_reset_streams(config.max_pending_accept_resets)
            .data_frame_budget(config.max_data_overhead)
            .enable_connect_protocol()
            .handshake(pipe);
        Self::Preface(Box::new(handshake))
    }

    pub(super) fn client(config: &Config, pipe: Pipe) -> Self {
        let mut builder = h2::client::Builder::new();
        builder
            .initial_window_size(config.stream_window.clamp(1, MAX_WINDOW))
            .initial_connection_window_size(config.connection_window.clamp(DEFAULT_WINDOW, MAX_WINDOW))
            .max_concurrent_streams(config.max_concurrent_streams)
            .max_header_list_size(config.max_header_list_size)
            .max_send_buffer_size(config.max_send_buffer.min(MAX_WINDOW as usize))
            .max_local_error_reset_streams(Some(config.max_local_error_resets))
            .max_pending_accept_reset_streams(config.max_pending_accept_resets)
            .data_frame_budget(config.max_data_overhead)
            .initial_max_send_streams(INITIAL_STREAMS)
            .enable_push(false);
        Self::Connecting(Box::pin(async move { builder.handshake(pipe).await }))
    }

    /// Reads and writes what the pipe allows; ready when the connection is over.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), h2::Error>> {
        loop {
            match self {
                Self::Preface(handshake) => match Pin::new(&mut **handshake).poll(cx)? {
                    Poll::Ready(connection) => *self = Self::Server(Box::new(connection)),
                    Poll::Pending => return Poll::Pending,
                },
                Self::Connecting(handshake) => match handshake.as_mut().poll(cx)? {
                    Poll::Ready((requests, connection)) => {
                        *self = Self::Client { connection: Box::new(connection), requests: Some(requests) };
                    }
                    Poll::Pending => return Poll::Pending,
                },
                Self::Server(connection) => return connection.poll_closed(cx),
                Self::Client { connection, .. } => return Pin::new(&mut **connection).poll(cx),
                Self::Over => return Poll::Pending,
            }
        }
    }

    /// The next request that arrived.
    pub(super) fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Accepted, h2::Error>>> {
        match self {
            Self::Server(connection) => connection.poll_accept(cx),
            _ => Poll::Pending,
        }
    }

    /// Starts a graceful end. `false`: it is too early, try again.
    pub(super) fn shutdown(&mut self) -> bool {
        match self {
            Self::Server(connection) => connection.graceful_shutdown(),
            Self::Client { requests, .. } => *requests = None,
            Self::Preface(_) | Self::Connecting(_) => return false,
            Self::Over => {}
        }
        true
    }

    /// Ends with an error. A client has no way to say so.
    pub(super) fn abort(&mut self, reason: Reason) {
        match self {
            Self::Server(connection) => connection.abrupt_shutdown(reason),
            _ => *self = Self::Over,
        }
    }
}

/// A request, its content, and where its response goes.
pub(super) type Accepted = (Request<RecvStream>, SendResponse<Bytes>);

/// RFC 9113 section 6.9.2: what a connection starts with.
const DEFAULT_WINDOW: u32 = 65_535;
const MAX_WINDOW: u32 = (1 << 31) - 1;
/// Streams that a client may open before the server said how many (RFC 9113 section 6.5.2 advises servers to allow
/// 100 at least).
const INITIAL_STREAMS: usize = 100;
