//! The reverse proxy: curl through it, and then this program as its client and as its origin at once.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use crate::http::{Conn, PATIENCE};
use crate::report::{Report, Result, ensure};
use crate::{Options, Server, client_rules, curl};

pub(crate) fn run(options: &Options, report: &mut Report) -> Result {
    curl::proxy(options, report)?;
    let origin = Origin::bind()?;
    let proxy = Server::start(&options.proxy, &["--upstream", &origin.addr()?.to_string()])?;
    let mut check = |name: &str, check: fn(&Server, &Origin) -> Result| {
        report.check(&format!("proxy: {name}"), || check(&proxy, &origin));
    };
    check("trailers that Connection names stay behind", trailers);
    check("of the upgrades only websocket is offered on", upgrades);
    check("another protocol than the offered one is 502", other_protocol);
    check("a body that is cut off does not look whole", cut_off);
    check("205 with trailers, and the connection goes on", reset_content);
    check("Max-Forwards is counted for OPTIONS and TRACE", max_forwards);
    check("Via tells the version that was received", via);
    check("an early answer arrives although the upstream reads no more", early_answer);
    check("411 where the upstream does not know chunked content", length_required);
    check("a client that is gone takes its request along", gone);
    check("a client that is half-closed gets its answer", half_closed);
    client_rules::run(&proxy, &origin, report);
    Ok(())
}

/// The upstream: what it answers is for each check to say.
pub(crate) struct Origin(TcpListener);

impl Origin {
    fn bind() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        Ok(Self(listener))
    }

    fn addr(&self) -> Result<SocketAddr> {
        Ok(self.0.local_addr()?)
    }

    /// A client of the proxy, and the connection that the proxy has opened for it.
    pub(crate) fn pair(&self, proxy: &Server) -> Result<(Conn, Conn)> {
        let client = Conn::open(proxy.addr())?;
        let start = Instant::now();
        loop {
            match self.0.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(false)?;
                    return Ok((client, Conn::new(stream)?));
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock && start.elapsed() < PATIENCE => {
                    thread::sleep(Duration::from_millis(1));
                }
                Err(e) => return Err(e.into()),
            }
        }
    }
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// A request goes through, and its answer.
pub(crate) fn goes_on(client: &mut Conn, upstream: &mut Conn) -> Result {
    client.send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n")?;
    let (line, _) = upstream.request()?;
    ensure!(line == "GET /next HTTP/1.1", "the next request is {line:?}");
    upstream.send(OK)?;
    let status = client.response()?.head.status;
    ensure!(status == 200, "the next answer is {status}");
    Ok(())
}

fn trailers(proxy: &Server, origin: &Origin) -> Result {
    let (mut client, mut upstream) = origin.pair(proxy)?;
    let sections = "Transfer-Encoding: chunked\r\n\r\n0\r\nX-Hop: 1\r\nX-End: 2\r\n\r\n";
    client
        .send(format!("POST / HTTP/1.1\r\nHost: a\r\nConnection: TE, x-hop\r\nTE: trailers\r\n{sections}"))?;
    let (_, head) = upstream.request()?;
    let sent = upstream.body(&head, &mut |_| Ok(()))?;
    ensure!(sent == [("x-end".into(), "2".into())], "the upstream got {sent:?}");
    upstream.send(format!("HTTP/1.1 200 OK\r\nConnection: a, X-HOP\r\n{sections}"))?;
    let got = client.response()?.trailers;
    ensure!(got == [("x-end".into(), "2".into())], "the client got {got:?}");
    goes_on(&mut client, &mut upstream)
}

fn offer(client: &mut Conn, protocols: &str) -> Result {
    client.send(format!(
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: {protocols}\r\nHTTP2-Settings: AAMAAABk\r\n\r\n"
    ))
}

fn upgrades(proxy: &Server, origin: &Origin) -> Result {
    for (offered, forwarded) in [
        ("h2c", None),
        ("TLS/1.0, x", None),
        ("websocket", Some("websocket")),
        ("h2c, WebSocket", Some("websocket")),
    ] {
        let (mut client, mut upstream) = origin.pair(proxy)?;
        offer(&mut client, offered)?;
        let (_, head) = upstream.request()?;
        ensure!(head.field("upgrade") == forwarded, "{offered}: {head:?}");
        ensure!(head.field("connection") == forwarded.map(|_| "upgrade"), "{offered}: {head:?}");
        ensure!(head.field("http2-settings").is_none(), "{offered}: {head:?}");
        upstream.send(OK)?;
        client.response()?;
        goes_on(&mut client, &mut upstream)?;
    }
    let (mut client, mut upstream) = origin.pair(proxy)?;
    offer(&mut client, "websocket")?;
    upstream.request()?;
    upstream.send("HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\n\r\nhello")?;
    let head = client.head()?;
    ensure!(head.status == 101 && head.field("upgrade") == Some("WebSocket"), "{head:?}");
    let mut hello = [0; 5];
    client.read_exact(&mut hello)?;
    client.send("tunnel")?;
    let mut tunnel = [0; 6];
    upstream.read_exact(&mut tunnel)?;
    ensure!((&hello, &tunnel) == (b"hello", b"tunnel"), "the tunnel changes what goes through");
    Ok(())
}

fn other_protocol(proxy: &Server, origin: &Origin) -> Result {
    let (mut client, mut upstream) = origin.pair(proxy)?;
    offer(&mut client, "websocket")?;
    upstream.request()?;
    upstream.send("HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n")?;
    bad_gateway(&mut client)
}

/// 502 and the end.
pub(crate) fn bad_gateway(client: &mut Conn) -> Result {
    let head = client.response()?.head;
    ensure!(head.status == 502 && head.closes(), "{head:?}");
    client.closed()
}

fn cut_off(proxy: &Server, origin: &Origin) -> Result {
    for (version, framing) in [
        ("1.0", "Transfer-Encoding: chunked\r\n\r\n5\r\nhe"),
        ("1.0", "Content-Length: 5\r\n\r\nhe"),
        ("1.1", "Transfer-Encoding: chunked\r\n\r\n5\r\nhe"),
        ("1.1", "Content-Length: 5\r\n\r\nhe"),
    ] {
        let (mut client, mut upstream) = origin.pair(proxy)?;
        client.send(format!("GET / HTTP/{version}\r\nHost: a\r\n\r\n"))?;
        upstream.request()?;
        upstream.send(format!("HTTP/1.1 200 OK\r\n{framing}"))?;
        drop(upstream);
        let whole = client.response();
        ensure!(whole.is_err(), "{version}, {framing:?}: {whole:?}");
    }
    Ok(())
}

fn reset_content(proxy: &Server, origin: &Origin) -> Result {
    let (mut client, mut upstream) = origin.pair(proxy)?;
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: TE\r\nTE: trailers\r\n\r\n")?;
    upstream.request()?;
    upstream.send("HTTP/1.1 205 X\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-End: 1\r\n\r\n")?;
    let response = client.response()?;
    ensure!(response.head.status == 205 && response.body.is_empty(), "{response:?}");
    goes_on(&mut client, &mut upstream)
}

fn max_forwards(proxy: &Server, origin: &Origin) -> Result {
    for (method, status) in [("OPTIONS", 200), ("TRACE", 501)] {
        let (mut client, mut upstream) = origin.pair(proxy)?;
        client.send(format!("{method} / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n"))?;
        let head = client.response()?.head;
        ensure!(head.status == status, "{method} with Max-Forwards: 0 is {head:?}");
        upstream.closed()?;
    }
    for (method, before, behind) in
        [("OPTIONS", "3", "2"), ("TRACE", "1", "0"), ("TRACE", "none", "none"), ("GET", "0", "0")]
    {
        let (mut client, mut upstream) = origin.pair(proxy)?;
        client.send(format!("{method} / HTTP/1.1\r\nHost: a\r\nMax-Forwards: {before}\r\n\r\n"))?;
        let (_, head) = upstream.request()?;
        ensure!(head.field("max-forwards") == Some(behind), "{method}, {before}: {head:?}");
    }
    Ok(())
}

fn via(proxy: &Server, origin: &Origin) -> Result {
    for version in ["1.0", "1.1"] {
        let (mut client, mut upstream) = origin.pair(proxy)?;
        client.send(format!("GET / HTTP/{version}\r\nHost: a\r\nVia: 1.1 before\r\n\r\n"))?;
        let (line, head) = upstream.request()?;
        ensure!(line == "GET / HTTP/1.1", "{line}");
        let vias: Vec<_> = head.values("via").collect();
        ensure!(vias == ["1.1 before", &format!("{version} wire")], "{version}: {vias:?}");
    }
    Ok(())
}

fn early_answer(proxy: &Server, origin: &Origin) -> Result {
    for _ in 0..20 {
        let (mut client, mut upstream) = origin.pair(proxy)?;
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\n")?;
        upstream.request()?;
        let piece = vec![b'x'; 1 << 20];
        client.send(&piece)?;
        upstream.send("HTTP/1.1 413 X\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")?;
        drop(upstream); // with unread input: a reset
        // Some of it may meet a closed connection.
        let _sent = (0..4).all(|_| client.stream().write_all(&piece).is_ok());
        let status = client.response()?.head.status;
        ensure!(status == 413, "answered with {status}");
    }
    Ok(())
}

fn length_required(proxy: &Server, origin: &Origin) -> Result {
    let (mut client, mut upstream) = origin.pair(proxy)?;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")?;
    upstream.request()?;
    upstream.send("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n")?;
    client.response()?;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")?;
    let status = client.response()?.head.status;
    ensure!(status == 411, "answered with {status}");
    Ok(())
}

fn gone(proxy: &Server, origin: &Origin) -> Result {
    let (mut client, mut upstream) = origin.pair(proxy)?;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")?;
    upstream.request()?;
    upstream.send("HTTP/1.1 103 X\r\n\r\n")?;
    client.stream().peek(&mut [0])?;
    drop(client); // with unread input: a reset
    match upstream.stream().read(&mut [0]) {
        Ok(0) => Ok(()),
        Err(e) if e.kind() == ErrorKind::ConnectionReset => Ok(()),
        other => Err(format!("the upstream still waits: {other:?}").into()),
    }
}

fn half_closed(proxy: &Server, origin: &Origin) -> Result {
    let (mut client, mut upstream) = origin.pair(proxy)?;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")?;
    client.finish()?;
    upstream.request()?;
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")?;
    ensure!(client.response()?.body == b"hello", "another answer");
    client.closed()
}
