//! The client of `server-core`, as the example `wscat`: against `echo`, and against a server that is not ours.

use std::fs;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use crate::report::{Report, Result, ensure};
use crate::scripts::{installed, package};
use crate::{Options, with_server};

/// How long one run may take.
const LIMIT: Duration = Duration::from_secs(30);

/// Python's server answers a Close before its handler has seen what came before it.
const WAIT: &[&str] = &["--wait", "1"];

pub(crate) fn run(options: &Options, report: &mut Report) -> Result {
    with_server(&options.echo, report, "wscat", &["--ws-deflate"], |server, report| {
        let url = format!("ws://{}/ws", server.addr());
        let mut check = |name: &str, check: fn(&Options, &str) -> Result| {
            report.check(&format!("wscat: {name}"), || check(options, &url));
        };
        check("lines come back, and it closes in good order", |options, url| lines(options, url, &[]));
        check("compressed lines come back", |options, url| compressed(options, url, &[]));
        check("a file of 1 MiB comes back", |options, url| file(options, url, &[]));
        check("hexadecimal goes out as binary", |options, url| hex(options, url, &[]));
        check("a text of the arguments comes before the first line", |options, url| {
            let talk = talk(options, &["--text", "one", "-t", "two", url], "three\n")?;
            ensure!(talk.out == "one\ntwo\nthree\n", "it prints {:?}", talk.out);
            talk.ends(0, "closed 1000")
        });
        check("the subprotocol is told", |options, url| {
            let talk = talk(options, &["-s", "chat", "-s", "echo", url], "")?;
            talk.ends(0, "connected, speaking echo")
        });
        check("the close code and reason come back", |options, url| {
            talk(options, &["--close", "4000:that is it", url], "")?.ends(0, "closed 4000: that is it")
        });
        check("input that is not hexadecimal ends it", |options, url| {
            talk(options, &["--hex", url], "00 f\n")?.ends(64, "not pairs of hexadecimal digits")
        });
        check("input that is not UTF-8 ends it", |options, url| {
            let talk = talk(options, &[url], b"before\n\xff\nbehind\n")?;
            ensure!(talk.out == "before\n", "it prints {:?}", talk.out);
            talk.ends(64, "cannot read the input")
        });
        check("SIGINT closes in good order", interrupt);
        check("another answer is a refusal", |options, url| {
            talk(options, &[&url.replace("/ws", "/hello")], "")?.ends(2, "the server answers 200 OK")
        });
        check("nobody there is a failure", |options, _| {
            talk(options, &["ws://127.0.0.1:1/"], "")?.ends(1, "no WebSocket")
        });
        check("wrong arguments are told", |options, url| {
            for args in [&["http://a/"][..], &["--close", "1005", url], &["-H", "x", url], &[]] {
                talk(options, args, "")?.ends(64, "")?;
            }
            Ok(())
        });
    })?;
    with_server(&options.echo, report, "wscat, TLS", &["--listen-tls", "127.0.0.1:0"], |server, report| {
        let (plain, secure) =
            (format!("ws://{}/ws", server.addr()), server.tls().map(|addr| format!("wss://{addr}/ws")));
        let secure = secure.unwrap_or_default();
        let talks = |args: &[&str], carrier: &str| -> Result {
            lines(options, args[0], &args[1..])?;
            let protocols = ["-s", "echo.http2", "-s", "echo.http1"];
            talk(options, &[&protocols[..], args].concat(), "")?.ends(0, &format!("speaking {carrier}"))
        };
        report.check("wscat: wss, over HTTP/1.1", || talks(&[&secure, "--insecure"], "echo.http1"));
        report.check("wscat: wss, over HTTP/2", || talks(&[&secure, "--insecure", "--http2"], "echo.http2"));
        report.check("wscat: HTTP/2 by prior knowledge", || talks(&[&plain, "--http2"], "echo.http2"));
        report.check("wscat: a certificate that nobody vouches for is refused", || {
            talk(options, &[&secure], "")?.ends(1, "certificate")
        });
        report.check("wscat, HTTP/2: another answer is a refusal", || {
            talk(options, &["--http2", &plain.replace("/ws", "/hello")], "")?.ends(2, "the server answers")
        });
    })?;
    if !package("wscat: websockets", &options.tools.join("python/websockets"), options, report)
        || !installed("python3", options, report)
    {
        return Ok(());
    }
    let tools = options.tools.to_string_lossy();
    with_server(
        &options.scripts.join("ws_server.py"),
        report,
        "wscat, python",
        &["--tools", &tools],
        |server, report| {
            let url = format!("ws://{}", server.addr());
            let mut check = |name: &str, check: fn(&Options, &str) -> Result| {
                report.check(&format!("wscat, python: {name}"), || check(options, &url));
            };
            check("lines come back, and it closes in good order", |options, url| lines(options, url, WAIT));
            check("compressed lines come back", |options, url| compressed(options, url, WAIT));
            check("a file of 1 MiB comes back", |options, url| file(options, url, WAIT));
            check("hexadecimal goes out as binary", |options, url| hex(options, url, WAIT));
            check("a server that closes is answered", |options, url| {
                waiting(options, &[&format!("{url}/close")])?.ends(0, "closed 4001: bye")
            });
            check("a ping is answered and fragments are joined", |options, url| {
                let talk = waiting(options, &[&format!("{url}/fragments")])?;
                ensure!(talk.out == "one, two, three\npong\n", "it prints {:?}", talk.out);
                talk.ends(0, "closed 1000")
            });
            check("header fields, origin and subprotocol are sent", headers);
            check("a refusal is told with its body", |options, url| {
                let talk = talk(options, &[&format!("{url}/refused")], "")?;
                talk.ends(2, "not for you")?;
                talk.ends(2, "the server answers 403 Forbidden")
            });
            check("a close of an error is told", |options, url| {
                let path = options.tools.join("too-large");
                fs::write(&path, vec![0; 5 << 20])?;
                let url = format!("{url}/too-large");
                waiting(options, &["--file", &path.to_string_lossy(), &url])?.ends(3, "closed 1009")
            });
        },
    )
}

/// How one run of wscat ended.
struct Talk {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Talk {
    fn ends(&self, code: i32, said: &str) -> Result {
        ensure!(self.code == Some(code), "exit code {:?} instead of {code}: {}", self.code, self.err);
        ensure!(self.err.contains(said), "it does not say {said:?}: {}", self.err);
        Ok(())
    }
}

fn start(options: &Options, args: &[&str]) -> Result<Child> {
    let mut command = Command::new(&options.wscat);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Ok(command.spawn().map_err(|e| format!("{}: {e}", options.wscat.display()))?)
}

/// Runs it with this input, then the end of input.
fn talk(options: &Options, args: &[&str], input: impl AsRef<[u8]>) -> Result<Talk> {
    let mut child = start(options, args)?;
    let stdin = child.stdin.take();
    let input = input.as_ref().to_owned();
    // It may end before it has read everything.
    thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(&input)));
    finish(child)
}

/// Runs it with an input that does not end.
fn waiting(options: &Options, args: &[&str]) -> Result<Talk> {
    let mut child = start(options, args)?;
    let stdin = child.stdin.take();
    let talk = finish(child);
    drop(stdin);
    talk
}

fn finish(mut child: Child) -> Result<Talk> {
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let (ended, end) = channel();
    let err = thread::spawn(move || text(err));
    let out = thread::spawn(move || {
        let out = text(out);
        // Nobody may wait any more.
        let _ = ended.send(());
        out
    });
    let in_time = end.recv_timeout(LIMIT).is_ok();
    if !in_time {
        // It may have ended meanwhile.
        let _ = child.kill();
    }
    let status = child.wait()?;
    ensure!(in_time, "it still runs after {LIMIT:?}");
    Ok(Talk { code: status.code(), out: out.join().unwrap_or_default(), err: err.join().unwrap_or_default() })
}

fn text(pipe: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    // What was read before an error is still the output.
    let _ = pipe.map(|mut pipe| pipe.read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

fn lines(options: &Options, url: &str, wait: &[&str]) -> Result {
    let input: String = (0..500).map(|n| format!("line {n} gr\u{fc}\u{df}t\n")).collect();
    let talk = talk(options, &[wait, &[url]].concat(), &input)?;
    ensure!(talk.out == input, "{} bytes come back of {}", talk.out.len(), input.len());
    talk.ends(0, "closed 1000")
}

fn compressed(options: &Options, url: &str, wait: &[&str]) -> Result {
    let input = format!("{}\nshort\n", "long and dull, ".repeat(5000));
    let talk = talk(options, &[wait, &["--deflate"], &[url]].concat(), &input)?;
    ensure!(talk.out == input, "{} bytes come back of {}", talk.out.len(), input.len());
    talk.ends(0, "permessage-deflate")
}

fn file(options: &Options, url: &str, wait: &[&str]) -> Result {
    let path = options.tools.join("large");
    fs::write(&path, (0..1 << 20).map(|n: u32| (n % 251) as u8).collect::<Vec<_>>())?;
    let talk = talk(options, &[wait, &["--file", &path.to_string_lossy()], &[url]].concat(), "behind\n")?;
    let bytes: String = (0..1 << 20).map(|n: u32| format!("{:02x}", (n % 251) as u8)).collect();
    ensure!(talk.out == format!("{bytes}\nbehind\n"), "{} bytes come back", talk.out.len());
    talk.ends(0, "closed 1000")
}

fn hex(options: &Options, url: &str, wait: &[&str]) -> Result {
    let talk = talk(options, &[wait, &["--hex"], &[url]].concat(), "00 fF\n\n0a\n")?;
    ensure!(talk.out == "00ff\n\n0a\n", "{:?} comes back", talk.out);
    talk.ends(0, "closed 1000")
}

fn interrupt(options: &Options, url: &str) -> Result {
    let mut child = start(options, &[url])?;
    let mut stdin = child.stdin.take().ok_or("no stdin")?;
    let mut stdout = child.stdout.take().ok_or("no stdout")?;
    stdin.write_all(b"here\n")?;
    let mut echo = [0; 5];
    stdout.read_exact(&mut echo)?;
    let status = Command::new("kill").args(["-s", "INT", &child.id().to_string()]).status()?;
    ensure!(status.success(), "kill: {status}");
    finish(child)?.ends(0, "closed 1000")
}

fn headers(options: &Options, url: &str) -> Result {
    let url = format!("{url}/headers");
    let args = ["-H", "X-Token: abc", "-o", "https://page.example", "-s", "other", "-s", "chat", &url];
    let talk = waiting(options, &args)?;
    for line in [
        "X-Token: abc",
        "Origin: https://page.example",
        "Sec-WebSocket-Protocol: other, chat",
        "Connection: upgrade",
    ] {
        ensure!(talk.out.lines().any(|sent| sent == line), "{line:?} is not among {:?}", talk.out);
    }
    talk.ends(0, "speaking chat")
}
