//! A connection: both halves, the closing handshake (RFC 6455 section 7), keepalive, and a bounded output.
//!
//! Built on the public [`MessageDecoder`] and [`Encoder`] alone; whoever wants another policy builds their own.
//!
//! Invariants: of answers to Pings at most one waits and one is in the output, before a Close both; one Close is ever
//! sent; once [`Connection::end`] is there it never changes, and no deadline is left.

use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

#[cfg(feature = "deflate")]
use crate::deflate::DeflateParams;
use crate::frame::MAX_CONTROL_LEN;
use crate::{
    CloseCode, Config, DataKind, EncodeError, Encoder, Error, MessageDecoder, MessageEvent, MessageStep,
    PreparedMessage, Role,
};

/// Timers and limits of a [`Connection`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionConfig {
    /// Limits of what is received.
    pub limits: Config,
    /// After so long without a byte from the peer a Ping is sent; `None`: never. Default: 20 s.
    ///
    /// Defends against peers that are gone without a word, and keeps intermediaries from forgetting the connection.
    pub ping_interval: Option<Duration>,
    /// How long after that Ping a byte must have come, a Pong or any other. Default: 20 s.
    pub pong_timeout: Duration,
    /// How long after a Close was sent the peer's may take, and the end of the transport. Default: 5 s.
    pub close_timeout: Duration,
    /// With so many bytes in the output, [`Connection::is_writable`] says no. Default: 64 KiB.
    pub soft_output_limit: usize,
    /// A message that would make the output longer is refused, unless the output is empty. Default: 1 MiB.
    ///
    /// Defends against peers that do not read what they ask for.
    pub hard_output_limit: usize,
}

impl Default for ConnectionConfig {
    fn default() -> Self {
        Self {
            limits: Config::default(),
            ping_interval: Some(Duration::from_secs(20)),
            pong_timeout: Duration::from_secs(20),
            close_timeout: Duration::from_secs(5),
            soft_output_limit: 64 << 10,
            hard_output_limit: 1 << 20,
        }
    }
}

/// How a connection ended: the transport is to be closed now; [`Connection`] shows how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// Both sent a Close (section 7.1.4).
    Clean,
    /// The peer broke the protocol, or the transport ended without a Close (1006 to an application).
    Abnormal(Error),
    /// The peer did not answer in time.
    TimedOut(Timeout),
}

/// What the peer did not answer in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timeout {
    /// A Ping.
    Pong,
    /// A Close; or it does not take ours.
    Close,
}

/// A message that was not taken. It is handed back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refused<M> {
    /// Why.
    pub reason: RefusedReason,
    /// The message.
    pub message: M,
}

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RefusedReason {
    /// It would pass [`ConnectionConfig::hard_output_limit`]: the peer does not read.
    #[error("the output is full")]
    Full,
    /// It cannot be sent now.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// Both directions of a connection, after the opening handshake. It answers Pings and Closes, keeps the connection
/// alive and gives up on peers that do not answer.
///
/// Bytes of the transport go in by [`decode`](Self::decode), its end by [`decode_eof`](Self::decode_eof); after
/// every call write what [`output`](Self::output) gives and say so by [`written`](Self::written); at
/// [`next_deadline`](Self::next_deadline), which every call may change, call
/// [`handle_timeout`](Self::handle_timeout); when there is an [`end`](Self::end), close the transport. Times count
/// from an epoch of the caller's and never run backwards.
///
/// ```
/// use core::time::Duration;
/// use wire_ws::{Connection, ConnectionConfig, DataKind, End};
///
/// let at = Duration::from_secs;
/// let mut server = Connection::server(&ConnectionConfig::default(), at(0));
/// let mut client = Connection::client([7; 32], &ConnectionConfig::default(), at(0));
///
/// client.send(DataKind::Text, "Hello").expect("open, and empty");
/// client.close(None, "", at(1)).expect("open");
/// let mut wire = client.output().to_vec();
/// client.written(wire.len());
///
/// let step = server.decode(&mut wire, at(1))?;
/// // The message; then the Close, which is answered.
/// server.decode(&mut wire[step.consumed..], at(1))?;
/// let mut wire = server.output().to_vec();
/// server.written(wire.len());
/// assert_eq!(server.end(), Some(End::Clean));
///
/// client.decode(&mut wire, at(2))?;
/// assert_eq!(client.end(), None); // A client waits for the server to close the transport (section 7.1.1).
/// assert_eq!(client.decode_eof(), End::Clean);
/// # Ok::<(), wire_ws::Error>(())
/// ```
///
/// # On a socket
///
/// All of it for one that blocks. The transport is closed in two steps (section 7.1.1): a socket that is closed with bytes
/// unread, such as a Pong behind the peer's Close, is reset, and the peer loses what it has not read yet.
///
/// ```
/// use std::io::{self, Read, Write};
/// use std::net::{Shutdown, TcpStream};
/// use std::time::{Duration, Instant};
///
/// use wire_ws::{Connection, ConnectionConfig, End, MessageEvent, Payload};
///
/// /// Echoes messages. `input` is what came behind the opening handshake, most often nothing.
/// fn echo(mut socket: TcpStream, mut input: Vec<u8>) -> io::Result<End> {
///     let epoch = Instant::now();
///     let mut connection = Connection::server(&ConnectionConfig::default(), Duration::ZERO);
///     socket.set_write_timeout(Some(Duration::from_secs(30)))?;
///     let mut chunk = [0; 16 << 10];
///     let end = loop {
///         let mut done = 0;
///         // An error ends this, too: its Close is in the output.
///         while let Ok(step) = connection.decode(&mut input[done..], epoch.elapsed()) {
///             let unread = &input[done..];
///             done += step.consumed;
///             match step.event {
///                 None => break,
///                 // Refused only behind a Close: the output is empty whenever there is an event.
///                 Some(MessageEvent::Message { kind, payload: Payload::Input(range) }) => {
///                     let _ = connection.send(kind, &unread[range]);
///                 }
///                 Some(MessageEvent::Message { kind, payload: Payload::Buffer }) => {
///                     let message = connection.take_buffer();
///                     let _ = connection.send(kind, message);
///                 }
///                 Some(_) => {}
///             }
///             write(&mut connection, &mut socket)?;
///         }
///         input.drain(..done);
///         write(&mut connection, &mut socket)?;
///         if let Some(end) = connection.end() {
///             break end;
///         }
///         let until = connection.next_deadline().map(|at| at.saturating_sub(epoch.elapsed()));
///         // Zero would mean for ever.
///         socket.set_read_timeout(until.map(|time| time.max(Duration::from_millis(1))))?;
///         match socket.read(&mut chunk) {
///             Ok(0) => break connection.decode_eof(),
///             Ok(len) => input.extend_from_slice(&chunk[..len]),
///             Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
///                 connection.handle_timeout(epoch.elapsed());
///             }
///             Err(e) => return Err(e),
///         }
///     };
///     socket.shutdown(Shutdown::Write)?;
///     socket.set_read_timeout(Some(Duration::from_secs(5)))?;
///     let deadline = Instant::now() + Duration::from_secs(5);
///     while Instant::now() < deadline && matches!(socket.read(&mut chunk), Ok(1..)) {}
///     Ok(end)
/// }
///
/// fn write(connection: &mut Connection, socket: &mut TcpStream) -> io::Result<()> {
///     while !connection.output().is_empty() {
///         let len = socket.write(connection.output())?;
///         connection.written(len);
///     }
///     Ok(())
/// }
///
/// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
/// # let mut client = TcpStream::connect(listener.local_addr()?)?;
/// # let server = std::thread::spawn(move || echo(listener.accept()?.0, Vec::new()));
/// // "Hello" and a Close, masked with zeros, and a Pong behind it.
/// client.write_all(b"\x81\x85\0\0\0\0Hello\x88\x80\0\0\0\0\x8a\x80\0\0\0\0")?;
/// let mut answer = Vec::new();
/// client.read_to_end(&mut answer)?;
/// assert_eq!(answer, b"\x81\x05Hello\x88\x00");
/// # drop(client);
/// # assert_eq!(server.join().expect("the server does not panic")?, End::Clean);
/// # Ok::<(), io::Error>(())
/// ```
pub struct Connection {
    role: Role,
    decoder: MessageDecoder,
    encoder: Encoder,
    config: ConnectionConfig,
    /// What was not written yet is `out[written..]`.
    out: Vec<u8>,
    written: usize,
    /// The latest Ping without an answer in the output.
    pong: Option<Control>,
    /// Where in `out` the last Pong ends.
    pong_end: usize,
    /// When the peer was last heard of, and since when a Ping waits for that.
    heard: Duration,
    pinged: Option<Duration>,
    /// When waiting for the end is over, once a Close was sent.
    closing: Option<Duration>,
    failed: Option<Error>,
    end: Option<End>,
}

/// A control frame's payload.
#[derive(Clone, Copy)]
struct Control {
    len: u8,
    bytes: [u8; MAX_CONTROL_LEN],
}

impl Connection {
    /// Most memory that the output keeps once it is empty.
    const KEEP: usize = 64 << 10;

    /// A server's end.
    #[must_use]
    pub fn server(config: &ConnectionConfig, now: Duration) -> Self {
        Self::new(Role::Server, Encoder::server(), config, now)
    }

    /// A client's end. For `seed` see [`Encoder::client`].
    #[must_use]
    pub fn client(seed: [u8; 32], config: &ConnectionConfig, now: Duration) -> Self {
        Self::new(Role::Client, Encoder::client(seed), config, now)
    }

    fn new(role: Role, encoder: Encoder, config: &ConnectionConfig, now: Duration) -> Self {
        Self {
            role,
            decoder: MessageDecoder::new(role, &config.limits),
            encoder,
            config: *config,
            out: Vec::new(),
            written: 0,
            pong: None,
            pong_end: 0,
            heard: now,
            pinged: None,
            closing: None,
            failed: None,
            end: None,
        }
    }

    /// This connection, where permessage-deflate was agreed on.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn with_deflate(self, params: &DeflateParams) -> Self {
        Self {
            decoder: self.decoder.with_deflate(params, &self.config.limits),
            encoder: self.encoder.with_deflate(params),
            ..self
        }
    }

    /// This connection, with [`Encoder::with_fragment_size`].
    #[must_use]
    pub fn with_fragment_size(self, payload: usize) -> Self {
        Self { encoder: self.encoder.with_fragment_size(payload), ..self }
    }

    /// Decodes until there is one event or the input is used up: see [`MessageDecoder::decode`]. Events are for the
    /// application to know: a Ping is answered already, and so is a Close. Of several Pings before
    /// [`output`](Self::output) is asked for, the latest is answered (section 5.5.3).
    ///
    /// # Errors
    ///
    /// As [`MessageDecoder::decode`]. A Close with the error's code is in the output, and the end is near.
    pub fn decode(&mut self, input: &mut [u8], now: Duration) -> Result<MessageStep, Error> {
        let step = match self.decoder.decode(input) {
            Ok(step) => step,
            Err(error) => {
                self.fail(error, now);
                return Err(error);
            }
        };
        if step.consumed > 0 {
            self.heard = now;
            self.pinged = None;
        }
        match &step.event {
            Some(MessageEvent::Ping { range }) => {
                let mut bytes = [0; MAX_CONTROL_LEN];
                bytes[..range.len()].copy_from_slice(&input[range.clone()]);
                self.pong = Some(Control { len: range.len() as u8, bytes });
            }
            // Section 5.5.1: answered with the code that came. Where a Close was sent before, this is the answer.
            Some(MessageEvent::Close { code, .. }) => self.send_close(*code, now),
            _ => {}
        }
        self.settle();
        Ok(step)
    }

    /// The end of the transport's input: the connection is over, whatever the output holds.
    pub fn decode_eof(&mut self) -> End {
        let end = match self.decoder.decode_eof() {
            Ok(()) => End::Clean,
            Err(error) => End::Abnormal(error),
        };
        *self.end.get_or_insert(end)
    }

    /// The decoder, for [`buffer`](MessageDecoder::buffer), [`is_ready`](MessageDecoder::is_ready) and
    /// [`remaining`](MessageDecoder::remaining).
    #[must_use]
    pub fn decoder(&self) -> &MessageDecoder {
        &self.decoder
    }

    /// As [`MessageDecoder::take_buffer`].
    #[must_use]
    pub fn take_buffer(&mut self) -> Vec<u8> {
        self.decoder.take_buffer()
    }

    /// Puts a message into the output, as [`Encoder::encode_message`] does.
    ///
    /// # Errors
    ///
    /// [`RefusedReason::Full`]; [`EncodeError::Closed`]. The message comes back.
    pub fn send<M: AsRef<[u8]>>(&mut self, kind: DataKind, message: M) -> Result<(), Refused<M>> {
        let payload = message.as_ref();
        let sent = self
            .room(payload.len())
            .and_then(|()| Ok(self.encoder.encode_message(kind, payload, &mut self.out)?));
        sent.map_err(|reason| Refused { reason, message })
    }

    /// Puts a message into the output that was prepared for many connections.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_prepared(&mut self, message: &PreparedMessage) -> Result<(), RefusedReason> {
        self.room(message.payload().len())?;
        Ok(self.encoder.encode_prepared(message, &mut self.out)?)
    }

    /// Puts a Ping into the output, beside those of the keepalive. Its Pong is an event of [`decode`](Self::decode).
    ///
    /// # Errors
    ///
    /// [`RefusedReason::Full`]; [`EncodeError::ControlTooLong`] for more than 125 bytes; [`EncodeError::Closed`].
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), RefusedReason> {
        if self.encoder.is_closed() {
            return Err(EncodeError::Closed.into());
        }
        self.room(payload.len())?;
        Ok(self.encoder.encode_ping(payload, &mut self.out)?)
    }

    /// Starts the closing handshake (section 7.1.2). The peer's Close is an event of [`decode`](Self::decode).
    ///
    /// # Errors
    ///
    /// As [`Encoder::encode_close`].
    pub fn close(&mut self, code: Option<CloseCode>, reason: &str, now: Duration) -> Result<(), EncodeError> {
        self.flush_pong();
        self.encoder.encode_close(code, reason, &mut self.out)?;
        self.closing = Some(now.saturating_add(self.config.close_timeout));
        Ok(())
    }

    /// What is to be written to the transport.
    #[must_use]
    pub fn output(&mut self) -> &[u8] {
        // A Pong waits until the one before is gone, so that a peer that does not read is not owed more and more.
        if self.pong_end <= self.written {
            self.flush_pong();
        }
        &self.out[self.written..]
    }

    /// The first `len` bytes of [`output`](Self::output) were written.
    ///
    /// # Panics
    ///
    /// Where the output has less.
    pub fn written(&mut self, len: usize) {
        assert!(len <= self.out.len() - self.written, "more was written than there is");
        self.written += len;
        // Moved when at least as much was written as is left, so that moving costs no more than writing.
        if self.written >= self.out.len() - self.written {
            self.pong_end = self.pong_end.saturating_sub(self.written);
            self.out.drain(..self.written);
            self.written = 0;
            if self.out.is_empty() && self.out.capacity() > Self::KEEP {
                self.out = Vec::new();
            }
        }
        self.settle();
    }

    /// Whether the output is below [`ConnectionConfig::soft_output_limit`] and nothing was closed: to send now costs
    /// little memory.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.queued() < self.config.soft_output_limit && !self.encoder.is_closed() && self.end.is_none()
    }

    /// Whether a Close was sent, by the caller or as an answer.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.encoder.is_closed()
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        if self.end.is_some() {
            return None;
        }
        match (self.closing, self.pinged) {
            (Some(deadline), _) => Some(deadline),
            (None, Some(pinged)) => Some(pinged.saturating_add(self.config.pong_timeout)),
            (None, None) => Some(self.heard.saturating_add(self.config.ping_interval?)),
        }
    }

    /// Does what is due: sends a Ping, or ends the connection.
    pub fn handle_timeout(&mut self, now: Duration) {
        if self.next_deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        if self.closing.is_some() {
            self.end = Some(match self.failed {
                Some(error) => End::Abnormal(error),
                // A client's, whose server does not close the transport.
                None if self.decoder.is_closed() && self.queued() == 0 => End::Clean,
                None => End::TimedOut(Timeout::Close),
            });
        } else if self.pinged.is_some() {
            self.end = Some(End::TimedOut(Timeout::Pong));
        } else {
            let sent = self.encoder.encode_ping(b"", &mut self.out);
            debug_assert!(sent.is_ok(), "an empty Ping can always be sent");
            self.pinged = Some(now);
        }
    }

    /// How the connection ended; `None`: it did not.
    ///
    /// A server's ends when both Closes are written and read, a client's when the server then closes the transport
    /// (section 7.1.1) or does not in time.
    #[must_use]
    pub fn end(&self) -> Option<End> {
        self.end
    }

    /// Gives memory back that is kept for speed, for connections that fall idle: see [`MessageDecoder::shrink`] and,
    /// with feature `deflate`, [`Encoder`]'s.
    pub fn shrink(&mut self) {
        self.decoder.shrink();
        #[cfg(feature = "deflate")]
        self.encoder.shrink();
        if self.out.is_empty() {
            self.out = Vec::new();
        }
    }

    fn queued(&self) -> usize {
        self.out.len() - self.written
    }

    fn room(&self, len: usize) -> Result<(), RefusedReason> {
        let queued = self.queued();
        if queued > 0 && queued.saturating_add(len) > self.config.hard_output_limit {
            return Err(RefusedReason::Full);
        }
        Ok(())
    }

    /// Puts the Pong that waits into the output. It is of no use behind a Close.
    fn flush_pong(&mut self) {
        if let Some(pong) = self.pong.take()
            && !self.encoder.is_closed()
            && self.encoder.encode_pong(&pong.bytes[..usize::from(pong.len)], &mut self.out).is_ok()
        {
            self.pong_end = self.out.len();
        }
    }

    /// Sends a Close, unless one was sent.
    fn send_close(&mut self, code: Option<CloseCode>, now: Duration) {
        // Section 5.5.2: a Ping that came before the peer's Close must be answered.
        self.flush_pong();
        if self.encoder.encode_close(code, "", &mut self.out).is_ok() {
            self.closing = Some(now.saturating_add(self.config.close_timeout));
        }
    }

    /// Fails the connection (section 7.1.7).
    fn fail(&mut self, error: Error, now: Duration) {
        if self.failed.is_none() {
            self.failed = Some(error);
            self.send_close(Some(error.close_code()), now);
            self.settle();
        }
    }

    /// The end, where nothing is left to be written or waited for.
    fn settle(&mut self) {
        if self.end.is_some() || self.queued() > 0 || !self.encoder.is_closed() {
            return;
        }
        if let Some(error) = self.failed {
            self.end = Some(End::Abnormal(error));
        } else if self.role == Role::Server && self.decoder.is_closed() {
            self.end = Some(End::Clean);
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not what is sent.
        f.debug_struct("Connection")
            .field("role", &self.role)
            .field("queued", &self.queued())
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}
