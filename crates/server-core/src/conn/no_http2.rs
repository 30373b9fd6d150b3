//! What stands for HTTP/2 where it is not compiled in: a driver that cannot exist.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use super::ConnectionError;
use crate::config::Config;
use crate::control::Registration;
use crate::io::ReadBuffer;
use crate::listener::ConnectionInfo;
use crate::server::Shared;

pub(crate) struct Connection<Io, H, T, R> {
    never: Infallible,
    parts: PhantomData<fn(Io, H, T, R)>,
}

/// The server speaks no HTTP/2.
pub(crate) fn is_enabled(_: &Config) -> bool {
    false
}

impl<Io, H, T, R> Connection<Io, H, T, R> {
    pub(crate) fn new(
        _: Io,
        _: ReadBuffer,
        _: ConnectionInfo,
        _: Registration,
        _: Arc<Shared<H, T>>,
        _: Instant,
    ) -> Option<Pin<Box<Self>>> {
        None
    }
}

impl<Io, H, T, R> Future for Connection<Io, H, T, R> {
    type Output = Result<(), ConnectionError>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        match self.never {}
    }
}
