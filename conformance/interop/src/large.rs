//! 200 MiB through `/echo`: every byte back in its place, while the server's memory stays where it was.

use std::io::{Read, Write};
use std::process::Stdio;
use std::thread;

use crate::http::Conn;
use crate::report::{Report, Result, ensure};
use crate::{Options, Server, curl, scripts, with_server};

pub(crate) const SIZE: usize = 200 << 20;
/// The pattern is made in blocks of this size.
const BLOCK: usize = 64 << 10;
pub(crate) const MAY_GROW_KIB: u64 = 16 << 10;

pub(crate) fn run(options: &Options, report: &mut Report) -> Result {
    type Upload = fn(&Server) -> Result;
    let uploads: [(&str, bool, Upload); 3] = [
        ("chunked, by curl", true, by_curl),
        ("with a Content-Length", false, |server| by_socket(server, &format!("Content-Length: {SIZE}"))),
        ("while another connection stalls", false, beside_a_stalled_one),
    ];
    for (name, needs_curl, upload) in uploads {
        if needs_curl && !scripts::installed("curl", options, report) {
            continue;
        }
        // A server of its own for each: memory that one has brought into use would hide the growth of the next.
        with_server(&options.echo, report, "large", &[], |server, report| {
            report.check(&format!("large: 200 MiB {name}, in less than 16 MiB of memory"), || {
                Conn::open(server.addr())?.get("/hello")?;
                let before = server.status("VmRSS")?;
                upload(server)?;
                let grown = server.status("VmHWM")?.saturating_sub(before);
                println!("   the server grew by {grown} KiB over {before} KiB");
                ensure!(grown < MAY_GROW_KIB, "the server's memory grew by {grown} KiB");
                Ok(())
            });
        })?;
    }
    Ok(())
}

/// An endless byte sequence without a short period (xorshift64).
struct Pattern(u64);

impl Pattern {
    const fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    fn fill(&mut self, buffer: &mut [u8]) {
        for word in buffer.chunks_mut(8) {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            word.copy_from_slice(&self.0.to_le_bytes()[..word.len()]);
        }
    }
}

/// Writes the pattern, `SIZE` bytes of it.
pub(crate) fn feed(mut out: impl Write) -> std::io::Result<()> {
    let mut pattern = Pattern::new();
    let mut block = vec![0; BLOCK];
    for _ in 0..SIZE / BLOCK {
        pattern.fill(&mut block);
        out.write_all(&block)?;
    }
    Ok(())
}

/// Holds what arrives against the pattern.
struct Compare {
    pattern: Pattern,
    block: Vec<u8>,
    seen: usize,
}

impl Compare {
    fn new() -> Self {
        Self { pattern: Pattern::new(), block: vec![0; BLOCK], seen: 0 }
    }

    fn next(&mut self, mut bytes: &[u8]) -> Result {
        while !bytes.is_empty() {
            let at = self.seen % BLOCK;
            if at == 0 {
                self.pattern.fill(&mut self.block);
            }
            let (piece, rest) = bytes.split_at(bytes.len().min(BLOCK - at));
            ensure!(piece == &self.block[at..at + piece.len()], "the echo differs after byte {}", self.seen);
            self.seen += piece.len();
            bytes = rest;
        }
        Ok(())
    }

    fn end(&self) -> Result {
        ensure!(self.seen == SIZE, "{} bytes came back", self.seen);
        Ok(())
    }
}

fn by_curl(server: &Server) -> Result {
    let mut child =
        curl::command(&["-N", "-f", "-T", "-", &server.url("/echo")]).stdin(Stdio::piped()).spawn()?;
    let stdin = child.stdin.take().ok_or("curl has no stdin")?;
    let mut stdout = child.stdout.take().ok_or("curl has no stdout")?;
    let feeder = thread::spawn(move || feed(stdin));
    let mut compare = Compare::new();
    let mut block = vec![0; BLOCK];
    loop {
        let read = stdout.read(&mut block)?;
        if read == 0 {
            break;
        }
        compare.next(&block[..read])?;
    }
    feeder.join().map_err(|_| "the feeding thread panicked")??;
    ensure!(child.wait()?.success(), "curl failed");
    compare.end()
}

fn by_socket(server: &Server, framing: &str) -> Result {
    let mut conn = Conn::open(server.addr())?;
    conn.send(format!("POST /echo HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n"))?;
    let out = conn.stream().try_clone()?;
    let feeder = thread::spawn(move || feed(out));
    let head = conn.head()?;
    ensure!(head.status == 200, "answered with {}", head.status);
    let mut compare = Compare::new();
    conn.body(&head, &mut |piece| compare.next(piece))?;
    feeder.join().map_err(|_| "the feeding thread panicked")??;
    compare.end()
}

fn beside_a_stalled_one(server: &Server) -> Result {
    let mut stalled = Conn::open(server.addr())?;
    stalled.send("GET /stream?n=100000&size=65536&delay_ms=0 HTTP/1.1\r\nHost: a\r\n\r\n")?;
    stalled.head()?;
    by_socket(server, &format!("Content-Length: {SIZE}"))
}
