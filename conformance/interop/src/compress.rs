//! Content codings: curl, Chromium, Python and the reference programs, both ways; and bombs.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::curl::command;
use crate::report::{Report, Result, ensure};
use crate::{Options, Server, scripts, with_server};

/// A coding, and the program that knows it best.
const PROGRAMS: &[(&str, &str)] = &[("gzip", "gzip"), ("br", "brotli"), ("zstd", "zstd")];
const TEXT: &str = "/text?size=200000";
/// Most that a bomb may come to: the server's limit of decoding.
const MAX_OUTPUT: usize = 10 << 20;

pub(crate) fn run(options: &Options, report: &mut Report) -> Result {
    for (group, padding) in [("compress", "0"), ("compress, padded", "1000")] {
        let args = ["--decode-requests", "--compress-padding", padding];
        if scripts::installed("curl", options, report) {
            with_server(&options.echo, report, group, &args, |server, report| {
                for coding in ["gzip", "deflate", "br", "zstd"] {
                    report.check(&format!("{group}: curl decodes {coding}"), || curl(server, coding));
                }
                for (coding, program) in PROGRAMS {
                    if scripts::installed(program, options, report) {
                        report.check(&format!("{group}: {program} decodes a response"), || {
                            response(server, coding, program)
                        });
                        report.check(&format!("{group}: what {program} encodes is decoded"), || {
                            request(server, coding, program)
                        });
                    }
                }
            })?;
        }
        scripts::compress(group, padding, options, report)?;
    }
    with_server(&options.echo, report, "compress", &["--decode-requests"], |server, report| {
        report.check("compress: an unknown coding is a 415 that says what would do", || unknown(server));
        for (coding, program) in PROGRAMS {
            if scripts::installed(program, options, report) {
                report.check(&format!("compress: a bomb made by {program} ends at the limit"), || {
                    bomb(server, coding, program)
                });
            }
        }
    })?;
    with_server(&options.echo, report, "compress", &["--compress=false"], |server, report| {
        report.check("compress: --compress=false compresses nothing", || {
            let (head, body) = fetch(server, &["-H", "Accept-Encoding: gzip"], TEXT)?;
            ensure!(!head.contains("content-encoding"), "{head}");
            ensure!(body.len() == 200_000, "{} bytes", body.len());
            Ok(())
        });
    })
}

/// The head in lower case, and the content.
fn fetch(server: &Server, args: &[&str], path: &str) -> Result<(String, Vec<u8>)> {
    let head = tempfile::NamedTempFile::new()?;
    let out = command(&["-D"]).arg(head.path()).args(args).arg(server.url(path)).output()?;
    ensure!(out.status.success(), "curl: {}", String::from_utf8_lossy(&out.stderr));
    Ok((fs::read_to_string(head.path())?.to_ascii_lowercase(), out.stdout))
}

fn says(head: &str, line: &str) -> Result {
    ensure!(head.contains(&format!("\r\n{line}\r\n")), "no {line} in {head:?}");
    Ok(())
}

fn curl(server: &Server, coding: &str) -> Result {
    let plain = fetch(server, &[], TEXT)?.1;
    ensure!(plain.len() == 200_000, "plain it has {} bytes", plain.len());
    let accept = format!("Accept-Encoding: {coding}");
    let (head, decoded) = fetch(server, &["--compressed", "-H", &accept], TEXT)?;
    says(&head, &format!("content-encoding: {coding}"))?;
    says(&head, "vary: accept-encoding")?;
    ensure!(decoded == plain, "{} bytes came of it, not the same", decoded.len());
    let of_head = fetch(server, &["-I", "-H", &accept], TEXT)?.0;
    says(&of_head, &format!("content-encoding: {coding}"))
}

fn response(server: &Server, coding: &str, program: &str) -> Result {
    let plain = fetch(server, &[], TEXT)?.1;
    let encoded = fetch(server, &["-H", &format!("Accept-Encoding: {coding}")], TEXT)?.1;
    ensure!(encoded.len() < plain.len() / 2, "{} bytes of {}", encoded.len(), plain.len());
    let decoded = pipe(Command::new(program).args(["-d", "-c"]), encoded)?;
    ensure!(decoded == plain, "{} bytes came of it, not the same", decoded.len());
    Ok(())
}

fn request(server: &Server, coding: &str, program: &str) -> Result {
    let plain = fetch(server, &[], TEXT)?.1;
    let encoded = pipe(Command::new(program).arg("-c"), plain.clone())?;
    let file = tempfile::NamedTempFile::new()?;
    fs::write(file.path(), encoded)?;
    let (head, body) = post(server, coding, file.path(), "/echo")?;
    says(&head, "vary: accept-encoding")?;
    ensure!(body == plain, "the echo has {} bytes, not the same", body.len());
    Ok(())
}

fn post(server: &Server, coding: &str, file: &Path, path: &str) -> Result<(String, Vec<u8>)> {
    let (coding, data) = (format!("Content-Encoding: {coding}"), format!("@{}", file.display()));
    fetch(server, &["-H", &coding, "-H", "Expect:", "--data-binary", &data], path)
}

fn unknown(server: &Server) -> Result {
    let file = tempfile::NamedTempFile::new()?;
    fs::write(file.path(), "x")?;
    let (head, _) = post(server, "compress", file.path(), "/echo")?;
    ensure!(head.starts_with("http/1.1 415"), "{head}");
    says(&head, "accept-encoding: br, zstd, gzip, deflate")
}

/// 1 GiB of zeros, and for those who collect 413.
fn bomb(server: &Server, coding: &str, program: &str) -> Result {
    const LEN: u64 = 1 << 30;
    let file = tempfile::NamedTempFile::new()?;
    let zeros =
        Command::new("head").args(["-c", &LEN.to_string(), "/dev/zero"]).stdout(Stdio::piped()).spawn();
    let mut zeros = zeros?;
    let fast = if program == "gzip" { "-6" } else { "-3" };
    let out = zeros.stdout.take().ok_or("no zeros")?;
    let made = Command::new(program).args([fast, "-c"]).stdin(out).stdout(file.reopen()?).status()?;
    zeros.wait()?;
    ensure!(made.success(), "{program}: {made}");
    server.reset_peak()?;
    let (before, start) = (server.status("VmHWM")?, Instant::now());
    let (head, _) = post(server, coding, file.path(), "/request")?;
    ensure!(head.starts_with("http/1.1 413"), "/request: {head}");
    // `/echo` streams: its 200 is out when the limit is met, so that it is cut off.
    let (coding, data) = (format!("Content-Encoding: {coding}"), format!("@{}", file.path().display()));
    let args = ["-H", &coding, "-H", "Expect:", "--data-binary", &data, &server.url("/echo")];
    let out = command(&args).output()?;
    ensure!(!out.status.success(), "the echo looks whole");
    ensure!(out.stdout.len() <= MAX_OUTPUT, "{} bytes came back", out.stdout.len());
    let (grown, took) = (server.status("VmHWM")?.saturating_sub(before), start.elapsed());
    ensure!(grown < 32 << 10, "it took {grown} KiB of memory");
    ensure!(took < Duration::from_secs(20), "it took {took:?}");
    Ok(())
}

/// What a program makes of this.
fn pipe(command: &mut Command, input: Vec<u8>) -> Result<Vec<u8>> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut stdin = child.stdin.take().ok_or("no stdin")?;
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let out = child.wait_with_output()?;
    writer.join().map_err(|_| "the writer panicked")??;
    ensure!(out.status.success(), "{command:?}: {}", out.status);
    Ok(out.stdout)
}
