//! HTTP/2: curl and h2load, in cleartext and over TLS; a hundred mebibytes both ways; the end of a server. Then the clients
//! of Python and Node.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::report::{Report, Result, ensure};
use crate::{Options, Server, curl, scripts, with_server};

/// What one transfer of the memory checks carries, and what the server may grow by meanwhile.
const SIZE: u64 = 100 << 20;
const MAY_GROW_KIB: u64 = 16 << 10;

const BOTH: &[&str] = &["--listen-tls", "127.0.0.1:0"];

pub(crate) fn run(options: &Options, report: &mut Report) -> Result {
    if scripts::installed("curl", options, report) {
        with_server(&options.echo, report, "http2, curl", BOTH, |server, report| {
            for (name, check) in CURL {
                report.check(&format!("http2, curl: {name}"), || check(server));
            }
        })?;
        for (name, upload) in [("upload", true), ("download", false)] {
            with_server(&options.echo, report, "http2", BOTH, |server, report| {
                report.check(&format!("http2: a large {name} in less than 16 MiB of memory"), || {
                    in_little_memory(server, upload)
                });
            })?;
        }
        report.check("http2: SIGTERM finishes what has begun", || drain(options));
    }
    if scripts::installed("h2load", options, report) {
        with_server(&options.echo, report, "http2, h2load", BOTH, |server, report| {
            report.check("http2, h2load: 100,000 requests in cleartext", || {
                load(&server.url("/hello"), 100_000)
            });
            report.check("http2, h2load: 100,000 requests over TLS", || {
                load(&secure(server, "/hello")?, 100_000)
            });
            report.check("http2, h2load: streamed bodies", || {
                load(&server.url("/stream?n=20&size=5000"), 2000)
            });
            report.check("http2, h2load: a client that is gone leaves nothing", || gone(server));
        })?;
    }
    scripts::http2(options, report)
}

type Check = (&'static str, fn(&Server) -> Result);

const CURL: &[Check] = &[
    ("prior knowledge", |server| {
        versions(&["--http2-prior-knowledge"], &server.url("/request"), "HTTP/2.0", "")
    }),
    ("--http2 over TLS, by ALPN", |server| {
        versions(&["-k", "--http2"], &secure(server, "/request")?, "HTTP/2.0", "h2")
    }),
    ("--http1.1 over TLS, by ALPN", |server| {
        versions(&["-k", "--http1.1"], &secure(server, "/request")?, "HTTP/1.1", "http/1.1")
    }),
    ("no ALPN is HTTP/1.1", |server| {
        versions(&["-k", "--no-alpn"], &secure(server, "/request")?, "HTTP/1.1", "")
    }),
    // The obsolete dance of RFC 7540: ignored, as RFC 9113 says.
    ("Upgrade: h2c is ignored", |server| versions(&["--http2"], &server.url("/request"), "HTTP/1.1", "")),
    ("/echo of a mebibyte", echo),
    ("HEAD and 404", head_and_404),
];

fn secure(server: &Server, path: &str) -> Result<String> {
    let addr = server.tls().ok_or("no listener with TLS")?;
    Ok(format!("https://localhost:{}{path}", addr.port()))
}

fn output(args: &[&str]) -> Result<Vec<u8>> {
    let output = curl::command(args).output()?;
    ensure!(output.status.success(), "curl: {}", String::from_utf8_lossy(&output.stderr));
    Ok(output.stdout)
}

fn versions(args: &[&str], url: &str, version: &str, alpn: &str) -> Result {
    let seen: Value = serde_json::from_slice(&output(&[args, &["-d", "hello", url]].concat())?)?;
    ensure!(seen["version"] == json!(version), "version {}", seen["version"]);
    let expected = if alpn.is_empty() { Value::Null } else { json!(alpn) };
    ensure!(seen["alpn"] == expected, "ALPN {}", seen["alpn"]);
    ensure!(seen["body_len"] == json!(5), "body of {}", seen["body_len"]);
    if url.starts_with("https") {
        ensure!(seen["tls_version"] == json!("TLSv1.3"), "TLS {}", seen["tls_version"]);
        ensure!(seen["sni"] == json!("localhost"), "SNI {}", seen["sni"]);
    }
    Ok(())
}

fn echo(server: &Server) -> Result {
    let sent: String = (0..).map(|n| format!("{n:07}\n")).take(1 << 17).collect();
    let file = std::env::temp_dir().join(format!("interop-http2-{}", std::process::id()));
    std::fs::write(&file, &sent)?;
    let data = format!("@{}", file.display());
    let urls = [server.url("/echo"), secure(server, "/echo")?];
    let got: Result<Vec<_>> = urls
        .iter()
        .map(|url| output(&["-k", "--http2-prior-knowledge", "--data-binary", &data, url]))
        .collect();
    std::fs::remove_file(&file)?;
    ensure!(got?.iter().all(|got| got == sent.as_bytes()), "another body came back");
    Ok(())
}

fn head_and_404(server: &Server) -> Result {
    let facts = ["-w", "%{http_version} %{response_code} %{header_json}", "-o", "/dev/null"];
    let prior = ["--http2-prior-knowledge"];
    let head = String::from_utf8(output(&[&facts[..], &prior, &["-I", &server.url("/hello")]].concat())?)?;
    ensure!(head.starts_with("2 200 ") && head.contains("\"13\""), "HEAD: {head}");
    let missing = String::from_utf8(output(&[&facts[..], &prior, &[&server.url("/nothing")]].concat())?)?;
    ensure!(missing.starts_with("2 404 "), "{missing}");
    Ok(())
}

fn in_little_memory(server: &Server, upload: bool) -> Result {
    output(&["--http2-prior-knowledge", &server.url("/hello")])?;
    let before = server.status("VmRSS")?;
    let reads = if upload {
        // From a pipe of known length; the echo is thrown away.
        let url = server.url("/echo");
        let mut source = Command::new("head")
            .args(["-c", &SIZE.to_string(), "/dev/zero"])
            .stdout(std::process::Stdio::piped())
            .spawn()?;
        let mut command = curl::command(&[
            "--http2-prior-knowledge",
            "-T",
            "-",
            "-o",
            "/dev/null",
            "-w",
            "%{size_download}",
            &url,
        ]);
        let out = command.stdin(source.stdout.take().ok_or("no pipe")?).output()?;
        source.wait()?;
        ensure!(out.status.success(), "curl: {}", String::from_utf8_lossy(&out.stderr));
        out.stdout
    } else {
        let url = server.url(&format!("/stream?n={}&size=1048576", SIZE >> 20));
        output(&["--http2-prior-knowledge", "-o", "/dev/null", "-w", "%{size_download}", &url])?
    };
    ensure!(reads == SIZE.to_string().as_bytes(), "{} bytes", String::from_utf8_lossy(&reads));
    let grown = server.status("VmHWM")?.saturating_sub(before);
    println!("   the server grew by {grown} KiB over {before} KiB");
    ensure!(grown < MAY_GROW_KIB, "the server's memory grew by {grown} KiB");
    Ok(())
}

fn load(url: &str, requests: u32) -> Result {
    let output =
        Command::new("h2load").args(["-n", &requests.to_string(), "-c", "8", "-m", "32", url]).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find(|line| line.starts_with("requests:")).unwrap_or_default();
    ensure!(line.contains(&format!(" {requests} succeeded, 0 failed, 0 errored")), "h2load: {line}");
    let speed = text.lines().find(|line| line.starts_with("finished in")).unwrap_or_default();
    println!("   {speed}");
    Ok(())
}

/// 32 streams of a client that is killed in their middle.
fn gone(server: &Server) -> Result {
    let mut client = Command::new("h2load")
        .args(["-n", "32", "-c", "1", "-m", "32", &server.url("/sleep?ms=20000")])
        .stdout(std::process::Stdio::null())
        .spawn()?;
    let settles = |wanted: u64| -> Result {
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            // The look itself is a request in flight.
            let seen = server.stats()?["in_flight"].as_u64();
            if seen == Some(wanted) {
                return Ok(());
            }
            ensure!(Instant::now() < end, "in_flight is {seen:?} instead of {wanted}");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let began = settles(33);
    client.kill()?;
    client.wait()?;
    began?;
    settles(1)
}

fn drain(options: &Options) -> Result {
    let mut server = Server::start(&options.echo, BOTH)?;
    let urls = [server.url("/sleep?ms=1000"), secure(&server, "/sleep?ms=1000")?];
    let mut clients = Vec::new();
    for url in &urls {
        clients.push(curl::command(&["-k", "--http2-prior-knowledge", "-f", url]).spawn()?);
    }
    let end = Instant::now() + Duration::from_secs(5);
    while server.stats()?["in_flight"].as_u64() != Some(3) {
        ensure!(Instant::now() < end, "the requests do not begin");
        std::thread::sleep(Duration::from_millis(10));
    }
    server.signal("TERM")?;
    for client in clients {
        let output = client.wait_with_output()?;
        ensure!(output.status.success(), "curl: {}", String::from_utf8_lossy(&output.stderr));
        ensure!(output.stdout == b"slept 1000 ms\n", "the answer is cut off");
    }
    let status = server.wait(Duration::from_secs(3))?;
    ensure!(status.code() == Some(0), "it ended with {status}");
    Ok(())
}
