//! What runs over a connection in memory: messages that are echoed, requests that are answered.
//!
//! A cell is a line in [`CELLS`]; a peer is one function and its line in `ECHOES` or `HELLOS`.

mod ours;
#[cfg(feature = "peers")]
mod peers;

use interop::Result;

use crate::feed::{self, Feed};
use crate::frames::Content;
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
];

impl Cell {
    /// The bytes of one read.
    #[must_use]
    pub fn burst(&self) -> Vec<u8> {
        match self.what {
            What::Message(content, len) => content.frame(len, true).repeat(self.at_once),
            What::Request(request) => request.repeat(self.at_once),
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

/// A program whose connection is a future over a [`Feed`], with what goes before the bursts.
macro_rules! connection {
    ($name:literal, $connection:expr, $opening:expr) => {
        Program {
            name: $name,
            // How it ends does not matter: to some the end of the feed is an error.
            work: |cell, count| drop(feed::run($connection(Feed::new($opening, &cell.burst(), count)))),
            future: Some(|| size_of_val(&$connection(Feed::new(b"", b"", 0)))),
        }
    };
}

/// Those that echo messages. The first is only the codec.
pub const ECHOES: &[Program] = &[
    Program { name: "wire-ws", work: ours::codec, future: None },
    connection!("server-core", ours::echo, UPGRADE),
    connection!("server-core, borrowed", ours::echo_ref, UPGRADE),
    #[cfg(feature = "peers")]
    connection!("fastwebsockets", peers::fastwebsockets, b""),
    #[cfg(feature = "peers")]
    connection!("tokio-websockets", peers::tokio_websockets, b""),
    #[cfg(feature = "peers")]
    Program { name: "tungstenite", work: peers::tungstenite, future: None },
];

/// Those that answer requests.
pub const HELLOS: &[Program] = &[
    connection!("server-core, lazy", ours::lazy, b""),
    connection!("server-core, http", ours::http, b""),
    #[cfg(feature = "peers")]
    connection!("hyper", peers::hyper, b""),
];

impl Cell {
    /// Those that run this cell.
    #[must_use]
    pub fn programs(&self) -> &'static [Program] {
        match self.what {
            What::Message(..) => ECHOES,
            What::Request(_) => HELLOS,
        }
    }
}

/// Runs `CELL/PROGRAM` with so many bursts.
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
    Err(format!("no workload {name}").into())
}
