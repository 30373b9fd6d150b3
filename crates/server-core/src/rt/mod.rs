//! Runtimes: the listener and the timer of each, and `serve`.

#[cfg(feature = "rt-tokio")]
pub mod tokio;
