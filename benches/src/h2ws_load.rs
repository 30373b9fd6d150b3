//! The load of the cells of WebSocket over HTTP/2: `h2ws-load ADDRESS SOCKETS LENGTH MILLISECONDS`, one connection with
//! so many WebSockets, each with one message in flight. Says how many messages came back, and in how many nanoseconds.
//!
//! Frames are built before it starts. The first echo of each WebSocket is compared byte by byte; of the others only the
//! bytes are counted.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use interop::Result;
use wire_benches::frames::Content;
use wire_benches::http2::{END_STREAM, HEADER, connect, frame, kind, opening, parse_header, streams};

/// Content after which the connection's window is opened again. Those of the streams last for a run.
const WINDOW_UNIT: usize = 1 << 20;
/// `:status: 200` (RFC 7541 appendix A).
const STATUS_200: u8 = 0x88;

/// One WebSocket.
struct Socket {
    /// A DATA frame with one message.
    sent: Vec<u8>,
    /// Bytes that came of the current echo, and whether it is the first.
    came: usize,
    first: bool,
    open: bool,
}

struct Load {
    stream: TcpStream,
    input: Vec<u8>,
    output: Vec<u8>,
    sockets: Vec<Socket>,
    echo: Vec<u8>,
    allowed: bool,
    unclaimed: usize,
    echoes: u64,
}

impl Load {
    fn new(address: SocketAddr, sockets: usize, len: usize) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let message = Content::Binary.frame(len, true);
        let sockets = streams(sockets).map(|id| Socket {
            sent: frame(kind::DATA, 0, id, &message),
            came: 0,
            first: true,
            open: false,
        });
        Ok(Self {
            stream,
            input: Vec::new(),
            output: opening(),
            sockets: sockets.collect(),
            echo: Content::Binary.frame(len, false),
            allowed: false,
            unclaimed: 0,
            echoes: 0,
        })
    }

    /// Waits for the server's leave, and opens the WebSockets.
    fn open(&mut self) -> Result {
        self.turn_until(|load| load.allowed)?;
        self.output.extend(streams(self.sockets.len()).flat_map(connect));
        self.turn_until(|load| load.sockets.iter().all(|socket| socket.open))
    }

    fn turn_until(&mut self, done: impl Fn(&Self) -> bool) -> Result {
        while !done(self) {
            self.turn()?;
        }
        Ok(())
    }

    /// Writes what there is, reads once, and answers whole frames.
    fn turn(&mut self) -> Result {
        self.stream.write_all(&self.output)?;
        self.output.clear();
        let have = self.input.len();
        self.input.resize(have + (256 << 10), 0);
        let read = self.stream.read(&mut self.input[have..])?;
        if read == 0 {
            return Err("the server closed the connection".into());
        }
        self.input.truncate(have + read);
        let mut input = std::mem::take(&mut self.input);
        let mut at = 0;
        while let Some((header, rest)) = input[at..].split_first_chunk() {
            let (len, kind, flags, stream) = parse_header(*header);
            let Some(payload) = rest.get(..len) else { break };
            self.received(kind, flags, stream, payload)?;
            at += HEADER + len;
        }
        input.drain(..at);
        self.input = input;
        Ok(())
    }

    fn received(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Result {
        match kind {
            // SETTINGS_ENABLE_CONNECT_PROTOCOL 1 (RFC 8441 section 3)
            kind::SETTINGS => {
                self.allowed |= payload.as_chunks().0.contains(&[0, 8, 0, 0, 0, 1]);
                return Ok(());
            }
            kind::GOAWAY => return Err(format!("GOAWAY {payload:?}").into()),
            kind::HEADERS | kind::DATA | kind::RST_STREAM => {}
            _ => return Ok(()),
        }
        let Some(socket) = self.sockets.get_mut(stream as usize / 2) else {
            return Err(format!("no stream {stream}").into());
        };
        match kind {
            kind::HEADERS if payload.first() == Some(&STATUS_200) && flags & END_STREAM == 0 => {
                socket.open = true;
                return Ok(());
            }
            kind::DATA if flags & END_STREAM == 0 => {}
            _ => return Err(format!("stream {stream} ended with frame {kind}, {payload:?}").into()),
        }
        if socket.first && self.echo[socket.came..].get(..payload.len()) != Some(payload) {
            return Err("an echo is not what was sent".into());
        }
        socket.came += payload.len();
        if socket.came == self.echo.len() {
            (socket.came, socket.first) = (0, false);
            self.echoes += 1;
            self.output.extend_from_slice(&socket.sent);
        }
        self.unclaimed += payload.len();
        if self.unclaimed >= WINDOW_UNIT {
            let window = (self.unclaimed as u32).to_be_bytes();
            self.output.extend(frame(kind::WINDOW_UPDATE, 0, 0, &window));
            self.unclaimed = 0;
        }
        Ok(())
    }
}

fn load(arguments: &[String]) -> Result {
    let [address, sockets, len, milliseconds] = arguments else {
        return Err("usage: h2ws-load ADDRESS SOCKETS LENGTH MILLISECONDS".into());
    };
    let mut load = Load::new(address.parse()?, sockets.parse()?, len.parse()?)?;
    load.open()?;
    let (start, time) = (Instant::now(), Duration::from_millis(milliseconds.parse()?));
    load.output.extend(load.sockets.iter().flat_map(|socket| &socket.sent));
    while start.elapsed() < time {
        load.turn()?;
    }
    let elapsed = start.elapsed().as_nanos();
    if load.sockets.iter().any(|socket| socket.first) {
        return Err("not every WebSocket had its first echo".into());
    }
    println!("{} {elapsed}", load.echoes);
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match load(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fact) => {
            eprintln!("h2ws-load: {fact}");
            ExitCode::FAILURE
        }
    }
}
