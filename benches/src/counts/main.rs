//! Instructions per message and per request, in memory, stable to 1 %: ours against a committed count, and against
//! the peers.
//!
//! - `counts gate [--update]` compares ours with `benches/gate.toml` (`cargo xtask bench --gate`).
//! - `counts table` writes `benches/INSTRUCTIONS.md` (`cargo xtask bench instructions`).
//! - `counts NAME COUNT` runs one workload, under valgrind.
//!
//! A peer is one function and its line in [`ECHOES`] or [`HELLOS`].

mod gate;
mod ours;
#[cfg(feature = "peers")]
mod peers;
mod table;

use std::env;
use std::process::ExitCode;

use interop::Result;
use wire_benches::callgrind::per_run;
use wire_benches::frames::Content;
use wire_benches::requests::{BROWSER, SMALL};

/// What arrives at once.
struct Cell {
    name: &'static str,
    /// Messages or requests that arrive with one read.
    at_once: usize,
    what: What,
    /// The most instructions that we want a program to take.
    targets: &'static [(&'static str, f64)],
}

#[derive(Clone, Copy)]
enum What {
    Message(Content, usize),
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

const CELLS: &[Cell] = &[
    message("20 B", 1, Content::Binary, 20, &[("wire-ws", 225.0)]),
    message("20 B x 32", 32, Content::Binary, 20, &[("wire-ws", 140.0), ("server-core", 600.0)]),
    message("128 B text", 1, Content::Ascii, 128, &[]),
    message("128 B text x 32", 32, Content::Ascii, 128, &[]),
    message("1 KiB", 1, Content::Binary, 1 << 10, &[]),
    message("16 KiB", 1, Content::Binary, 16 << 10, &[]),
    message("16 KiB mixed text", 1, Content::Mixed, 16 << 10, &[]),
    message("64 KiB", 1, Content::Binary, 64 << 10, &[]),
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
    fn burst(&self) -> Vec<u8> {
        match self.what {
            What::Message(content, len) => content.frame(len, true).repeat(self.at_once),
            What::Request(request) => request.repeat(self.at_once),
        }
    }
}

/// Answers everything that one burst asks, this often.
type Work = fn(&Cell, u64);

/// Those that echo messages. The first is only the codec.
const ECHOES: &[(&str, Work)] = &[
    ("wire-ws", ours::codec),
    ("server-core", ours::echo),
    #[cfg(feature = "peers")]
    ("fastwebsockets", peers::fastwebsockets),
    #[cfg(feature = "peers")]
    ("tokio-websockets", peers::tokio_websockets),
    #[cfg(feature = "peers")]
    ("tungstenite", peers::tungstenite),
];

/// Those that answer requests.
const HELLOS: &[(&str, Work)] = &[
    ("server-core, lazy", ours::lazy),
    ("server-core, http", ours::http),
    #[cfg(feature = "peers")]
    ("hyper", peers::hyper),
];

impl Cell {
    fn programs(&self) -> &'static [(&'static str, Work)] {
        match self.what {
            What::Message(..) => ECHOES,
            What::Request(_) => HELLOS,
        }
    }

    /// Instructions per message or request.
    fn count(&self, program: &str) -> Result<f64> {
        // Enough that what happens once a second, or when a buffer grows, does not show.
        let rounds = 300_000 / self.burst().len().clamp(600, 7500) as u64;
        Ok(per_run(&format!("{}/{program}", self.name), rounds)? / self.at_once as f64)
    }
}

fn run(name: &str, count: &str) -> Result {
    for cell in CELLS {
        for (program, work) in cell.programs() {
            if name == format!("{}/{program}", cell.name) {
                work(cell, count.parse()?);
                return Ok(());
            }
        }
    }
    Err(format!("no workload {name}").into())
}

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments[..] {
        ["gate"] => gate::compare(),
        ["gate", "--update"] => gate::update(),
        ["table"] => table::write(),
        [name, count] => run(name, count),
        _ => Err("usage: counts gate [--update] | table | NAME COUNT".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(fact) => {
            eprintln!("counts: {fact}");
            ExitCode::FAILURE
        }
    }
}
