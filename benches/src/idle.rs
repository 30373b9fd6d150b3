//! What an idle connection costs the server: resident memory with and without 1,000 of them.
//!
//! `cargo xtask bench idle` runs it and writes `benches/MEMORY.md`.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};

use interop::http::Conn;
use interop::ws::{CLOSE, TEXT, WebSocket};
use interop::{Result, Server};

const CONNECTIONS: u64 = 1000;
/// Above this an idle connection holds more than its state: a read buffer, most likely.
const MOST_BYTES: u64 = 8 << 10;

fn main() -> ExitCode {
    match env::args_os()
        .nth(1)
        .ok_or_else(|| "usage: idle ECHO".into())
        .and_then(|echo| measure(Path::new(&echo)))
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(fact) => {
            eprintln!("idle: {fact}");
            ExitCode::FAILURE
        }
    }
}

fn measure(echo: &Path) -> Result {
    let mut rows = String::new();
    let mut worst = 0;
    for workers in ["1", "2"] {
        for (kind, open) in KINDS {
            let growth = Growth::of(echo, workers, *open)?;
            worst = worst.max(growth.rss / CONNECTIONS);
            let Growth { empty, rss, pss } = growth;
            let row = format!(
                "| {kind} | {workers} | {} KiB | {} KiB | {} B | {} B |\n",
                empty / 1024,
                rss / 1024,
                rss / CONNECTIONS,
                pss / CONNECTIONS
            );
            print!("{row}");
            rows.push_str(&row);
        }
    }
    let mut page = String::new();
    write!(
        page,
        "# Memory of an idle connection\n\n\
         The growth in resident memory of the `echo` example over {CONNECTIONS} connections that have each been used once and\n\
         are open and idle, divided by their number. Read from `/proc/PID/smaps_rollup`, before and after; the server was\n\
         warmed up with 50 connections of the same kind that are closed again. The run fails above {MOST_BYTES} B each: an\n\
         idle connection holds no read buffer (of 64 KiB), whatever kernel buffers it may have.\n\n\
         Shown by `cargo xtask bench idle`, which rewrites this page.\n\n\
         | {CONNECTIONS} idle connections | workers | before | growth | Rss each | Pss each |\n|---|---|---|---|---|---|\n{rows}"
    )?;
    if worst > MOST_BYTES {
        return Err(format!("{worst} B for an idle connection").into());
    }
    Ok(fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("MEMORY.md"), page)?)
}

type Open = fn(&Server) -> Result<Box<dyn Held>>;

/// A connection that stays open until it is dropped.
trait Held {
    /// Ends it in the way of its protocol.
    fn end(self: Box<Self>) -> Result;
}

impl Held for Conn {
    fn end(self: Box<Self>) -> Result {
        Ok(())
    }
}

impl Held for WebSocket {
    fn end(mut self: Box<Self>) -> Result {
        self.send(CLOSE, &1000_u16.to_be_bytes())?;
        self.closed(1000)
    }
}

const KINDS: &[(&str, Open)] = &[
    ("HTTP/1.1 keep-alive, one `GET /hello` each", |server| {
        let mut conn = Conn::open(server.addr())?;
        conn.get("/hello")?;
        Ok(Box::new(conn))
    }),
    ("WebSocket, one echo of 20 bytes each", |server| {
        let (mut ws, _) = WebSocket::open(server.addr(), "")?;
        ws.echo(TEXT, &[b'x'; 20])?;
        Ok(Box::new(ws))
    }),
];

/// Bytes before, and what was added.
struct Growth {
    empty: u64,
    rss: u64,
    pss: u64,
}

impl Growth {
    fn of(echo: &Path, workers: &str, open: Open) -> Result<Self> {
        let server = Server::start(echo, &["--workers", workers])?;
        let hold = |n| (0..n).map(|_| open(&server)).collect::<Result<Vec<_>>>();
        for warm in hold(50)? {
            warm.end()?;
        }
        let look = || Ok::<_, interop::Error>((server.rollup("Rss")? * 1024, server.rollup("Pss")? * 1024));
        let (rss, pss) = look()?;
        let held = hold(CONNECTIONS)?;
        let (rss_held, pss_held) = look()?;
        drop(held);
        server.stop()?;
        Ok(Self { empty: rss, rss: rss_held.saturating_sub(rss), pss: pss_held.saturating_sub(pss) })
    }
}
