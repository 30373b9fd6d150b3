//! The load of the WebSocket cells: `ws-load ADDRESS CONNECTIONS IN_FLIGHT LENGTH CONTENT MILLISECONDS`, one thread,
//! epoll. Says how many messages came back, and in how many nanoseconds.
//!
//! Frames are built before it starts. The first echo of each connection is compared byte by byte; of the others only
//! the bytes are counted, so that the load costs as little as may be beside the server.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{env, io};

use interop::Result;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use wire_benches::frames::Content;
use wire_benches::requests::UPGRADE;

/// What is sent and what comes back.
struct Frames {
    /// As many frames as are in flight, one behind the other.
    sent: Vec<u8>,
    sent_len: usize,
    echo: Vec<u8>,
}

struct Connection {
    stream: TcpStream,
    /// Bytes that may be sent now, and where in a frame the next of them stands.
    owed: usize,
    at: usize,
    /// Bytes that came of the current echo, and whether it is the first.
    came: usize,
    first: bool,
}

impl Connection {
    /// Connects, and waits for the end of the opening handshake.
    fn open(address: SocketAddr, owed: usize) -> Result<Self> {
        let mut stream = std::net::TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(UPGRADE)?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        if !head.starts_with(b"HTTP/1.1 101 ") {
            return Err(format!("no WebSocket: {}", String::from_utf8_lossy(&head)).into());
        }
        stream.set_nonblocking(true)?;
        Ok(Self { stream: TcpStream::from_std(stream), owed, at: 0, came: 0, first: true })
    }

    /// Writes and reads until the socket blocks. Returns how many echoes came.
    fn progress(&mut self, frames: &Frames, input: &mut [u8]) -> Result<u64> {
        let mut echoes = 0;
        loop {
            self.write(frames)?;
            let read = match self.stream.read(input) {
                Ok(0) => return Err("the server closed a connection".into()),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(echoes),
                Err(error) => return Err(error.into()),
            };
            if self.first {
                let first = &input[..read.min(frames.echo.len() - self.came)];
                if frames.echo[self.came..][..first.len()] != *first {
                    return Err("an echo is not what was sent".into());
                }
            }
            self.came += read;
            let whole = self.came / frames.echo.len();
            self.came %= frames.echo.len();
            self.first &= whole == 0;
            self.owed += whole * frames.sent_len;
            echoes += whole as u64;
        }
    }

    fn write(&mut self, frames: &Frames) -> io::Result<()> {
        while self.owed > 0 {
            let piece = &frames.sent[self.at..];
            let piece = &piece[..piece.len().min(self.owed)];
            match self.stream.write(piece) {
                Ok(written) => {
                    self.owed -= written;
                    self.at = (self.at + written) % frames.sent_len;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn load(arguments: &[String]) -> Result {
    let [address, connections, in_flight, len, content, milliseconds] = arguments else {
        return Err("usage: ws-load ADDRESS CONNECTIONS IN_FLIGHT LENGTH CONTENT MILLISECONDS".into());
    };
    let content = match &content[..] {
        "binary" => Content::Binary,
        "ascii" => Content::Ascii,
        "mixed" => Content::Mixed,
        _ => return Err("CONTENT is binary, ascii or mixed".into()),
    };
    let (in_flight, len): (usize, _) = (in_flight.parse()?, len.parse()?);
    let frame = content.frame(len, true);
    let frames =
        Frames { sent_len: frame.len(), sent: frame.repeat(in_flight), echo: content.frame(len, false) };
    let mut connections = (0..connections.parse()?)
        .map(|_| Connection::open(address.parse()?, frames.sent.len()))
        .collect::<Result<Vec<_>>>()?;

    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(1024));
    for (id, connection) in connections.iter_mut().enumerate() {
        poll.registry().register(
            &mut connection.stream,
            Token(id),
            Interest::READABLE | Interest::WRITABLE,
        )?;
    }
    let mut input = vec![0; 256 << 10];
    let (start, time) = (Instant::now(), Duration::from_millis(milliseconds.parse()?));
    let mut echoes = 0;
    while start.elapsed() < time {
        poll.poll(&mut events, Some(Duration::from_secs(5)))?;
        if events.is_empty() {
            return Err("no echo for 5 s".into());
        }
        for event in &events {
            echoes += connections[event.token().0].progress(&frames, &mut input)?;
        }
    }
    let elapsed = start.elapsed().as_nanos();
    if connections.iter().any(|connection| connection.first) {
        return Err("not every connection had its first echo".into());
    }
    println!("{echoes} {elapsed}");
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    match load(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fact) => {
            eprintln!("ws-load: {fact}");
            ExitCode::FAILURE
        }
    }
}
