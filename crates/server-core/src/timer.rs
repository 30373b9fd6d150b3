//! Time, as a connection needs it: one clock to read and one alarm to move.

use std::pin::Pin;
use std::time::Instant;

/// A source of time. Implemented for tokio by `rt::tokio::TokioTimer`; a test brings its own and owns the clock.
///
/// There is no `Send` bound: a connection future is `Send` when its timer's [`Sleep`](Timer::Sleep) is.
pub trait Timer {
    /// A future that is ready once its deadline has come.
    type Sleep: Future<Output = ()>;

    /// The time now.
    fn now(&self) -> Instant;

    /// A future that is ready from `deadline` on.
    fn sleep_until(&self, deadline: Instant) -> Self::Sleep;

    /// Moves `sleep` to another deadline, also after it was ready; cheaper than making a new one.
    fn reset(&self, sleep: Pin<&mut Self::Sleep>, deadline: Instant);
}
