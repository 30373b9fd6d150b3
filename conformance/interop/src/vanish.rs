//! Clients that go away in the middle of things. Nothing of them may stay: no task, no handler, no descriptor.

use std::io::Read;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::http::Conn;
use crate::report::{Report, Result, ensure};
use crate::ws::{TEXT, WebSocket, frame};
use crate::{Options, Server, curl, scripts};

/// How many clients do the same thing.
const CLIENTS: usize = 20;
/// How soon a state must be reached that needs no waiting.
const SOON: Duration = Duration::from_secs(3);
/// How soon nothing of a client may be left: the end of its side alone may also be a half-close, and for that a running
/// handler has a grace of 5 s.
const GONE: Duration = Duration::from_secs(8);

pub(crate) fn run(options: &Options, report: &mut Report) -> Result {
    type Start = fn(&Server) -> Result<Conn>;
    let scenarios: &[(&str, Start)] = &[
        ("before its first byte", |server| Conn::open(server.addr())),
        ("inside a request head", |server| begin(server, "GET /hello HTTP/1.1\r\nHost: a\r\nX: ")),
        ("idle between requests", |server| {
            let mut conn = Conn::open(server.addr())?;
            conn.get("/hello")?;
            Ok(conn)
        }),
        ("inside an upload to /echo", |server| {
            let mut conn =
                begin(server, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n")?;
            conn.send([b'x'; 100_000])?;
            ensure!(conn.head()?.status == 200, "no echo");
            Ok(conn)
        }),
        ("inside an upload to /request", |server| {
            begin(server, "POST /request HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab")
        }),
        ("inside a download that it does not read", |server| {
            let mut conn =
                begin(server, "GET /stream?n=100000&size=65536&delay_ms=0 HTTP/1.1\r\nHost: a\r\n\r\n")?;
            conn.head()?;
            Ok(conn)
        }),
        ("between the pieces of a slow stream", |server| {
            let mut conn =
                begin(server, "GET /stream?n=1000&size=10&delay_ms=500 HTTP/1.1\r\nHost: a\r\n\r\n")?;
            conn.head()?;
            Ok(conn)
        }),
        ("while its handler sleeps", |server| {
            begin(server, "GET /sleep?ms=30000 HTTP/1.1\r\nHost: a\r\n\r\n")
        }),
        ("with a pipeline behind a sleeping handler", |server| {
            let more = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n".repeat(100);
            begin(server, &format!("GET /sleep?ms=30000 HTTP/1.1\r\nHost: a\r\n\r\n{more}"))
        }),
        ("with an idle WebSocket", |server| {
            let (mut ws, _) = WebSocket::open(server.addr(), "")?;
            ws.echo(TEXT, b"x")?;
            Ok(ws.into_conn())
        }),
        ("inside a WebSocket frame", |server| {
            let (mut ws, _) = WebSocket::open(server.addr(), "")?;
            ws.conn().send(&frame(TEXT, &[b'x'; 70_000])[..50_000])?;
            Ok(ws.into_conn())
        }),
        ("with WebSocket echoes that it does not read", |server| {
            let (mut ws, _) = WebSocket::open(server.addr(), "")?;
            for _ in 0..8 {
                ws.send(TEXT, &[b'x'; 100_000])?;
            }
            Ok(ws.into_conn())
        }),
    ];
    for (name, start) in scenarios {
        report.check(&format!("vanish: {CLIENTS} clients, {name}"), || {
            leaves_nothing(options, |server| {
                let clients = (0..CLIENTS).map(|_| start(server)).collect::<Result<Vec<_>>>()?;
                let mut monitor = Conn::open(server.addr())?;
                settles(SOON, || {
                    let open = monitor.stats()?["connections"].as_u64();
                    ensure!(open > Some(CLIENTS as u64), "{open:?} connections with {CLIENTS} clients");
                    Ok(())
                })?;
                drop(clients);
                Ok(())
            })
        });
    }
    if scripts::installed("curl", options, report) {
        for (name, path, upload) in [
            ("a download", "/stream?n=100000&size=1000&delay_ms=1", false),
            ("an upload", "/echo", true),
            ("a sleep", "/sleep?ms=30000", false),
        ] {
            report.check(&format!("vanish: curl killed in the middle of {name}"), || {
                leaves_nothing(options, |server| killed(server, path, upload))
            });
        }
    }
    Ok(())
}

fn begin(server: &Server, bytes: &str) -> Result<Conn> {
    let mut conn = Conn::open(server.addr())?;
    conn.send(bytes)?;
    Ok(conn)
}

/// SIGKILL to a curl that is at it.
fn killed(server: &Server, path: &str, upload: bool) -> Result {
    let url = server.url(path);
    let args: &[&str] = if upload { &["-N", "-T", "-", &url] } else { &["-N", &url] };
    let mut monitor = Conn::open(server.addr())?;
    let before = count(&monitor.stats()?, "in_flight");
    let mut child = curl::command(args).stdin(if upload { Stdio::piped() } else { Stdio::null() }).spawn()?;
    let running = settles(SOON, || {
        ensure!(count(&monitor.stats()?, "in_flight") > before, "no handler runs for curl");
        Ok(())
    });
    if path.starts_with("/stream") {
        let mut first = [0; 2000];
        child.stdout.take().ok_or("curl has no stdout")?.read_exact(&mut first)?;
    }
    child.kill()?;
    child.wait()?;
    running
}

fn count(stats: &Value, key: &str) -> u64 {
    stats[key].as_u64().unwrap_or(u64::MAX)
}

/// Runs something that comes and goes, and waits until the server is as it was before.
fn leaves_nothing(options: &Options, comes_and_goes: impl FnOnce(&Server) -> Result) -> Result {
    let server = Server::start(&options.echo, &[])?;
    let look = || -> Result<_> {
        // The connection that asks is open at each look, and counted in each.
        let mut conn = Conn::open(server.addr())?;
        let stats = conn.stats()?;
        let counts = ["connections", "in_flight", "websockets"].map(|key| count(&stats, key));
        Ok((counts, server.descriptors()?))
    };
    let mut before = look()?;
    settles(SOON, || {
        before = look()?;
        let [connections, in_flight, websockets] = before.0;
        ensure!(connections == 1 && in_flight <= 1 && websockets == 0, "not at rest before: {before:?}");
        Ok(())
    })?;
    comes_and_goes(&server)?;
    settles(GONE, || {
        let after = look()?;
        ensure!(
            after == before,
            "(connections, in flight, websockets), descriptors: {after:?} instead of {before:?}"
        );
        Ok(())
    })
}

/// Asks again and again until the answer is right, or the time is over.
pub(crate) fn settles(limit: Duration, mut check: impl FnMut() -> Result) -> Result {
    let end = Instant::now() + limit;
    loop {
        match check() {
            Err(_) if Instant::now() < end => thread::sleep(Duration::from_millis(10)),
            outcome => return outcome,
        }
    }
}
