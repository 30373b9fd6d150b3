//! As a handler of server-core, as a tower service, and without a runtime.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use http::Request;
use server_core::rt::tokio::{TokioListener, TokioTimer, serve};
use server_core::{Listener as _, Server};
use server_files::Files;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tower_service::Service as _;

use crate::tree::{Tree, read};

/// Both kinds of request that a handler may ask for, over a socket.
#[tokio::test]
async fn a_handler() {
    let tree = Tree::new();
    let files = Files::new(tree.root()).expect("a tree");
    let lazy = Server::<_, _, server_core::Request>::new(files.clone(), TokioTimer);
    let http = Server::<_, _, Request<server_core::Incoming>>::new(files, TokioTimer);
    let (a, b) =
        (TokioListener::bind(([127, 0, 0, 1], 0).into()), TokioListener::bind(([127, 0, 0, 1], 0).into()));
    let (a, b) = (a.expect("a port"), b.expect("a port"));
    let addresses = [a.local_addr().expect("bound"), b.local_addr().expect("bound")];
    tokio::spawn(async move { serve(&lazy, a).await });
    tokio::spawn(async move { serve(&http, b).await });
    for address in addresses {
        let mut client = TcpStream::connect(address).await.expect("a connection");
        let requests = "GET /ten.txt HTTP/1.1\r\nHost: a\r\n\r\nHEAD /ten.txt HTTP/1.1\r\nHost: a\r\n\r\n\
                        GET /ten.txt HTTP/1.1\r\nHost: a\r\nIf-None-Match: *\r\nConnection: close\r\n\r\n";
        client.write_all(requests.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.expect("answered");
        let lower = answer.to_lowercase();
        let heads: Vec<_> = lower.split("http/1.1 ").skip(1).collect();
        assert_eq!(heads.len(), 3, "{answer}");
        assert!(heads[0].starts_with("200 ") && heads[0].ends_with("\r\n\r\n0123456789"), "{answer}");
        assert!(heads[1].starts_with("200 ") && heads[1].ends_with("\r\n\r\n"), "{answer}");
        for head in &heads[..2] {
            assert_eq!(head.matches("content-length: 10\r\n").count(), 1, "{answer}");
        }
        assert!(heads[2].starts_with("304 ") && !heads[2].contains("content-length"), "{answer}");
    }
}

#[tokio::test]
async fn a_tower_service() {
    let tree = Tree::new();
    let mut files = Files::new(tree.root()).expect("a tree");
    poll_fn(|cx| tower_service::Service::<Request<()>>::poll_ready(&mut files, cx)).await.expect("ready");
    let response = files.call(Request::get("/ten.txt").body(()).expect("a request")).await.expect("no error");
    assert_eq!(read(response).await.body(), b"0123456789");
}

/// Without tokio everything is done in place.
#[test]
fn no_runtime() {
    let tree = Tree::new();
    let files = tree.files(&["listing".into()], false);
    let mut context = Context::from_waker(Waker::noop());
    for target in ["/ten.txt", "/bare/", "/nothing"] {
        let request = Request::get(target).body(()).expect("a request");
        let mut answer = pin!(async { read(files.serve(&request).await).await });
        let Poll::Ready(response) = answer.as_mut().poll(&mut context) else { panic!("{target}: it waits") };
        assert_eq!(response.status(), if target == "/nothing" { 404 } else { 200 });
    }
}
