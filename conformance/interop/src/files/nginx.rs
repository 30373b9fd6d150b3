//! nginx beside ours, with the same files: what both answer, case by case.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::Server;
use crate::http::{Conn, Response};
use crate::report::{Result, ensure};

/// nginx on the same root.
pub(super) struct Nginx {
    child: Child,
    addr: SocketAddr,
    _folder: TempDir,
}

impl Nginx {
    pub(super) fn start(site: &Path) -> Result<Self> {
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
pub(super) struct Case {
    pub(super) name: &'static str,
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

    pub(super) fn compare(&self, server: &Server, nginx: &Nginx) -> Result {
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

pub(super) const CASES: &[Case] = &[
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
