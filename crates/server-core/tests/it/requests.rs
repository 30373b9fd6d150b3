//! Requests and responses: heads, keep-alive, pipelining, refusals.

use http::Response;
use server_core::{Body, Incoming, Request};

use super::support::{configured, get, statuses, text, world};

async fn path(request: Request) -> Response<Body> {
    text(request.path().to_owned())
}

#[test]
fn one_request_one_response() {
    let world = world(path);
    assert_eq!(world.exchange(get("/a?b")), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n/a");
    assert_eq!(world.exchange(get("/a")).matches("date").count(), 0, "filtered by the support");
}

#[test]
fn pipelined_requests_are_answered_in_order_in_one_write() {
    let world = world(path);
    let client = world.connect();
    let burst: String = (0..50).map(|n| get(&format!("/{n:02}"))).collect();
    world.send(&client, burst);
    let text = client.text();
    let bodies: Vec<&str> = text.split("\r\n\r\n").skip(1).map(|rest| &rest[..3]).collect();
    let expected: Vec<String> = (0..50).map(|n| format!("/{n:02}")).collect();
    assert_eq!(bodies, expected);
    assert_eq!(client.pipe.peer_writes(), 1, "gathered");
    assert!(!client.is_closed());
    assert_eq!(world.stats().requests, 50);
}

#[test]
fn a_burst_beyond_the_budget_is_answered_whole() {
    let world = world(path);
    let client = world.connect();
    let burst: String = (0..1000).map(|n| get(&format!("/{n}"))).collect();
    world.send(&client, burst);
    assert_eq!(client.statuses(), vec![200; 1000]);
}

/// An idle connection gives its codec to the thread, where that of another server may find it.
#[test]
fn servers_of_one_thread_keep_their_own_limits() {
    let (strict, lax) = (configured(path, |config| config.http1.max_target = 4), world(path));
    let (first, second) = (strict.connect(), lax.connect());
    for _ in 0..2 {
        strict.send(&first, get("/a"));
        assert_eq!(first.statuses(), [200]);
        lax.send(&second, get("/longer"));
        assert_eq!(second.statuses(), [200]);
    }
    strict.send(&first, get("/longer"));
    assert_eq!(first.statuses(), [414]);
    lax.send(&second, get("/longer"));
    assert_eq!(second.statuses(), [200], "nothing is left of the refusal");
}

#[test]
fn bytes_may_arrive_one_at_a_time() {
    let world = world(async |mut request: Request| {
        let body = request.body_mut().collect().await.unwrap();
        text(body)
    });
    let client = world.connect();
    let request = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: v\r\n\r\n";
    for byte in request.bytes() {
        world.send(&client, [byte]);
    }
    assert_eq!(client.text(), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde");
    world.send(&client, get("/"));
    assert_eq!(client.statuses(), [200], "the connection is in step");
}

/// Each is answered with its status, then the connection closes; what follows is never answered.
#[test]
fn malformed_requests_are_refused_and_nothing_after_them_is_answered() {
    let cases: &[(&str, u16)] = &[
        ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\nHost: a\n\n", 400),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        ("\x16\x03\x01\x02\x00\x01\x00\x01\x7c", 400),
    ];
    let world = world(path);
    for (request, status) in cases {
        let client = world.connect();
        world.send(&client, format!("{request}{}", get("/after")));
        let text = client.text();
        assert_eq!(statuses(&text), [*status], "{request:?}");
        assert!(text.contains("\r\nConnection: close\r\n"), "{text}");
        assert!(client.is_closed(), "{request:?}");
    }
    let too_long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(9000));
    assert_eq!(statuses(&world.exchange(too_long)), [414]);
    let too_many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "A: b\r\n".repeat(200));
    assert_eq!(statuses(&world.exchange(too_many)), [431]);
}

#[test]
fn a_refusal_behind_complete_requests_leaves_their_answers_alone() {
    let world = world(path);
    let client = world.connect();
    world.send(&client, format!("{}{}garbage\r\n\r\n", get("/1"), get("/2")));
    assert_eq!(client.statuses(), [200, 200, 400]);
    assert!(client.is_closed());
}

#[test]
fn a_truncated_head_is_refused() {
    let world = world(path);
    let client = world.connect();
    client.pipe.send("GET / HTTP/1.1\r\nHo");
    client.pipe.finish();
    world.sim.run();
    assert_eq!(client.statuses(), [400]);
    assert!(client.ended().unwrap().is_ok());
}

#[test]
fn connections_close_when_either_side_says_so() {
    let world = world(async |request: Request| {
        let mut response = text("x");
        if request.path() == "/close" {
            response.headers_mut().insert("connection", "close".parse().unwrap());
        }
        response
    });
    for (request, closes) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", false),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", true),
        ("GET /close HTTP/1.1\r\nHost: a\r\n\r\n", true),
        ("GET / HTTP/1.0\r\n\r\n", true),
        ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false),
    ] {
        let client = world.connect();
        world.send(&client, request);
        let text = client.text();
        assert_eq!(client.is_closed(), closes, "{request:?}: {text}");
        assert_eq!(client.ended().is_some(), closes, "{request:?}: a clean close needs no linger");
        let said = text.contains("Connection: close");
        assert_eq!(said, closes, "{text}");
    }
}

#[test]
fn head_has_the_fields_of_get_and_no_content() {
    let world = world(async |request: Request| {
        if request.path() == "/empty" {
            let mut response = text("");
            response.headers_mut().insert("content-length", "1234".parse().unwrap());
            response
        } else {
            text("Hello, World!")
        }
    });
    let head =
        |path: &str| world.exchange(format!("HEAD {path} HTTP/1.1\r\nHost: a\r\n\r\n{}", get("/next")));
    assert!(head("/").starts_with("HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nHTTP/1.1 200 OK\r\n"));
    assert!(head("/empty").starts_with("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\nHTTP/1.1 200 OK\r\n"));
}

/// RFC 9110 8.6: the length of an answer to GET, which an empty body of HEAD does not tell.
#[test]
fn head_does_not_invent_a_content_length() {
    let world = world(async |_: Request| text(Body::empty()));
    let got = world.exchange("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(statuses(&got), [200]);
    assert!(!got.contains("Content-Length"), "{got}");
}

/// A 2xx would promise a tunnel (RFC 9110 9.3.6), and there is none.
#[test]
fn connect_is_refused() {
    let world = world(async |_: Request| text("hello"));
    let client = world.connect();
    world.send(&client, "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n");
    assert_eq!(client.statuses(), [501]);
    assert!(client.is_closed());
}

/// What `http::Uri` cannot hold is refused; it does not arrive as `/`.
#[test]
fn no_target_silently_becomes_another() {
    let world = world(async |request: http::Request<Incoming>| text(request.uri().to_string()));
    let scheme = format!("{}://a/x", "s".repeat(70));
    let mut targets: Vec<Vec<u8>> = [
        "http://example.com",
        "http://example.com?q",
        "foo://example.com/x",
        "http://ex%41mple.com/x",
        "http://[v1.x:y]/x",
        "http://a:/x",
        "http://a:80/x",
        "http://a_b/x",
        "http://a!$&'()*+,;=b/x",
        "/a//b",
        "//a/b",
        "/%zz",
        "/%",
        &scheme,
        "HTTP://a/x",
        "http://[::1]:80/x",
    ]
    .map(|target| target.as_bytes().to_vec())
    .into();
    for byte in 0x21..=0xff {
        targets.push([b"/admin".as_slice(), &[byte], b"x"].concat());
        targets.push([b"/admin?".as_slice(), &[byte], b"x"].concat());
    }
    for target in targets {
        let got = world
            .exchange([b"GET ", &target[..], b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"].concat());
        if statuses(&got) == [200] {
            let uri = got.split("\r\n\r\n").nth(1).unwrap();
            assert!(!uri.is_empty() && uri != "/", "{}: {uri:?}", String::from_utf8_lossy(&target));
        }
    }
}

#[test]
fn statuses_without_content_have_none() {
    let world = world(async |request: Request| {
        let mut response = text("never seen");
        *response.status_mut() = request.path()[1..].parse().unwrap();
        response
    });
    for status in ["204", "304"] {
        let got = world.exchange(format!("{}{}", get(&format!("/{status}")), get("/200")));
        assert!(!got.split("HTTP/1.1 200").next().unwrap().contains("never"), "{got}");
        assert_eq!(got.matches("never seen").count(), 1, "{got}");
    }
}

#[test]
fn both_request_types_tell_the_same() {
    let request =
        "PUT /p?q=1 HTTP/1.1\r\nHost: a\r\nX-One: 1\r\nx-two: 2\r\nX-ONE: 3\r\nContent-Length: 2\r\n\r\nhi";
    let lazy = world(async |mut request: Request| {
        let body = request.body_mut().collect().await.unwrap();
        let ones = request.headers().get_all("x-one").iter().count();
        let raw: Vec<&str> = request.fields().map(|(name, _)| name).collect();
        assert_eq!(raw, ["Host", "X-One", "x-two", "X-ONE", "Content-Length"]);
        assert_eq!(request.header("X-one"), Some(&b"1"[..]));
        text(format!(
            "{} {} {:?} {ones} {}",
            request.method(),
            request.target(),
            request.version(),
            body.len()
        ))
    });
    let ecosystem = world(async |request: http::Request<Incoming>| {
        let (parts, mut body) = request.into_parts();
        let body = body.collect().await.unwrap();
        let ones = parts.headers.get_all("x-one").iter().count();
        text(format!("{} {} {:?} {ones} {}", parts.method, parts.uri, parts.version, body.len()))
    });
    let got = lazy.exchange(request);
    assert!(got.ends_with("PUT /p?q=1 HTTP/1.1 2 2"), "{got}");
    assert_eq!(got, ecosystem.exchange(request));
}

/// Also those that are no UTF-8 (obs-text, RFC 9110 section 5.5).
#[test]
fn values_arrive_to_the_byte_in_either_request_type() {
    let lazy = world(async |request: Request| text(request.headers()["x"].as_bytes().to_vec()));
    let ecosystem =
        world(async |request: http::Request<Incoming>| text(request.headers()["x"].as_bytes().to_vec()));
    for value in [&b"a\tb~"[..], b"\xff\xc3", "grüße".as_bytes()] {
        let request = [b"GET / HTTP/1.1\r\nHost: a\r\nX: ", value, b"\r\nY: c\r\n\r\n"].concat();
        for client in [lazy.connect(), ecosystem.connect()] {
            client.pipe.send(&request);
            lazy.sim.run();
            ecosystem.sim.run();
            let got = client.pipe.take();
            assert!(got.ends_with(&[b"\r\n\r\n", value].concat()), "{value:?}: {got:?}");
        }
    }
}

#[test]
fn a_peer_that_does_not_read_is_not_served_more() {
    let world = configured(async |_: Request| text(vec![b'x'; 100_000]), |_| {});
    let client = world.connect();
    client.pipe.limit_peer_writes(10_000);
    let burst: String = (0..100).map(|_| get("/")).collect();
    world.send(&client, burst);
    assert!(world.stats().requests <= 2, "{:?}", world.stats());
    let mut got = 0;
    for _ in 0..10_000 {
        got += client.pipe.take().len();
        world.sim.run();
        if world.stats().requests == 100 && client.pipe.available() == 0 {
            break;
        }
    }
    assert!(got > 100 * 100_000, "{got}");
    assert_eq!(world.stats().requests, 100);
}

/// Idle: one task, not woken, nothing polled.
#[test]
fn an_idle_connection_is_left_alone() {
    let world = world(path);
    let client = world.connect();
    world.send(&client, get("/"));
    let wakes = world.sim.wakes();
    world.advance(9);
    assert_eq!(world.sim.wakes(), wakes);
}
