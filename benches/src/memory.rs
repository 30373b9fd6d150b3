//! What an idle connection costs the server, resident memory with and without many of them; what a slow download costs it;
//! and what a message or a request allocates once all is warm.
//!
//! `cargo xtask bench memory` runs it and writes `benches/MEMORY.md`.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;
use std::{env, fs};

use interop::http::Conn;
use interop::ws::{CLOSE, TEXT, WebSocket};
use interop::{Result, Server};
use testkit::alloc;
use wire_benches::frames::Content;
use wire_benches::process::{Known, Server as BenchServer, servers};
use wire_benches::requests::{HELLO, SMALL, UPGRADE};
use wire_benches::workloads::{CELLS, ECHOES, HELLOS};

#[global_allocator]
static COUNTING: alloc::Counting = alloc::Counting;

const CONNECTIONS: u64 = 1000;
/// Above this an idle connection holds more than its state: a read buffer, most likely.
const MOST_BYTES: u64 = 8 << 10;
/// Above this a download holds more than its state: a piece of the file, most likely.
const MOST_BYTES_OF_DOWNLOAD: u64 = 16 << 10;

fn main() -> ExitCode {
    match env::args_os()
        .nth(1)
        .ok_or_else(|| "usage: memory ECHO".into())
        .and_then(|echo| measure(Path::new(&echo)))
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(fact) => {
            eprintln!("memory: {fact}");
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
         Shown by `cargo xtask bench memory`, which rewrites this page.\n\n\
         | {CONNECTIONS} idle connections | workers | before | growth | Rss each | Pss each |\n|---|---|---|---|---|---|\n{rows}"
    )?;
    side_by_side(&mut page)?;
    futures(&mut page)?;
    slow_downloads(&mut page)?;
    allocations(&mut page)?;
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

/// Connections of each server in the table beside the peers.
const MANY: usize = 10_000;

/// The programs of the package side by side, where they are built.
fn side_by_side(page: &mut String) -> Result {
    let program = env::current_exe()?;
    let programs = program.parent().ok_or("a program without a folder")?;
    write!(
        page,
        "\n## Beside the peers\n\n\
         The same with {MANY} connections and the servers of [RESULTS.md](RESULTS.md), one thread each: echo of 20 bytes, or\n\
         `GET /hello`.\n\n| server | growth, each |\n|---|---|\n"
    )?;
    for Known { name, program } in &servers(programs)? {
        if name.contains("floor") || !(name.starts_with("http/") || name.starts_with("ws/")) {
            continue;
        }
        let server = BenchServer::start(Command::new(program).arg(name))?;
        let open = |count| (0..count).map(|_| used(&server, name)).collect::<Result<Vec<_>>>();
        drop(open(50)?);
        let empty = server.resident()?;
        let held = open(MANY)?;
        let each = server.resident()?.saturating_sub(empty) / MANY as u64;
        drop(held);
        println!("{name}: {each} B");
        writeln!(page, "| {name} | {each} B |")?;
    }
    Ok(())
}

/// Clients that download a large file, a little at a time.
const CLIENTS: usize = 200;
/// Its length, and what each of them takes in turn, so often.
const LARGE: u64 = 1 << 30;
const TAKEN: usize = 16 << 10;
const TURNS: usize = 256;

/// What slow downloads hold, at most.
fn slow_downloads(page: &mut String) -> Result {
    let program = env::current_exe()?;
    let programs = program.parent().ok_or("a program without a folder")?;
    let scratch = programs.join("memory-scratch");
    fs::create_dir_all(scratch.join("site"))?;
    fs::File::create(scratch.join("site/large.bin"))?.set_len(LARGE)?;
    write!(
        page,
        "\n## Slow downloads\n\n\
         The greatest growth in resident memory while {CLIENTS} clients download {} MiB each, of a sparse file in cleartext, and\n\
         take {} KiB in turn, {TURNS} times. The run fails above {MOST_BYTES_OF_DOWNLOAD} B for each with `server-core`.\n\n\
         | server | growth, each |\n|---|---|\n",
        LARGE >> 20,
        TAKEN >> 10
    )?;
    let mut ours = u64::MAX;
    for Known { name, program } in servers(programs)?.iter().filter(|known| known.name.starts_with("files/"))
    {
        let mut command = Command::new(program);
        let server = BenchServer::start(command.arg(name).current_dir(&scratch))?;
        let empty = server.resident()?;
        let mut clients = Vec::new();
        for _ in 0..CLIENTS {
            let mut client = TcpStream::connect(server.address())?;
            client.set_read_timeout(Some(Duration::from_secs(10)))?;
            client.write_all(b"GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n")?;
            clients.push(client);
        }
        let (mut most, mut taken) = (0, vec![0; TAKEN]);
        for turn in 0..TURNS {
            for client in &mut clients {
                client.read_exact(&mut taken)?;
            }
            if turn % 16 == 0 {
                most = most.max(server.resident()?);
            }
        }
        let each = most.saturating_sub(empty) / CLIENTS as u64;
        println!("slow downloads, {name}: {each} B");
        writeln!(page, "| {name} | {each} B |")?;
        if name == "files/server-core" {
            ours = each;
        }
    }
    fs::remove_dir_all(scratch)?;
    match ours {
        u64::MAX => Err("files/server-core is not among the servers: build with `peers`".into()),
        each if each > MOST_BYTES_OF_DOWNLOAD => Err(format!("{each} B for a slow download").into()),
        _ => Ok(()),
    }
}

/// A connection that was used once.
fn used(server: &BenchServer, name: &str) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(server.address())?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut until = |sent: &[u8], end: &[u8]| -> Result {
        stream.write_all(sent)?;
        let (mut answer, mut buffer) = (Vec::new(), [0; 1024]);
        while !answer.ends_with(end) {
            match stream.read(&mut buffer)? {
                0 => return Err(format!("{name} closed a connection").into()),
                read => answer.extend_from_slice(&buffer[..read]),
            }
        }
        Ok(())
    };
    if name.starts_with("http/") {
        until(SMALL, HELLO.as_bytes())?;
    } else {
        until(UPGRADE, b"\r\n\r\n")?;
        until(&Content::Binary.frame(20, true), &Content::Binary.payload(20))?;
    }
    Ok(stream)
}

/// What a task must hold for a connection, beside what that points to.
fn futures(page: &mut String) -> Result {
    page.push_str(
        "\n## Futures\n\nThe size of one connection's future, over the connections in memory of [INSTRUCTIONS.md](INSTRUCTIONS.md). Ours and\n\
         hyper's hold the handler's future; ours points to the state of the protocol that is spoken.\n\n| | size |\n|---|---|\n",
    );
    for (what, programs) in [("`GET /hello`", HELLOS), ("WebSocket echo", ECHOES)] {
        for program in programs {
            if let Some(size) = program.future {
                writeln!(page, "| {what}, {} | {} B |", program.name, size())?;
            }
        }
    }
    Ok(())
}

/// Allocations once warm: the difference of a run and its double.
fn allocations(page: &mut String) -> Result {
    page.push_str(
        "\n## Allocations\n\nPer message or request, over the connections in memory of [INSTRUCTIONS.md](INSTRUCTIONS.md), once warm.\n\n\
         | | program | allocations |\n|---|---|---|\n",
    );
    for cell in CELLS {
        for program in cell.programs() {
            const ROUNDS: u64 = 200;
            let count = |rounds| alloc::measure(|| (program.work)(cell, rounds)).1.count;
            // The first run fills what a thread keeps.
            count(ROUNDS);
            let each = (count(2 * ROUNDS) - count(ROUNDS)) as f64 / (ROUNDS * cell.at_once as u64) as f64;
            writeln!(page, "| {} | {} | {each:.2} |", cell.name, program.name)?;
        }
    }
    Ok(())
}
