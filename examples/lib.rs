//! The examples are programs: `cargo run --release --example NAME`. See the README beside this file.
