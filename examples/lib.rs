//! The examples are programs: `cargo run --release --example NAME`. See the README beside this file.

/// The programs of the front page, compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct FrontPage;
