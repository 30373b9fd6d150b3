//! Content codings around a handler: each rule once, end to end.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use http::{HeaderMap, Method, Response, StatusCode};
use http_body::{Body as _, Frame};
use http_body_util::StreamBody;
use server_core::compress::wire_compress::{self, Decoder, Encoder, Flush};
use server_core::compress::{
    Coding, Compress, CompressLayer, Config, EncoderConfig, Padding, Uncompressed, secret,
};
use server_core::{Body, BodyError, ConnectionError, Handler, Incoming, Request, Tower};
use tower_service::Service;

use super::bodies::Frames;
use super::compress_requests::post;
use super::support::{Client, World, configured, get, statuses, text, world};

pub(crate) fn html() -> Bytes {
    (0..2_000).map(|line| format!("<p class=line>{line}</p>\n")).collect::<String>().into()
}

pub(crate) fn encode(coding: Coding, content: &[u8]) -> Vec<u8> {
    let mut encoder = Encoder::new(coding, &EncoderConfig::default(), Some(content.len() as u64)).unwrap();
    let (mut rest, mut out) = (content, Vec::new());
    loop {
        out.reserve(4096);
        let progress = encoder.encode(rest, Flush::Finish, &mut out).unwrap();
        rest = &rest[progress.consumed..];
        if progress.done {
            return out;
        }
    }
}

/// What can be decoded so far, and whether that is all.
pub(crate) fn decode(coding: &str, mut content: &[u8]) -> (Vec<u8>, bool) {
    let mut limits = wire_compress::Config::default();
    limits.max_ratio = u32::MAX;
    let mut decoder = Decoder::new([coding.as_bytes()], &limits).unwrap().unwrap();
    let mut out = Vec::new();
    loop {
        out.reserve(4096);
        let progress = decoder.decode(content, &mut out).unwrap();
        content = &content[progress.consumed..];
        if progress.done {
            return (out, decoder.decode_eof().is_ok());
        }
    }
}

/// A response of HTTP/1.1: head, content, trailers.
pub(crate) struct Got {
    pub(crate) head: String,
    pub(crate) content: Vec<u8>,
    pub(crate) trailers: Option<String>,
}

impl Got {
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let at = bytes.windows(4).position(|end| end == b"\r\n\r\n").expect("a head") + 4;
        let head = String::from_utf8(bytes[..at].to_vec()).unwrap();
        let head: String = head.split_inclusive("\r\n").filter(|line| !line.starts_with("date: ")).collect();
        if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
            let (content, trailers) = dechunked(&bytes[at..]);
            return Self { head, content, trailers };
        }
        Self { head, content: bytes[at..].to_vec(), trailers: None }
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// What of a chunked body is here, and its trailers if it is at its end.
fn dechunked(mut bytes: &[u8]) -> (Vec<u8>, Option<String>) {
    let mut content = Vec::new();
    while let Some(at) = bytes.windows(2).position(|end| end == b"\r\n") {
        let len = usize::from_str_radix(std::str::from_utf8(&bytes[..at]).unwrap(), 16).unwrap();
        bytes = &bytes[at + 2..];
        if len == 0 {
            return (content, Some(String::from_utf8(bytes.to_vec()).unwrap()));
        }
        content.extend_from_slice(&bytes[..len]);
        bytes = &bytes[len + 2..];
    }
    (content, None)
}

pub(crate) fn accepting(method: &str, path: &str, accept: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: a\r\nAccept-Encoding: {accept}\r\n\r\n")
}

impl<H: Handler<Request> + 'static> World<H, Request> {
    fn fetch_encoded(&self, method: &str, path: &str, accept: &str) -> Got {
        let client = self.connect();
        self.send(&client, accepting(method, path, accept));
        Got::read(&client.pipe.take())
    }
}

/// A body that is fed from outside.
#[derive(Clone, Default)]
struct Feed(Rc<RefCell<FeedState>>);

#[derive(Default)]
struct FeedState {
    pieces: VecDeque<Bytes>,
    ended: bool,
    dropped: bool,
    taken: usize,
    waker: Option<Waker>,
}

impl Feed {
    fn put(&self, piece: impl Into<Bytes>) {
        let mut state = self.0.borrow_mut();
        state.pieces.push_back(piece.into());
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }

    fn body(&self) -> FeedBody {
        FeedBody(self.clone())
    }
}

struct FeedBody(Feed);

impl http_body::Body for FeedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let mut state = self.0.0.borrow_mut();
        if let Some(piece) = state.pieces.pop_front() {
            state.taken += piece.len();
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        state.waker = Some(cx.waker().clone());
        if state.ended { Poll::Ready(None) } else { Poll::Pending }
    }
}

impl Drop for FeedBody {
    fn drop(&mut self) {
        self.0.0.borrow_mut().dropped = true;
    }
}

async fn page(request: Request) -> Response<Body> {
    let mut response = text(match request.path() {
        "/small" => Bytes::from_static(b"small"),
        "/304" => Bytes::new(),
        _ => html(),
    });
    let headers = response.headers_mut();
    headers.insert("content-type", "text/html".parse().unwrap());
    headers.insert("etag", "\"1\"".parse().unwrap());
    headers.insert("accept-ranges", "bytes".parse().unwrap());
    headers.insert("vary", "Cookie".parse().unwrap());
    match request.path() {
        "/image" => _ = headers.insert("content-type", "image/png".parse().unwrap()),
        "/encoded" => _ = headers.insert("content-encoding", "x".parse().unwrap()),
        "/asis" => _ = headers.insert("cache-control", "no-transform".parse().unwrap()),
        "/304" => *response.status_mut() = StatusCode::NOT_MODIFIED,
        "/off" => _ = response.extensions_mut().insert(Uncompressed),
        "/secret" => return secret(response),
        _ => {}
    }
    response
}

pub(crate) fn compressed<H>(handler: H) -> Compress<H> {
    Compress::new(handler, Config::default())
}

#[test]
fn each_coding_and_the_fields_that_follow() {
    let world = world(compressed(page));
    for coding in ["gzip", "deflate", "br", "zstd"] {
        let got = world.fetch_encoded("GET", "/", coding);
        assert_eq!(got.field("content-encoding"), Some(coding));
        assert_eq!(got.field("vary"), Some("Cookie, Accept-Encoding"));
        assert_eq!(got.field("etag"), Some("W/\"1\""));
        assert_eq!((got.field("content-length"), got.field("accept-ranges")), (None, None));
        assert!(got.content.len() < html().len() / 3);
        assert_eq!(decode(coding, &got.content), (html().to_vec(), true));
        // HEAD: the same fields, and nothing behind them.
        let head = world.fetch_encoded("HEAD", "/", coding);
        let framing = "Transfer-Encoding: chunked\r\n";
        assert_eq!((head.head, head.content.len()), (got.head.replace(framing, ""), 0));
    }
}

#[test]
fn what_is_left_alone_and_what_caches_are_told() {
    let world = world(compressed(page));
    let plain = world.exchange(get("/"));
    assert!(plain.contains("content-length: ") || plain.contains("Content-Length: "), "{}", &plain[..200]);
    assert!(plain.contains("vary: Cookie, Accept-Encoding\r\n") && plain.contains("etag: \"1\"\r\n"));
    for (path, varies) in [
        ("/small", true),
        ("/304", true),
        ("/image", false),
        ("/encoded", false),
        ("/asis", false),
        ("/off", false),
        ("/secret", false),
    ] {
        let got = world.fetch_encoded("GET", path, "gzip");
        assert_ne!(got.field("content-encoding"), Some("gzip"), "{path}");
        let vary = if varies { "Cookie, Accept-Encoding" } else { "Cookie" };
        assert_eq!(got.field("vary"), Some(vary), "{path}");
        assert_eq!(got.field("etag"), Some(if path == "/304" { "W/\"1\"" } else { "\"1\"" }), "{path}");
    }
    // Nobody is refused for their Accept-Encoding.
    let got = world.fetch_encoded("GET", "/", "identity;q=0, compress");
    assert!(got.head.starts_with("HTTP/1.1 200"));
    assert_eq!(got.field("content-encoding"), None);
}

#[test]
fn the_server_chooses_codings_sizes_and_padding() {
    let mut config = Config::default();
    config.codings = vec![Coding::Gzip];
    config.min_size = 1;
    let lens: Vec<usize> = [None, Some(Padding::new([7; 16], 500)), Some(Padding::new([8; 16], 500))]
        .into_iter()
        .map(|padding| {
            config.encoder.padding = padding;
            let world = world(Compress::new(page, config.clone()));
            let got = world.fetch_encoded("GET", "/small", "br, zstd, gzip;q=0.1");
            assert_eq!(got.field("content-encoding"), Some("gzip"));
            assert_eq!(decode("gzip", &got.content), (b"small".to_vec(), true));
            let again = world.fetch_encoded("GET", "/small", "gzip");
            assert_eq!(again.content.len(), got.content.len(), "no averaging");
            got.content.len()
        })
        .collect();
    assert!(lens[0] < lens[1] && lens[1] != lens[2], "{lens:?}");
}

#[test]
fn what_came_is_sent_when_the_body_pauses() {
    for coding in ["gzip", "br", "zstd"] {
        let feed = Feed::default();
        let handler = {
            let feed = feed.clone();
            move |_: Request| {
                let body = feed.body();
                async { Response::new(body) }
            }
        };
        let world = world(compressed(handler));
        let client = world.connect();
        world.send(&client, accepting("GET", "/", coding));
        let mut wire = client.pipe.take();
        let mut sent = Vec::new();
        for piece in ["first", "second", "third"] {
            feed.put(piece);
            sent.extend_from_slice(piece.as_bytes());
            world.sim.run();
            wire.extend(client.pipe.take());
            let got = Got::read(&wire);
            assert_eq!(decode(coding, &got.content).0, sent, "{coding}");
            world.advance(1);
            assert_eq!(client.pipe.available(), 0, "nothing is sent twice");
        }
        feed.0.borrow_mut().ended = true;
        feed.put("");
        world.sim.run();
        wire.extend(client.pipe.take());
        let got = Got::read(&wire);
        assert_eq!((decode(coding, &got.content), got.trailers.as_deref()), ((sent, true), Some("\r\n")));
    }
}

/// The chunks of a body that has all of this at hand.
fn chunks(content_type: &'static str, pieces: &[&'static str]) -> Vec<Vec<u8>> {
    let feed = Feed::default();
    pieces.iter().for_each(|piece| feed.put(*piece));
    let handler = compressed(move |_: http::Request<Incoming>| {
        let mut response = Response::new(feed.body());
        response.headers_mut().insert("content-type", content_type.parse().unwrap());
        async { response }
    });
    let request =
        http::Request::builder().header("accept-encoding", "gzip").body(Incoming::default()).unwrap();
    let mut response = std::pin::pin!(handler.call(request));
    let mut cx = Context::from_waker(Waker::noop());
    let Poll::Ready(response) = response.as_mut().poll(&mut cx) else { panic!("no response") };
    let mut body = response.into_body();
    let mut chunks = Vec::new();
    while let Poll::Ready(Some(frame)) = Pin::new(&mut body).poll_frame(&mut cx) {
        chunks.push(frame.unwrap().into_data().unwrap().to_vec());
    }
    chunks
}

#[test]
fn an_event_is_sent_by_itself_other_pieces_together() {
    let pieces = ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"];
    assert_eq!(chunks("text/plain", &pieces).len(), 1);
    let events = chunks("text/event-stream; charset=utf-8", &pieces);
    assert_eq!(events.len(), 3);
    for n in 1..=3 {
        assert_eq!(decode("gzip", &events[..n].concat()).0, pieces[..n].concat().as_bytes());
    }
}

#[test]
fn trailers_follow_encoded_content() {
    let world = world(compressed(async |_: Request| {
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", "1".parse().unwrap());
        let frames = [Ok::<_, BodyError>(Frame::data(html())), Ok(Frame::trailers(trailers))];
        Response::new(StreamBody::new(Frames(frames.into_iter().collect())))
    }));
    let got = world.fetch_encoded("GET", "/", "zstd");
    assert_eq!(decode("zstd", &got.content), (html().to_vec(), true));
    assert_eq!(got.trailers.as_deref(), Some("x-sum: 1\r\n\r\n"));

    let world = configured(
        compressed(async |_: Request| {
            let mut trailers = HeaderMap::new();
            trailers.insert("x-sum", "1".parse().unwrap());
            let frames = [Ok::<_, BodyError>(Frame::data(html())), Ok(Frame::trailers(trailers))];
            Response::new(StreamBody::new(Frames(frames.into_iter().collect())))
        }),
        |config| config.http2 = Some(Default::default()),
    );
    let peer = world.connect_http2();
    let mut request = super::http2::request(Method::GET, "/");
    request.headers_mut().insert("accept-encoding", "br".parse().unwrap());
    let (response, content, trailers) = world.fetch(&peer, request);
    assert_eq!(response.headers()["content-encoding"], "br");
    assert_eq!(decode("br", &content), (html().to_vec(), true));
    assert_eq!(trailers.unwrap()["x-sum"], "1");
}

#[test]
fn over_http2_head_is_get_without_content() {
    let world = configured(compressed(page), |config| config.http2 = Some(Default::default()));
    let peer = world.connect_http2();
    let [get, head] = [Method::GET, Method::HEAD].map(|method| {
        let mut request = super::http2::request(method, "/");
        request.headers_mut().insert("accept-encoding", "gzip".parse().unwrap());
        world.fetch(&peer, request)
    });
    assert_eq!(get.0.headers(), head.0.headers());
    assert_eq!(get.0.headers()["vary"], "Cookie, Accept-Encoding");
    assert_eq!(decode("gzip", &get.1), (html().to_vec(), true));
    assert_eq!(head.1.len(), 0);
}

#[test]
fn a_body_that_fails_cuts_the_response_off() {
    let world = world(compressed(async |_: Request| {
        let frames = [Ok(Frame::data(noise(100_000))), Err(BodyError::TimedOut)];
        Response::new(StreamBody::new(Frames(frames.into_iter().collect())))
    }));
    let client = world.connect();
    world.send(&client, accepting("GET", "/", "gzip"));
    let got = Got::read(&client.pipe.take());
    assert_eq!(got.trailers, None, "it must not look whole");
    world.advance(10);
    let ended = client.ended();
    assert!(matches!(ended, Some(Err(ConnectionError::Response(_)))), "{ended:?} {}", got.head);
}

/// Bytes that no coding makes shorter.
pub(crate) fn noise(len: usize) -> Bytes {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..len).map(|_| next()).collect::<Vec<_>>().into()
}

#[test]
fn a_slow_client_holds_the_body_back_and_takes_it_along() {
    let feed = Feed::default();
    let piece = noise(16 << 10);
    (0..256).for_each(|_| feed.put(piece.clone()));
    let handler = {
        let feed = feed.clone();
        move |_: Request| {
            let body = feed.body();
            async { Response::new(body) }
        }
    };
    let mut config = Config::default();
    // A window that does not see the last piece.
    config.encoder.window_log = 10;
    let world = world(Compress::new(handler, config));
    let client = world.connect();
    world.send(&client, accepting("GET", "/", "zstd"));
    let taken = feed.0.borrow().taken;
    assert!(taken < 1 << 20, "{taken} bytes were compressed for a client that reads none");
    assert!(!feed.0.borrow().dropped);
    client.pipe.reset();
    world.sim.run();
    assert!(feed.0.borrow().dropped);
}

#[test]
fn no_more_responses_than_allowed_are_encoded_at_once() {
    let feed = Feed::default();
    let handler = {
        let feed = feed.clone();
        move |_: Request| {
            let body = feed.body();
            async { Response::builder().header("content-type", "text/plain").body(body).unwrap() }
        }
    };
    let mut config = Config::default();
    config.max_encoders = 1;
    let world = world(Compress::new(handler, config));
    let coding = |client: &Client| {
        world.send(client, accepting("GET", "/", "gzip"));
        let got = Got::read(&client.pipe.take());
        assert_eq!(got.field("vary"), Some("Accept-Encoding"));
        got.field("content-encoding").map(String::from)
    };
    let first = world.connect();
    assert_eq!(coding(&first).as_deref(), Some("gzip"));
    assert_eq!(coding(&world.connect()), None);
    first.pipe.reset();
    world.sim.run();
    assert_eq!(coding(&world.connect()).as_deref(), Some("gzip"), "its place is free");
}

#[derive(Default)]
struct Counting(std::sync::atomic::AtomicUsize);

impl Wake for Counting {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
}

#[test]
fn large_work_lets_others_have_their_turn() {
    let content = vec![b'x'; 4 << 20];
    let handler = compressed(move |_: http::Request<Incoming>| {
        let response = Response::new(Body::from(content.clone()));
        async { response }
    });
    let request =
        http::Request::builder().header("accept-encoding", "gzip").body(Incoming::default()).unwrap();
    let wakes = Arc::new(Counting::default());
    let waker = Waker::from(Arc::clone(&wakes));
    let mut cx = Context::from_waker(&waker);
    let Poll::Ready(response) = std::pin::pin!(handler.call(request)).poll(&mut cx) else {
        panic!("no response")
    };
    let (mut body, mut turns, mut wire) = (response.into_body(), 0, Vec::new());
    loop {
        match Pin::new(&mut body).poll_frame(&mut cx) {
            Poll::Pending => turns += 1,
            Poll::Ready(Some(frame)) => wire.extend_from_slice(&frame.unwrap().into_data().unwrap()),
            Poll::Ready(None) => break,
        }
    }
    assert_eq!(decode("gzip", &wire).0.len(), 4 << 20);
    assert_eq!(wakes.0.load(std::sync::atomic::Ordering::Relaxed), turns, "who waits is woken");
    assert!((60..=70).contains(&turns), "{turns} turns for 64 pieces of 64 KiB");
}

/// Answers with what it was sent.
#[derive(Clone)]
struct Mirror;

impl<B> Service<http::Request<B>> for Mirror {
    type Response = Response<B>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<B>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        assert!(!request.headers().contains_key("content-encoding"));
        std::future::ready(Ok(Response::new(request.into_body())))
    }
}

#[test]
fn the_same_as_a_tower_layer() {
    use tower_layer::Layer as _;
    let mut config = Config::default();
    config.decode_requests = Some(wire_compress::Config::default());
    let world = world(Tower(CompressLayer::new(config).layer(Mirror)));
    let client: Client = world.connect();
    let content = encode(Coding::Gzip, &html());
    let head = format!(
        "POST / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: zstd\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        content.len()
    );
    world.send(&client, [head.as_bytes(), &content].concat());
    let got = Got::read(&client.pipe.take());
    assert_eq!(got.field("content-encoding"), Some("zstd"));
    assert_eq!(decode("zstd", &got.content), (html().to_vec(), true));
    assert_eq!(statuses(&world.exchange(post("compress", b"x"))), [415]);
    let plain = world.exchange("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nas it is");
    assert!(plain.ends_with("as it is"), "{plain}");
}

#[test]
fn what_follows_a_connect_is_no_content() {
    let mut service = compressed(Mirror);
    let request = |method| {
        http::Request::builder()
            .method(method)
            .header("accept-encoding", "gzip")
            .body(Body::from(html()))
            .unwrap()
    };
    let mut cx = Context::from_waker(Waker::noop());
    for (method, encoded) in [(Method::CONNECT, false), (Method::POST, true)] {
        let Poll::Ready(Ok(response)) = std::pin::pin!(service.call(request(method))).poll(&mut cx) else {
            panic!("no response")
        };
        assert_eq!(response.headers().contains_key("content-encoding"), encoded);
    }
}
