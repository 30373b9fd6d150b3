//! What each codec does alone, in memory, under callgrind. `wire-ws` stands in [`workloads`](crate::workloads), beside what is
//! compared with it.
//!
//! A workload prepares outside of its loop, and does its work as often as it is told to.

pub mod compress;
pub mod h2ws;
pub mod http1;
pub mod multipart;
pub mod sse;

/// A name, and what does the work this many times.
pub type Workload = (&'static str, fn(u64));

/// The workloads of each crate.
pub const CODECS: &[(&str, &[Workload])] = &[
    ("wire-http1", http1::WORKLOADS),
    ("wire-h2ws", h2ws::WORKLOADS),
    ("wire-multipart", multipart::WORKLOADS),
    ("wire-compress", compress::WORKLOADS),
    ("wire-sse", sse::WORKLOADS),
];

/// What the gate counts: crate, workload, and how often it is done.
pub const GATE: &[(&str, &str, u64)] = &[
    ("wire-http1", "request", 2000),
    ("wire-http1", "exchange", 2000),
    ("wire-http1", "client", 2000),
    ("wire-http1", "bytes-browser-fields", 2),
    ("wire-h2ws", "requests", 100),
    ("wire-h2ws", "messages", 100),
    ("wire-multipart", "form", 500),
    ("wire-multipart", "file", 20),
    ("wire-multipart", "bytes", 100),
    ("wire-multipart", "encode", 500),
    ("wire-compress", "gzip", 50),
    ("wire-compress", "brotli", 50),
    ("wire-compress", "zstd", 50),
    ("wire-compress", "gunzip", 50),
    ("wire-compress", "unbrotli", 50),
    ("wire-compress", "unzstd", 50),
    ("wire-sse", "encode", 200),
    ("wire-sse", "decode", 200),
    ("wire-sse", "bytes", 50),
];
