//! A world with a server in it, and clients that are plain byte pipes.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http::Response;
use server_core::{
    Body, Config, ConnectionError, ConnectionInfo, Control, Handler, RequestKind, Server, Stats, Timer,
};
use testkit::sim::{Clock, Pipe, Sim, Sleep, Task, pipe};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What one direction of a connection holds before writes wait: as much as a socket would.
pub(crate) const CAPACITY: usize = 256 << 10;

/// The simulated clock as the server wants it.
#[derive(Clone)]
pub(crate) struct SimTimer(pub(crate) Clock);

impl Timer for SimTimer {
    type Sleep = Sleep;

    fn now(&self) -> Instant {
        self.0.now()
    }

    fn sleep_until(&self, deadline: Instant) -> Sleep {
        self.0.sleep_until(deadline)
    }

    fn reset(&self, sleep: Pin<&mut Sleep>, deadline: Instant) {
        sleep.reset(deadline);
    }
}

/// A server, not yet connected to.
pub(crate) struct World<H, R> {
    pub(crate) sim: Rc<Sim>,
    pub(crate) server: Server<H, SimTimer, R>,
}

/// A world whose server has this handler and the default limits.
pub(crate) fn world<H, R>(handler: H) -> World<H, R>
where
    H: Handler<R> + 'static,
    R: RequestKind + 'static,
{
    configured(handler, |_| {})
}

pub(crate) fn configured<H, R>(handler: H, configure: impl FnOnce(&mut Config)) -> World<H, R>
where
    H: Handler<R> + 'static,
    R: RequestKind + 'static,
{
    let sim = Rc::new(Sim::new());
    let mut config = Config::default();
    configure(&mut config);
    let server = Server::with_config(handler, SimTimer(sim.clock().clone()), config);
    World { sim, server }
}

/// A world whose handler spawns tasks of its own, or waits for the clock.
pub(crate) fn with_sim<H, R>(handler: impl FnOnce(Rc<Sim>) -> H) -> World<H, R>
where
    H: Handler<R> + 'static,
    R: RequestKind + 'static,
{
    let sim = Rc::new(Sim::new());
    let server = Server::new(handler(Rc::clone(&sim)), SimTimer(sim.clock().clone()));
    World { sim, server }
}

pub(crate) fn sleep(sim: &Sim, seconds: u64) -> Sleep {
    sim.clock().sleep_until(sim.clock().now() + Duration::from_secs(seconds))
}

impl<H, R> World<H, R>
where
    H: Handler<R> + 'static,
    R: RequestKind + 'static,
{
    pub(crate) fn connect(&self) -> Client {
        self.connect_over(|pipe| pipe)
    }

    /// A connection whose server end is something around the pipe.
    pub(crate) fn connect_over<Io>(&self, wrap: impl FnOnce(Pipe) -> Io) -> Client
    where
        Io: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let (client, server) = pipe(CAPACITY);
        let task = self.sim.spawn(self.server.connection(wrap(server), ConnectionInfo::default()));
        self.sim.run();
        Client { pipe: client, task }
    }

    /// Sends on a fresh connection and returns everything that comes back.
    pub(crate) fn exchange(&self, bytes: impl AsRef<[u8]>) -> String {
        let client = self.connect();
        self.send(&client, bytes);
        client.text()
    }

    pub(crate) fn send(&self, client: &Client, bytes: impl AsRef<[u8]>) {
        client.pipe.send(bytes);
        self.sim.run();
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.sim.advance(Duration::from_secs(seconds));
    }

    pub(crate) fn stats(&self) -> Stats {
        self.server.stats()
    }

    #[expect(dead_code, reason = "for tests that share it between servers")]
    pub(crate) fn control(&self) -> &Control {
        self.server.control()
    }
}

/// The other end of a connection.
pub(crate) struct Client {
    pub(crate) pipe: Pipe,
    pub(crate) task: Task<Result<(), ConnectionError>>,
}

impl Client {
    /// What has arrived, without the Date fields, which change.
    pub(crate) fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.pipe.take()).into_owned();
        text.split_inclusive("\r\n").filter(|line| !line.starts_with("date: ")).collect()
    }

    /// The status codes of the responses that have arrived.
    pub(crate) fn statuses(&self) -> Vec<u16> {
        statuses(&self.text())
    }

    /// The server has ended its side, or the connection is gone.
    pub(crate) fn is_closed(&self) -> bool {
        self.pipe.is_finished()
    }

    /// How the connection's future ended.
    pub(crate) fn ended(&self) -> Option<Result<(), ConnectionError>> {
        self.task.take()
    }
}

pub(crate) fn statuses(text: &str) -> Vec<u16> {
    text.match_indices("HTTP/1.1 ")
        .filter_map(|(at, mark)| text[at + mark.len()..][..3].parse().ok())
        .collect()
}

pub(crate) fn text(body: impl Into<Body>) -> Response<Body> {
    Response::new(body.into())
}

/// `GET path` on a connection that stays open.
pub(crate) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")
}

/// A stream as TLS may be one: a flush is pending once after each write, a shutdown for ever.
pub(crate) struct Reluctant {
    pipe: Pipe,
    written: bool,
}

impl Reluctant {
    pub(crate) fn new(pipe: Pipe) -> Self {
        Self { pipe, written: false }
    }
}

impl AsyncRead for Reluctant {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_read(cx, out)
    }
}

impl AsyncWrite for Reluctant {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.written = true;
        Pin::new(&mut self.pipe).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if std::mem::take(&mut self.written) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}
