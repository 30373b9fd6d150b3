//! What no ordinary client does and every server must take: pipelines, pieces, trailers, half-close, HTTP/1.0, deadlines.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::http::{Conn, PATIENCE};
use crate::report::{Report, Result, ensure};
use crate::ws::{TEXT, WebSocket, frame, handshake};
use crate::{Options, Server, with_server};

pub(crate) fn run(options: &Options, report: &mut Report) -> Result {
    with_server(&options.echo, report, "raw", &[], |server, report| {
        let mut check = |name: &str, check: fn(&Server) -> Result| {
            report.check(&format!("raw: {name}"), || check(server));
        };
        check("50 pipelined requests are answered in order", pipeline);
        check("pipelined bodies and a slow request keep their order", mixed_pipeline);
        check("a pipeline behind Connection: close is not answered", pipeline_close);
        check("/request keeps case, order, doubles and empty values", request);
        check("trailers arrive", trailers);
        check("a request byte by byte", byte_by_byte);
        check("one empty line before a request", empty_line);
        check("the absolute form", absolute_form);
        check("every response has a Date", date);
        check("HTTP/1.0 ends with the connection, unless asked otherwise", http_1_0);
        check("half-close after a request still gets the answer", half_close);
        check("/echo streams: the answer begins before the body ends", echo_streams);
        check("an unread body does not spoil the next request", unread_body);
        check("100 Continue comes before the body and only when asked", expect);
        check("frames sent with the handshake are not lost", early_frames);
        check("a peer that never reads stalls only itself", never_reads);
    })?;
    let deadlines = ["--head-timeout-ms", "400", "--idle-timeout-ms", "400"];
    with_server(&options.echo, report, "raw", &deadlines, |server, report| {
        report.check("raw: --head-timeout-ms ends half a head", || head_timeout(server));
        report.check("raw: --head-timeout-ms is not put off by trickling", || trickle(server));
        report.check("raw: --idle-timeout-ms ends an idle connection", || idle_timeout(server));
        report.check("raw: both leave a running request and a WebSocket alone", || busy(server));
    })
}

fn pipeline(server: &Server) -> Result {
    let mut conn = Conn::open(server.addr())?;
    let requests: String =
        (0..50).map(|i| format!("GET /request?i={i} HTTP/1.1\r\nHost: localhost\r\n\r\n")).collect();
    conn.send(requests)?;
    for i in 0..50 {
        let body: serde_json::Value = serde_json::from_slice(&conn.response()?.body)?;
        ensure!(body["target"] == json!(format!("/request?i={i}")), "answer {i} is for {}", body["target"]);
    }
    Ok(())
}

fn mixed_pipeline(server: &Server) -> Result {
    let mut conn = Conn::open(server.addr())?;
    conn.send(
        "GET /sleep?ms=150 HTTP/1.1\r\nHost: a\r\n\r\n\
         POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nfirst\
         POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nsec\r\n3;x=\"y\"\r\nond\r\n0\r\n\r\n\
         GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n\
         HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n",
    )?;
    ensure!(conn.response()?.head.status == 200, "the slow one failed");
    ensure!(conn.response()?.body == b"first", "the second answer is not the first echo");
    ensure!(conn.response()?.body == b"second", "the third answer is not the second echo");
    ensure!(conn.response()?.head.status == 404, "the fourth answer is not 404");
    let head = conn.head()?;
    ensure!(head.field("content-length") == Some("13"), "HEAD was answered with {head:?}");
    let hello = conn.get("/hello")?;
    ensure!(hello.body == b"Hello, World!", "after HEAD came {:?}", hello.head);
    Ok(())
}

fn pipeline_close(server: &Server) -> Result {
    let mut conn = Conn::open(server.addr())?;
    conn.send(
        "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n",
    )?;
    let response = conn.response()?;
    ensure!(response.head.status == 200 && response.head.closes(), "{:?}", response.head);
    conn.closed()
}

fn request(server: &Server) -> Result {
    let mut conn = Conn::open(server.addr())?;
    conn.send(
        "QUERY /request?a=b&a=c HTTP/1.1\r\nhOsT: localhost:1\r\nB:two\r\nA: one\r\nb:  two words \t\r\nEmpty:\r\n\
         Content-Length: 4\r\n\r\nbody",
    )?;
    let peer = conn.stream().local_addr()?.to_string();
    let response = conn.response()?;
    let got: serde_json::Value = serde_json::from_slice(&response.body)?;
    let wanted = json!({
        "method": "QUERY", "target": "/request?a=b&a=c", "version": "HTTP/1.1", "body_len": 4, "trailers": [], "peer": peer,
        "headers": [["hOsT", "localhost:1"], ["B", "two"], ["A", "one"], ["b", "two words"], ["Empty", ""],
                    ["Content-Length", "4"]],
        "alpn": null, "tls_version": null, "sni": null,
    });
    ensure!(got == wanted, "got {got} instead of {wanted}");
    // obs-text is legal in a value; whatever becomes of it, the answer is JSON.
    conn.send(b"GET /request HTTP/1.1\r\nHost: a\r\nX: \xff\xfe\r\n\r\n")?;
    serde_json::from_slice::<serde_json::Value>(&conn.response()?.body)?;
    Ok(())
}

fn trailers(server: &Server) -> Result {
    let mut conn = Conn::open(server.addr())?;
    conn.send(
        "POST /request HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n\
         5\r\nhello\r\n0\r\nX-SuM: 1\r\nx-b:2\r\n\r\n",
    )?;
    let got: serde_json::Value = serde_json::from_slice(&conn.response()?.body)?;
    ensure!(got["body_len"] == json!(5), "body_len is {}", got["body_len"]);
    ensure!(got["trailers"] == json!([["X-SuM", "1"], ["x-b", "2"]]), "trailers are {}", got["trailers"]);
    ensure!(conn.get("/hello")?.head.status == 200, "the connection did not go on");
    Ok(())
}

fn byte_by_byte(server: &Server) -> Result {
    let mut conn = Conn::open(server.addr())?;
    let request = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nt: x\r\n\r\n";
    for byte in request.bytes() {
        conn.send([byte])?;
    }
    ensure!(conn.response()?.body == b"abcde", "the echo differs");
    Ok(())
}

fn empty_line(server: &Server) -> Result {
    let mut conn = Conn::open(server.addr())?;
    conn.send("\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n")?;
    ensure!(conn.response()?.head.status == 200, "refused");
    Ok(())
}

fn absolute_form(server: &Server) -> Result {
    let mut conn = Conn::open(server.addr())?;
    for target in ["http://localhost/hello", "http://localhost:80/hello?x=1"] {
        let response = conn.get(target)?;
        ensure!(response.body == b"Hello, World!", "{target} was answered with {}", response.head.status);
    }
    Ok(())
}

fn date(server: &Server) -> Result {
    let mut conn = Conn::open(server.addr())?;
    for path in ["/hello", "/nothing", "/stats", "/stream?n=1&size=1&delay_ms=0"] {
        let response = conn.get(path)?;
        let date = response.head.field("date").unwrap_or_default();
        ensure!(date.len() == 29 && date.ends_with(" GMT"), "{path}: Date is {date:?}");
    }
    Ok(())
}

fn http_1_0(server: &Server) -> Result {
    for path in ["/hello", "/stream?n=2&size=3&delay_ms=1", "/nothing"] {
        let mut conn = Conn::open(server.addr())?;
        conn.send(format!("GET {path} HTTP/1.0\r\n\r\n"))?;
        let response = conn.response()?;
        ensure!(response.head.field("transfer-encoding").is_none(), "{path}: chunked for HTTP/1.0");
        conn.closed()?;
    }
    let mut conn = Conn::open(server.addr())?;
    conn.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")?;
    let response = conn.response()?;
    if response.head.field("connection").is_some_and(|value| value.eq_ignore_ascii_case("keep-alive")) {
        ensure!(conn.get("/hello")?.head.status == 200, "it promised keep-alive");
        return Ok(());
    }
    conn.closed()
}

fn half_close(server: &Server) -> Result {
    for (request, body) in [
        ("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", Some("Hello, World!")),
        ("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody", Some("body")),
        ("GET /stream?n=3&size=2&delay_ms=100 HTTP/1.1\r\nHost: a\r\n\r\n", None),
        ("GET /sleep?ms=500 HTTP/1.1\r\nHost: a\r\n\r\n", None),
    ] {
        let mut conn = Conn::open(server.addr())?;
        conn.send(request)?;
        conn.finish()?;
        let response = conn.response().map_err(|e| format!("{request:?}: {e}"))?;
        ensure!(response.head.status == 200, "{request:?}: {}", response.head.status);
        ensure!(body.is_none_or(|body| response.body == body.as_bytes()), "{request:?}: not the answer");
        conn.closed()?;
    }
    Ok(())
}

fn echo_streams(server: &Server) -> Result {
    let mut conn = Conn::open(server.addr())?;
    conn.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")?;
    let mut rest = 50_u32;
    conn.send(format!("4\r\n{rest:04}\r\n"))?;
    let head = conn.head()?;
    ensure!(head.status == 200, "answered with {}", head.status);
    // Each piece is sent only when the one before has come back.
    let mut sender = conn.stream().try_clone()?;
    let mut got = Vec::new();
    conn.body(&head, &mut |piece| {
        got.extend_from_slice(piece);
        if got.len() < 4 {
            return Ok(());
        }
        ensure!(got == format!("{rest:04}").into_bytes(), "a wrong piece: {got:?}");
        got.clear();
        rest -= 1;
        let next = if rest == 0 { "0\r\n\r\n".to_owned() } else { format!("4\r\n{rest:04}\r\n") };
        Ok(std::io::Write::write_all(&mut sender, next.as_bytes())?)
    })?;
    ensure!(rest == 0, "the echo ended early");
    ensure!(conn.get("/hello")?.head.status == 200, "the connection did not go on");
    Ok(())
}

fn unread_body(server: &Server) -> Result {
    let mut conn = Conn::open(server.addr())?;
    for path in ["/hello", "/nothing", "/stats"] {
        // The body looks like a request: smuggled, it would be answered.
        let body = "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n".repeat(100);
        conn.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len()))?;
        conn.response()?;
    }
    ensure!(conn.get("/hello")?.body == b"Hello, World!", "a body was taken for a request");
    Ok(())
}

fn expect(server: &Server) -> Result {
    let mut conn = Conn::open(server.addr())?;
    for path in ["/request", "/echo"] {
        conn.send(format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 5\r\n\r\n"
        ))?;
        let mut head = conn.head()?;
        ensure!(head.status == 100, "{path}: {} before the body", head.status);
        conn.send("hello")?;
        head = conn.head()?;
        ensure!(head.status == 200, "{path}: {} after the body", head.status);
        conn.body(&head, &mut |_| Ok(()))?;
    }
    // RFC 9110, section 10.1.1: a server ignores the expectation of an HTTP/1.0 client.
    let mut old = Conn::open(server.addr())?;
    old.send("POST /request HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")?;
    old.send("hello")?;
    ensure!(old.head()?.status == 200, "an interim response for HTTP/1.0");
    Ok(())
}

fn early_frames(server: &Server) -> Result {
    let mut conn = Conn::open(server.addr())?;
    let mut bytes = handshake("").into_bytes();
    bytes.extend(frame(TEXT, b"early"));
    bytes.extend(frame(TEXT, b"bird"));
    conn.send(bytes)?;
    ensure!(conn.head()?.status == 101, "no upgrade");
    let mut echo = [0; 13];
    conn.read_exact(&mut echo)?;
    ensure!(&echo == b"\x81\x05early\x81\x04bird", "not the echo: {echo:?}");
    Ok(())
}

fn never_reads(server: &Server) -> Result {
    const MOST: usize = 256 << 20;
    server.reset_peak()?;
    let before = server.status("VmRSS")?;
    let mut conn = Conn::open(server.addr())?;
    conn.stream().set_write_timeout(Some(Duration::from_millis(500)))?;
    conn.send(format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {MOST}\r\n\r\n"))?;
    let piece = vec![b'x'; 64 << 10];
    let mut sent = 0;
    while sent < MOST {
        match std::io::Write::write(&mut conn.stream(), &piece) {
            Ok(written) => sent += written,
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => break,
            Err(e) => return Err(e.into()),
        }
    }
    ensure!(sent < MOST, "the server took {MOST} bytes whose echo nobody reads");
    let mut deaf = WebSocket::open(server.addr(), "")?.0;
    deaf.conn().stream().set_write_timeout(Some(Duration::from_millis(500)))?;
    let message = vec![b'x'; 1 << 20];
    let blocked = (0..256).any(|_| deaf.send(0x82, &message).is_err());
    ensure!(blocked, "the server took 256 MiB of messages whose echo nobody reads");
    let start = Instant::now();
    ensure!(Conn::open(server.addr())?.get("/hello")?.head.status == 200, "another connection failed");
    ensure!(start.elapsed() < Duration::from_millis(500), "another connection waited {:?}", start.elapsed());
    let grown = server.status("VmHWM")?.saturating_sub(before);
    ensure!(grown < 16 << 10, "memory grew by {grown} KiB");
    Ok(())
}

/// A deadline of 400 ms has passed, and not much more.
fn in_time(start: Instant) -> Result {
    let took = start.elapsed();
    let right = (Duration::from_millis(350)..Duration::from_millis(2000)).contains(&took);
    ensure!(right, "it took {took:?} instead of 400 ms");
    Ok(())
}

/// 408 and a close, or the close alone.
fn timed_out(conn: &mut Conn) -> Result {
    let mut first = [0; 1];
    if conn.stream().peek(&mut first)? == 0 {
        return conn.closed();
    }
    let response = conn.response()?;
    ensure!(response.head.status == 408 && response.head.closes(), "{:?}", response.head);
    conn.closed()
}

fn head_timeout(server: &Server) -> Result {
    for half in ["", "GET /hello HT", "GET /hello HTTP/1.1\r\nHost: a\r\nX: "] {
        let start = Instant::now();
        let mut conn = Conn::open(server.addr())?;
        conn.send(half)?;
        timed_out(&mut conn)?;
        in_time(start)?;
    }
    Ok(())
}

fn trickle(server: &Server) -> Result {
    let start = Instant::now();
    let mut conn = Conn::open(server.addr())?;
    conn.stream().set_read_timeout(Some(Duration::from_millis(50)))?;
    conn.send("GET /hello HTTP/1.1\r\nHost: a\r\nX: ")?;
    let mut byte = [0; 1];
    // The read timeout is the pause between two bytes.
    while conn.stream().peek(&mut byte).is_err_and(|e| e.kind() == ErrorKind::WouldBlock) {
        ensure!(start.elapsed() < Duration::from_secs(3), "a byte every 50 ms keeps it open");
        if conn.send("x").is_err() {
            break;
        }
    }
    in_time(start)
}

fn idle_timeout(server: &Server) -> Result {
    let mut conn = Conn::open(server.addr())?;
    conn.get("/hello")?;
    let start = Instant::now();
    conn.closed()?;
    in_time(start)
}

fn busy(server: &Server) -> Result {
    let mut conn = Conn::open(server.addr())?;
    ensure!(conn.get("/sleep?ms=1200")?.head.status == 200, "the request was cut off");
    let stream = conn.get("/stream?n=3&size=1&delay_ms=600")?;
    ensure!(stream.body.len() == 3, "the stream was cut off");
    conn.send("POST /request HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab")?;
    silent(&conn, Duration::from_millis(800))?;
    conn.send("cd")?;
    ensure!(conn.response()?.head.status == 200, "the upload was cut off");
    let (mut ws, _) = WebSocket::open(server.addr(), "")?;
    silent(ws.conn(), Duration::from_millis(800))?;
    ws.echo(TEXT, b"still here")
}

/// Nothing arrives for this long, not even the end.
fn silent(conn: &Conn, time: Duration) -> Result {
    conn.stream().set_read_timeout(Some(time))?;
    let heard = conn.stream().peek(&mut [0]);
    conn.stream().set_read_timeout(Some(PATIENCE))?;
    ensure!(heard.as_ref().is_err_and(|e| e.kind() == ErrorKind::WouldBlock), "not silence but {heard:?}");
    Ok(())
}
