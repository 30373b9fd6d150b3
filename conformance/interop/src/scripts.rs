//! The clients that are not Rust: scripts that print `ok NAME` or `FAILED NAME: fact`, and `end` as their last line.
//!
//! A script may also print `server stop` or `server start` and go on when it reads a line.

use std::env;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::report::{Report, Result, ensure};
use crate::{Options, Server};

/// How long a script may take in all.
const LIMIT: Duration = Duration::from_secs(120);
/// The largest message that the servers under the WebSocket clients take.
const WS_MAX: &str = "2097152";

/// The same checks without and with permessage-deflate: group, flags of the server, what the script is told.
fn websocket_rounds(
    plain: &'static str,
    compressed: &'static str,
) -> [(&'static str, &'static [&'static str], &'static str); 2] {
    [
        (plain, &["--ws-max-message-bytes", WS_MAX], ""),
        (compressed, &["--ws-max-message-bytes", WS_MAX, "--ws-deflate"], "1"),
    ]
}

pub(crate) fn python(options: &Options, report: &mut Report) -> Result {
    if !package("python: websockets", &options.tools.join("python/websockets"), options, report)
        || !installed("python3", options, report)
    {
        return Ok(());
    }
    for (group, args, deflate) in websocket_rounds("python", "python, compressed") {
        let mut command = Command::new("python3");
        command.arg("-u").arg(options.scripts.join("ws_python.py")).env("INTEROP_DEFLATE", deflate);
        command.env("PYTHONPATH", options.tools.join("python")).env("PYTHONDONTWRITEBYTECODE", "1");
        script(group, command, args, options, report)?;
    }
    Ok(())
}

pub(crate) fn node(options: &Options, report: &mut Report) -> Result {
    if !package("node: ws", &options.tools.join("node_modules/ws"), options, report)
        || !installed("node", options, report)
    {
        return Ok(());
    }
    for (group, args, deflate) in websocket_rounds("node", "node, compressed") {
        let mut command = Command::new("node");
        command.arg(options.scripts.join("ws_node.mjs"));
        command.env("INTEROP_TOOLS", &options.tools).env("INTEROP_DEFLATE", deflate);
        script(group, command, args, options, report)?;
    }
    Ok(())
}

/// Python's and Node's clients of HTTP/2, in cleartext and over TLS.
pub(crate) fn http2(options: &Options, report: &mut Report) -> Result {
    const ARGS: &[&str] = &["--listen-tls", "127.0.0.1:0"];
    if package("http2: httpx", &options.tools.join("python/httpx"), options, report)
        && installed("python3", options, report)
    {
        let mut command = Command::new("python3");
        command.arg("-u").arg(options.scripts.join("http2_python.py"));
        command.env("PYTHONPATH", options.tools.join("python")).env("PYTHONDONTWRITEBYTECODE", "1");
        script("http2, python", command, ARGS, options, report)?;
    }
    if installed("node", options, report) {
        let mut command = Command::new("node");
        command.arg(options.scripts.join("http2_node.mjs"));
        script("http2, node", command, ARGS, options, report)?;
    }
    Ok(())
}

/// Python's decoders and encoders, and Chromium's decoders.
pub(crate) fn compress(group: &str, padding: &'static str, options: &Options, report: &mut Report) -> Result {
    let args = ["--decode-requests", "--compress-padding", padding];
    if package("compress: zstandard", &options.tools.join("python/zstandard"), options, report)
        && installed("python3", options, report)
    {
        let mut command = Command::new("python3");
        command.arg("-u").arg(options.scripts.join("compress_python.py"));
        command.env("PYTHONPATH", options.tools.join("python")).env("PYTHONDONTWRITEBYTECODE", "1");
        script(&format!("{group}, python"), command, &args, options, report)?;
    }
    if package(
        "compress: playwright-core",
        &options.tools.join("node_modules/playwright-core"),
        options,
        report,
    ) && installed("node", options, report)
        && installed("chromium", options, report)
    {
        let mut command = Command::new("node");
        command.arg(options.scripts.join("compress_browser.mjs")).env("INTEROP_TOOLS", &options.tools);
        command.env("INTEROP_CHROMIUM", find("chromium").unwrap_or_default());
        script(&format!("{group}, browser"), command, &args, options, report)?;
    }
    Ok(())
}

pub(crate) fn php(options: &Options, report: &mut Report) -> Result {
    if !installed("php", options, report) {
        return Ok(());
    }
    let mut command = Command::new("php");
    command.arg("-n").arg(options.scripts.join("http_php.php"));
    script("php", command, &[], options, report)
}

pub(crate) fn browser(options: &Options, report: &mut Report) -> Result {
    if !package(
        "browser: playwright-core",
        &options.tools.join("node_modules/playwright-core"),
        options,
        report,
    ) || !installed("node", options, report)
        || !installed("chromium", options, report)
    {
        return Ok(());
    }
    for (group, name, args) in [
        ("browser", "browser.mjs", &[][..]),
        ("browser, TLS", "browser_http2.mjs", &["--listen-tls", "127.0.0.1:0"]),
    ] {
        let mut command = Command::new("node");
        command.arg(options.scripts.join(name)).env("INTEROP_TOOLS", &options.tools);
        command.env("INTEROP_CHROMIUM", find("chromium").unwrap_or_default());
        script(group, command, args, options, report)?;
    }
    Ok(())
}

/// Forms to `/upload`, as Python's clients, Node's and a browser write them.
pub(crate) fn upload(options: &Options, report: &mut Report) -> Result {
    if package("upload: requests", &options.tools.join("python/requests"), options, report)
        && package("upload: httpx", &options.tools.join("python/httpx"), options, report)
        && installed("python3", options, report)
    {
        let mut command = Command::new("python3");
        command.arg("-u").arg(options.scripts.join("upload_python.py"));
        command.env("PYTHONPATH", options.tools.join("python")).env("PYTHONDONTWRITEBYTECODE", "1");
        script("upload, python", command, &[], options, report)?;
    }
    if !installed("node", options, report) {
        return Ok(());
    }
    let mut command = Command::new("node");
    command.arg(options.scripts.join("upload_node.mjs"));
    script("upload, node", command, &[], options, report)?;
    if package(
        "upload: playwright-core",
        &options.tools.join("node_modules/playwright-core"),
        options,
        report,
    ) && installed("chromium", options, report)
    {
        let mut command = Command::new("node");
        command.arg(options.scripts.join("upload_browser.mjs")).env("INTEROP_TOOLS", &options.tools);
        command.env("INTEROP_CHROMIUM", find("chromium").unwrap_or_default());
        script("upload, browser", command, &[], options, report)?;
    }
    Ok(())
}

/// A page of so many images, as a browser shows it.
pub(crate) fn images(options: &Options, root: &str, count: usize, report: &mut Report) -> Result {
    if !package(
        "files: playwright-core",
        &options.tools.join("node_modules/playwright-core"),
        options,
        report,
    ) || !installed("node", options, report)
        || !installed("chromium", options, report)
    {
        return Ok(());
    }
    let mut command = Command::new("node");
    command.arg(options.scripts.join("files_browser.mjs")).env("INTEROP_TOOLS", &options.tools);
    command.env("INTEROP_CHROMIUM", find("chromium").unwrap_or_default());
    command.env("INTEROP_IMAGES", count.to_string());
    let args = [root, "--quiet", "--listen-tls", "127.0.0.1:0"];
    script_against(&options.files, "files, browser", command, &args, report)
}

/// Whether a program is there. If not, that is a failure, or skipped if asked for.
pub(crate) fn installed(program: &str, options: &Options, report: &mut Report) -> bool {
    let there = find(program).is_some();
    if !there {
        absent(&format!("{program}: the program"), options, report);
    }
    there
}

pub(crate) fn package(name: &str, folder: &Path, options: &Options, report: &mut Report) -> bool {
    let there = folder.is_dir();
    if !there {
        absent(&format!("{name}: the package"), options, report);
    }
    there
}

fn absent(name: &str, options: &Options, report: &mut Report) {
    let why = "not installed; conformance/interop/install.sh does it";
    if options.skip_missing {
        report.skip(name, why);
    } else {
        report.record(name, Err(why.into()));
    }
}

fn find(program: &str) -> Option<OsString> {
    let paths = env::var_os("PATH")?;
    env::split_paths(&paths).map(|folder| folder.join(program)).find(|path| path.is_file()).map(Into::into)
}

/// Runs one script against an echo server of its own.
fn script(group: &str, command: Command, args: &[&str], options: &Options, report: &mut Report) -> Result {
    script_against(&options.echo, group, command, args, report)
}

/// Runs one script against this program.
fn script_against(
    program: &Path,
    group: &str,
    mut command: Command,
    args: &[&str],
    report: &mut Report,
) -> Result {
    let mut server = Some(Server::start(program, args)?);
    let addr = server.as_ref().map(|server| server.addr().to_string()).unwrap_or_default();
    let tls = server.as_ref().and_then(Server::tls).map(|addr| addr.to_string()).unwrap_or_default();
    command
        .env("INTEROP_ADDR", &addr)
        .env("INTEROP_TLS_ADDR", tls)
        .env("INTEROP_WS_MAX", WS_MAX)
        .env("NO_PROXY", "*");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let lines = lines_of(child.stdout.take().ok_or("no stdout")?);
    let mut stdin = child.stdin.take().ok_or("no stdin")?;
    let again: Vec<&str> = [args, &["--listen", &addr]].concat();
    let mut serve = |line: &str| -> Result {
        match line {
            "server stop" => server.take().map_or(Ok(()), Server::stop)?,
            _ => server = Some(Server::start(program, &again)?),
        }
        Ok(writeln!(stdin)?)
    };
    let outcome = follow(&lines, group, report, &mut serve);
    if outcome.is_err() {
        // It may have ended by itself; its output already has.
        let _ = child.kill();
    }
    let status = child.wait()?;
    report.record(
        &format!("{group}: the script runs to its end"),
        outcome.and_then(|()| {
            ensure!(status.success(), "it ended with {status}");
            Ok(())
        }),
    );
    report.check(&format!("{group}: the server ends cleanly after this"), || {
        server.map_or(Ok(()), Server::stop)
    });
    Ok(())
}

fn follow(
    lines: &Receiver<String>,
    group: &str,
    report: &mut Report,
    serve: &mut dyn FnMut(&str) -> Result,
) -> Result {
    let end = Instant::now() + LIMIT;
    let mut checks = 0;
    loop {
        let line = match lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => return Err(format!("it still runs after {LIMIT:?}").into()),
            Err(RecvTimeoutError::Disconnected) => return Err("it broke off before its last line".into()),
        };
        if let Some(name) = line.strip_prefix("ok ") {
            report.record(&format!("{group}: {name}"), Ok(()));
        } else if let Some(failure) = line.strip_prefix("FAILED ") {
            let (name, fact) = failure.split_once(": ").unwrap_or((failure, "no fact given"));
            report.record(&format!("{group}: {name}"), Err(fact.into()));
        } else if line.starts_with("server ") {
            serve(&line)?;
            continue;
        } else if line == "end" {
            ensure!(checks > 0, "it checked nothing");
            return Ok(());
        } else {
            println!("   {line}");
            continue;
        }
        checks += 1;
    }
}

fn lines_of(out: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(std::io::Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    lines
}
