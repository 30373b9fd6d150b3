//! Flags, start, and end: what a person at a shell, a supervisor and an orchestrator rely on.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::http::Conn;
use crate::report::{Report, Result, ensure};
use crate::vanish::settles;
use crate::ws::{CLOSE, TEXT, WebSocket};
use crate::{Options, Server, with_server};

const FLAGS: [&str; 8] = [
    "--listen",
    "--workers",
    "--max-body-bytes",
    "--head-timeout-ms",
    "--idle-timeout-ms",
    "--drain-ms",
    "--ws-max-message-bytes",
    "--help",
];

pub(crate) fn run(options: &Options, report: &mut Report) -> Result {
    let mut check = |name: &str, check: fn(&Options) -> Result| {
        report.check(&format!("lifecycle: {name}"), || check(options));
    };
    check("SIGTERM: the request in flight is finished, the rest is closed, exit code 0", term);
    check("SIGTERM: a body that is still arriving is finished", term_upload);
    check("SIGINT at rest: exit code 0 at once", int);
    check("SIGTERM with idle connections: exit code 0 at once", term_idle);
    check("a second signal ends it at once", second_signal);
    check("--drain-ms bounds the end", drain);
    check("--drain-ms bounds a WebSocket that never answers the Close", drain_websocket);
    check("an address in use: one line that names it, exit code 1", in_use);
    check("the port is free again after the end", restart);
    check("--listen twice, and IPv6", listeners);
    check("--help names every flag and the defaults", help);
    check("an unknown flag is refused", unknown);
    check("a value that makes no sense is refused", nonsense);
    check("--workers 3 makes threads", |options| {
        let server = Server::start(&options.echo, &["--workers", "3"])?;
        ensure!(server.status("Threads")? >= 3, "{} threads", server.status("Threads")?);
        server.stop()
    });
    with_server(&options.echo, report, "lifecycle", &["--workers", "1"], |server, report| {
        report.check("lifecycle: --workers 1 is one thread and serves many", || one_worker(server));
    })
}

/// A server with one request of this many milliseconds in flight.
fn busy(options: &Options, args: &[&str], ms: u32) -> Result<(Server, Conn)> {
    let server = Server::start(&options.echo, args)?;
    let mut conn = Conn::open(server.addr())?;
    conn.send(format!("GET /sleep?ms={ms} HTTP/1.1\r\nHost: a\r\n\r\n"))?;
    let mut monitor = Conn::open(server.addr())?;
    let alone = monitor.stats()?["requests"].is_u64();
    ensure!(alone, "no requests in /stats");
    settles(Duration::from_secs(3), || {
        // The sleeping one, and the question itself.
        let in_flight = monitor.stats()?["in_flight"].as_u64();
        ensure!(in_flight == Some(2), "in_flight is {in_flight:?} instead of 2");
        Ok(())
    })?;
    Ok((server, conn))
}

/// The exit code, and that it took no longer than this.
fn ends(server: &mut Server, code: i32, limit: Duration) -> Result {
    let status = server.wait(limit)?;
    ensure!(status.code() == Some(code), "it ended with {status} instead of {code}");
    let log = server.log();
    ensure!(!log.contains("panicked"), "its log tells of a panic: {log}");
    Ok(())
}

fn refuses(server: &Server, limit: Duration) -> Result {
    settles(limit, || {
        ensure!(Conn::open(server.addr()).is_err(), "the listener still accepts");
        Ok(())
    })
}

fn term(options: &Options) -> Result {
    let (mut server, mut sleeping) = busy(options, &[], 800)?;
    let (mut ws, _) = WebSocket::open(server.addr(), "")?;
    ws.echo(TEXT, b"x")?;
    let mut idle = Conn::open(server.addr())?;
    idle.get("/hello")?;
    let start = Instant::now();
    server.signal("TERM")?;
    refuses(&server, Duration::from_millis(300))?;
    ws.closed(1001).map_err(|e| format!("the WebSocket: {e}"))?;
    idle.closed().map_err(|e| format!("the idle connection: {e}"))?;
    ensure!(start.elapsed() < Duration::from_millis(600), "they waited for the request in flight");
    let response = sleeping.response().map_err(|e| format!("the request in flight: {e}"))?;
    ensure!(response.head.status == 200, "the request in flight got {}", response.head.status);
    ensure!(response.head.closes(), "the last response does not say that the connection closes");
    sleeping.closed()?;
    ends(&mut server, 0, Duration::from_secs(1))
}

fn term_upload(options: &Options) -> Result {
    let mut server = Server::start(&options.echo, &[])?;
    let mut conn = Conn::open(server.addr())?;
    conn.send("POST /request HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello")?;
    let mut monitor = Conn::open(server.addr())?;
    settles(Duration::from_secs(3), || {
        let in_flight = monitor.stats()?["in_flight"].as_u64();
        ensure!(in_flight == Some(2), "in_flight is {in_flight:?} instead of 2");
        Ok(())
    })?;
    server.signal("TERM")?;
    refuses(&server, Duration::from_millis(300))?;
    conn.send("world")?;
    let response = conn.response()?;
    ensure!(response.head.status == 200, "the upload got {}", response.head.status);
    conn.closed()?;
    ends(&mut server, 0, Duration::from_secs(1))
}

fn int(options: &Options) -> Result {
    let mut server = Server::start(&options.echo, &[])?;
    server.signal("INT")?;
    ends(&mut server, 0, Duration::from_secs(1))
}

fn term_idle(options: &Options) -> Result {
    let mut server = Server::start(&options.echo, &[])?;
    let mut used = Conn::open(server.addr())?;
    used.get("/hello")?;
    let _fresh = Conn::open(server.addr())?;
    server.signal("TERM")?;
    ends(&mut server, 0, Duration::from_secs(2))
}

fn second_signal(options: &Options) -> Result {
    for second in ["TERM", "INT"] {
        let (mut server, _conn) = busy(options, &[], 20_000)?;
        server.signal("TERM")?;
        refuses(&server, Duration::from_millis(300))?;
        ensure!(
            server.wait(Duration::from_millis(200)).is_err(),
            "it did not wait for the request in flight"
        );
        server.signal(second)?;
        server.wait(Duration::from_secs(1)).map_err(|e| format!("after TERM and {second} {e}"))?;
    }
    Ok(())
}

fn drain(options: &Options) -> Result {
    let (mut server, _conn) = busy(options, &["--drain-ms", "500"], 20_000)?;
    let start = Instant::now();
    server.signal("TERM")?;
    ends(&mut server, 0, Duration::from_secs(2))?;
    ensure!(start.elapsed() >= Duration::from_millis(450), "it did not wait: {:?}", start.elapsed());
    Ok(())
}

fn drain_websocket(options: &Options) -> Result {
    let mut server = Server::start(&options.echo, &["--drain-ms", "500"])?;
    let (mut ws, _) = WebSocket::open(server.addr(), "")?;
    ws.echo(TEXT, b"x")?;
    server.signal("TERM")?;
    let close = ws.read()?;
    ensure!(
        close.first == CLOSE && close.payload.starts_with(&1001_u16.to_be_bytes()),
        "not Close 1001: {close:?}"
    );
    ends(&mut server, 0, Duration::from_secs(2))
}

fn in_use(options: &Options) -> Result {
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let addr = taken.local_addr()?.to_string();
    let mut server = Server::spawn(&options.echo, &["--listen", &addr])?;
    ends(&mut server, 1, Duration::from_secs(3))?;
    let server = Server::start(&options.echo, &["--listen", &addr]);
    let fact = server.err().map(|e| e.to_string()).unwrap_or_default();
    let line = fact.split_once(": ").map_or("", |(_, log)| log.trim_end());
    ensure!(
        line.contains(&addr) && line.lines().count() == 1,
        "it said {line:?} instead of one line with {addr}"
    );
    Ok(())
}

fn restart(options: &Options) -> Result {
    let mut server = Server::start(&options.echo, &[])?;
    let addr = server.addr().to_string();
    // The server closes first, so that its side of the connection stays in TIME_WAIT.
    let mut conn = Conn::open(server.addr())?;
    conn.get("/hello")?;
    server.signal("TERM")?;
    ends(&mut server, 0, Duration::from_secs(2))?;
    let again = Server::start(&options.echo, &["--listen", &addr])?;
    ensure!(again.addr().to_string() == addr, "it listens on {}", again.addr());
    again.stop()
}

fn listeners(options: &Options) -> Result {
    let server = Server::start(&options.echo, &["--listen", "127.0.0.1:0", "--listen", "[::1]:0"])?;
    ensure!(server.addrs()[0].is_ipv4() && server.addrs()[1].is_ipv6(), "listeners: {:?}", server.addrs());
    for addr in server.addrs() {
        ensure!(Conn::open(*addr)?.get("/hello")?.head.status == 200, "{addr} does not serve");
    }
    server.stop()
}

fn output(options: &Options, args: &[&str]) -> Result<(Option<i32>, String, String)> {
    let output = std::process::Command::new(&options.echo).args(args).env_remove("RUST_LOG").output()?;
    Ok((output.status.code(), String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?))
}

fn help(options: &Options) -> Result {
    let (code, stdout, _) = output(options, &["--help"])?;
    ensure!(code == Some(0), "exit code {code:?}");
    for word in FLAGS.iter().chain(&["127.0.0.1:8080", "default"]) {
        ensure!(stdout.contains(word), "it does not say {word}");
    }
    Ok(())
}

fn unknown(options: &Options) -> Result {
    let (code, stdout, stderr) = output(options, &["--no-such-flag"])?;
    ensure!(code == Some(2) && stdout.is_empty(), "exit code {code:?}, stdout {stdout:?}");
    ensure!(stderr.contains("--no-such-flag"), "it does not name the flag: {stderr:?}");
    Ok(())
}

fn nonsense(options: &Options) -> Result {
    for args in [["--workers", "many"], ["--workers", "0"], ["--listen", "nowhere"], ["--drain-ms", "-1"]] {
        let (code, stdout, stderr) = output(options, &args)?;
        ensure!(code.is_some_and(|code| code != 0) && stdout.is_empty(), "{args:?}: exit code {code:?}");
        let named = args.iter().any(|arg| stderr.contains(arg));
        ensure!(named && !stderr.contains("panicked"), "{args:?}: {stderr:?}");
    }
    Ok(())
}

fn one_worker(server: &Server) -> Result {
    let mut slow = Vec::new();
    for _ in 0..10 {
        let mut conn = Conn::open(server.addr())?;
        conn.send("GET /sleep?ms=500 HTTP/1.1\r\nHost: a\r\n\r\n")?;
        slow.push(conn);
    }
    let start = Instant::now();
    let (mut ws, _) = WebSocket::open(server.addr(), "")?;
    ws.echo(TEXT, b"meanwhile")?;
    ensure!(start.elapsed() < Duration::from_millis(400), "a sleeping handler holds up the others");
    for mut conn in slow {
        ensure!(conn.response()?.head.status == 200, "a sleeping request failed");
    }
    ensure!(start.elapsed() < Duration::from_secs(2), "one after the other");
    let threads = server.status("Threads")?;
    ensure!(threads == 1, "{threads} threads");
    Ok(())
}
