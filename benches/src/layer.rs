//! The layer of content codings against tower-http's, the same service within both, as ratios in one run: `cargo xtask bench
//! layer`.
//!
//! Levels are the same: gzip 6, brotli 4, zstd 3. With `--only ROW`, or `--only "ROW peer"`, a single row runs, a fixed number of
//! times and without the other: for `valgrind --tool=callgrind`.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::{Buf as _, Bytes};
use http::{HeaderValue, Request, Response, header};
use http_body::Body;
use http_body_util::{Empty, Full};
use server_core::compress::{Compress, Config};
use tower_http::CompressionLevel;
use tower_http::compression::Compression;
use tower_service::Service;

/// Answers with content that it has.
#[derive(Clone)]
struct Answer {
    content_type: &'static str,
    content: Bytes,
}

impl<B> Service<Request<B>> for Answer {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        let mut response = Response::new(Full::new(self.content.clone()));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        ready(Ok(response))
    }
}

/// JSON as an API would send it.
fn json(len: usize) -> Bytes {
    let mut state = 7_u32;
    let mut out = b"[".to_vec();
    while out.len() < len {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let id = state >> 8;
        let active = id.is_multiple_of(2);
        let item =
            format!(r#"{{"id":{id},"name":"user {}","active":{active},"score":{}}},"#, id % 977, id % 100);
        out.extend_from_slice(item.as_bytes());
    }
    out.truncate(len);
    out.into()
}

/// A page with a table of the same things.
fn html(len: usize) -> Bytes {
    let mut state = 7_u32;
    let mut out = b"<!doctype html><title>Users</title><table class=\"users\">\n".to_vec();
    while out.len() < len {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let id = state >> 8;
        let (name, score) = (id % 977, id % 100);
        let row = format!(
            "<tr id=\"u{id}\"><td class=\"name\"><a href=\"/users/{id}\">user {name}</a></td><td>{score}</td></tr>\n"
        );
        out.extend_from_slice(row.as_bytes());
    }
    out.truncate(len);
    out.into()
}

/// One response, to its last byte: how many there are.
fn fetch<S, B>(service: &mut S, coding: &'static str) -> usize
where
    S: Service<Request<Empty<Bytes>>, Response = Response<B>, Error = Infallible>,
    B: Body,
{
    let mut request = Request::new(Empty::new());
    request.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static(coding));
    let mut cx = Context::from_waker(Waker::noop());
    let Poll::Ready(Ok(response)) = pin!(service.call(request)).poll(&mut cx) else {
        panic!("it waits for something")
    };
    assert_eq!(
        response.headers().get(header::CONTENT_ENCODING).map(HeaderValue::as_bytes),
        Some(coding.as_bytes())
    );
    let (mut body, mut len) = (pin!(response.into_body()), 0);
    loop {
        match body.as_mut().poll_frame(&mut cx) {
            Poll::Ready(Some(Ok(frame))) => len += frame.into_data().map_or(0, |data| data.remaining()),
            Poll::Ready(Some(Err(_))) => panic!("it fails"),
            Poll::Ready(None) => return len,
            // Others had their turn.
            Poll::Pending => {}
        }
    }
}

/// The best of many, in microseconds, one after the other in turns: a machine that is busy for a while is so for both.
fn best(work: [&mut dyn FnMut() -> usize; 2]) -> [f64; 2] {
    /// Long enough for the clock, short enough to come through undisturbed now and then.
    const SAMPLE: Duration = Duration::from_micros(200);
    let mut rivals = work.map(|work| {
        let start = Instant::now();
        work();
        let rounds = SAMPLE.as_nanos() / start.elapsed().as_nanos().max(1) + 1;
        (work, rounds as u32, Duration::MAX)
    });
    for _ in 0..500 {
        for (work, rounds, best) in &mut rivals {
            let start = Instant::now();
            for _ in 0..*rounds {
                work();
            }
            *best = start.elapsed().div_f64(f64::from(*rounds)).min(*best);
        }
    }
    rivals.map(|(_, _, best)| best.as_secs_f64() * 1e6)
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let only = args.iter().position(|arg| arg == "--only").and_then(|at| args.get(at + 1));
    println!("{:<20} {:>12} {:>12} {:>6} {:>16}", "", "ours", "tower-http", "times", "bytes");
    for (name, content_type, content) in [
        ("json 1 KiB", "application/json", json(1 << 10)),
        ("json 64 KiB", "application/json", json(64 << 10)),
        ("html 64 KiB", "text/html", html(64 << 10)),
    ] {
        for (coding, level) in [("gzip", 6), ("br", 4), ("zstd", 3)] {
            let answer = Answer { content_type, content: content.clone() };
            let mut ours = Compress::new(answer.clone(), Config::default());
            let mut peer = Compression::new(answer).quality(CompressionLevel::Precise(level));
            let row = format!("{coding} {name}");
            if let Some(only) = only {
                if *only == row {
                    (0..100).for_each(|_| _ = fetch(&mut ours, coding));
                } else if *only == format!("{row} peer") {
                    (0..100).for_each(|_| _ = fetch(&mut peer, coding));
                }
                continue;
            }
            let bytes = (fetch(&mut ours, coding), fetch(&mut peer, coding));
            let (mut ours, mut peer) = (|| fetch(&mut ours, coding), || fetch(&mut peer, coding));
            let [ours, peer] = best([&mut ours, &mut peer]);
            println!(
                "{row:<20} {ours:>10.1}us {peer:>10.1}us {:>6.2} {:>16}",
                peer / ours,
                format!("{bytes:?}")
            );
        }
    }
}
