//! From HTTP to WebSocket: the 101, and what the WebSocket's driver takes over.

use std::task::Context;

use tokio::io::{AsyncRead, AsyncWrite};
use wire_http1::{BodyLen, EncodeError};
use wire_ws::Role;

use super::Config;
use super::link::{Current, Ending, Link};
use crate::conn::Duplex;
use crate::conn::websocket::Driver;
use crate::control::CountedWebSocket;

impl<Io> Link<Io> {
    /// Whether the connection has left HTTP: the 101 is encoded.
    pub(super) fn upgraded(&self) -> bool {
        self.http.is_upgraded()
    }

    /// After the handler was polled: confirms the upgrade if it has accepted one.
    pub(super) fn leave_duplex(&mut self, cx: &Context<'_>) {
        let Some(duplex) = self.current.duplex.take() else { return };
        if duplex.leave_unconfirmed(cx)
            && let Err(error) = self.confirm(&duplex)
        {
            tracing::error!(%error, "cannot upgrade");
            duplex.disconnect();
            self.end(Ending::Linger);
        }
        self.current.duplex = Some(duplex);
    }

    /// Encodes the 101.
    fn confirm(&mut self, duplex: &Duplex) -> Result<(), EncodeError> {
        let fields = duplex.take_accepted().unwrap_or_default();
        let mut head = self.http.encode_head(101, "", BodyLen::Fixed(0), self.output.tail())?;
        for (name, value) in fields {
            head.field(name, value)?;
        }
        head.finish()
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Link<Io> {
    /// Hands everything over that outlives the upgrade, what came behind the request included.
    pub(super) fn take_websocket(&mut self, config: &Config) -> Option<Driver<Io>> {
        let (io, duplex) = (self.io.take()?, self.current.duplex.take()?);
        let output = std::mem::take(&mut self.output);
        if !self.input.is_empty() {
            duplex.give_input(self.input.take_rest());
        }
        // The request is answered: it counts no longer.
        self.in_flight.end();
        self.current = Current::default();
        let mut driver = Driver::new(io, duplex, Role::Server, output, self.now);
        driver.count(CountedWebSocket::new(self.in_flight.control()));
        if self.eof {
            driver.set_eof();
        }
        if self.draining {
            driver.drain((self.now + config.drain_timeout).into());
        }
        Some(driver)
    }
}
