//! One file for a handler.

use http::{HeaderValue, Request, StatusCode};
use server_files::send_file;

use crate::tree::{Tree, read};

fn request(method: &str, fields: &[(&str, &str)]) -> Request<()> {
    let builder = Request::builder().method(method).uri("/report");
    fields
        .iter()
        .fold(builder, |builder, (name, value)| builder.header(*name, *value))
        .body(())
        .expect("a request")
}

#[tokio::test]
async fn names_types_and_ranges() {
    let tree = Tree::new();
    let file = send_file(tree.root().join("ten.txt")).download("Übersicht.txt");
    let response = read(file.clone().respond(&request("GET", &[])).await.expect("a file")).await;
    assert_eq!(response.body(), b"0123456789");
    assert_eq!(
        response.headers()["content-disposition"],
        "attachment; filename=\"_bersicht.txt\"; filename*=UTF-8''%C3%9Cbersicht.txt"
    );
    assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
    let response =
        read(file.clone().respond(&request("GET", &[("range", "bytes=-2")])).await.expect("a file")).await;
    assert_eq!((response.status(), &response.body()[..]), (StatusCode::PARTIAL_CONTENT, &b"89"[..]));
    let response =
        read(file.clone().respond(&request("POST", &[("range", "bytes=-2")])).await.expect("a file")).await;
    assert_eq!((response.status(), response.body().len()), (StatusCode::OK, 10));
    let response = read(file.clone().respond(&request("HEAD", &[])).await.expect("a file")).await;
    assert_eq!((&response.headers()["content-length"], response.body().len()), (&HeaderValue::from(10), 0));
    let response =
        read(file.respond(&request("GET", &[("if-none-match", "*")])).await.expect("a file")).await;
    assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
    assert!(!response.headers().contains_key("content-disposition"));

    let file = send_file(tree.root().join("noext"))
        .inline("x")
        .content_type(HeaderValue::from_static("text/x-own"))
        .cache_control(HeaderValue::from_static("private"));
    let response = read(file.respond(&request("GET", &[])).await.expect("a file")).await;
    assert_eq!(response.headers()["content-disposition"], "inline; filename=\"x\"");
    assert_eq!(response.headers()["content-type"], "text/x-own");
    assert_eq!(response.headers()["cache-control"], "private");
}

#[tokio::test]
async fn deleted_once_it_is_content() {
    let tree = Tree::new();
    let path = tree.root().join("ten.txt");
    let file = send_file(&path).delete_after();
    for request in [
        request("HEAD", &[]),
        request("GET", &[("if-none-match", "*")]),
        request("GET", &[("if-match", "\"x\"")]),
        request("GET", &[("range", "bytes=99-")]),
    ] {
        file.clone().respond(&request).await.expect("a file");
        assert!(path.exists(), "{request:?}");
    }
    let response = file.clone().respond(&request("GET", &[])).await.expect("a file");
    assert!(!path.exists());
    assert_eq!(read(response).await.body(), b"0123456789", "what was opened is sent");
    let error = file.respond(&request("GET", &[])).await.expect_err("it is gone");
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
}

#[tokio::test]
async fn what_is_no_file_is_an_error() {
    let tree = Tree::new();
    for (name, kind) in [("dir", std::io::ErrorKind::IsADirectory), ("nothing", std::io::ErrorKind::NotFound)]
    {
        let error = send_file(tree.root().join(name)).respond(&request("GET", &[])).await.expect_err(name);
        assert_eq!(error.kind(), kind);
    }
    // Links are followed: the path is the program's own.
    let response =
        send_file(tree.root().join("out.txt")).respond(&request("GET", &[])).await.expect("a file");
    assert_eq!(read(response).await.body(), b"secret");
}
