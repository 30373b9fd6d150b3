//! What an operator is told of what no handler hears of.

use std::fmt::{Debug, Write as _};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use server_core::{Body, ConnectionInfo, Handler, Http2Config, Incoming, Listener, Request, RequestKind};
use testkit::sim::{Pipe, pipe};
use tracing::field::{Field, Visit};
use tracing::{Dispatch, Event, Metadata, Subscriber, span};

use super::frames;
use super::support::{CAPACITY, configured, text, world};

/// The events of this server, a line each.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{}={value:?} ", field.name()).unwrap();
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("server_core")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// While there is only one dispatcher, tracing asks the thread that comes to an event first, once and for all, whether anybody
/// wants it; and that may be the thread of another test, which has none.
static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(Lines::default()));

/// The events of `work`.
fn logs(work: impl FnOnce()) -> Vec<String> {
    LazyLock::force(&SECOND);
    let lines = Lines::default();
    tracing::subscriber::with_default(lines.clone(), work);
    let lines = lines.0.lock().unwrap();
    lines.clone()
}

/// The events of a connection from 192.0.2.1:1234 that sends `bytes`.
fn logged<H, R>(handler: H, bytes: impl AsRef<[u8]>) -> Vec<String>
where
    H: Handler<R> + 'static,
    R: RequestKind + 'static,
{
    logs(|| {
        let world = configured(handler, |config| config.http2 = Some(Http2Config::default()));
        let (client, io) = pipe(CAPACITY);
        let info = ConnectionInfo::new("192.0.2.1:1234".parse().unwrap(), "192.0.2.2:80".parse().unwrap());
        let mut connection = Box::pin(world.server.connection(io, info));
        client.send(bytes);
        let _ = connection.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    })
}

#[test]
fn a_refusal_says_whom_it_refused_and_why() {
    let refused = |lines: &[String], status: &str, why: &str| {
        let told = |line: &&String| {
            ["request refused", "peer=192.0.2.1:1234", status, why].iter().all(|word| line.contains(word))
        };
        assert_eq!(lines.iter().filter(told).count(), 1, "{lines:?}");
    };
    async fn lazy(_: Request) -> http::Response<Body> {
        text("x")
    }
    refused(&logged(lazy, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), "status=400", "Host");
    let http = async |_: http::Request<Incoming>| text("x");
    let target = format!("{}://a/", "s".repeat(70));
    refused(&logged(http, format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")), "status=400", "scheme");
    let fields = frames::fields(&[(":method", "GET"), (":scheme", "http"), (":path", "/")]);
    let request = [frames::hello(&[]), frames::frame(1, 5, 1, &fields)].concat();
    refused(&logged(lazy, request), "status=400", "neither :authority nor Host");
    assert!(logged(lazy, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").is_empty());
}

#[test]
fn a_want_of_descriptors_is_told_once() {
    struct Exhausted(u32);
    impl Listener for Exhausted {
        type Io = Pipe;
        fn poll_accept(&mut self, _: &mut Context<'_>) -> Poll<io::Result<(Pipe, ConnectionInfo)>> {
            self.0 += 1;
            Poll::Ready(Err(io::Error::other("too many open files")))
        }
        fn local_addr(&self) -> io::Result<SocketAddr> {
            Err(io::ErrorKind::Unsupported.into())
        }
    }
    let world = world(async |_: Request| text("x"));
    let clock = world.sim.clock();
    let mut listener = Exhausted(0);
    let lines = logs(|| {
        let mut accept = Box::pin(world.server.accept(&mut listener));
        for _ in 0..20 {
            assert!(accept.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            clock.advance_to(clock.now() + Duration::from_millis(50));
        }
    });
    assert!(listener.0 >= 20, "it tries again");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("too many open files"), "{lines:?}");
}
