//! TLS, as openssl sees it: versions, ALPN, the certificate that was announced, and one of one's own.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::report::{Report, Result, ensure};
use crate::{Options, Server, curl, scripts, with_server};

const ARGS: &[&str] = &["--listen-tls", "127.0.0.1:0"];

pub(crate) fn run(options: &Options, report: &mut Report) -> Result {
    if !scripts::installed("openssl", options, report) {
        return Ok(());
    }
    with_server(&options.echo, report, "tls", ARGS, |server, report| {
        for (name, args, wanted) in [
            ("TLS 1.3 is spoken", &["-tls1_3"][..], "New, TLSv1.3"),
            ("TLS 1.2 is spoken", &["-tls1_2"], "New, TLSv1.2"),
            ("TLS 1.1 is refused", &["-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"], "Cipher is (NONE)"),
            ("TLS 1.0 is refused", &["-tls1", "-cipher", "DEFAULT:@SECLEVEL=0"], "Cipher is (NONE)"),
            ("ALPN prefers h2", &["-alpn", "http/1.1,h2"], "ALPN protocol: h2"),
            ("ALPN takes http/1.1", &["-alpn", "http/1.1"], "ALPN protocol: http/1.1"),
            ("ALPN knows nothing else", &["-alpn", "spdy/3"], "no peer certificate"),
            ("no ALPN is fine", &[], "No ALPN negotiated"),
            ("any server name is fine", &["-servername", "a.example"], "Cipher is TLS_"),
        ] {
            report.check(&format!("tls: {name}"), || {
                let seen = handshake(server, args)?;
                ensure!(seen.contains(wanted), "not {wanted:?}: {seen}");
                Ok(())
            });
        }
    })?;
    report.check("tls: the fingerprint of the self-signed certificate is announced", || announced(options));
    report.check("tls: a certificate of one's own", || own(options));
    if scripts::installed("h2load", options, report) && scripts::installed("curl", options, report) {
        report.check("tls: certificates are renewed under load, and nothing is lost", || renewed(options));
    }
    report.check("tls: an address in use, asked for by name, ends it", || in_use(options));
    report.check("tls: a certificate that cannot be read ends it", || {
        let (code, log) = fails(options, &["--cert", "no/such/file", "--key", "no/such/file"])?;
        ensure!(code == Some(1) && log.contains("no/such/file"), "{code:?}: {log}");
        Ok(())
    });
    Ok(())
}

fn handshake(server: &Server, args: &[&str]) -> Result<String> {
    let addr = server.tls().ok_or("no listener with TLS")?.to_string();
    let output = Command::new("openssl")
        .args(["s_client", "-connect", &addr])
        .args(args)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn openssl(args: &[&str], input: &str) -> Result<String> {
    let mut child = Command::new("openssl")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    child.stdin.take().ok_or("no stdin")?.write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

fn fingerprint(server: &Server) -> Result<String> {
    let shown = handshake(server, &[])?;
    let line = openssl(&["x509", "-noout", "-fingerprint", "-sha256"], &shown)?;
    Ok(line.trim().rsplit('=').next().unwrap_or_default().to_owned())
}

fn announced(options: &Options) -> Result {
    let mut server = Server::start(&options.echo, ARGS)?;
    let shown = fingerprint(&server)?;
    let log = server.log();
    ensure!(shown.len() == 95 && log.contains(&shown), "{shown:?} is not in its log: {log}");
    Ok(())
}

/// A server with a certificate of ours, and what makes another in its place.
fn with_own(options: &Options, check: impl Fn(&mut Server, &dyn Fn(&str) -> Result) -> Result) -> Result {
    let folder = tempfile::tempdir()?;
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let (cert, key) = (cert.display().to_string(), key.display().to_string());
    let make = |name: &str| -> Result {
        let subject = format!("/CN={name}");
        let kind = ["-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-days", "2"];
        let files = ["req", "-x509", "-keyout", &key, "-out", &cert, "-subj", &subject];
        openssl(&[&files[..], &kind].concat(), "")?;
        Ok(())
    };
    make("mine.example")?;
    let mut server = Server::start(&options.echo, &[ARGS, &["--cert", &cert, "--key", &key]].concat())?;
    check(&mut server, &make)
}

fn own(options: &Options) -> Result {
    with_own(options, |server, _| {
        let shown = handshake(server, &[])?;
        ensure!(shown.contains("mine.example"), "another certificate: {shown}");
        ensure!(!server.log().contains("SHA-256"), "it made one nevertheless");
        Ok(())
    })
}

/// While one client keeps its connections and another makes one for each request.
fn renewed(options: &Options) -> Result {
    with_own(options, |server, make| {
        let addr = server.tls().ok_or("no listener with TLS")?;
        let url = format!("https://localhost:{}/hello", addr.port());
        let mut load = Command::new("h2load")
            .args(["--duration", "4s", "-c", "4", "-m", "16", &url])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut seen = 0;
        for round in 0.. {
            let name = format!("renewed-{round}.example");
            make(&name)?;
            server.signal("HUP")?;
            // The signal is handled when the server comes to it; no connection may fail meanwhile.
            for attempt in 0.. {
                let fetched = curl::command(&["-k", "-f", "-v", &url]).output()?;
                let told = String::from_utf8_lossy(&fetched.stderr);
                ensure!(fetched.status.success() && fetched.stdout == b"Hello, World!", "curl: {told}");
                if told.contains(&name) {
                    seen += 1;
                    break;
                }
                ensure!(attempt < 100, "{name} is not shown: {told}");
            }
            if load.try_wait()?.is_some() {
                break;
            }
        }
        let output = load.wait_with_output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().find(|line| line.starts_with("requests:")).unwrap_or_default();
        ensure!(line.contains(" 0 failed, 0 errored, 0 timeout"), "h2load: {text}");
        println!("   {seen} certificates; {line}");
        ensure!(seen > 1, "one certificate is no change");
        Ok(())
    })
}

fn fails(options: &Options, args: &[&str]) -> Result<(Option<i32>, String)> {
    let mut server = Server::spawn(&options.echo, &[ARGS, args].concat())?;
    let status = server.wait(Duration::from_secs(5))?;
    Ok((status.code(), server.log()))
}

fn in_use(options: &Options) -> Result {
    let first = Server::start(&options.echo, ARGS)?;
    let addr = first.tls().ok_or("no listener with TLS")?.to_string();
    let (code, log) = fails(options, &["--listen-tls", &addr])?;
    ensure!(code == Some(1) && log.contains(&addr), "{code:?}: {log}");
    first.stop()
}
