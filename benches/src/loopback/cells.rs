//! What is measured: a cell is a line here.

use Load::{Http2, Http2WebSocket, WebSocket, Wrk};

/// One kind of load, given to every server of its group.
pub(crate) struct Cell {
    pub(crate) group: &'static str,
    pub(crate) name: &'static str,
    pub(crate) load: Load,
    /// The least rate and the most CPU time per operation that we want, as ratios to the peer's.
    pub(crate) targets: &'static [Target],
}

pub(crate) enum Load {
    /// `GET /hello`.
    Wrk { connections: u32, pipeline: u32 },
    /// `GET /hello` over HTTP/2, in cleartext.
    Http2 { connections: u32, streams: u32 },
    /// Echo of binary messages over HTTP/2, one in flight on each of so many WebSockets of one connection.
    Http2WebSocket { sockets: u32, len: u32 },
    /// Echo; the content as `ws-load` calls it.
    WebSocket { connections: u32, in_flight: u32, len: u32, content: &'static str },
}

pub(crate) struct Target {
    pub(crate) server: &'static str,
    pub(crate) least_rate: Option<f64>,
    pub(crate) most_cpu: Option<f64>,
}

/// Groups: a name, the prefix of its servers, the peer that its ratios refer to, and a title.
pub(crate) const GROUPS: &[Group] = &[
    Group { name: "http", servers: "http/", peer: "hyper", title: "HTTP/1.1: GET /hello" },
    Group { name: "http2", servers: "http2/", peer: "hyper", title: "HTTP/2: GET /hello" },
    Group { name: "h2ws", servers: "h2ws/", peer: "axum", title: "WebSocket echo over HTTP/2" },
    Group { name: "ws", servers: "ws/", peer: "fastwebsockets", title: "WebSocket echo, one in flight" },
    Group {
        name: "ws-deep",
        servers: "ws/",
        peer: "fastwebsockets",
        title: "WebSocket echo, many in flight",
    },
    Group { name: "ws-text", servers: "ws/", peer: "tokio-websockets", title: "WebSocket echo of text" },
];

pub(crate) struct Group {
    pub(crate) name: &'static str,
    pub(crate) servers: &'static str,
    pub(crate) peer: &'static str,
    pub(crate) title: &'static str,
}

const fn http(name: &'static str, pipeline: u32, targets: &'static [Target]) -> Cell {
    Cell { group: "http", name, load: Wrk { connections: 64, pipeline }, targets }
}

const fn ws(
    group: &'static str,
    name: &'static str,
    (connections, in_flight): (u32, u32),
    len: u32,
    content: &'static str,
    targets: &'static [Target],
) -> Cell {
    Cell { group, name, load: WebSocket { connections, in_flight, len, content }, targets }
}

const fn target(server: &'static str, least_rate: Option<f64>, most_cpu: Option<f64>) -> Target {
    Target { server, least_rate, most_cpu }
}

const fn ours(least_rate: f64) -> Target {
    target("server-core", Some(least_rate), None)
}

#[rustfmt::skip]
pub(crate) const CELLS: &[Cell] = &[
    http("64 connections", 1, &[target("server-core", None, Some(0.95))]),
    http("64 connections, pipeline of 16", 16,
        &[target("server-core", Some(1.35), Some(0.60)), target("server-core-http", Some(1.2), Some(0.75))]),
    Cell {
        group: "http2",
        name: "8 connections, 32 streams each",
        load: Http2 { connections: 8, streams: 32 },
        targets: &[ours(1.15)],
    },
    Cell {
        group: "h2ws",
        name: "50 WebSockets on one connection, 1 KiB",
        load: Http2WebSocket { sockets: 50, len: 1 << 10 },
        targets: &[ours(1.3)],
    },
    ws("ws", "20 B", (64, 1), 20, "binary", &[ours(1.05)]),
    ws("ws", "1 KiB", (64, 1), 1 << 10, "binary", &[ours(1.05)]),
    ws("ws", "16 KiB", (64, 1), 16 << 10, "binary", &[ours(1.25)]),
    ws("ws", "64 KiB", (64, 1), 64 << 10, "binary", &[ours(1.1)]),
    ws("ws-deep", "20 B, 32 in flight", (64, 32), 20, "binary", &[ours(18.0)]),
    ws("ws-deep", "1 KiB, 32 in flight", (64, 32), 1 << 10, "binary", &[ours(7.0)]),
    ws("ws-deep", "64 KiB, 8 in flight", (8, 8), 64 << 10, "binary", &[ours(1.05)]),
    ws("ws-text", "16 KiB of ASCII", (64, 1), 16 << 10, "ascii", &[ours(1.15)]),
    ws("ws-text", "16 KiB of mixed scripts", (64, 1), 16 << 10, "mixed", &[ours(1.25)]),
];
