//! curl: every route, and the parts of HTTP/1.1 that it speaks by itself.

use std::io::{Read, Write};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::report::{Report, Result, ensure};
use crate::{Options, Server, scripts, with_server};

pub(crate) fn run(options: &Options, report: &mut Report) -> Result {
    if !scripts::installed("curl", options, report) {
        return Ok(());
    }
    with_server(&options.echo, report, "curl", &[], |server, report| {
        for (name, check) in ANYWHERE.iter().chain(DIRECT) {
            report.check(&format!("curl: {name}"), || check(server));
        }
    })?;
    with_server(&options.echo, report, "curl", &["--max-body-bytes", "1000"], |server, report| {
        report.check("curl: --max-body-bytes gives 413", || too_large(server));
    })
}

/// The reverse proxy in front of the same server: what does not depend on the connection is as without it.
pub(crate) fn proxy(options: &Options, report: &mut Report) -> Result {
    if !scripts::installed("curl", options, report) {
        return Ok(());
    }
    with_server(&options.echo, report, "proxy", &[], |echo, report| {
        let upstream = echo.addr().to_string();
        match Server::start(&options.proxy, &["--upstream", &upstream]) {
            Ok(proxy) => {
                for (name, check) in ANYWHERE {
                    report.check(&format!("proxy: {name}"), || check(&proxy));
                }
                report.check("proxy: hop-by-hop fields stay behind", || hop_by_hop(&proxy));
            }
            Err(error) => report.record("proxy: it starts", Err(error)),
        }
    })
}

type Check = (&'static str, fn(&Server) -> Result);

/// What holds through a proxy as well.
const ANYWHERE: &[Check] = &[
    ("GET / is an HTML page", page),
    ("GET /hello", hello),
    ("HEAD /hello has the same head and no body", head),
    ("HTTP/1.0", http_1_0),
    ("/echo with POST, PUT, PATCH, DELETE and GET", echo),
    ("/echo keeps the Content-Type or says octet-stream", content_type),
    ("chunked upload from a pipe", chunked),
    ("Expect: 100-continue is answered before the body", expect_continue),
    ("/stream has the size it was asked for", stream),
    ("/sleep answers after its time", sleep),
    ("unknown paths are 404", not_found),
    ("keep-alive: three requests on one connection", keep_alive),
    ("Connection: close is obeyed", close),
];

/// What counts connections, shows the request as it came, or watches the pieces as they were written.
const DIRECT: &[Check] = &[
    ("/stream: pieces arrive apart in time", stream_apart),
    ("/request tells what was sent", request),
    ("/sleep in parallel, counted in /stats", parallel),
    ("/stats has its counters", stats),
];

fn hop_by_hop(server: &Server) -> Result {
    let url = server.url("/request");
    let out =
        command(&["-H", "X-Secret: 1", "-H", "Connection: X-Secret", "-H", "X-Kept: 2", &url]).output()?;
    let seen: Value = serde_json::from_slice(&out.stdout)?;
    let has = |name: &str| {
        seen["headers"].as_array().is_some_and(|fields| fields.iter().any(|field| field[0] == json!(name)))
    };
    ensure!(has("X-Kept") && !has("X-Secret") && !has("Connection"), "the upstream saw {seen}");
    Ok(())
}

/// What curl brought back, one [`Value`] of `--write-out` facts per transfer.
struct Reply {
    body: Vec<u8>,
    transfers: Vec<Value>,
}

impl Reply {
    fn ok(&self) -> Result {
        self.status(200)
    }

    fn status(&self, status: u16) -> Result {
        for transfer in &self.transfers {
            ensure!(
                transfer["response_code"] == json!(status),
                "answered with {}",
                transfer["response_code"]
            );
        }
        Ok(())
    }

    fn json(&self) -> Result<Value> {
        Ok(serde_json::from_slice(&self.body)?)
    }

    fn content_type(&self) -> &str {
        self.transfers[0]["content_type"].as_str().unwrap_or_default()
    }
}

/// curl with nothing of the user's configuration.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new("curl");
    command.args(["-q", "-sS", "--no-progress-meter", "--noproxy", "*", "--max-time", "60"]).args(args);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn curl(args: &[&str]) -> Result<Reply> {
    reply(command(&["-w", "%{stderr}%{json}\\n"]).args(args).output()?)
}

fn reply(output: Output) -> Result<Reply> {
    let stderr = String::from_utf8(output.stderr)?;
    ensure!(output.status.success(), "curl: {}", stderr.lines().next().unwrap_or("failed"));
    // In parallel, curl draws its progress into the same line.
    let facts = stderr.lines().filter_map(|line| line.find('{').map(|start| &line[start..]));
    let transfers: Vec<Value> = facts.filter_map(|line| serde_json::from_str(line).ok()).collect();
    ensure!(!transfers.is_empty(), "curl told nothing of its transfer: {stderr}");
    Ok(Reply { body: output.stdout, transfers })
}

fn page(server: &Server) -> Result {
    let reply = curl(&[&server.url("/")])?;
    reply.ok()?;
    ensure!(reply.content_type().starts_with("text/html"), "Content-Type: {}", reply.content_type());
    let page = String::from_utf8(reply.body)?;
    ensure!(page.starts_with("<!doctype html>") || page.starts_with("<!DOCTYPE html>"), "no doctype");
    let outside = ["https://", "http://", " src=", "@import"].into_iter().find(|word| page.contains(word));
    ensure!(outside.is_none(), "the page reaches outside itself: {outside:?}");
    Ok(())
}

fn hello(server: &Server) -> Result {
    for path in ["/hello", "/hello?a=b"] {
        let reply = curl(&[&server.url(path)])?;
        reply.ok()?;
        ensure!(reply.body == b"Hello, World!", "{path}: {} bytes", reply.body.len());
        ensure!(reply.content_type().starts_with("text/plain"), "Content-Type: {}", reply.content_type());
        ensure!(reply.transfers[0]["http_version"] == json!("1.1"), "{}", reply.transfers[0]["http_version"]);
    }
    Ok(())
}

fn head(server: &Server) -> Result {
    let url = server.url("/hello");
    let reply =
        curl(&["-I", &url, "--next", "-q", "-sS", "-w", "%{stderr}%{json}\\n", "-o", "/dev/null", &url])?;
    reply.ok()?;
    let head = String::from_utf8(reply.body)?.to_ascii_lowercase();
    ensure!(head.contains("\r\ncontent-length: 13\r\n"), "no Content-Length of the GET: {head:?}");
    ensure!(head.ends_with("\r\n\r\n"), "a body after the head: {head:?}");
    ensure!(reply.transfers[1]["num_connects"] == json!(0), "HEAD ended the connection");
    Ok(())
}

fn http_1_0(server: &Server) -> Result {
    let reply = curl(&["--http1.0", &server.url("/hello")])?;
    reply.ok()?;
    ensure!(reply.body == b"Hello, World!", "{} bytes", reply.body.len());
    let reply = curl(&["--http1.0", "-d", "abc", &server.url("/echo")])?;
    reply.ok()?;
    ensure!(reply.body == b"abc", "the echo differs");
    let reply = curl(&["--http1.0", &server.url("/stream?n=3&size=5&delay_ms=1")])?;
    reply.ok()?;
    ensure!(reply.body.len() == 15, "a stream of {} bytes instead of 15", reply.body.len());
    Ok(())
}

fn echo(server: &Server) -> Result {
    for method in ["POST", "PUT", "PATCH", "DELETE", "GET", "PROPFIND"] {
        let reply = curl(&["-X", method, "--data-binary", "a\r\nb\tc", &server.url("/echo")])?;
        reply.ok()?;
        ensure!(reply.body == b"a\r\nb\tc", "{method}: the echo differs");
    }
    let reply = curl(&["-X", "POST", &server.url("/echo")])?;
    reply.ok()?;
    ensure!(reply.body.is_empty(), "an echo of nothing has {} bytes", reply.body.len());
    Ok(())
}

fn content_type(server: &Server) -> Result {
    for (field, wanted) in [
        ("Content-Type: application/x-thing; v=1", "application/x-thing; v=1"),
        ("Content-Type:", "application/octet-stream"),
    ] {
        let reply = curl(&["-H", field, "-d", "x", &server.url("/echo")])?;
        reply.ok()?;
        ensure!(reply.content_type() == wanted, "{field}: {}", reply.content_type());
    }
    Ok(())
}

fn chunked(server: &Server) -> Result {
    for (path, method) in [("/echo", "PUT"), ("/request", "POST")] {
        let body: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
        let url = server.url(path);
        let mut curl = command(&["-w", "%{stderr}%{json}\\n", "-X", method, "-T", "-", &url]);
        let mut child = curl.stdin(Stdio::piped()).spawn()?;
        let mut stdin = child.stdin.take().ok_or("curl has no stdin")?;
        let sent = body.clone();
        let feed = thread::spawn(move || stdin.write_all(&sent));
        let reply = reply(child.wait_with_output()?)?;
        feed.join().map_err(|_| "the feeding thread panicked")??;
        reply.ok()?;
        if path == "/echo" {
            ensure!(reply.body == body, "the echo differs");
        } else {
            let request = reply.json()?;
            ensure!(request["body_len"] == json!(body.len()), "body_len is {}", request["body_len"]);
            ensure!(
                request["headers"].to_string().contains(r#"["Transfer-Encoding","chunked"]"#),
                "{request}"
            );
        }
    }
    Ok(())
}

fn expect_continue(server: &Server) -> Result {
    let body = "x".repeat(100_000);
    let path = ["-i", "--expect100-timeout", "30", "-H", "Expect: 100-continue", "--data-binary", "@-"];
    let url = server.url("/request");
    let mut child =
        command(&["-w", "%{stderr}%{json}\\n"]).args(path).arg(&url).stdin(Stdio::piped()).spawn()?;
    child.stdin.take().ok_or("curl has no stdin")?.write_all(body.as_bytes())?;
    let reply = reply(child.wait_with_output()?)?;
    reply.ok()?;
    let text = String::from_utf8(reply.body)?;
    ensure!(text.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 "), "no interim response: {text:?}");
    ensure!(text.contains("\"body_len\":100000"), "the body did not arrive: {text:?}");
    let seconds = reply.transfers[0]["time_total"].as_f64().unwrap_or(f64::MAX);
    ensure!(seconds < 10.0, "curl waited {seconds} s");
    Ok(())
}

fn request(server: &Server) -> Result {
    let url = server.url("/request/?");
    ensure!(curl(&[&url])?.status(404).is_ok(), "/request/ is not /request");
    let fields = ["-H", "X-MiXeD: one", "-H", "x-mixed: two", "-H", "X-Empty;", "-H", "Accept: */*"];
    let url = server.url("/request?q=%C3%A9&r");
    let reply = curl(&[&fields[..], &["-X", "PATCH", "--data-binary", "12345", &url]].concat())?;
    reply.ok()?;
    ensure!(reply.content_type() == "application/json", "Content-Type: {}", reply.content_type());
    let request = reply.json()?;
    let peer = format!("{}:{}", "127.0.0.1", reply.transfers[0]["local_port"]);
    for (key, wanted) in [
        ("method", json!("PATCH")),
        ("target", json!("/request?q=%C3%A9&r")),
        ("version", json!("HTTP/1.1")),
        ("body_len", json!(5)),
        ("trailers", json!([])),
        ("peer", json!(peer)),
    ] {
        ensure!(request[key] == wanted, "{key} is {} instead of {wanted}", request[key]);
    }
    let own =
        |field: &&Value| ["X-MiXeD", "x-mixed", "X-Empty", "Host"].iter().any(|name| field[0] == json!(name));
    let fields: Vec<_> = request["headers"].as_array().into_iter().flatten().filter(own).collect();
    let host = server.addr().to_string();
    let wanted = json!([["Host", host], ["X-MiXeD", "one"], ["x-mixed", "two"], ["X-Empty", ""]]);
    ensure!(json!(fields) == wanted, "headers are {} instead of {wanted}", json!(fields));
    let reply = curl(&["--http1.0", &server.url("/request")])?.json()?;
    ensure!(reply["version"] == json!("HTTP/1.0"), "version is {}", reply["version"]);
    Ok(())
}

fn stream(server: &Server) -> Result {
    for (query, size) in [
        ("n=5&size=1000&delay_ms=0", 5000),
        ("n=100&size=70000", 7_000_000),
        ("n=0&size=9", 0),
        ("size=10&n=3", 30),
    ] {
        let reply = curl(&[&server.url(&format!("/stream?{query}"))])?;
        reply.ok()?;
        ensure!(reply.body.len() == size, "{query}: {} bytes instead of {size}", reply.body.len());
    }
    Ok(())
}

fn stream_apart(server: &Server) -> Result {
    let mut child = command(&["-N", &server.url("/stream?n=4&size=10&delay_ms=200")]).spawn()?;
    let mut stdout = child.stdout.take().ok_or("curl has no stdout")?;
    let mut arrivals = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let read = stdout.read(&mut piece)?;
        if read == 0 {
            break;
        }
        arrivals.push((Instant::now(), read));
    }
    ensure!(child.wait()?.success(), "curl failed");
    let sizes: Vec<_> = arrivals.iter().map(|(_, size)| *size).collect();
    ensure!(sizes == [10; 4], "pieces of {sizes:?} bytes instead of four of 10");
    let gaps: Vec<_> = arrivals.windows(2).map(|pair| (pair[1].0 - pair[0].0).as_millis()).collect();
    ensure!(gaps.iter().all(|gap| (100..1000).contains(gap)), "gaps of {gaps:?} ms instead of 200");
    Ok(())
}

fn sleep(server: &Server) -> Result {
    let reply = curl(&[&server.url("/sleep?ms=300")])?;
    reply.ok()?;
    let seconds = reply.transfers[0]["time_total"].as_f64().unwrap_or_default();
    ensure!((0.3..1.5).contains(&seconds), "it took {seconds} s");
    Ok(())
}

fn parallel(server: &Server) -> Result {
    let before = server.stats()?["requests"].as_u64().ok_or("no requests in /stats")?;
    let start = Instant::now();
    let url = server.url("/sleep?ms=400&i=[1-20]");
    let reply = curl(&["-Z", "--parallel-immediate", "-o", "/dev/null", &url])?;
    reply.ok()?;
    ensure!(reply.transfers.len() == 20, "{} transfers", reply.transfers.len());
    ensure!(start.elapsed() < Duration::from_secs(3), "one after the other: {:?}", start.elapsed());
    let stats = server.stats()?;
    let (peak, requests) = (stats["peak"].as_u64().unwrap_or(0), stats["requests"].as_u64().unwrap_or(0));
    ensure!((20..30).contains(&peak), "peak is {peak}");
    // the 20, and the question itself
    ensure!(requests - before == 21, "requests grew by {} instead of 21", requests - before);
    Ok(())
}

fn stats(server: &Server) -> Result {
    let reply = curl(&[&server.url("/stats")])?;
    reply.ok()?;
    ensure!(reply.content_type() == "application/json", "Content-Type: {}", reply.content_type());
    let stats = reply.json()?;
    for key in ["connections", "in_flight", "peak", "requests", "websockets"] {
        ensure!(stats[key].is_u64(), "{key} is {}", stats[key]);
    }
    ensure!(stats["connections"] == json!(1), "connections is {} with one client", stats["connections"]);
    ensure!(stats["websockets"] == json!(0), "websockets is {} with none", stats["websockets"]);
    Ok(())
}

fn not_found(server: &Server) -> Result {
    for path in ["/nothing", "/hello/", "/Hello", "/echo/x", "//hello", "/favicon.ico"] {
        curl(&[&server.url(path)])?.status(404).map_err(|e| format!("{path} {e}"))?;
    }
    curl(&["-d", "x", &server.url("/nothing")])?.status(404)
}

fn keep_alive(server: &Server) -> Result {
    let (hello, echo) = (server.url("/hello"), server.url("/echo"));
    let reply = curl(&["-d", "abc", &hello.replace("hello", "request"), &echo, &echo])?;
    reply.ok()?;
    let connects: Vec<_> = reply.transfers.iter().map(|t| t["num_connects"].as_u64()).collect();
    ensure!(connects == [Some(1), Some(0), Some(0)], "connections opened: {connects:?}");
    Ok(())
}

fn close(server: &Server) -> Result {
    let url = server.url("/hello");
    let reply = curl(&["-i", "-H", "Connection: close", &url, &url])?;
    reply.ok()?;
    let connects: Vec<_> = reply.transfers.iter().map(|t| t["num_connects"].as_u64()).collect();
    ensure!(connects == [Some(1), Some(1)], "connections opened: {connects:?}");
    let text = String::from_utf8(reply.body)?.to_ascii_lowercase();
    ensure!(text.contains("\r\nconnection: close\r\n"), "the server does not say that it closes");
    Ok(())
}

fn too_large(server: &Server) -> Result {
    let (fits, over) = ("x".repeat(1000), "x".repeat(1001));
    for path in ["/echo", "/request"] {
        let url = server.url(path);
        curl(&["--data-binary", &fits, &url])?.ok().map_err(|e| format!("{path}, 1000 bytes: {e}"))?;
        curl(&["--data-binary", &over, &url])?.status(413).map_err(|e| format!("{path}, 1001 bytes: {e}"))?;
    }
    let chunked = ["-H", "Transfer-Encoding: chunked", "--data-binary"];
    let url = server.url("/request");
    curl(&[&chunked[..], &[&fits, &url]].concat())?.ok().map_err(|e| format!("1000 bytes chunked: {e}"))?;
    curl(&[&chunked[..], &[&over, &url]].concat())?
        .status(413)
        .map_err(|e| format!("1001 bytes chunked: {e}"))?;
    Ok(())
}
