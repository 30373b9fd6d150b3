//! What a WebSocket and its driver take from a configuration.

use std::time::Duration;

#[cfg(feature = "ws-deflate")]
use wire_ws::deflate::DeflateConfig;

use crate::config::Config;

/// Limits and times of a WebSocket, shared by all of a server.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) limits: wire_ws::Config,
    #[cfg(feature = "ws-deflate")]
    pub(crate) deflate: Option<DeflateConfig>,
    pub(crate) write_buffer: usize,
    pub(crate) max_write_buffer: usize,
    pub(crate) ping_interval: Option<Duration>,
    pub(crate) pong_timeout: Duration,
    pub(crate) close_timeout: Duration,
    pub(crate) write_timeout: Duration,
    pub(crate) linger_timeout: Duration,
    pub(crate) drain_timeout: Duration,
}

impl From<&Config> for Settings {
    fn from(config: &Config) -> Self {
        // Nothing could ever be written otherwise.
        let write_buffer = config.write_buffer.max(1);
        Self {
            limits: config.websocket,
            #[cfg(feature = "ws-deflate")]
            deflate: config.websocket_deflate,
            write_buffer,
            max_write_buffer: config.max_write_buffer.max(write_buffer),
            ping_interval: config.websocket_ping_interval,
            pong_timeout: config.websocket_pong_timeout,
            close_timeout: config.websocket_close_timeout,
            write_timeout: config.write_timeout,
            linger_timeout: config.linger_timeout,
            drain_timeout: config.drain_timeout,
        }
    }
}
