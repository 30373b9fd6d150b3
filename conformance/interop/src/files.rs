//! Static files: curl and wget fetch and resume, Chromium shows a page of images, links are swapped under load, and nginx
//! serves the same files beside ours.

mod nginx;

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::{FileExt as _, symlink};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use tempfile::TempDir;

use self::nginx::{CASES, Nginx};
use crate::http::Conn;
use crate::report::{Report, Result, ensure};
use crate::vanish::settles;
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
        report.check("files: a file that shrinks ends the download, however it is sent", || {
            shrinks(options, site.path())
        });
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

/// By the kernel, read, and read over HTTP/2: what is missing is neither padded nor waited for.
fn shrinks(options: &Options, folder: &Path) -> Result {
    const LEN: u64 = 64 << 20;
    let root = folder.join("root");
    let args =
        [&*root.to_string_lossy(), "--quiet", "--listen", "127.0.0.1:0", "--listen-tls", "127.0.0.1:0"];
    let server = Server::start(&options.files, &args)?;
    let secure = format!("https://{}/shrinks.bin", server.tls().ok_or("no listener with TLS")?);
    let (path, part) = (root.join("shrinks.bin"), folder.join("shrinks.part"));
    for (version, url) in [
        ("--http1.1", &server.url("/shrinks.bin")),
        ("--http2-prior-knowledge", &server.url("/shrinks.bin")),
        ("--http1.1", &secure),
        ("--http2", &secure),
    ] {
        let file = File::create(&path)?;
        file.set_len(LEN)?;
        let _ = fs::remove_file(&part);
        let mut curl = Command::new("curl");
        curl.args(["-sk", "-m", "30", "--limit-rate", "8M", version, url, "-o"]).arg(&part);
        let mut curl = curl.spawn()?;
        let begun = settles(Duration::from_secs(10), || {
            ensure!(fs::metadata(&part)?.len() > 0, "nothing came");
            Ok(())
        });
        file.set_len(1 << 20)?;
        let code = curl.wait()?.code();
        begun?;
        let got = fs::metadata(&part)?.len();
        // 18: cut off; 92: the stream was reset. 28 would be a wait without end.
        ensure!(
            matches!(code, Some(18 | 92)) && got < LEN,
            "{version} {url}: curl ends with {code:?} after {got} bytes"
        );
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
