//! HTTP/2 streams beside each other: what one does costs the others nothing, whatever the sizes and the schedule.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request as HttpRequest, Response, StatusCode};
use server_core::{Body, Config, ConnectionInfo, Handler, Http2Config, Request, RequestKind};
use testkit::rng::Rng;
use testkit::sim::{Pipe, pipe};

use crate::frames::*;
use crate::support::{World, configured, sleep, text};

fn world<H, R>(handler: H) -> World<H, R>
where
    H: Handler<R> + 'static,
    R: RequestKind + 'static,
{
    configured(handler, |config| config.http2 = Some(Http2Config::default()))
}

struct Pieces<I>(I);

impl<I: Iterator + Unpin> futures_core::Stream for Pieces<I> {
    type Item = I::Item;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<I::Item>> {
        std::task::Poll::Ready(self.0.next())
    }
}

/// Windows are wide open, and each body has no end: each gets its share.
#[test]
fn endless_bodies_share_the_connection() {
    let world = world(|_: Request| async {
        let pieces = std::iter::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[0; 8 << 10])));
        text(Body::stream(Pieces(pieces)))
    });
    let client = world.connect();
    world.send(&client, [hello(&[(4, 1 << 30)]), window_update(0, 1 << 30)].concat());
    world.send(&client, (0..5).flat_map(|n| get(2 * n + 1, "/")).collect::<Vec<u8>>());
    let mut got = [0; 5];
    let mut bytes = Vec::new();
    for _ in 0..100 {
        world.sim.run();
        bytes.extend(client.pipe.take());
    }
    let mut rest = &bytes[..];
    while let Some((head, more)) = rest.split_first_chunk::<9>() {
        let len = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        if more.len() < len {
            break;
        }
        if head[3] == DATA {
            got[usize::from(head[8]) / 2] += len;
        }
        rest = &more[len..];
    }
    let (least, most) = (*got.iter().min().unwrap(), *got.iter().max().unwrap());
    assert!(least > 0 && most < 3 * least, "{got:?}");
}

/// RFC 9110 section 10.1.1 holds for all versions.
#[test]
fn a_client_that_waits_for_100_gets_it_when_the_body_is_asked_for() {
    let world = world(|mut request: Request| async move {
        match request.path() {
            "/unread" => text("unread"),
            _ => text(request.body_mut().collect().await.unwrap()),
        }
    });
    let client = world.connect();
    world.send(&client, hello(&[]));
    let _ = received(&client);
    let expecting = |id: u32, path: &str, expectation: &str| {
        frame(HEADERS, END_HEADERS, id, &request_fields("POST", path, &[("expect", expectation)]))
    };
    world.send(&client, expecting(1, "/", "100-continue"));
    assert_eq!(status(&received(&client), 1), Some(100));
    world.send(&client, frame(DATA, END_STREAM, 1, b"body"));
    let frames = received(&client);
    assert_eq!((status(&frames, 1), content(&frames, 1)), (Some(200), b"body".to_vec()));
    // A final answer instead.
    world.send(&client, expecting(3, "/unread", "100-Continue"));
    assert_eq!(status(&received(&client), 3), Some(200));
    // Content that is here already needs no invitation.
    world.send(&client, [expecting(5, "/", "100-continue"), frame(DATA, END_STREAM, 5, b"body")].concat());
    assert_eq!(status(&received(&client), 5), Some(200));
    world.send(&client, expecting(7, "/", "a miracle"));
    assert_eq!(status(&received(&client), 7), Some(417));
}

/// More than `h2` can be asked for at once. Nobody writes to this memory, so that it is none.
#[cfg(target_pointer_width = "64")]
#[test]
fn a_piece_may_have_more_bytes_than_32_bits_count() {
    for more in [0, 1] {
        let world = world(move |_: Request| async move { text(vec![0; (1 << 32) + more]) });
        let client = world.connect();
        world.send(&client, [hello(&[]), get(1, "/")].concat());
        let frames = received(&client);
        assert_eq!(content(&frames, 1).len(), 65_535, "all that the window has room for");
        assert!(frames.iter().filter(|frame| frame.kind == DATA).count() < 10);
    }
}

/// "The server MUST NOT generate content" (RFC 9110 section 15.3.6), and a length without content is malformed.
#[test]
fn a_205_declares_no_content() {
    let world = world(|_: Request| async {
        let mut response = text("text");
        *response.status_mut() = StatusCode::RESET_CONTENT;
        response
    });
    let (client, server) = pipe(64 << 10);
    drop(world.sim.spawn(world.server.connection(server, ConnectionInfo::default())));
    let task = world.sim.spawn(async move {
        let (send, connection) = h2::client::handshake(client).await.unwrap();
        let request = HttpRequest::builder().uri("http://a.example/").body(()).unwrap();
        let mut send = send.ready().await.unwrap();
        let (response, _) = send.send_request(request, true).unwrap();
        let mut connection = std::pin::pin!(connection);
        let mut response = std::pin::pin!(response);
        poll_fn(|cx| {
            let _ = connection.as_mut().poll(cx);
            response.as_mut().poll(cx)
        })
        .await
        .map(|response| response.headers().get("content-length").cloned())
    });
    world.sim.run();
    assert_eq!(task.take().unwrap().unwrap().unwrap(), "0");
}

/// A body that panics wherever it is asked something costs its own stream.
#[test]
fn a_body_that_panics_costs_its_own_stream() {
    struct Panics(&'static str);
    impl http_body::Body for Panics {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
            assert_ne!(self.0, "/frame", "on purpose");
            std::task::Poll::Ready(None)
        }

        fn is_end_stream(&self) -> bool {
            assert_ne!(self.0, "/end", "on purpose");
            false
        }

        fn size_hint(&self) -> http_body::SizeHint {
            assert_ne!(self.0, "/size", "on purpose");
            http_body::SizeHint::default()
        }
    }
    let world = world(|request: Request| {
        let path = ["/frame", "/end", "/size", "/"].into_iter().find(|path| *path == request.path());
        async move { Response::new(Panics(path.unwrap())) }
    });
    let client = world.connect();
    world.send(&client, hello(&[]));
    let _ = received(&client);
    for (n, path) in (0..).zip(["/frame", "/end", "/size", "/"]) {
        world.send(&client, get(2 * n + 1, path));
        let expected = if path == "/" { 200 } else { 500 };
        assert_eq!(status(&received(&client), 2 * n + 1), Some(expected), "{path}");
    }
    assert_eq!(world.stats().in_flight, 0);
}

/// `h2` would send these at any time.
#[test]
fn what_comes_too_late_is_refused() {
    let streams = Rc::new(RefCell::new(Vec::new()));
    let kept = Rc::clone(&streams);
    let handler = move |request: Request| {
        kept.borrow_mut().push(request.http2_stream().unwrap().clone());
        async { text("hello") }
    };
    let world = configured(handler, |config| {
        let mut http2 = Http2Config::default();
        http2.push = true;
        config.http2 = Some(http2);
    });
    let client = world.connect();
    world.send(&client, [hello(&[]), get(1, "/")].concat());
    assert_eq!(status(&received(&client), 1), Some(200));
    let stream = streams.borrow_mut().remove(0);
    let interim = |status: u16| Response::builder().status(status).body(()).unwrap();
    assert!(stream.send_informational(interim(103)).is_err());
    let pushed = HttpRequest::get("http://a/style.css").body(()).unwrap();
    assert!(stream.push(pushed, Response::new(Bytes::from("css"))).is_err());
    world.sim.run();
    assert_eq!(received(&client), []);
}

/// Who keeps the handle does not keep the stream: what is left of the request is refused in the end.
#[test]
fn a_handle_that_is_kept_does_not_keep_the_stream() {
    let streams = Rc::new(RefCell::new(Vec::new()));
    let kept = Rc::clone(&streams);
    let world = world(move |request: Request| {
        kept.borrow_mut().push(request.http2_stream().unwrap().clone());
        async { text("early") }
    });
    let client = world.connect();
    world.send(&client, [hello(&[]), post(1, "/")].concat());
    world.advance(6);
    let frames = received(&client);
    assert_eq!((status(&frames, 1), reset_of(&frames, 1)), (Some(200), Some(NO_ERROR)));
    assert_eq!(streams.borrow().len(), 1);
}

/// Each head arrives in time; that there is always one under way is no fault.
#[test]
fn heads_that_follow_each_other_have_a_time_each() {
    let world = world(|_: Request| async { text("hello") });
    let client = world.connect();
    world.send(&client, hello(&[]));
    let _ = received(&client);
    let all: Vec<u8> = (0..30).flat_map(|n| get(2 * n + 1, "/")).collect();
    let len = get(1, "/").len();
    let mut at = len / 2;
    world.send(&client, &all[..at]);
    for n in 0..29 {
        world.advance(1);
        world.send(&client, &all[at..at + len]);
        at += len;
        let frames = received(&client);
        assert_eq!((goaway(&frames), status(&frames, 2 * n + 1)), (None, Some(200)), "request {n}");
    }
}

/// Content that a client sends before it knows our window, by the one that every connection begins with: no request begins
/// before it knows.
#[test]
fn a_small_window_counts_from_when_it_is_known() {
    let world = configured(
        |mut request: Request| async move { text(request.take_body().collect().await.unwrap().to_vec()) },
        |config| {
            let mut http2 = Http2Config::default();
            http2.stream_window = 1000;
            config.http2 = Some(http2);
        },
    );
    let client = world.connect();
    let early = frame(DATA, 0, 1, &[b'x'; 10_000]).repeat(2);
    world.send(&client, [hello(&[]), post(1, "/"), early].concat());
    assert_eq!(status(&received(&client), 1), None);
    world.send(&client, frame(SETTINGS, ACK, 0, b""));
    let (mut window, mut left) = (1000 - 20_000, 5000);
    while left > 0 {
        let updates = received(&client);
        let updates = updates.iter().filter(|frame| (frame.kind, frame.stream) == (WINDOW_UPDATE, 1));
        window += updates.map(|frame| frame.code() as i32).sum::<i32>();
        assert!((1..=1000).contains(&window), "a window of {window}");
        let len = window.min(left);
        (window, left) = (window - len, left - len);
        let flags = if left == 0 { END_STREAM } else { 0 };
        world.send(&client, frame(DATA, flags, 1, &vec![b'y'; len as usize]));
    }
    assert_eq!(status(&received(&client), 1), Some(200));
}

/// Sizes, windows, buffers, segments and the order of things by chance: every byte arrives, and nothing stays behind.
#[test]
fn any_schedule() {
    for seed in 0..40 {
        schedule(seed);
    }
}

fn schedule(seed: u64) {
    let mut rng = Rng::new(seed);
    let pick = |rng: &mut Rng, of: &[usize]| of[rng.below(of.len())];
    let write_buffer = pick(&mut rng, &[1, 100, 4 << 10, 64 << 10]);
    let stream_window = pick(&mut rng, &[1, 100, 5000, 64 << 10]) as u32;
    let sim_slot = Rc::new(RefCell::new(None::<Rc<testkit::sim::Sim>>));
    let tasks = Rc::clone(&sim_slot);
    let world = configured(
        move |mut request: Request| {
            let sim = tasks.borrow().clone().unwrap();
            async move {
                let path = request.path().to_owned();
                let body = request.take_body();
                match path.as_str() {
                    "/echo" => text(body),
                    "/later" => {
                        sleep(&sim, 2).await;
                        text(body)
                    }
                    // Read in another task, answered here.
                    "/task" => {
                        let mut body = body;
                        let done = Rc::new(RefCell::new((None, None::<std::task::Waker>)));
                        let slot = Rc::clone(&done);
                        drop(sim.spawn(async move {
                            let got = body.collect().await;
                            let mut slot = slot.borrow_mut();
                            slot.0 = Some(got);
                            if let Some(waker) = slot.1.take() {
                                waker.wake();
                            }
                        }));
                        let got = poll_fn(|cx| {
                            let mut done = done.borrow_mut();
                            if let Some(got) = done.0.take() {
                                return std::task::Poll::Ready(got);
                            }
                            done.1 = Some(cx.waker().clone());
                            std::task::Poll::Pending
                        })
                        .await;
                        text(got.unwrap_or_default())
                    }
                    _ => text(""),
                }
            }
        },
        |config: &mut Config| {
            let mut http2 = Http2Config::default();
            http2.stream_window = stream_window;
            http2.control_budget = u32::MAX;
            config.http2 = Some(http2);
            config.write_buffer = write_buffer;
        },
    );
    *sim_slot.borrow_mut() = Some(Rc::clone(&world.sim));
    let (client, server) = pipe(pick(&mut rng, &[1, 50, 3000, 256 << 10]));
    client.limit_peer_reads(pick(&mut rng, &[1, 30, 2000, usize::MAX]));
    let served = world.sim.spawn(world.server.connection(server, ConnectionInfo::default()));
    let mut builder = h2::client::Builder::new();
    let window = pick(&mut rng, &[1, 100, 5000, 1 << 20]) as u32;
    builder.initial_window_size(window);
    let task = world.sim.spawn(async move { builder.handshake::<Pipe, Bytes>(client).await.unwrap() });
    world.sim.run();
    let (send, connection) = task.take().unwrap();
    let connection = world.sim.spawn(connection);
    // The server's SETTINGS arrive. A window that shrinks while content is on its way is not what h2 is good at.
    world.sim.run();
    let small = window == 1 || stream_window == 1 || write_buffer == 1;
    let (mut cases, mut tasks) = (Vec::new(), Vec::new());
    for _ in 0..1 + rng.below(8) {
        let path = ["/echo", "/later", "/task"][rng.below(3)];
        let len = if small { rng.below(60) } else { rng.below(60_000) };
        let mut body = vec![0; len];
        rng.fill(&mut body);
        let body = Bytes::from(body);
        let fate = rng.below(8);
        let send = send.clone();
        cases.push((path, len, fate));
        tasks.push(world.sim.spawn(async move {
            let mut send = send.ready().await.unwrap();
            let request = HttpRequest::builder().method(Method::POST).uri(format!("http://a.example{path}"));
            let (response, mut stream) = send.send_request(request.body(()).unwrap(), false).unwrap();
            drop(send);
            let mut rest = body.clone();
            let mut response = Box::pin(response);
            let mut read = Vec::new();
            let mut incoming = None;
            let mut sent = false;
            if fate == 0 {
                return true;
            }
            poll_fn(|cx| {
                while !sent {
                    if rest.is_empty() {
                        stream.send_data(Bytes::new(), true).unwrap();
                        sent = true;
                        break;
                    }
                    stream.reserve_capacity(rest.len());
                    match stream.poll_capacity(cx) {
                        std::task::Poll::Ready(Some(Ok(room))) => {
                            let piece = rest.split_to(room.min(rest.len()));
                            stream.send_data(piece, false).unwrap();
                        }
                        std::task::Poll::Ready(other) => panic!("seed {seed}: {other:?}"),
                        std::task::Poll::Pending => break,
                    }
                    if fate == 1 && rest.len() < body.len() / 2 {
                        stream.send_reset(h2::Reason::CANCEL);
                        return std::task::Poll::Ready(true);
                    }
                }
                loop {
                    let Some(body_in) = &mut incoming else {
                        let Ok(got) = std::task::ready!(response.as_mut().poll(cx)) else {
                            return std::task::Poll::Ready(false);
                        };
                        incoming = Some(got.into_body());
                        continue;
                    };
                    match std::task::ready!(body_in.poll_data(cx)) {
                        None => return std::task::Poll::Ready(read == body),
                        Some(chunk) => {
                            let Ok(chunk) = chunk else { return std::task::Poll::Ready(false) };
                            body_in.flow_control().release_capacity(chunk.len()).unwrap();
                            read.extend_from_slice(&chunk);
                            if fate == 2 {
                                return std::task::Poll::Ready(true);
                            }
                        }
                    }
                }
            })
            .await
        }));
    }
    drop(send);
    let shutdown = rng.below(3) == 0;
    world.sim.advance(Duration::from_millis(100));
    if shutdown {
        world.server.shutdown();
    }
    world.sim.advance(Duration::from_secs(5));
    let done: Vec<_> = tasks.iter().map(testkit::sim::Task::take).collect();
    let told = format!(
        "seed {seed}: {done:?}, {cases:?}, shutdown {shutdown}, write_buffer {write_buffer}, stream_window {stream_window}, window {window}"
    );
    assert!(done.iter().all(|done| *done == Some(true)), "{told}");
    world.sim.advance(Duration::from_secs(90));
    let ends = (connection.take(), served.take());
    assert!(matches!(ends, (Some(_), Some(Ok(())))), "{told}: {ends:?}, {:?}", world.stats());
    let stats = world.stats();
    assert_eq!((stats.in_flight, stats.connections), (0, 0), "{told}");
}

/// Frames by chance, among them many that are wrong, with shutdowns, half-closes and resets of the connection between:
/// nothing panics, nothing spins, nothing stays behind.
#[test]
fn any_frames() {
    for seed in 0..400 {
        frames_by_chance(seed);
    }
}

fn frames_by_chance(seed: u64) {
    let mut rng = Rng::new(seed);
    let sim = Rc::new(testkit::sim::Sim::new());
    let clock = Rc::clone(&sim);
    let handler = move |mut request: Request| {
        let clock = Rc::clone(&clock);
        async move {
            match request.path() {
                "/panic" => panic!("on purpose"),
                "/never" => std::future::pending().await,
                "/later" => sleep(&clock, 2).await,
                "/collect" => drop(request.body_mut().collect().await),
                "/large" => return text(vec![0; 200_000]),
                _ => {}
            }
            text(request.take_body())
        }
    };
    let mut config = Config::default();
    config.http2 = Some(Http2Config::default());
    let timer = crate::support::SimTimer(sim.clock().clone());
    let world = World { server: server_core::Server::with_config(handler, timer, config), sim };
    let client = world.connect();
    client.pipe.limit_peer_writes([100, 20_000, 1 << 20][rng.below(3)]);
    world.send(&client, hello(&[(4, [0, 10, 65_535][rng.below(3)])]));
    let paths = ["/", "/panic", "/never", "/later", "/collect", "/large"];
    let mut next = 1;
    for _ in 0..60 {
        let known = 2 * rng.below(next as usize / 2 + 2) as u32 + 1;
        let bytes = match rng.below(16) {
            0..=3 => {
                next += 2;
                get(next - 2, paths[rng.below(paths.len())])
            }
            4..=5 => {
                next += 2;
                post(next - 2, paths[rng.below(paths.len())])
            }
            6 => reset(known),
            7 => window_update(known, 1 + rng.below(70_000) as u32),
            8 => window_update(0, 1 + rng.below(70_000) as u32),
            9..=10 => {
                frame(DATA, if rng.below(2) == 0 { END_STREAM } else { 0 }, known, &vec![7; rng.below(5000)])
            }
            11 => frame(SETTINGS, 0, 0, &[0, 4, 0, 0, rng.below(256) as u8, rng.below(256) as u8]),
            12 => frame(HEADERS, END_HEADERS | END_STREAM, known, &fields(&[("x-trailer", "1")])),
            13 if rng.below(8) == 0 => {
                let mut junk = vec![0; rng.below(40)];
                rng.fill(&mut junk);
                frame(rng.below(12) as u8, rng.below(64) as u8, rng.below(8) as u32, &junk)
            }
            _ => frame(PING, 0, 0, &[1; 8]),
        };
        let cut = rng.below(bytes.len() + 1);
        world.send(&client, &bytes[..cut]);
        match rng.below(40) {
            0 => world.server.shutdown(),
            1 => world.advance(rng.below(15) as u64),
            2..=20 => drop(client.pipe.take_up_to(rng.below(100_000))),
            _ => {}
        }
        world.send(&client, &bytes[cut..]);
    }
    match rng.below(3) {
        0 => client.pipe.reset(),
        1 => client.pipe.finish(),
        _ => {}
    }
    world.sim.run();
    drop(client.pipe);
    world.sim.run();
    let stats = world.stats();
    let left = (stats.in_flight, stats.connections, world.sim.live_tasks());
    assert_eq!(left, (0, 0, 0), "seed {seed}");
}
