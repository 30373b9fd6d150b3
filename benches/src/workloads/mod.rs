//! What runs over a connection in memory: messages that are echoed, requests that are answered.
//!
//! A cell is a line in [`CELLS`]; a peer is one function and its line in `ECHOES` or `HELLOS`.

mod ours;
#[cfg(feature = "peers")]
mod peers;

use interop::Result;

use crate::codecs::CODECS;
use crate::feed::{self, Feed};
use crate::frames::Content;
use crate::http2::{self, kind, streams};
use crate::requests::{BROWSER, SMALL, UPGRADE};

/// What arrives at once.
#[derive(Debug)]
pub struct Cell {
    /// Its name.
    pub name: &'static str,
    /// Messages or requests that arrive with one read.
    pub at_once: usize,
    /// What they are.
    pub what: What,
    /// The most instructions that we want a program to take.
    pub targets: &'static [(&'static str, f64)],
}

/// What is answered.
#[derive(Clone, Copy, Debug)]
pub enum What {
    /// A message of this length.
    Message(Content, usize),
    /// A request.
    Request(&'static [u8]),
    /// The same over HTTP/2, each on a stream of its own.
    Http2Request,
    /// A binary message of this length on each of so many WebSockets over one connection of HTTP/2.
    Http2Message(usize),
}

const fn message(
    name: &'static str,
    at_once: usize,
    content: Content,
    len: usize,
    targets: &'static [(&'static str, f64)],
) -> Cell {
    Cell { name, at_once, what: What::Message(content, len), targets }
}

/// All cells.
pub const CELLS: &[Cell] = &[
    message("20 B", 1, Content::Binary, 20, &[("wire-ws", 225.0)]),
    message(
        "20 B x 32",
        32,
        Content::Binary,
        20,
        &[("wire-ws", 140.0), ("server-core", 600.0), ("server-core, borrowed", 300.0)],
    ),
    message("128 B text", 1, Content::Ascii, 128, &[]),
    message("128 B text x 32", 32, Content::Ascii, 128, &[]),
    message("1 KiB", 1, Content::Binary, 1 << 10, &[]),
    message("16 KiB", 1, Content::Binary, 16 << 10, &[]),
    message("16 KiB mixed text", 1, Content::Mixed, 16 << 10, &[]),
    // 0.85 of what fastwebsockets 0.10 takes.
    message("64 KiB", 1, Content::Binary, 64 << 10, &[("server-core", 22_500.0)]),
    Cell {
        name: "small request x 16",
        at_once: 16,
        what: What::Request(SMALL),
        targets: &[("server-core, lazy", 1800.0), ("server-core, http", 2500.0)],
    },
    Cell {
        name: "browser request x 16",
        at_once: 16,
        what: What::Request(BROWSER),
        targets: &[("server-core, lazy", 6000.0), ("server-core, http", 9500.0)],
    },
    Cell { name: "HTTP/2 request x 32", at_once: 32, what: What::Http2Request, targets: &[] },
    Cell { name: "HTTP/2, 50 x 1 KiB", at_once: 50, what: What::Http2Message(1 << 10), targets: &[] },
];

impl Cell {
    /// What a connection begins with.
    #[must_use]
    pub fn opening(&self) -> Vec<u8> {
        match self.what {
            What::Message(..) => UPGRADE.to_vec(),
            What::Request(_) => Vec::new(),
            What::Http2Request => [http2::opening(), http2::first_hello()].concat(),
            What::Http2Message(_) => {
                [http2::opening(), streams(self.at_once).flat_map(http2::connect).collect()].concat()
            }
        }
    }

    /// The bytes of one read.
    #[must_use]
    pub fn burst(&self) -> Vec<u8> {
        match self.what {
            What::Message(content, len) => content.frame(len, true).repeat(self.at_once),
            What::Request(request) => request.repeat(self.at_once),
            // Behind the first stream.
            What::Http2Request => streams(self.at_once).flat_map(|id| http2::next_hello(id + 2)).collect(),
            What::Http2Message(len) => {
                let frame = Content::Binary.frame(len, true);
                streams(self.at_once).flat_map(|id| http2::frame(kind::DATA, 0, id, &frame)).collect()
            }
        }
    }

    /// So many bursts, for those that begin behind the opening handshake.
    #[must_use]
    pub fn opened(&self, count: u64) -> Feed {
        Feed::new(b"", &self.burst(), count)
    }

    /// A connection with so many bursts.
    #[must_use]
    pub fn feed(&self, count: u64) -> Feed {
        let feed = Feed::new(&self.opening(), &self.burst(), count);
        match self.what {
            What::Http2Request => feed.http2(2 * self.at_once as u32),
            What::Http2Message(_) => feed.http2(0),
            What::Message(..) | What::Request(_) => feed,
        }
    }
}

/// A program that runs cells.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// Its name.
    pub name: &'static str,
    /// Answers everything that so many bursts ask.
    pub work: fn(&Cell, u64),
    /// Bytes of the future of one connection, if it is one.
    pub future: Option<fn() -> usize>,
}

/// A program whose connection is a future over a [`Feed`], and which feed of a cell it is given.
macro_rules! connection {
    ($name:literal, $connection:expr, $feed:expr) => {
        Program {
            name: $name,
            // How it ends does not matter: to some the end of the feed is an error.
            work: |cell, count| drop(feed::run($connection($feed(cell, count)))),
            future: Some(|| size_of_val(&$connection(Feed::new(b"", b"", 0)))),
        }
    };
}

/// Those that echo messages. The first is only the codec.
pub const ECHOES: &[Program] = &[
    Program { name: "wire-ws", work: ours::codec, future: None },
    connection!("server-core", ours::echo, Cell::feed),
    connection!("server-core, borrowed", ours::echo_ref, Cell::feed),
    #[cfg(feature = "peers")]
    connection!("fastwebsockets", peers::fastwebsockets, Cell::opened),
    #[cfg(feature = "peers")]
    connection!("tokio-websockets", peers::tokio_websockets, Cell::opened),
    #[cfg(feature = "peers")]
    Program { name: "tungstenite", work: peers::tungstenite, future: None },
];

/// Those that answer requests.
pub const HELLOS: &[Program] = &[
    connection!("server-core, lazy", ours::lazy, Cell::feed),
    connection!("server-core, http", ours::http, Cell::feed),
    #[cfg(feature = "peers")]
    connection!("hyper", peers::hyper, Cell::feed),
];

/// Those that echo messages over HTTP/2.
pub const HTTP2_ECHOES: &[Program] = &[
    connection!("server-core", ours::echo, Cell::feed),
    #[cfg(feature = "peers")]
    Program { name: "axum", work: peers::axum, future: None },
];

/// Those that answer requests of HTTP/2.
pub const HTTP2_HELLOS: &[Program] = &[
    connection!("server-core, lazy", ours::lazy, Cell::feed),
    connection!("server-core, http", ours::http, Cell::feed),
    #[cfg(feature = "peers")]
    Program { name: "hyper", work: peers::hyper_http2, future: None },
];

impl Cell {
    /// Those that run this cell.
    #[must_use]
    pub fn programs(&self) -> &'static [Program] {
        match self.what {
            What::Message(..) => ECHOES,
            What::Request(_) => HELLOS,
            What::Http2Request => HTTP2_HELLOS,
            What::Http2Message(_) => HTTP2_ECHOES,
        }
    }
}

/// Runs `CELL/PROGRAM` with so many bursts, or `CODEC/WORKLOAD` so many times.
///
/// # Errors
/// There is no such workload.
pub fn run(name: &str, count: u64) -> Result {
    for cell in CELLS {
        for program in cell.programs() {
            if name == format!("{}/{}", cell.name, program.name) {
                (program.work)(cell, count);
                return Ok(());
            }
        }
    }
    for (codec, workloads) in CODECS {
        for (workload, work) in *workloads {
            if name == format!("{codec}/{workload}") {
                work(count);
                return Ok(());
            }
        }
    }
    Err(format!("no workload {name}").into())
}
