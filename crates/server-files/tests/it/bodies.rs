//! What is sent when the file changes, and in which pieces.

use std::fs;
use std::time::Duration;

use http::Request;
use http_body::Body as _;
use http_body_util::BodyExt as _;
use server_files::Files;

use crate::tree::{Tree, get};

#[tokio::test]
async fn a_large_file_comes_whole_in_bounded_pieces() {
    let tree = Tree::new();
    let content: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    fs::write(tree.root().join("large"), &content).expect("a file");
    let files = Files::new(tree.root()).expect("a tree");
    let request = Request::get("/large").body(()).expect("a request");
    let mut body = files.serve(&request).await.into_body();
    assert_eq!(body.size_hint().exact(), Some(content.len() as u64));
    let (mut got, mut longest) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        let data = frame.expect("it can be read").into_data().expect("no trailers");
        // Never more at once than was taken before, but for the first.
        assert!(!data.is_empty() && data.len() <= got.len().clamp(64 << 10, 256 << 10));
        longest = longest.max(data.len());
        got.extend_from_slice(&data);
        assert_eq!(body.size_hint().exact(), Some((content.len() - got.len()) as u64));
    }
    assert!(got == content && body.is_end_stream() && longest == 256 << 10);
}

#[tokio::test]
async fn a_file_that_shrinks_ends_in_an_error_and_is_never_padded() {
    let tree = Tree::new();
    let path = tree.root().join("shrinking");
    fs::write(&path, vec![b'x'; 1 << 20]).expect("a file");
    let files = Files::new(tree.root()).expect("a tree");
    let request = Request::get("/shrinking").body(()).expect("a request");
    let mut body = files.serve(&request).await.into_body();
    let first = body.frame().await.expect("a frame").expect("bytes").into_data().expect("no trailers");
    fs::File::options()
        .write(true)
        .open(&path)
        .and_then(|file| file.set_len(first.len() as u64))
        .expect("shorter");
    let error = body.frame().await.expect("an answer").expect_err("an error");
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn a_file_that_grows_is_sent_as_long_as_it_was() {
    let tree = Tree::new();
    let files = Files::new(tree.root()).expect("a tree");
    let request = Request::get("/ten.txt").body(()).expect("a request");
    let body = files.serve(&request).await.into_body();
    fs::write(tree.root().join("ten.txt"), "0123456789 and more").expect("a file");
    assert_eq!(body.collect().await.expect("it can be read").to_bytes(), "0123456789");
}

#[tokio::test]
async fn a_cached_file_is_seen_anew_behind_its_age_and_the_cache_is_bounded() {
    let tree = Tree::new();
    let (kept, forgotten) = (
        Files::builder(tree.root()).cache(2, Duration::from_secs(3600)).build().expect("a tree"),
        Files::builder(tree.root()).cache(2, Duration::ZERO).build().expect("a tree"),
    );
    for files in [&kept, &forgotten] {
        assert_eq!(get(files, "/ten.txt").await.into_body(), b"0123456789");
    }
    let replace = |name: &str, content: &str| {
        fs::write(tree.root().join("new"), content).expect("a file");
        fs::rename(tree.root().join("new"), tree.root().join(name)).expect("replaced");
    };
    replace("ten.txt", "another");
    assert_eq!(get(&kept, "/ten.txt").await.into_body(), b"0123456789", "the file that was opened, whole");
    assert_eq!(get(&forgotten, "/ten.txt").await.into_body(), b"another");
    // Two others push it out.
    for other in ["/style.css", "/code.js"] {
        get(&kept, other).await;
    }
    assert_eq!(get(&kept, "/ten.txt").await.into_body(), b"another");
}
