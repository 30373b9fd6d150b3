//! Request bodies, decoded before the handler reads them.

use std::cell::RefCell;
use std::rc::Rc;

use http::{Method, Response};
use http_body::Body as _;
use server_core::compress::wire_compress;
use server_core::compress::{Coding, Compress, Config};
use server_core::{Body, Incoming, Request};

use super::compress::{encode, noise};
use super::support::{configured, statuses, text, world};

async fn collect(mut request: Request) -> Response<Body> {
    match request.body_mut().collect().await {
        Ok(bytes) => text(format!("{} bytes, {:?}", bytes.len(), bytes.first())),
        Err(error) => {
            let mut response = text(error.to_string());
            *response.status_mut() = error.status();
            response
        }
    }
}

fn decoding<H>(handler: H) -> Compress<H> {
    let mut config = Config::default();
    let mut limits = wire_compress::Config::default();
    limits.max_output = 1 << 20;
    config.decode_requests = Some(limits);
    Compress::new(handler, config)
}

pub(crate) fn post(coding: &str, content: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n",
        content.len()
    );
    [head.as_bytes(), content].concat()
}

#[test]
fn requests_are_decoded_with_limits() {
    let world = world(decoding(collect));
    for (name, coding) in [
        ("x-gzip", Coding::Gzip),
        ("deflate", Coding::Deflate),
        ("BR", Coding::Brotli),
        ("zstd", Coding::Zstd),
    ] {
        let content = vec![b'a'; 100_000];
        let got = world.exchange(post(name, &encode(coding, &content)));
        assert!(got.ends_with("100000 bytes, Some(97)"), "{name}: {got}");
        let twice = encode(Coding::Gzip, &encode(coding, &content));
        let got = world.exchange(post(&format!("{name}, gzip"), &twice));
        assert!(got.ends_with("100000 bytes, Some(97)"), "{name}: {got}");

        let bomb = encode(coding, &vec![0; 64 << 20]);
        assert_eq!(statuses(&world.exchange(post(name, &bomb))), [413]);
        let whole = encode(coding, &content);
        assert_eq!(statuses(&world.exchange(post(name, &whole[..whole.len() / 2]))), [400]);
        let trailing = [&encode(coding, &content)[..], b"and more"].concat();
        assert_eq!(statuses(&world.exchange(post(name, &trailing))), [400]);
    }
    // More arrives than may come out.
    let declared = "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 2000000\r\n\r\n";
    assert_eq!(statuses(&world.exchange(declared)), [413]);
    // No content has no coding.
    assert!(world.exchange(post("gzip", b"")).ends_with("0 bytes, None"));
    assert!(world.exchange(post("identity", b"as it is")).ends_with("8 bytes, Some(97)"));
}

#[test]
fn an_unknown_coding_is_refused_before_the_handler_runs() {
    let world = world(decoding(async |_: Request| -> Response<Body> { panic!("it runs") }));
    for coding in ["compress", "gzip, gzip, gzip", "aes128gcm"] {
        let got = world.exchange(post(coding, b"x"));
        assert_eq!(statuses(&got), [415]);
        assert!(got.contains("\r\naccept-encoding: br, zstd, gzip, deflate\r\n"), "{got}");
    }
}

#[test]
fn a_decoded_body_streams_with_its_trailers_and_without_its_length() {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let handler = {
        let seen = Rc::clone(&seen);
        move |mut request: http::Request<Incoming>| {
            let seen = Rc::clone(&seen);
            async move {
                assert!(!request.headers().contains_key("content-encoding"));
                assert_eq!((request.body().remaining(), request.body().is_end_stream()), (None, false));
                while let Some(chunk) = request.body_mut().chunk().await.unwrap() {
                    seen.borrow_mut().extend_from_slice(&chunk);
                }
                assert!(request.body().is_end_stream());
                let sum = request.body().trailers().unwrap().iter().next().unwrap().0 == "X-Sum";
                text(if sum { "summed" } else { "not" })
            }
        }
    };
    let world = world(decoding(handler));
    let client = world.connect();
    world.send(
        &client,
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n",
    );
    let content = encode(Coding::Gzip, &noise(50_000));
    let (first, second) = content.split_at(30_000);
    let chunk = |piece: &[u8]| [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat();
    world.send(&client, chunk(first));
    assert!((20_000..40_000).contains(&seen.borrow().len()), "{}", seen.borrow().len());
    world.send(&client, chunk(second));
    world.send(&client, "0\r\nX-Sum: 1\r\n\r\n");
    assert_eq!(seen.borrow()[..], noise(50_000)[..]);
    assert!(client.text().ends_with("summed"));
}

#[test]
fn requests_over_http2_are_decoded() {
    let world = configured(decoding(collect), |config| config.http2 = Some(Default::default()));
    let peer = world.connect_http2();
    let mut request = super::http2::request(Method::POST, "/");
    request.headers_mut().insert("content-encoding", "br".parse().unwrap());
    let (response, mut stream) = peer.send.clone().send_request(request, false).unwrap();
    stream.send_data(encode(Coding::Brotli, &[b'a'; 50_000]).into(), true).unwrap();
    let got =
        world.run(async move { super::http2::read(response.await.unwrap().into_body()).await.unwrap() });
    assert_eq!(&got.0[..], b"50000 bytes, Some(97)");
}
