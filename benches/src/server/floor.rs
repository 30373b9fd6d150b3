//! What the kernel costs: loops that read, count what was asked, and write canned answers, all in one write. They
//! look at the first request or frame alone and take the others to be of the same length. Of HTTP/2 it is what `h2` costs:
//! a loop that has the same answer for each request that comes.

use std::collections::HashMap;
use std::future::poll_fn;
use std::io::{self, Read as _, Write as _};
use std::net::TcpListener;
use std::task::Poll as Polled;

use bytes::Bytes;
use http::{HeaderValue, header};
use interop::Result;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wire_benches::requests::HELLO;
use wire_ws::frame::{FrameHeader, Mask};

/// Turns counted bytes into canned ones.
pub(crate) trait Canned {
    /// Answers what was read.
    fn answer(&mut self, read: &[u8], out: &mut Vec<u8>);
}

/// Units of the same length, each with the same answer.
#[derive(Default)]
struct Units {
    len: usize,
    rest: usize,
    answer: Vec<u8>,
}

impl Units {
    fn answer(&mut self, read: usize, out: &mut Vec<u8>) {
        self.rest += read;
        for _ in 0..self.rest / self.len {
            out.extend_from_slice(&self.answer);
        }
        self.rest %= self.len;
    }
}

/// Answers `/hello`.
#[derive(Default)]
pub(crate) struct Http(Units);

impl Canned for Http {
    fn answer(&mut self, read: &[u8], out: &mut Vec<u8>) {
        if self.0.len == 0 {
            self.0.len = head_len(read).unwrap_or(read.len());
            self.0.answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\
                 Date: Tue, 01 Oct 2024 12:00:00 GMT\r\n\r\n{HELLO}",
                HELLO.len()
            )
            .into();
        }
        self.0.answer(read.len(), out);
    }
}

/// Answers the opening handshake, then each message with the first.
#[derive(Default)]
pub(crate) struct Echo {
    open: bool,
    first: Vec<u8>,
    messages: Units,
}

impl Canned for Echo {
    fn answer(&mut self, read: &[u8], out: &mut Vec<u8>) {
        if self.messages.len > 0 {
            return self.messages.answer(read.len(), out);
        }
        self.first.extend_from_slice(read);
        if !self.open {
            let Some(end) = head_len(&self.first) else { return };
            self.first.drain(..end);
            self.open = true;
            out.extend_from_slice(ACCEPTED);
        }
        let Ok(Some((header, at))) = FrameHeader::parse(&self.first) else { return };
        let end = at + header.len as usize;
        let Some(payload) = self.first.get_mut(at..end) else { return };
        if let Some(key) = header.key {
            Mask::new(key).apply(payload);
        }
        self.messages.answer = [&FrameHeader { key: None, ..header }.encode(), &*payload].concat();
        self.messages.len = end;
        self.messages.answer(self.first.len(), out);
        self.first = Vec::new();
    }
}

/// The answer to the key of [`UPGRADE`](wire_benches::requests::UPGRADE).
pub(crate) const ACCEPTED: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

fn head_len(read: &[u8]) -> Option<usize> {
    read.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

const READ: usize = 64 << 10;

pub(crate) async fn tokio(mut stream: tokio::net::TcpStream, mut canned: impl Canned) -> Result {
    let (mut input, mut out) = (vec![0; READ], Vec::new());
    loop {
        let read = stream.read(&mut input).await?;
        if read == 0 {
            return Ok(());
        }
        canned.answer(&input[..read], &mut out);
        stream.write_all(&out).await?;
        out.clear();
    }
}

pub(crate) fn epoll<C: Canned>(listener: TcpListener, canned: fn() -> C) -> Result {
    const LISTENER: Token = Token(usize::MAX);
    let mut listener = mio::net::TcpListener::from_std(listener);
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(1024));
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut connections = HashMap::new();
    let mut input = vec![0; READ];
    for id in 0.. {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == LISTENER {
                while let Some((mut stream, _)) = unless_blocked(listener.accept())? {
                    stream.set_nodelay(true)?;
                    let token = Token(id * 1024 + connections.len());
                    poll.registry().register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
                    connections.insert(token, (stream, canned(), Vec::new()));
                }
            } else if let Some((stream, canned, out)) = connections.get_mut(&event.token())
                && !progress(stream, canned, out, &mut input).unwrap_or(false)
            {
                connections.remove(&event.token());
            }
        }
    }
    Ok(())
}

/// Reads and answers until the socket blocks; `false`: it is at its end.
fn progress(
    stream: &mut TcpStream,
    canned: &mut impl Canned,
    out: &mut Vec<u8>,
    input: &mut [u8],
) -> io::Result<bool> {
    loop {
        while !out.is_empty() {
            let Some(written) = unless_blocked(stream.write(out))? else { return Ok(true) };
            out.drain(..written);
        }
        match unless_blocked(stream.read(input))? {
            None => return Ok(true),
            Some(0) => return Ok(false),
            Some(read) => canned.answer(&input[..read], out),
        }
    }
}

fn unless_blocked<T>(outcome: io::Result<T>) -> io::Result<Option<T>> {
    match outcome {
        Ok(done) => Ok(Some(done)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

/// Answers the requests of HTTP/2 that have come together, and then lets `h2` write.
pub(crate) async fn h2(stream: tokio::net::TcpStream) -> Result {
    let mut answer = http::Response::new(());
    let fields = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/plain")),
        (header::CONTENT_LENGTH, HeaderValue::from(HELLO.len())),
        (header::DATE, HeaderValue::from_static("Tue, 01 Oct 2024 12:00:00 GMT")),
    ];
    answer.headers_mut().extend(fields);
    let mut connection = h2::server::handshake(stream).await?;
    let mut asked = Vec::new();
    loop {
        let open = poll_fn(|cx| {
            while let Polled::Ready(accepted) = connection.poll_accept(cx) {
                match accepted {
                    Some(accepted) => asked.push(accepted),
                    None => return Polled::Ready(false),
                }
            }
            if asked.is_empty() { Polled::Pending } else { Polled::Ready(true) }
        });
        if !open.await {
            return Ok(());
        }
        for asked in asked.drain(..) {
            let (_, mut respond) = asked?;
            let mut body = respond.send_response(answer.clone(), false)?;
            body.send_data(Bytes::from_static(HELLO.as_bytes()), true)?;
        }
    }
}
