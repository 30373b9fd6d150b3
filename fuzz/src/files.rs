//! The path resolver of server-files against a real tree with links: nothing outside the root is ever found.

use std::fs;
use std::iter;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

use http_body::Body as _;
use server_files::{FileRequest, Files};
use tempfile::TempDir;

/// What files inside hold, and those outside and their names.
const INSIDE: &str = "inside";
const OUTSIDE: &str = "SECRET";

struct Tree {
    _folder: TempDir,
    /// By the lowest bits of the first byte: links, hidden names, listings.
    files: Vec<Files>,
}

static TREE: LazyLock<Tree> = LazyLock::new(|| tree().expect("a tree on disk"));

fn tree() -> std::io::Result<Tree> {
    let folder = tempfile::tempdir()?;
    let root = folder.path().join("root");
    for directory in ["root/a/b/c", "root/.hidden", "root/sp ace", "SECRET-dir/a", "root2"] {
        fs::create_dir_all(folder.path().join(directory))?;
    }
    for inside in
        ["f", "a/f", "a/b/f.txt", "a/b/c/index.html", ".hidden/f", ".f", "sp ace/ü", "%2e%2e", "..."]
    {
        fs::write(root.join(inside), INSIDE)?;
    }
    for outside in ["SECRET", "f", "a", "SECRET-dir/f", "SECRET-dir/index.html", "SECRET-dir/a/f", "root2/f"]
    {
        fs::write(folder.path().join(outside), OUTSIDE)?;
    }
    let absolute = |path: &str| folder.path().join(path);
    for (link, to) in [
        ("in", Path::new("a/b").to_owned()),
        ("in-file", Path::new("a/f").to_owned()),
        ("a/up", Path::new("..").to_owned()),
        ("out", Path::new("..").to_owned()),
        ("a/out", Path::new("../../SECRET-dir").to_owned()),
        ("out-file", Path::new("../SECRET").to_owned()),
        ("slash", Path::new("/").to_owned()),
        ("absolute", absolute("SECRET-dir")),
        ("absolute-file", absolute("SECRET")),
        ("self", Path::new("self").to_owned()),
        ("chain", Path::new("a/up/out").to_owned()),
        ("proc", Path::new("/proc/self/cwd").to_owned()),
    ] {
        symlink(to, root.join(link))?;
    }
    let files = (0..8)
        .map(|bits| {
            let files = Files::builder(&root).follow_links(bits & 1 > 0).hidden(bits & 2 > 0);
            files.listing(bits & 4 > 0).mount("/m", root.join("a")).build().map_err(std::io::Error::other)
        })
        .collect::<Result<_, _>>()?;
    Ok(Tree { _folder: folder, files })
}

/// Any path, with any options: what is answered is a file of the inside, a listing without a name of the outside, or a
/// refusal. The first byte chooses the options.
pub fn files_path(data: &[u8]) {
    let Some((&options, path)) = data.split_first() else { return };
    let path = String::from_utf8_lossy(path);
    let files = &TREE.files[usize::from(options & 7)];
    // Without a runtime everything is done in place: the first poll is the last.
    let mut context = Context::from_waker(Waker::noop());
    let request = FileRequest::new("GET", &path, None, iter::empty());
    let Poll::Ready(response) = pin!(files.serve(request)).poll(&mut context) else {
        panic!("it waits without a runtime")
    };
    let (head, mut body) = response.into_parts();
    let mut content = Vec::new();
    while let Poll::Ready(Some(frame)) = pin!(&mut body).poll_frame(&mut context) {
        content.extend_from_slice(&frame.expect("nobody changes the tree").into_data().expect("no trailers"));
    }
    let content = String::from_utf8(content).expect("all of it is text");
    assert!(!content.contains(OUTSIDE), "{path:?}: {content}");
    match head.status.as_u16() {
        200 if content == INSIDE => {}
        200 => assert!(options & 4 > 0 && content.starts_with("<!doctype html>"), "{path:?}: {content}"),
        301 => assert!(!path.ends_with('/') && head.headers.contains_key("location")),
        400 | 404 => {}
        other => panic!("{path:?}: {other}"),
    }
    let found = matches!(head.status.as_u16(), 200 | 301);
    let plain = path.to_ascii_lowercase().replace("%2e", ".");
    if found && options & 2 == 0 {
        let hidden = plain.split('/').any(|segment| segment.starts_with('.'));
        assert!(!hidden, "{path:?} is hidden");
    }
    assert!(!found || plain.split('/').all(|segment| !matches!(segment, "." | "..")), "{path:?} has dots");
}
