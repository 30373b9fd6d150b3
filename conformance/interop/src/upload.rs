//! `/upload`: forms as curl, Python, Node and a browser write them; a large file in little memory.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::http::Conn;
use crate::large::{self, MAY_GROW_KIB};
use crate::report::{Report, Result, ensure};
use crate::{Options, Server, curl, scripts, with_server};

const VERSIONS: [(&str, &str); 2] = [("HTTP/1.1", "--http1.1"), ("HTTP/2", "--http2-prior-knowledge")];

/// SHA-256 of `abc`, the test vector of FIPS 180, and of nothing.
const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

pub(crate) fn run(options: &Options, report: &mut Report) -> Result {
    if scripts::installed("curl", options, report) {
        let folder = tempfile::tempdir()?;
        let large = folder.path().join("large");
        let mut out = BufWriter::new(File::create(&large)?);
        large::feed(&mut out)?;
        out.flush()?;
        for (version, flag) in VERSIONS {
            with_server(&options.echo, report, "upload", &[], |server, report| {
                report.check(&format!("upload, curl: several files, over {version}"), || {
                    several(server, flag, folder.path())
                });
                report.check(&format!("upload, curl: forms that are none, over {version}"), || {
                    none(server, flag)
                });
                report.check(&format!("upload, curl: 200 MiB in less than 16 MiB, over {version}"), || {
                    in_little_memory(server, flag, &large)
                });
            })?;
        }
        with_server(&options.echo, report, "upload", &["--max-body-bytes", "1000"], |server, report| {
            report.check("upload, curl: --max-body-bytes gives 413", || too_large(server));
        })?;
    }
    scripts::upload(options, report)
}

/// What the server answers: its status, and its body.
fn post(server: &Server, args: &[&str]) -> Result<(u16, Vec<u8>)> {
    let out =
        curl::command(args).args(["-w", "%{stderr}%{response_code}", &server.url("/upload")]).output()?;
    let stderr = String::from_utf8(out.stderr)?;
    ensure!(out.status.success(), "curl: {stderr}");
    Ok((stderr.trim().parse()?, out.stdout))
}

fn parts(server: &Server, args: &[&str]) -> Result<Value> {
    let (status, body) = post(server, args)?;
    ensure!(status == 200, "{status}: {}", String::from_utf8_lossy(&body));
    Ok(serde_json::from_slice(&body)?)
}

fn several(server: &Server, version: &str, folder: &Path) -> Result {
    let (abc, empty) = (folder.join("größe \u{1f980}.txt"), folder.join("empty"));
    fs::write(&abc, "abc")?;
    fs::write(&empty, "")?;
    let (abc, empty) = (abc.to_string_lossy(), empty.to_string_lossy());
    let part = |name: &str, filename: Option<&str>, content_type: &str, text: &str| {
        let sha256 = if text.is_empty() { NOTHING } else { ABC };
        json!({ "name": name, "filename": filename, "content_type": content_type, "size": text.len(), "sha256": sha256 })
    };
    let seen = parts(
        server,
        &[
            version,
            "-F",
            "title=abc",
            "-F",
            "naïve \"name\"=abc",
            "-F",
            &format!("file=@{abc}"),
            "-F",
            &format!("file=@{abc};type=image/x;filename=\"a \\\"quoted\\\" name\""),
            "-F",
            &format!("file=@{empty};type=image/x;filename=C:\\x"),
            "-F",
            "none=",
        ],
    )?;
    let expected = json!([
        part("title", None, "text/plain", "abc"),
        part("naïve \"name\"", None, "text/plain", "abc"),
        part("file", Some("größe \u{1f980}.txt"), "text/plain", "abc"),
        part("file", Some("a \"quoted\" name"), "image/x", "abc"),
        part("file", Some("C:\\x"), "image/x", ""),
        part("none", None, "text/plain", ""),
    ]);
    ensure!(seen == expected, "the server saw {seen}");
    Ok(())
}

fn none(server: &Server, version: &str) -> Result {
    let form = "Content-Type: multipart/form-data; boundary=b";
    for (args, expected) in [
        (&["-d", "a=b"][..], 415),
        (&["-H", "Content-Type: multipart/form-data", "-d", "a=b"], 400),
        (&["-H", form, "-d", "a=b"], 400),
        (&["-H", form, "--data-binary", "--b--"], 200),
        (&["-H", form, "--data-binary", "--b\r\n\r\nx\r\n--b--"], 400),
        (&["-H", form, "-T", "/dev/null", "-X", "POST"], 400),
        (&["-X", "GET"], 404),
    ] {
        let (status, body) = post(server, &[&[version][..], args].concat())?;
        ensure!(status == expected, "{args:?}: {status} {}", String::from_utf8_lossy(&body));
    }
    Ok(())
}

fn in_little_memory(server: &Server, version: &str, file: &Path) -> Result {
    let sum = Command::new("sha256sum").arg(file).output()?;
    let sum = String::from_utf8(sum.stdout)?;
    let file = file.to_string_lossy();
    Conn::open(server.addr())?.get("/hello")?;
    server.reset_peak()?;
    let before = server.status("VmRSS")?;
    let seen = parts(server, &[version, "-F", "title=abc", "-F", &format!("file=@{file}")])?;
    let grown = server.status("VmHWM")?.saturating_sub(before);
    println!("   the server grew by {grown} KiB over {before} KiB");
    ensure!(seen[1]["size"] == json!(large::SIZE), "{seen}");
    ensure!(seen[1]["sha256"] == json!(sum.split(' ').next()), "{seen} instead of {sum}");
    ensure!(grown < MAY_GROW_KIB, "the server's memory grew by {grown} KiB");
    Ok(())
}

fn too_large(server: &Server) -> Result {
    let text = format!("text={}", "x".repeat(1000));
    let (status, body) = post(server, &["-F", &text])?;
    ensure!(status == 413, "{status}: {}", String::from_utf8_lossy(&body));
    parts(server, &["-F", "text=abc"])?;
    Ok(())
}
