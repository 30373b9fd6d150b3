//! Streaming in both directions, backpressure, limits, `100 Continue`, what is left unread.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::{Body as _, Frame};
use http_body_util::StreamBody;
use server_core::{Body, BodyError, Incoming, Request};

use super::support::{configured, get, statuses, text, world};

async fn echo(mut request: Request) -> Response<Body> {
    text(request.take_body())
}

async fn collect(mut request: Request) -> Response<Body> {
    match request.body_mut().collect().await {
        Ok(bytes) => text(format!("{} bytes", bytes.len())),
        Err(error) => {
            let mut response = text(error.to_string());
            *response.status_mut() = error.status();
            response
        }
    }
}

fn post(fields: &str, body: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n{body}")
}

#[test]
fn a_body_streams_back_as_it_arrives() {
    let world = world(echo);
    let client = world.connect();
    world.send(&client, post("Transfer-Encoding: chunked", ""));
    assert_eq!(client.text(), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    world.send(&client, "5\r\nhel");
    assert_eq!(client.text(), "3\r\nhel\r\n");
    world.send(&client, "lo\r\n");
    assert_eq!(client.text(), "2\r\nlo\r\n");
    world.send(&client, format!("0\r\n\r\n{}", get("/")));
    let rest = client.text();
    assert!(rest.starts_with("0\r\n\r\nHTTP/1.1 200 OK\r\n"), "{rest}");
}

#[test]
fn large_bodies_come_back_whole_in_every_framing() {
    let body: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let chunked: Vec<u8> = body
        .chunks(70_001)
        .flat_map(|piece| [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat())
        .chain(*b"0\r\n\r\n")
        .collect();
    let fixed =
        [format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), &body]
            .concat();
    let chunked =
        [&b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"[..], &chunked].concat();
    let world = world(echo);
    for request in [fixed, chunked] {
        for limit in [usize::MAX, 1000] {
            let client = world.connect();
            client.pipe.limit_peer_reads(limit);
            client.pipe.send(&request);
            let mut got = Vec::new();
            loop {
                world.sim.run();
                let piece = client.pipe.take();
                if piece.is_empty() {
                    break;
                }
                got.extend(piece);
            }
            let at = got.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
            let (head, rest) = got.split_at(at);
            let content = if head.windows(7).any(|window| window == b"chunked") {
                dechunk(rest)
            } else {
                rest.to_vec()
            };
            assert!(content == body, "{} bytes", content.len());
        }
    }
}

fn dechunk(mut rest: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n").unwrap();
        let len = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        if len == 0 {
            return content;
        }
        content.extend_from_slice(&rest[end + 2..][..len]);
        rest = &rest[end + 2 + len + 2..];
    }
}

/// Nothing is read that nobody asked for.
#[test]
fn backpressure_reaches_the_sender() {
    let held: Rc<RefCell<Option<Incoming>>> = Rc::default();
    let world = world({
        let held = Rc::clone(&held);
        move |mut request: Request| {
            *held.borrow_mut() = Some(request.take_body());
            std::future::pending::<Response<Body>>()
        }
    });
    let client = world.connect();
    world.send(&client, post("Content-Length: 1000000", ""));
    client.pipe.send(vec![b'x'; 1_000_000]);
    world.sim.run();
    assert!(client.pipe.unread_by_peer() >= 1_000_000 - 4096, "nobody has asked");
    let body = held.borrow_mut().take().unwrap();
    let first = world.sim.spawn(async move {
        let mut body = body;
        let first = body.chunk().await.unwrap().unwrap().len();
        (first, body)
    });
    world.sim.run();
    let (first, _body) = first.take().expect("a reader in another task is served");
    assert!((1..=128 << 10).contains(&first));
    assert!(client.pipe.unread_by_peer() >= 1_000_000 - (128 << 10), "one buffer, not more");
}

#[test]
fn a_slow_reader_holds_back_the_response_body() {
    let made = Rc::new(RefCell::new(0));
    let world = world({
        let made = Rc::clone(&made);
        move |_: Request| {
            let made = Rc::clone(&made);
            async move { Response::new(Endless { made, piece: &[b'x'; 1024] }) }
        }
    });
    let client = world.connect();
    client.pipe.limit_peer_writes(1000);
    world.send(&client, get("/"));
    assert!(*made.borrow() <= (64 << 10) / 1024 + 1, "{} pieces", made.borrow());
    assert_eq!(world.stats().in_flight, 1);
    drop(client);
    world.sim.run();
    assert_eq!((world.sim.live_tasks(), world.stats().in_flight, Rc::strong_count(&made)), (0, 0, 2));
}

/// Pieces without an end, as fast as they are asked for.
pub(crate) struct Endless {
    pub(crate) made: Rc<RefCell<usize>>,
    pub(crate) piece: &'static [u8],
}

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        *self.made.borrow_mut() += 1;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(self.piece)))))
    }
}

#[test]
fn continue_is_sent_when_the_body_is_asked_for_and_only_then() {
    let world = world(async |mut request: Request| {
        if request.path() == "/refuse" {
            return text("no, thanks");
        }
        text(request.body_mut().collect().await.unwrap())
    });
    let client = world.connect();
    world.send(&client, post("Content-Length: 2\r\nExpect: 100-continue", ""));
    assert_eq!(client.text(), "HTTP/1.1 100 Continue\r\n\r\n");
    world.send(&client, "hi");
    assert_eq!(client.statuses(), [200]);
    assert!(!client.is_closed());
    // The body is here already: no 100.
    world.send(&client, post("Content-Length: 2\r\nExpect: 100-continue", "hi"));
    assert_eq!(client.statuses(), [200]);
    // Refused before the body: nobody knows whether it comes, so the connection closes.
    world.send(
        &client,
        "POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n",
    );
    let last = client.text();
    assert!(last.contains("Connection: close"), "{last}");
    assert!(client.is_closed());
    // HTTP/1.0 never gets a 1xx.
    let old = "POST / HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";
    assert_eq!(world.exchange(old), "");
}

#[test]
fn a_body_over_the_limit_is_refused() {
    let world = configured(collect, |config| config.max_body_size = 10);
    assert!(world.exchange(post("Content-Length: 10", "0123456789")).ends_with("10 bytes"));
    // Declared: refused before it arrives.
    assert_eq!(statuses(&world.exchange(post("Content-Length: 11", ""))), [413]);
    assert_eq!(
        statuses(&world.exchange(post("Transfer-Encoding: chunked", "6\r\n012345\r\n6\r\n012345\r\n"))),
        [413]
    );
    assert_eq!(
        statuses(&world.exchange(post("Transfer-Encoding: chunked", "b\r\n0123456789a\r\n0\r\n\r\n"))),
        [413]
    );
}

#[test]
fn a_streamed_body_over_its_limit_is_refused_before_the_head_or_cut_off_after_it() {
    let world = world(async |mut request: Request| text(request.take_body().limit(4)));
    let text = world.exchange(post("Content-Length: 5", "01234"));
    assert_eq!(statuses(&text), [413]);
    let client = world.connect();
    world.send(&client, post("Transfer-Encoding: chunked", "2\r\nab\r\n"));
    assert_eq!(client.statuses(), [200]);
    world.send(&client, "9\r\nabcdefghi\r\n");
    assert!(client.is_closed());
    assert!(!client.text().contains("0\r\n\r\n"), "the client must not take it for whole");
}

/// Who asks again gets the same refusal, not what came behind it.
#[test]
fn a_body_over_its_limit_stays_refused() {
    let world = world(async |mut request: Request| {
        let mut body = request.take_body().limit(4);
        let mut got = Vec::new();
        for _ in 0..3 {
            got.push(format!("{:?}", body.chunk().await));
        }
        text(got.join("\n"))
    });
    let got = world.exchange(post("Transfer-Encoding: chunked", "5\r\n01234\r\n3\r\nabc\r\n0\r\n\r\n"));
    assert_eq!(got.matches("TooLarge").count(), 3, "{got}");
    assert!(!got.contains("abc"), "{got}");
}

#[test]
fn a_malformed_chunk_is_refused_with_400() {
    for handler in [0, 1] {
        let world = world(move |request: Request| async move {
            if handler == 0 { echo(request).await } else { collect(request).await }
        });
        for body in ["zz\r\n", "1\r\nab\r\n0\r\n\r\n", "-1\r\n", "ffffffffffffffffff\r\n"] {
            let client = world.connect();
            world.send(&client, format!("{}{}", post("Transfer-Encoding: chunked", body), get("/after")));
            let got = client.text();
            let allowed = if handler == 0 && body.starts_with('1') { 200 } else { 400 };
            assert_eq!(statuses(&got), [allowed], "{body:?}: {got}");
            assert!(client.is_closed(), "{body:?}");
            assert!(!got.contains("0\r\n\r\n"));
        }
    }
}

#[test]
fn a_body_that_ends_early_fails() {
    let world = world(collect);
    let client = world.connect();
    client.pipe.send(post("Content-Length: 10", "01234"));
    client.pipe.finish();
    world.sim.run();
    assert_eq!(client.statuses(), [400]);
    assert!(client.is_closed());
}

#[test]
fn an_unread_body_is_thrown_away_within_bounds() {
    let world = world(async |request: Request| text(request.path().to_owned()));
    // Small: the connection goes on, and is in step.
    let client = world.connect();
    let body = vec![b'x'; 200_000];
    world.send(&client, post("Content-Length: 200000", ""));
    assert_eq!(client.statuses(), [200], "answered before the body is here");
    world.send(&client, &body);
    world.send(&client, get("/"));
    assert_eq!(client.statuses(), [200]);
    assert!(!client.is_closed());
    // Large: closes, and lingers so that the answer is not lost to a reset.
    let client = world.connect();
    world.send(&client, post("Content-Length: 300000", ""));
    assert_eq!(client.statuses(), [200]);
    assert!(client.is_closed());
    world.send(&client, &body);
    assert_eq!(client.pipe.unread_by_peer(), 0, "still read");
    assert!(client.ended().is_none());
    world.advance(5);
    assert!(client.ended().unwrap().is_ok(), "but not for ever");
    // Chunked: not known before.
    let client = world.connect();
    world.send(&client, post("Transfer-Encoding: chunked", "4ffff\r\n"));
    world.send(&client, &body);
    assert!(!client.is_closed());
    world.send(&client, &body);
    assert!(client.is_closed());
}

#[test]
fn trailers_go_both_ways() {
    let world = world(async |mut request: Request| {
        let body = request.body_mut();
        body.collect().await.unwrap();
        let trailers: Vec<_> =
            body.trailers().unwrap().iter().map(|(name, value)| (name.to_owned(), value.to_vec())).collect();
        assert_eq!(trailers, [("X-Sum".to_owned(), b"1".to_vec())], "Content-Length is dropped");
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", "2".parse().unwrap());
        let frames =
            [Ok::<_, BodyError>(Frame::data(Bytes::from_static(b"ab"))), Ok(Frame::trailers(trailers))];
        Response::new(StreamBody::new(Frames(frames.into_iter().collect())))
    });
    let request = post("Transfer-Encoding: chunked", "1\r\na\r\n0\r\nX-Sum: 1\r\nContent-Length: 3\r\n\r\n");
    let got = world.exchange(format!("{request}{}", get("/")));
    assert!(got.contains("\r\n\r\n2\r\nab\r\n0\r\nx-sum: 2\r\n\r\n"), "{got}");
}

pub(crate) struct Frames<T>(pub(crate) std::collections::VecDeque<T>);

impl<T: Unpin> futures_core::Stream for Frames<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<T>> {
        Poll::Ready(self.0.pop_front())
    }
}

#[test]
fn a_response_shorter_than_it_declared_is_cut_off() {
    let world = world(async |_: Request| {
        let mut response =
            text(Body::stream(Frames([Ok::<_, BodyError>(Bytes::from_static(b"ab"))].into_iter().collect())));
        response.headers_mut().insert("content-length", "5".parse().unwrap());
        response
    });
    let client = world.connect();
    world.send(&client, get("/"));
    assert!(client.is_closed());
    assert!(client.ended().unwrap().is_err());
}

#[test]
fn an_empty_body_is_known_to_be_empty() {
    let world = world(async |mut request: Request| {
        assert!(request.body_mut().is_end_stream());
        text("")
    });
    assert_eq!(statuses(&world.exchange(get("/"))), [200]);
    assert_eq!(statuses(&world.exchange(post("Content-Length: 0", ""))), [200]);
}
