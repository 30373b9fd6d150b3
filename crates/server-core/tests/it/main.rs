//! The server on a simulated pipe and clock: no sockets, no sleeping, the same steps on every machine.

mod allocation;
mod bodies;
mod broadcast;
mod client;
mod client_handshake;
mod client_sockets;
mod compress;
mod compress_axum;
mod compress_requests;
mod deadlines;
mod ends;
mod fairness;
mod frames;
mod handlers;
mod http2;
mod http2_attacks;
mod http2_client;
mod http2_share;
mod http2_websocket;
mod kills;
mod log;
mod multipart;
mod requests;
mod rules;
mod shutdown;
mod sniff;
mod sockets;
mod sse;
mod support;
mod tasks;
mod threads;
mod tls;
mod tower;
mod websocket;

/// What each test's thread holds can be measured.
#[global_allocator]
static ALLOCATOR: testkit::alloc::Counting = testkit::alloc::Counting;
