//! How many responses are encoded at once: an encoder holds memory until its client has taken what comes out of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Config;

/// What all requests to a [`Compress`](super::Compress) share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: Config,
    /// Places that are taken.
    taken: AtomicUsize,
}

impl Shared {
    pub(super) fn new(config: Config) -> Arc<Self> {
        Arc::new(Self { config, taken: AtomicUsize::new(0) })
    }
}

/// The right to encode one response; given back where it is dropped.
pub(super) struct Place(Arc<Shared>);

impl Place {
    /// `None`: all of [`Config::max_encoders`] are taken.
    pub(super) fn take(shared: Arc<Shared>) -> Option<Self> {
        // No memory hangs on this count: an order of its own is all that it needs.
        if shared.taken.fetch_add(1, Ordering::Relaxed) < shared.config.max_encoders {
            return Some(Self(shared));
        }
        shared.taken.fetch_sub(1, Ordering::Relaxed);
        None
    }

    pub(super) fn config(&self) -> &Config {
        &self.0.config
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}
