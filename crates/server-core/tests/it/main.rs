//! The server on a simulated pipe and clock: no sockets, no sleeping, the same steps on every machine.

mod bodies;
mod deadlines;
mod handlers;
mod kills;
mod regressions;
mod requests;
mod rules;
mod shutdown;
mod sockets;
mod support;
mod tower;
mod websocket;
