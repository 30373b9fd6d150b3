//! The family's main job in one program: HTTP/1.1, HTTP/2 and WebSocket echo, in cleartext and over TLS.
//!
//! `cargo run --release --example echo -- --help`; the routes are in the README beside this file.

mod tls;
#[path = "echo/upload.rs"]
mod upload;

use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, IsTerminal as _, Write as _};
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::pin::Pin;
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use clap::Parser;
use http::{HeaderValue, Response, StatusCode, Version, header};
use http_body::Frame;
use serde::Serialize;
use server_core::compress::{self, Compress, Padding};
use server_core::rt::tokio::{TokioListener, TokioTimer, serve};
use server_core::sse::{EventStream, last_event_id};
use server_core::wire_sse::Message;
use server_core::ws::{WebSocket, WebSocketRejection, WebSocketUpgrade};
use server_core::{Body, Config, Control, Http2Config, Incoming, Listener as _, Request, Server, Stats};
use tokio::signal::unix::{SignalKind, signal};

use crate::tls::Certificate;

/// HTTP/1.1, HTTP/2 and WebSocket echo server
#[derive(Parser)]
#[command(name = "echo")]
struct Options {
    /// Address to listen on in cleartext; may be repeated; port 0 picks a free port [default: 127.0.0.1:8080, if there is
    /// no --listen-tls]
    #[arg(long, value_name = "ADDR")]
    listen: Vec<String>,
    /// Address to listen on with TLS; may be repeated [default: 127.0.0.1:8443, if it is free]
    #[arg(long, value_name = "ADDR")]
    listen_tls: Vec<String>,
    /// Do without TLS
    #[arg(long, conflicts_with = "listen_tls")]
    no_tls: bool,
    #[command(flatten)]
    certificate: Certificate,
    /// Threads; 1 is a single-threaded runtime
    #[arg(long, value_name = "N", default_value_t = cores(), value_parser = clap::value_parser!(u16).range(1..))]
    workers: u16,
    /// Largest request body [default: no limit, since none is held in memory]
    #[arg(long, value_name = "BYTES")]
    max_body_bytes: Option<u64>,
    /// Time for a request head to arrive
    #[arg(long, value_name = "MS", default_value_t = 10_000)]
    head_timeout_ms: u64,
    /// Time a connection may be idle between requests
    #[arg(long, value_name = "MS", default_value_t = 60_000)]
    idle_timeout_ms: u64,
    /// Time that requests in flight have to finish when the server shuts down
    #[arg(long, value_name = "MS", default_value_t = 30_000)]
    drain_ms: u64,
    /// Largest WebSocket message
    #[arg(long, value_name = "BYTES", default_value_t = 16 << 20)]
    ws_max_message_bytes: u64,
    /// Compress WebSocket messages (permessage-deflate) where clients offer it
    #[arg(long)]
    ws_deflate: bool,
    /// Compress responses (gzip, deflate, br, zstd) for clients that accept it
    #[arg(long, value_name = "BOOL", default_value_t = true, num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", action = clap::ArgAction::Set)]
    compress: bool,
    /// Most random bytes that lengthen a compressed response; 0 adds none
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    compress_padding: u16,
    /// Decode request bodies by their Content-Encoding
    #[arg(long)]
    decode_requests: bool,
    /// Silence after which a WebSocket is sent a Ping; 0 sends none
    #[arg(long, value_name = "MS", default_value_t = 20_000)]
    ws_ping_ms: u64,
    /// Silence after that Ping that ends it
    #[arg(long, value_name = "MS", default_value_t = 20_000)]
    ws_pong_timeout_ms: u64,
}

fn cores() -> u16 {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().try_into().unwrap_or(u16::MAX))
}

/// As many descriptors as the system allows, one for each connection.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    // Where that is not allowed, the limit stays as it is.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

fn main() -> ExitCode {
    let options = Options::parse();
    raise_descriptor_limit();
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_env_filter(
            tracing_subscriber::EnvFilter::builder()
                .with_default_directive(tracing::level_filters::LevelFilter::INFO.into())
                .from_env_lossy(),
        )
        .init();
    let mut runtime = if options.workers == 1 {
        tokio::runtime::Builder::new_current_thread()
    } else {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(options.workers.into());
        builder
    };
    let result =
        runtime.enable_all().build().map_err(|error| format!("cannot start: {error}")).and_then(|runtime| {
            let result = runtime.block_on(run(&options));
            // A handler that blocks its thread does not hold up the exit.
            runtime.shutdown_background();
            result
        });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("echo: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result<(), String> {
    let mut config = Config::default();
    config.head_timeout = Duration::from_millis(options.head_timeout_ms);
    config.idle_timeout = Duration::from_millis(options.idle_timeout_ms);
    config.drain_timeout = Duration::from_millis(options.drain_ms);
    config.websocket.max_message_size = options.ws_max_message_bytes;
    config.websocket.max_frame_size = options.ws_max_message_bytes;

    config.http2 = Some(Http2Config::default());
    config.websocket_deflate = options.ws_deflate.then(Default::default);
    config.websocket_ping_interval =
        (options.ws_ping_ms > 0).then(|| Duration::from_millis(options.ws_ping_ms));
    config.websocket_pong_timeout = Duration::from_millis(options.ws_pong_timeout_ms);

    let (plain, secure) = listeners(options)?;
    let tls = if secure.is_empty() { None } else { Some(options.certificate.acceptor()?) };
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;

    let control = Control::new();
    let app = Arc::new(App { max_body: options.max_body_bytes, control: control.clone() });
    let handler = move |request: Request| answer(Arc::clone(&app), request);
    let handler = Compress::new(handler, codings(options));
    let server = Server::with_control(handler, TokioTimer, config, control);

    for listener in plain {
        announce("http", &listener)?;
        let server = server.clone();
        tokio::spawn(async move { ended(serve(&server, listener).await) });
    }
    for (listener, tls) in secure.into_iter().zip(tls.iter().cycle()) {
        announce("https", &listener)?;
        let (server, listener) = (server.clone(), tls.listener(listener));
        tokio::spawn(async move { ended(serve(&server, listener).await) });
    }

    let mut signals = async || tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} };
    signals().await;
    tracing::info!(connections = server.stats().connections, "shutting down");
    server.shutdown();
    tokio::select! {
        () = server.closed() => Ok(()),
        () = tokio::time::sleep(Duration::from_millis(options.drain_ms)) => Ok(()),
        () = signals() => Err("stopped by a second signal".to_owned()),
    }
}

/// Content codings, as the flags say.
fn codings(options: &Options) -> compress::Config {
    let mut config = compress::Config::default();
    if !options.compress {
        config.codings.clear();
    }
    if options.compress_padding > 0 {
        // The key is to be secret and to stay: the process' own.
        let key = [(); 2].map(|()| RandomState::new().hash_one(std::process::id()).to_le_bytes());
        let key = std::array::from_fn(|at| key[at / 8][at % 8]);
        config.encoder.padding = Some(Padding::new(key, options.compress_padding));
    }
    config.decode_requests = options.decode_requests.then(Default::default);
    config
}

/// Binds what was asked for, or the default addresses.
fn listeners(options: &Options) -> Result<(Vec<TokioListener>, Vec<TokioListener>), String> {
    let bind = |names: &[String]| -> Result<Vec<TokioListener>, String> {
        let listen = |address| {
            TokioListener::bind(address).map_err(|error| format!("cannot listen on {address}: {error}"))
        };
        resolve(names)?.into_iter().map(listen).collect()
    };
    let plain = if options.listen.is_empty() && options.listen_tls.is_empty() {
        bind(&["127.0.0.1:8080".to_owned()])?
    } else {
        bind(&options.listen)?
    };
    let secure = if options.listen_tls.is_empty() && !options.no_tls {
        // Nobody asked for this one by name: another program there is no reason to give up.
        bind(&["127.0.0.1:8443".to_owned()]).unwrap_or_else(|error| {
            eprintln!("echo: no TLS: {error} (--listen-tls takes another address)");
            Vec::new()
        })
    } else {
        bind(&options.listen_tls)?
    };
    Ok((plain, secure))
}

fn announce(scheme: &str, listener: &TokioListener) -> Result<(), String> {
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let mut out = io::stdout();
    writeln!(out, "listening on {scheme}://{address}")
        .and_then(|()| out.flush())
        .map_err(|error| format!("cannot say where it listens: {error}"))
}

fn ended(result: io::Result<()>) {
    if let Err(error) = result {
        tracing::error!(%error, "listener failed");
    }
}

fn resolve(listen: &[String]) -> Result<Vec<SocketAddr>, String> {
    let mut addresses = Vec::new();
    for name in listen {
        let resolved = name.to_socket_addrs().map_err(|error| format!("cannot listen on {name}: {error}"))?;
        addresses.extend(resolved);
    }
    Ok(addresses)
}

/// What the handler knows beside the request.
struct App {
    max_body: Option<u64>,
    control: Control,
}

async fn answer(app: Arc<App>, request: Request) -> Response<Body> {
    let read_only = matches!(request.method(), "GET" | "HEAD");
    match request.path() {
        "/echo" => echo(&app, request),
        "/request" => Box::pin(describe(&app, request)).await,
        "/ws" => match websocket(request).map(Box::pin) {
            Ok(serving) => serving.await,
            Err(rejection) => rejection.into_response(),
        },
        "/upload" if request.method() == "POST" => Box::pin(upload::upload(&app, request)).await,
        _ if !read_only => text(StatusCode::NOT_FOUND, "not found\n"),
        "/" => with_type("text/html; charset=utf-8", include_str!("echo.html")),
        "/hello" => with_type("text/plain", "Hello, World!"),
        "/events" => events(&app, &request),
        "/stats" => json(&Counters::from(app.control.stats())),
        "/sleep" => match parameter(&request, "ms", None) {
            Ok(ms) => {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                text(StatusCode::OK, format!("slept {ms} ms\n"))
            }
            Err(message) => text(StatusCode::BAD_REQUEST, message),
        },
        "/text" => match parameter(&request, "size", Some(16 << 10)) {
            Ok(size) => with_type("text/plain; charset=utf-8", Body::new(Text { at: 0, size })),
            Err(message) => text(StatusCode::BAD_REQUEST, message),
        },
        "/stream" => match Pieces::from_query(&request) {
            Ok(pieces) => with_type("application/octet-stream", Body::new(pieces)),
            Err(message) => text(StatusCode::BAD_REQUEST, message),
        },
        _ => text(StatusCode::NOT_FOUND, "not found\n"),
    }
}

/// `any /echo`: the request body, streamed back.
fn echo(app: &App, mut request: Request) -> Response<Body> {
    let content_type = request
        .header("content-type")
        .and_then(|value| HeaderValue::from_bytes(value).ok())
        .unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let mut response = Response::new(Body::from(limited(app, request.take_body())));
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

fn limited(app: &App, body: Incoming) -> Incoming {
    match app.max_body {
        Some(limit) => body.limit(limit),
        None => body,
    }
}

/// `any /request`: what arrived, as JSON.
#[derive(Serialize)]
struct Description<'a> {
    method: &'a str,
    target: &'a str,
    version: String,
    headers: Vec<(&'a str, String)>,
    body_len: u64,
    trailers: Vec<(&'a str, String)>,
    peer: Option<SocketAddr>,
    alpn: Option<String>,
    tls_version: Option<&'static str>,
    sni: Option<&'a str>,
}

async fn describe(app: &App, mut request: Request) -> Response<Body> {
    let mut body = limited(app, request.take_body());
    let mut body_len = 0;
    loop {
        match body.chunk().await {
            Ok(Some(chunk)) => body_len += chunk.len() as u64,
            Ok(None) => break,
            Err(error) => return text(error.status(), format!("{error}\n")),
        }
    }
    let tls = request.connection().tls();
    let alpn = tls.and_then(|tls| tls.alpn.as_deref());
    json(&Description {
        method: request.method(),
        target: request.target(),
        version: format!("{:?}", request.version()),
        headers: request.fields().map(printable).collect(),
        body_len,
        trailers: body.trailers().iter().flat_map(|trailers| trailers.iter()).map(printable).collect(),
        peer: request.connection().peer,
        alpn: alpn.map(|alpn| String::from_utf8_lossy(alpn).into_owned()),
        tls_version: tls.map(|tls| tls.version),
        sni: tls.and_then(|tls| tls.server_name.as_deref()),
    })
}

fn printable<'a>((name, value): (&'a str, &[u8])) -> (&'a str, String) {
    (name, String::from_utf8_lossy(value).into_owned())
}

/// `/ws`: every message back as it came. The subprotocol tells those who ask which HTTP carries it.
///
/// Not an `async fn`, whose future would keep room for the request as long as the WebSocket is open.
fn websocket(mut request: Request) -> Result<impl Future<Output = Response<Body>>, WebSocketRejection> {
    let carrier = match request.version() {
        Version::HTTP_2 => "echo.http2",
        _ => "echo.http1",
    };
    let upgrade = WebSocketUpgrade::from_request(&mut request)?;
    Ok(upgrade.protocols(&[carrier, "echo"]).run(echo_messages))
}

async fn echo_messages(mut socket: WebSocket) {
    while let Some(message) = socket.recv().await {
        let result = match message {
            Ok(message) => socket.send(message).await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = result {
            tracing::debug!(error, "WebSocket ended");
            break;
        }
    }
}

/// `/events`: a counter each second, which goes on from the last event that the client has seen. It ends with the server.
fn events(app: &App, request: &Request) -> Response<Body> {
    let last = last_event_id(request).and_then(|id| id.parse().ok()).unwrap_or(0_u64);
    let control = app.control.clone();
    EventStream::new(TokioTimer, async move |mut events| {
        let mut seconds = tokio::time::interval(Duration::from_secs(1));
        for count in (1..).map(|count| last.saturating_add(count)) {
            tokio::select! {
                _ = seconds.tick() => {}
                () = control.draining() => return,
            }
            let text = count.to_string();
            if let Err(error) = events.send(&Message::data(&text).id(&text)).await {
                return tracing::error!(%error, "event not sent");
            }
        }
    })
    .into_response()
}

/// `/stats`
#[derive(Serialize)]
struct Counters {
    connections: usize,
    in_flight: usize,
    peak: usize,
    requests: u64,
    websockets: usize,
}

impl From<Stats> for Counters {
    fn from(stats: Stats) -> Self {
        let Stats { connections, in_flight, peak, requests, websockets, .. } = stats;
        Self { connections, in_flight, peak, requests, websockets }
    }
}

/// `/stream`: a body that is made piece by piece, each on its way before the next is made.
struct Pieces {
    left: u64,
    size: u64,
    /// What the current piece still lacks: pieces are given in slices of one shared block, whatever their size.
    rest: u64,
    delay: Duration,
    pause: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Pieces {
    fn from_query(request: &Request) -> Result<Self, String> {
        let (left, size) = (parameter(request, "n", Some(10))?, parameter(request, "size", Some(1024))?);
        let delay = Duration::from_millis(parameter(request, "delay_ms", Some(0))?);
        // Nothing, however often, is nothing: only its pauses count.
        let left = if size == 0 && delay.is_zero() { 0 } else { left };
        Ok(Self { left, size, rest: size, delay, pause: None })
    }

    /// Between two pieces: D ms, or just long enough for the last one to leave.
    fn pause(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        if self.delay.is_zero() {
            Box::pin(tokio::task::yield_now())
        } else {
            Box::pin(tokio::time::sleep(self.delay))
        }
    }
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        static BLOCK: [u8; 64 << 10] = [b'x'; 64 << 10];
        if self.left == 0 {
            return Poll::Ready(None);
        }
        if let Some(pause) = &mut self.pause {
            std::task::ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        let len = self.rest.min(BLOCK.len() as u64);
        self.rest -= len;
        if self.rest == 0 {
            self.left -= 1;
            self.rest = self.size;
            self.pause = Some(self.pause());
        }
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&BLOCK[..len as usize])))))
    }
}

/// `/text`: numbered lines, made as they are sent.
struct Text {
    at: u64,
    size: u64,
}

impl http_body::Body for Text {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        const LINE: u64 = 64;
        if self.at == self.size {
            return Poll::Ready(None);
        }
        // Pieces of 512 lines.
        let first = self.at / LINE;
        let lines = (self.size - self.at).div_ceil(LINE).min(512);
        let line = |number| format!("{number:>12}  All work and no play makes Jack a dull server. --\n");
        let mut text: String = (first..first + lines).map(line).collect();
        text.truncate(usize::try_from(self.size - self.at).unwrap_or(usize::MAX));
        self.at += text.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(text.into()))))
    }

    fn size_hint(&self) -> http_body::SizeHint {
        http_body::SizeHint::with_exact(self.size - self.at)
    }
}

/// A number from the query.
fn parameter<T: FromStr>(request: &Request, name: &str, default: Option<T>) -> Result<T, String> {
    let mut pairs = request.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    match (pairs.find(|(key, _)| *key == name), default) {
        (Some((_, value)), _) => value.parse().map_err(|_| format!("{name}: not a number: {value}\n")),
        (None, Some(default)) => Ok(default),
        (None, None) => Err(format!("{name} is missing\n")),
    }
}

fn with_type(content_type: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn text(status: StatusCode, body: impl Into<Body>) -> Response<Body> {
    let mut response = with_type("text/plain; charset=utf-8", body);
    *response.status_mut() = status;
    response
}

fn json(value: &impl Serialize) -> Response<Body> {
    match serde_json::to_vec(value) {
        Ok(bytes) => with_type("application/json", bytes),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}
