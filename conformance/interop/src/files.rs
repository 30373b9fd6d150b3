//! Static files: curl and wget fetch and resume, Chromium shows a page of images, links are swapped under load, and nginx
//! serves the same files beside ours.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{FileExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use tempfile::TempDir;

use crate::http::{Conn, Response};
use crate::report::{Report, Result, ensure};
use crate::{Options, Server, scripts};

/// The large file: sparse, with a mark in every 64 MiB.
const LARGE: u64 = 1 << 30;
const MARKS: u64 = 64 << 20;

pub(crate) fn run(options: &Options, report: &mut Report) -> Result {
    let site = site()?;
    let server = Server::start(&options.files, &[&site.path().join("root").to_string_lossy(), "--quiet"])?;
    if scripts::installed("curl", options, report) {
        report.check("files: curl reads ranges", || curl_ranges(&server));
        report.check("files: curl resumes 1 GiB", || curl_resumes(&server, site.path()));
        report.check("files: curl over TLS, both versions", || curl_tls(options, site.path()));
    }
    if scripts::installed("wget", options, report) {
        report.check("files: wget -c resumes 1 GiB", || wget_resumes(&server, site.path()));
    }
    images(&site.path().join("root"))?;
    scripts::images(options, &site.path().join("root").to_string_lossy(), IMAGES, report)?;
    report
        .check("files: many readers, links swapped, nothing outside is sent", || race(&server, site.path()));
    report.check("files: a client that reads slowly costs little memory", || slow_readers(&server));
    if scripts::installed("nginx", options, report) {
        match Nginx::start(site.path()) {
            Ok(nginx) => {
                for case in CASES {
                    report
                        .check(&format!("files: as nginx: {}", case.name), || case.compare(&server, &nginx));
                }
            }
            Err(fact) => report.record("files: nginx starts", Err(fact)),
        }
    }
    report.check("files: the server ends cleanly after this", || server.stop());
    report
        .check("files: a cache larger than the descriptors there are", || descriptors(options, site.path()));
    report.check("files: it says what it cannot serve", || faults(options, site.path()));
    report.check("files: one line for each request", || log_lines(options, site.path()));
    Ok(())
}

/// What is served, below `root`, and a secret beside it.
fn site() -> Result<TempDir> {
    let site = tempfile::tempdir()?;
    let root = site.path().join("root");
    fs::create_dir_all(root.join("dir"))?;
    fs::create_dir_all(root.join("bare"))?;
    fs::create_dir_all(root.join("swap-a"))?;
    fs::create_dir_all(site.path().join("swap-b"))?;
    let long: String = (0..250).map(|n| format!("{n:04}")).collect();
    for (path, content) in [
        ("root/ten.txt", "0123456789"),
        ("root/long.txt", &long),
        ("root/empty.txt", ""),
        ("root/page.html", "<p>page</p>"),
        ("root/style.css", "a{}"),
        ("root/data.json", "{}"),
        ("root/noext", "x"),
        ("root/a b.txt", "space"),
        ("root/dir/index.html", "<p>index</p>"),
        ("root/swap-a/file.txt", "inside"),
        ("swap-b/file.txt", "secret"),
        ("secret.txt", "secret"),
    ] {
        let path = site.path().join(path);
        fs::write(&path, content)?;
        let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_704_067_200);
        File::options().write(true).open(&path)?.set_modified(old)?;
    }
    symlink("../secret.txt", root.join("out.txt"))?;
    symlink("swap-a", root.join("swap"))?;
    let large = File::create(root.join("large.bin"))?;
    large.set_len(LARGE)?;
    for at in (0..LARGE).step_by(MARKS as usize) {
        large.write_all_at(&at.to_le_bytes(), at)?;
    }
    Ok(site)
}

/// Images on the page, each 16 pixels wider than the one before: small and large files.
const IMAGES: usize = 24;

/// A page of images.
fn images(root: &Path) -> Result {
    let mut page = String::from("<!doctype html><title>Gallery</title>\n");
    fs::create_dir(root.join("images"))?;
    for index in 1..=IMAGES {
        fs::write(root.join(format!("images/{index}.bmp")), bitmap(16 * index as u32))?;
        page += &format!("<img src=\"images/{index}.bmp\" width=\"40\" alt=\"\">\n");
    }
    Ok(fs::write(root.join("gallery.html"), page)?)
}

/// A square bitmap of 24 bits; its width is divisible by 4.
fn bitmap(width: u32) -> Vec<u8> {
    const HEAD: u32 = 54;
    let content = width * width * 3;
    let mut file = b"BM".to_vec();
    for number in [HEAD + content, 0, HEAD, 40, width, width, 24 << 16 | 1, 0, content, 2835, 2835, 0, 0] {
        file.extend_from_slice(&number.to_le_bytes());
    }
    file.extend((0..content).map(|at| (at / 3 % 256) as u8));
    file
}

fn is_large(path: &Path) -> Result {
    let mut file = File::open(path)?;
    let len = file.metadata()?.len();
    ensure!(len == LARGE, "{len} bytes instead of {LARGE}");
    for at in (0..LARGE).step_by(MARKS as usize) {
        let mut mark = [0; 8];
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut mark)?;
        ensure!(mark == at.to_le_bytes(), "another mark at {at}");
    }
    Ok(())
}

fn curl(args: &[&str]) -> Result<Vec<u8>> {
    let output = Command::new("curl").args(["-sS", "--fail", "-m", "60"]).args(args).output()?;
    ensure!(output.status.success(), "curl: {}", String::from_utf8_lossy(&output.stderr));
    Ok(output.stdout)
}

fn curl_ranges(server: &Server) -> Result {
    for (range, expected) in [("0-0", "0"), ("2-4", "234"), ("-3", "789"), ("7-", "789"), ("5-99", "56789")] {
        let got = curl(&["-r", range, &server.url("/ten.txt")])?;
        ensure!(got == expected.as_bytes(), "{range}: {:?}", String::from_utf8_lossy(&got));
    }
    let several = String::from_utf8(curl(&["-r", "0-3,500-503", &server.url("/long.txt")])?)?;
    ensure!(several.contains("bytes 0-3/1000") && several.contains("bytes 500-503/1000"), "{several}");
    Ok(())
}

fn curl_resumes(server: &Server, folder: &Path) -> Result {
    let part = folder.join("curl.part");
    let (path, url) = (part.to_string_lossy(), server.url("/large.bin"));
    curl(&["-r", "0-700000000", "-o", &path, &url])?;
    ensure!(fs::metadata(&part)?.len() == 700_000_001, "the first part is not what was asked for");
    curl(&["-C", "-", "-o", &path, &url])?;
    is_large(&part)?;
    Ok(fs::remove_file(&part)?)
}

/// Ranges and a large part over TLS, where files are read.
fn curl_tls(options: &Options, folder: &Path) -> Result {
    let root = folder.join("root").to_string_lossy().into_owned();
    let server = Server::start(&options.files, &[&root, "--quiet", "--listen-tls", "127.0.0.1:0"])?;
    let origin = format!("https://{}", server.tls().ok_or("no listener with TLS")?);
    for version in ["--http1.1", "--http2"] {
        let small = curl(&["-k", version, "-r", "2-4", &format!("{origin}/ten.txt")])?;
        ensure!(small == b"234", "{version}: {:?}", String::from_utf8_lossy(&small));
        let range = format!("{}-{}", MARKS, MARKS + 9_999_999);
        let large = curl(&["-k", version, "-r", &range, &format!("{origin}/large.bin")])?;
        ensure!(large.len() == 10_000_000, "{version}: {} bytes", large.len());
        ensure!(large[..8] == MARKS.to_le_bytes(), "{version}: another mark");
    }
    server.stop()
}

fn wget_resumes(server: &Server, folder: &Path) -> Result {
    let part = folder.join("large.bin");
    let mut beginning = File::create(&part)?;
    beginning.set_len(LARGE - 200_000_000)?;
    for at in (0..LARGE - 200_000_000).step_by(MARKS as usize) {
        beginning.seek(SeekFrom::Start(at))?;
        beginning.write_all(&at.to_le_bytes())?;
    }
    let mut wget = Command::new("wget");
    wget.current_dir(folder).args(["-c", "-q", "--tries=1", "--timeout=60", &server.url("/large.bin")]);
    let status = wget.env("no_proxy", "*").status()?;
    ensure!(status.success(), "wget: {status}");
    is_large(&part)?;
    Ok(fs::remove_file(&part)?)
}

/// A link to a directory inside becomes one to a directory outside, and back, while clients ask for what is behind it.
fn race(server: &Server, folder: &Path) -> Result {
    let (root, done, addr) = (folder.join("root"), AtomicBool::new(false), server.addr());
    let statuses = thread::scope(|scope| -> Result<Vec<u16>> {
        let swapper = scope.spawn(|| -> std::io::Result<()> {
            while !done.load(Ordering::Relaxed) {
                for target in ["../swap-b", "swap-a"] {
                    symlink(target, root.join("staged"))?;
                    fs::rename(root.join("staged"), root.join("swap"))?;
                    // And the real directory, in and out of its name.
                    fs::rename(root.join("swap-a"), root.join("swap-c"))?;
                    symlink("../swap-b", root.join("swap-a"))?;
                    fs::remove_file(root.join("swap-a"))?;
                    fs::rename(root.join("swap-c"), root.join("swap-a"))?;
                }
            }
            Ok(())
        });
        let clients: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(move || -> Result<Vec<u16>> {
                    let (mut conn, mut statuses) = (Conn::open(addr)?, Vec::new());
                    let end = Instant::now() + Duration::from_secs(1);
                    while Instant::now() < end {
                        for path in ["/swap/file.txt", "/swap-a/file.txt", "/out.txt"] {
                            let response = conn.get(path)?;
                            ensure!(!response.body.starts_with(b"secret"), "{path} sent the secret");
                            statuses.push(response.head.status);
                        }
                    }
                    Ok(statuses)
                })
            })
            .collect();
        let mut statuses = Vec::new();
        let outcome = clients.into_iter().try_for_each(|client| -> Result {
            statuses.extend(client.join().map_err(|_| "a client panicked")??);
            Ok(())
        });
        done.store(true, Ordering::Relaxed);
        swapper.join().map_err(|_| "the swapper panicked")??;
        outcome.map(|()| statuses)
    })?;
    let count = |status| statuses.iter().filter(|&&got| got == status).count();
    ensure!(count(200) > 0 && count(404) > 0, "{} found, {} not", count(200), count(404));
    ensure!(count(200) + count(404) == statuses.len(), "other statuses than 200 and 404");
    Ok(())
}

/// Clients that ask for 1 GiB each and stop reading: what the server holds for them is bounded.
fn slow_readers(server: &Server) -> Result {
    const CLIENTS: u64 = 200;
    const EACH: u64 = 1 << 10; // KiB
    let before = server.status("VmRSS")?;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let mut conn = Conn::open(server.addr())?;
        conn.send("GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n")?;
        clients.push(conn);
    }
    // The first piece of each has come: all of them are being sent.
    for conn in &mut clients {
        let head = conn.head()?;
        ensure!(head.status == 200, "status {}", head.status);
        conn.read_exact(&mut [0; 4096])?;
    }
    let after = server.status("VmRSS")?;
    let each = after.saturating_sub(before) / CLIENTS;
    ensure!(each <= EACH, "{each} KiB for each of {CLIENTS} slow clients");
    Ok(())
}

/// A site with more files than the process may have open, all asked for and kept.
fn descriptors(options: &Options, folder: &Path) -> Result {
    const FILES: usize = 400;
    let many = folder.join("many");
    fs::create_dir(&many)?;
    for index in 0..FILES {
        fs::write(many.join(index.to_string()), "x")?;
    }
    let (program, many) = (options.files.to_string_lossy(), many.to_string_lossy());
    let limited = ["--nofile=200", &program, &many, "--cache", "--quiet", "--listen", "127.0.0.1:0"];
    let server = Server::start(Path::new("prlimit"), &limited)?;
    let mut conn = Conn::open(server.addr())?;
    for index in 0..FILES {
        let status = conn.get(&format!("/{index}"))?.head.status;
        ensure!(status == 200, "status {status} for file {index}");
    }
    let status = Conn::open(server.addr())?.get("/0")?.head.status;
    ensure!(status == 200, "status {status} over another connection");
    server.stop()
}

fn faults(options: &Options, folder: &Path) -> Result {
    let absent = folder.join("absent").to_string_lossy().into_owned();
    let mut server = Server::spawn(&options.files, &[&absent])?;
    let status = server.wait(Duration::from_secs(10))?;
    let log = server.log();
    ensure!(status.code() == Some(1), "{status}");
    ensure!(log.contains(&absent) && log.contains("No such file or directory"), "it says {log:?}");

    let root = folder.join("root").to_string_lossy().into_owned();
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let addr = taken.local_addr()?.to_string();
    let mut server = Server::spawn(&options.files, &[&root, "--listen", &addr])?;
    let status = server.wait(Duration::from_secs(10))?;
    let log = server.log();
    ensure!(status.code() == Some(1), "{status}");
    ensure!(log.contains(&addr) && log.contains("in use"), "it says {log:?}");

    for flag in ["--spa", "--not-found"] {
        for (path, missing) in [("absent.html", true), ("dir/index.html", false)] {
            let log = Server::start(&options.files, &[&root, "--quiet", flag, path])?.log();
            let said = format!("{path} is to be served, and is not there");
            ensure!(log.contains(&said) == missing, "{flag} {path}: it says {log:?}");
        }
    }
    Ok(())
}

fn log_lines(options: &Options, folder: &Path) -> Result {
    let root = folder.join("root").to_string_lossy().into_owned();
    let mut server = Server::start(&options.files, &[&root])?;
    let mut conn = Conn::open(server.addr())?;
    conn.get("/ten.txt?q")?;
    conn.get("/absent%0a")?;
    let log = server.log();
    let lines: Vec<_> = log.lines().filter(|line| line.contains("127.0.0.1 \"GET /")).collect();
    ensure!(lines.len() == 2, "{log}");
    ensure!(lines[0].contains("\"GET /ten.txt?q\" 200 10 "), "{}", lines[0]);
    ensure!(lines[1].contains("\"GET /absent%0a\" 404 "), "{}", lines[1]);
    Ok(())
}

/// nginx on the same root.
struct Nginx {
    child: Child,
    addr: SocketAddr,
    _folder: TempDir,
}

impl Nginx {
    fn start(site: &Path) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut last = String::new();
        // It cannot choose a port by itself, and one that was free may be taken.
        for _ in 0..5 {
            let addr = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
            let config = folder.path().join("nginx.conf");
            fs::write(&config, config_file(folder.path(), &site.join("root"), addr))?;
            let log = File::create(folder.path().join("out"))?;
            let mut nginx = Command::new("nginx");
            nginx
                .arg("-p")
                .arg(folder.path())
                .arg("-c")
                .arg(&config)
                .arg("-e")
                .arg(folder.path().join("error.log"));
            let mut child = nginx.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()?;
            let end = Instant::now() + Duration::from_secs(10);
            while child.try_wait()?.is_none() && Instant::now() < end {
                if Conn::open(addr).is_ok() {
                    return Ok(Self { child, addr, _folder: folder });
                }
                thread::sleep(Duration::from_millis(20));
            }
            let _ = child.kill();
            child.wait()?;
            last = fs::read_to_string(folder.path().join("out"))?;
        }
        Err(format!("nginx does not start: {last}").into())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The master ends its workers when it is asked to stop, not when it is killed.
        let _ = Command::new("kill").args(["-s", "TERM", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

fn config_file(folder: &Path, root: &Path, addr: SocketAddr) -> String {
    let temp = |name: &str| format!("{name}_temp_path {};\n", folder.join(name).display());
    let temps: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].into_iter().map(temp).collect();
    let mime = PathBuf::from("/etc/nginx/mime.types");
    // Without root's rights the user cannot be changed, and need not be.
    let user = if fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0) {
        "user root;"
    } else {
        ""
    };
    format!(
        "{user}\ndaemon off;\nworker_processes 1;\npid {folder}/pid;\nevents {{}}\nhttp {{\n{temps}include {mime};\n\
         default_type application/octet-stream;\ncharset utf-8;\ncharset_types text/plain text/css text/javascript;\n\
         access_log off;\nsendfile on;\nserver {{\nlisten {addr};\nroot {root};\nabsolute_redirect off;\n\
         disable_symlinks on;\nlocation ~ /\\. {{ return 404; }}\n}}\n}}\n",
        folder = folder.display(),
        mime = mime.display(),
        root = root.display(),
    )
}

/// One request to both servers, and where they may differ.
struct Case {
    name: &'static str,
    method: &'static str,
    target: &'static str,
    /// `TAG` and `DATE` stand for the validators that the server itself gave for the target.
    fields: &'static str,
    /// What differs (`status`, `body`, or a field's name), and why that is right.
    differs: &'static [(&'static str, &'static str)],
}

const fn get(name: &'static str, target: &'static str, fields: &'static str) -> Case {
    Case { name, method: "GET", target, fields, differs: &[] }
}

impl Case {
    const fn differs(mut self, differs: &'static [(&'static str, &'static str)]) -> Self {
        self.differs = differs;
        self
    }

    const fn method(mut self, method: &'static str) -> Self {
        self.method = method;
        self
    }

    fn compare(&self, server: &Server, nginx: &Nginx) -> Result {
        let (ours, theirs) = (self.ask(server.addr())?, self.ask(nginx.addr)?);
        // Where the status differs on purpose, the rest is of another answer.
        let status_alone = self.differs.iter().any(|(known, _)| *known == "status");
        for (aspect, ours) in ours.iter().take(if status_alone { 1 } else { usize::MAX }) {
            let (_, theirs) = theirs.iter().find(|(other, _)| other == aspect).ok_or("an aspect is gone")?;
            let justified = self.differs.iter().any(|(known, _)| known == aspect);
            ensure!(
                (ours == theirs) != justified,
                "{aspect}: ours {ours:?}, nginx {theirs:?}, known: {justified}"
            );
        }
        Ok(())
    }

    /// The answer, aspect by aspect.
    fn ask(&self, addr: SocketAddr) -> Result<Vec<(&'static str, String)>> {
        let plain = Conn::open(addr)?.get(self.target)?;
        let of = |name: &str| plain.head.field(name).unwrap_or_default().to_owned();
        let fields = self.fields.replace("TAG", &of("etag")).replace("DATE", &of("last-modified"));
        let mut conn = Conn::open(addr)?;
        let (method, target) = (self.method, self.target);
        conn.send(format!(
            "{method} {target} HTTP/1.1\r\nHost: localhost\r\n{fields}Connection: close\r\n\r\n"
        ))?;
        let Response { head, mut body, .. } = if method == "HEAD" {
            Response { head: conn.head()?, body: Vec::new(), trailers: Default::default() }
        } else {
            conn.response()?
        };
        // The words of an error are each server's own.
        if head.status >= 300 {
            body.clear();
        }
        let mut body = String::from_utf8(body)?;
        let mut aspects = vec![("status", head.status.to_string())];
        for name in [
            "content-type",
            "content-length",
            "content-range",
            "accept-ranges",
            "last-modified",
            "location",
            "etag",
            "content-encoding",
            "vary",
            "cache-control",
        ] {
            let mut value = head.field(name).unwrap_or_default().to_owned();
            if let Some((_, boundary)) = value.split_once("boundary=") {
                body = body.replace(boundary, "BOUNDARY");
                value = value.replace(boundary, "BOUNDARY");
            }
            match name {
                // Each has its own form; whether it is there, and is strong, is what counts.
                "etag" if !value.is_empty() => {
                    value = if value.starts_with("W/") { "weak" } else { "strong" }.to_owned();
                }
                "content-type" | "content-length" if head.status >= 300 => continue,
                _ => {}
            }
            aspects.push((name, value));
        }
        aspects.push(("body", body));
        Ok(aspects)
    }
}

const CASES: &[Case] = &[
    get("a text file", "/ten.txt", ""),
    get("HEAD", "/ten.txt", "").method("HEAD"),
    get("an empty file", "/empty.txt", ""),
    get("a page", "/page.html", ""),
    get("a style sheet", "/style.css", ""),
    get("JSON", "/data.json", ""),
    get("no extension", "/noext", ""),
    get("an encoded space", "/a%20b.txt", ""),
    get("an index", "/dir/", ""),
    get("a query", "/ten.txt?x=1", ""),
    get("nothing", "/absent", ""),
    get("a directory without slash", "/dir", "")
        .differs(&[("location", "relative to the request, so that it is right behind any proxy")]),
    get("a directory without slash, with a query", "/dir?a=b", "")
        .differs(&[("location", "relative to the request, so that it is right behind any proxy")]),
    get("POST", "/ten.txt", "Content-Length: 0\r\n").method("POST"),
    get("a directory without index", "/bare/", "")
        .differs(&[("status", "what exists and is not served is not told")]),
    get("a link out of the root", "/out.txt", "")
        .differs(&[("status", "what exists and is not served is not told")]),
    get("a file with a slash", "/ten.txt/", ""),
    get("If-None-Match", "/ten.txt", "If-None-Match: TAG\r\n").differs(&[(
        "last-modified",
        "RFC 9110 15.4.5: no metadata but what caches need, where there is a tag",
    )]),
    get("If-None-Match, weak", "/ten.txt", "If-None-Match: W/TAG\r\n").differs(&[(
        "last-modified",
        "RFC 9110 15.4.5: no metadata but what caches need, where there is a tag",
    )]),
    get("If-None-Match, list", "/ten.txt", "If-None-Match: \"x\", TAG\r\n").differs(&[(
        "last-modified",
        "RFC 9110 15.4.5: no metadata but what caches need, where there is a tag",
    )]),
    get("If-None-Match, another", "/ten.txt", "If-None-Match: \"x\"\r\n"),
    get("If-None-Match, star", "/ten.txt", "If-None-Match: *\r\n").differs(&[(
        "last-modified",
        "RFC 9110 15.4.5: no metadata but what caches need, where there is a tag",
    )]),
    get("If-Modified-Since, the same", "/ten.txt", "If-Modified-Since: DATE\r\n").differs(&[(
        "last-modified",
        "RFC 9110 15.4.5: no metadata but what caches need, where there is a tag",
    )]),
    get("If-Modified-Since, before", "/ten.txt", "If-Modified-Since: Sun, 31 Dec 2023 23:59:59 GMT\r\n"),
    get("If-Modified-Since, later", "/ten.txt", "If-Modified-Since: Mon, 01 Jan 2024 00:00:01 GMT\r\n")
        .differs(&[("status", "RFC 9110 13.1.3: not modified if earlier than or equal to the date")]),
    get("both, tag wins", "/ten.txt", "If-None-Match: \"x\"\r\nIf-Modified-Since: DATE\r\n"),
    get("If-Match", "/ten.txt", "If-Match: TAG\r\n"),
    get("If-Match, another", "/ten.txt", "If-Match: \"x\"\r\n"),
    get("If-Unmodified-Since, the same", "/ten.txt", "If-Unmodified-Since: DATE\r\n"),
    get("If-Unmodified-Since, before", "/ten.txt", "If-Unmodified-Since: Sun, 31 Dec 2023 23:59:59 GMT\r\n"),
    get("a range", "/ten.txt", "Range: bytes=2-4\r\n")
        .differs(&[("accept-ranges", "a 206 has the fields of the 200 (RFC 9110 15.3.7)")]),
    get("an open range", "/ten.txt", "Range: bytes=7-\r\n")
        .differs(&[("accept-ranges", "a 206 has the fields of the 200 (RFC 9110 15.3.7)")]),
    get("a suffix", "/ten.txt", "Range: bytes=-3\r\n")
        .differs(&[("accept-ranges", "a 206 has the fields of the 200 (RFC 9110 15.3.7)")]),
    get("a range over the end", "/ten.txt", "Range: bytes=5-99\r\n")
        .differs(&[("accept-ranges", "a 206 has the fields of the 200 (RFC 9110 15.3.7)")]),
    get("a range behind the end", "/ten.txt", "Range: bytes=10-\r\n")
        .differs(&[("accept-ranges", "the client learns that ranges are served")]),
    get("two ranges", "/long.txt", "Range: bytes=0-3,500-503\r\n").differs(&[
        ("accept-ranges", "a 206 has the fields of the 200 (RFC 9110 15.3.7)"),
        ("content-length", "the boundary is as long as 128 bits need"),
        ("body", "the boundary is as long as 128 bits need"),
    ]),
    get("overlapping ranges", "/long.txt", "Range: bytes=0-9,5-14\r\n").differs(&[
        ("accept-ranges", "a 206 has the fields of the 200 (RFC 9110 15.3.7)"),
        ("content-type", "RFC 9110 15.3.7.2: ranges that overlap may be sent as one"),
        ("content-length", "RFC 9110 15.3.7.2: ranges that overlap may be sent as one"),
        ("content-range", "RFC 9110 15.3.7.2: ranges that overlap may be sent as one"),
        ("body", "RFC 9110 15.3.7.2: ranges that overlap may be sent as one"),
    ]),
    get("a reversed range", "/ten.txt", "Range: bytes=4-2\r\n").differs(&[(
        "status",
        "RFC 9110 14.2: an invalid field may be ignored or rejected; ignored, as all that is malformed",
    )]),
    get("another unit", "/ten.txt", "Range: items=0-1\r\n"),
    get("a range of an empty file", "/empty.txt", "Range: bytes=0-0\r\n"),
    get("If-Range, tag", "/ten.txt", "Range: bytes=2-4\r\nIf-Range: TAG\r\n")
        .differs(&[("accept-ranges", "a 206 has the fields of the 200 (RFC 9110 15.3.7)")]),
    get("If-Range, another tag", "/ten.txt", "Range: bytes=2-4\r\nIf-Range: \"x\"\r\n"),
    get("If-Range, date", "/ten.txt", "Range: bytes=2-4\r\nIf-Range: DATE\r\n")
        .differs(&[("accept-ranges", "a 206 has the fields of the 200 (RFC 9110 15.3.7)")]),
    get("HEAD with a range", "/ten.txt", "Range: bytes=2-4\r\n")
        .method("HEAD")
        .differs(&[("status", "RFC 9110 14.2: ranges are defined for GET alone")]),
    get("an encoded slash", "/dir%2findex.html", "")
        .differs(&[("status", "no name holds a slash: decoded, it would be another path")]),
    get("an encoded parent", "/%2e%2e/secret.txt", ""),
    get("a parent", "/dir/../ten.txt", "")
        .differs(&[("status", "clients resolve dots before they ask (RFC 3986 5.2.4)")]),
    get("an empty segment", "//ten.txt", "")
        .differs(&[("status", "nothing is repaired: there is no such name")]),
    get("an encoded NUL", "/ten.txt%00", ""),
    get("a broken encoding", "/%zz", ""),
];
