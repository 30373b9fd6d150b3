//! What every crate of the family is tested with.
//!
//! - [`laws`]: the contract of a sans-IO codec as executable laws, and [`codec_laws!`] which turns them into tests.
//! - [`alloc`]: an allocator that counts, per thread, so that "bounded memory" is an assertion.
//! - [`rng`]: a tiny seeded generator, so that a failing case is a number.
//! - `sim` (feature `sim`): a simulated byte pipe, clock and executor. No test sleeps.

pub mod alloc;
pub mod laws;
pub mod rng;
#[cfg(feature = "sim")]
pub mod sim;
