//! A strict, blocking HTTP/1.1 client over `std::net`, written apart from the codecs it judges.
//!
//! It sends bytes as they are given and accepts only what RFC 9112 lets a server send.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use crate::report::{Error, Result, ensure};

/// How long any single read or write may take.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// One connection.
#[derive(Debug)]
pub struct Conn {
    reader: BufReader<TcpStream>,
}

/// The head of a response.
#[derive(Debug)]
pub struct Head {
    /// The status code.
    pub status: u16,
    /// Its field lines.
    pub fields: Fields,
}

/// A whole response.
#[derive(Debug)]
pub struct Response {
    /// Its head.
    pub head: Head,
    /// Its body, transfer coding undone.
    pub body: Vec<u8>,
    /// Its trailers.
    pub trailers: Fields,
}

/// Field lines in order, names in lower case.
pub type Fields = Vec<(String, String)>;

impl Head {
    /// The only value of this field, if it is there once.
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut values = self.values(name);
        let first = values.next()?;
        values.next().is_none().then_some(first)
    }

    /// The values of all fields of this name, in order.
    pub fn values<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        self.fields.iter().filter(move |(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// Whether the server has announced that it will close.
    pub fn closes(&self) -> bool {
        self.field("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

impl Conn {
    /// Connects.
    pub fn open(addr: SocketAddr) -> Result<Self> {
        Self::new(TcpStream::connect_timeout(&addr, PATIENCE)?)
    }

    /// A connection that is there, such as one that was accepted.
    pub fn new(stream: TcpStream) -> Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { reader: BufReader::new(stream) })
    }

    /// The socket itself.
    pub fn stream(&self) -> &TcpStream {
        self.reader.get_ref()
    }

    /// Sends these bytes.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> Result {
        Ok(self.reader.get_mut().write_all(bytes.as_ref())?)
    }

    /// Closes the sending half.
    pub fn finish(&self) -> Result {
        Ok(self.stream().shutdown(Shutdown::Write)?)
    }

    /// Fills the whole buffer.
    pub fn read_exact(&mut self, buffer: &mut [u8]) -> Result {
        self.reader.read_exact(buffer).map_err(|e| timed_out(&e, "bytes"))
    }

    /// Sends a GET and reads the response.
    pub fn get(&mut self, target: &str) -> Result<Response> {
        self.send(format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n"))?;
        self.response()
    }

    /// The counters of the server, through this connection.
    pub fn stats(&mut self) -> Result<Value> {
        Ok(serde_json::from_slice(&self.get("/stats")?.body)?)
    }

    /// Reads one response to anything but HEAD.
    pub fn response(&mut self) -> Result<Response> {
        let head = self.head()?;
        let mut body = Vec::new();
        let trailers = self.body(&head, &mut |piece| {
            body.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(Response { head, body, trailers })
    }

    /// Reads the head of a request, as an origin does: its line and its fields.
    pub fn request(&mut self) -> Result<(String, Head)> {
        Ok((self.line()?, Head { status: 0, fields: self.fields()? }))
    }

    /// Reads the head of a response.
    pub fn head(&mut self) -> Result<Head> {
        let line = self.line()?;
        let mut parts = line.splitn(3, ' ');
        let version = parts.next().unwrap_or_default();
        ensure!(version == "HTTP/1.1", "not a status line: {line:?}");
        let status = parts.next().filter(|code| code.len() == 3).and_then(|code| code.parse().ok());
        ensure!(parts.next().is_some(), "a status line without the space after its code: {line:?}");
        let status = status.ok_or_else(|| format!("not a status line: {line:?}"))?;
        Ok(Head { status, fields: self.fields()? })
    }

    /// Reads the body that follows a head, piece by piece as it arrives, and the trailers.
    pub fn body(&mut self, head: &Head, sink: &mut dyn FnMut(&[u8]) -> Result) -> Result<Fields> {
        let length = head.field("content-length");
        let bodyless = matches!(head.status, 100..=199 | 204 | 304);
        match (bodyless, head.field("transfer-encoding"), length) {
            (true, None, _) => Ok(Fields::new()),
            (true, Some(coding), _) => {
                Err(format!("{} with Transfer-Encoding: {coding}", head.status).into())
            }
            (_, Some(coding), None) => {
                ensure!(coding == "chunked", "Transfer-Encoding: {coding}");
                self.chunked(sink)
            }
            (_, Some(_), Some(_)) => Err("both Transfer-Encoding and Content-Length".into()),
            (_, None, Some(length)) => {
                let length = length.parse().map_err(|_| format!("Content-Length: {length}"))?;
                self.exactly(length, sink)?;
                Ok(Fields::new())
            }
            (_, None, None) => {
                let names = || head.fields.iter().map(|(name, _)| name.as_str());
                ensure!(
                    !names().any(|name| name == "content-length" || name == "transfer-encoding"),
                    "framed twice"
                );
                while self.piece(usize::MAX, sink)? > 0 {}
                Ok(Fields::new())
            }
        }
    }

    /// Holds the server to its close: end of input, and not one byte before it.
    pub fn closed(&mut self) -> Result {
        let mut rest = Vec::new();
        let read = self.reader.read_to_end(&mut rest).map_err(|e| timed_out(&e, "the close"));
        ensure!(rest.is_empty(), "{} bytes follow: {:?}", rest.len(), text(&rest));
        read.map(drop)
    }

    fn chunked(&mut self, sink: &mut dyn FnMut(&[u8]) -> Result) -> Result<Fields> {
        loop {
            let line = self.line()?;
            let size = line.split(';').next().unwrap_or_default();
            let size = u64::from_str_radix(size, 16).map_err(|_| format!("not a chunk size: {line:?}"))?;
            if size == 0 {
                return self.fields();
            }
            self.exactly(size, sink)?;
            let end = self.line()?;
            ensure!(end.is_empty(), "a chunk goes on after its size: {end:?}");
        }
    }

    fn exactly(&mut self, mut length: u64, sink: &mut dyn FnMut(&[u8]) -> Result) -> Result {
        while length > 0 {
            let read = self.piece(usize::try_from(length).unwrap_or(usize::MAX), sink)?;
            ensure!(read > 0, "the connection ended {length} bytes before the body did");
            length -= u64::try_from(read)?;
        }
        Ok(())
    }

    fn piece(&mut self, most: usize, sink: &mut dyn FnMut(&[u8]) -> Result) -> Result<usize> {
        let piece = self.reader.fill_buf().map_err(|e| timed_out(&e, "the body"))?;
        let piece = &piece[..piece.len().min(most)];
        let read = piece.len();
        sink(piece)?;
        self.reader.consume(read);
        Ok(read)
    }

    fn fields(&mut self) -> Result<Fields> {
        let mut fields = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(fields);
            }
            let (name, value) = line.split_once(':').ok_or_else(|| format!("not a field line: {line:?}"))?;
            let token = !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic() && b != b'"');
            ensure!(token, "not a field name: {line:?}");
            fields.push((name.to_ascii_lowercase(), value.trim_matches([' ', '\t']).to_owned()));
        }
    }

    /// One line without its end, a character for each byte.
    fn line(&mut self) -> Result<String> {
        let mut line = Vec::new();
        let mut limited = (&mut self.reader).take(64 * 1024);
        limited.read_until(b'\n', &mut line).map_err(|e| timed_out(&e, "a line"))?;
        ensure!(!line.is_empty(), "the connection ended where a line was due");
        ensure!(line.ends_with(b"\r\n"), "a line without CRLF: {:?}", text(&line));
        line.truncate(line.len() - 2);
        Ok(line.into_iter().map(char::from).collect())
    }
}

/// Bytes for a person's eyes, the first few of them.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(80)]).into_owned()
}

fn timed_out(error: &std::io::Error, awaited: &str) -> Error {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => format!("timed out waiting for {awaited}").into(),
        _ => format!("waiting for {awaited}: {error}").into(),
    }
}
