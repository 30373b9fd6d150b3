//! A simulated world for async code: a byte [`pipe`], a [`Clock`] and an executor, [`Sim`]. Nothing sleeps, nothing
//! opens a socket, and the same test takes the same steps on every machine.
//!
//! ```
//! use std::time::Duration;
//! use testkit::sim::Sim;
//!
//! let sim = Sim::new();
//! let clock = sim.clock().clone();
//! let task = sim.spawn(async move {
//!     clock.sleep_until(clock.now() + Duration::from_secs(60)).await;
//!     "a minute later"
//! });
//! sim.advance(Duration::from_secs(59));
//! assert!(task.take().is_none());
//! sim.advance(Duration::from_secs(1));
//! assert_eq!(task.take(), Some("a minute later"));
//! ```

mod clock;
mod executor;
mod pipe;

pub use clock::{Clock, Sleep};
pub use executor::{Sim, Task};
pub use pipe::{Pipe, pipe};
