//! The codec of a connection, which has one only while there is something to decode or to answer: an idle connection
//! gives it to the thread, for the next one that wakes up.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

use wire_http1::{Config, ServerConnection};

/// Codecs a thread keeps.
const KEPT: usize = 16;

// In boxes, which change hands without a copy.
type Pool = Vec<Box<ServerConnection>>;

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Vec::new()) };
}

/// Dereferences to the codec between [`lease`](Codec::lease) and [`park`](Codec::park).
#[derive(Default)]
pub(super) struct Codec(Option<Box<ServerConnection>>);

impl Codec {
    /// Sees to it that there is one.
    #[inline]
    pub(super) fn lease(&mut self, config: &Config) {
        if self.0.is_none() {
            let kept = POOL.try_with(|pool| pool.borrow_mut().pop()).ok().flatten();
            // Of another server on this thread, perhaps.
            let kept = kept.filter(|codec| codec.config() == config);
            self.0 = Some(kept.unwrap_or_else(|| Box::new(ServerConnection::new(config.clone()))));
        }
    }

    /// Gives it up, if nothing would be lost.
    #[inline]
    pub(super) fn park(&mut self) {
        if let Some(codec) = self.0.take_if(|codec| codec.is_fresh()) {
            // `try_with`: a connection may be polled when its thread's storage is already gone.
            let _ = POOL.try_with(|pool| {
                let mut pool = pool.borrow_mut();
                if pool.len() < KEPT {
                    pool.push(codec);
                }
            });
        }
    }

    /// Whether the connection has left HTTP.
    pub(super) fn is_upgraded(&self) -> bool {
        self.0.as_ref().is_some_and(|codec| codec.is_upgraded())
    }
}

impl Deref for Codec {
    type Target = ServerConnection;

    #[inline]
    fn deref(&self) -> &ServerConnection {
        self.0.as_ref().expect("leased while the connection is polled")
    }
}

impl DerefMut for Codec {
    #[inline]
    fn deref_mut(&mut self) -> &mut ServerConnection {
        self.0.as_mut().expect("leased while the connection is polled")
    }
}
