//! The tree of the rule table on disk, and requests of it.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use conformance::files::{Node, TREE};
use http::{HeaderValue, Request, Response};
use http_body_util::BodyExt as _;
use server_files::{Builder, FileBody, Files};
use tempfile::TempDir;

/// The tree, deleted when dropped.
pub(crate) struct Tree(TempDir);

impl Tree {
    pub(crate) fn new() -> Self {
        let base = tempfile::tempdir().expect("a directory");
        let root = base.path().join("root");
        fs::create_dir(&root).expect("the root");
        for (path, node) in TREE {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
            match node {
                Node::Link(to) => symlink(to, &path).expect("a link"),
                Node::File(content, seconds, nanos) => {
                    fs::write(&path, content).expect("a file");
                    let time = SystemTime::UNIX_EPOCH
                        + Duration::new(u64::try_from(*seconds).expect("after 1970"), *nanos);
                    File::options()
                        .write(true)
                        .open(&path)
                        .and_then(|file| file.set_modified(time))
                        .expect("a time of its own");
                }
            }
        }
        Self(base)
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.0.path().join("root")
    }

    /// The tree, served with the options that a rule names.
    pub(crate) fn files(&self, options: &[String], cached: bool) -> Files {
        let mut files = Files::builder(self.root());
        for option in options {
            files = with(files, option, self);
        }
        if cached {
            files = files.cache(1000, Duration::from_secs(3600));
        }
        files.build().expect("options that fit the tree")
    }
}

fn with(files: Builder, option: &str, tree: &Tree) -> Builder {
    match option {
        "precompressed" => files.precompressed(true),
        "listing" => files.listing(true),
        "hidden" => files.hidden(true),
        "links" => files.follow_links(true),
        "fallback" => files.fallback("app.html"),
        "not-found" => files.not_found("missing.html"),
        "cache-control" => files.cache_control("*.css", HeaderValue::from_static("no-cache")),
        "mount" => files.mount("/m", tree.root().join("dir")),
        other => panic!("no option {other}"),
    }
}

/// A request, answered to its end.
pub(crate) async fn ask(
    files: &Files,
    method: &str,
    target: &str,
    fields: &[(String, String)],
) -> Response<Vec<u8>> {
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in fields {
        request = request.header(name, value);
    }
    read(files.serve(&request.body(()).expect("a request")).await).await
}

/// A GET without fields.
pub(crate) async fn get(files: &Files, target: &str) -> Response<Vec<u8>> {
    ask(files, "GET", target, &[]).await
}

/// The whole body.
pub(crate) async fn read(response: Response<FileBody>) -> Response<Vec<u8>> {
    let (parts, body) = response.into_parts();
    let body = body.collect().await.expect("the file can be read").to_bytes();
    Response::from_parts(parts, body.to_vec())
}
