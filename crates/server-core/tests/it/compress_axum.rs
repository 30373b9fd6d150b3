//! The tower layer in an axum application, with axum's own extractors and bodies.

use axum::body::Bytes;
use axum::extract::Request;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Extension, Router};
use server_core::Tower;
use server_core::compress::wire_compress;
use server_core::compress::{Coding, CompressLayer, Config, Uncompressed};

use super::compress::{Got, accepting, decode, encode, html};
use super::compress_requests::post as encoded;
use super::support::{World, statuses, world};

fn page() -> Router {
    let mut config = Config::default();
    let mut limits = wire_compress::Config::default();
    limits.max_output = 1 << 20;
    config.decode_requests = Some(limits);
    Router::new()
        .route(
            "/",
            get(async || axum::response::Html(html())).post(async |body: Bytes| body.len().to_string()),
        )
        .route("/off", get(async || (Extension(Uncompressed), html()).into_response()))
        .route("/echo", post(async |request: Request| request.into_body()))
        .layer(CompressLayer::new(config))
        // What is added behind a layer is not within it.
        .route("/outside", get(async || html()))
}

fn application() -> World<Tower<Router>, http::Request<server_core::Incoming>> {
    world(Tower(page()))
}

#[test]
fn responses_are_compressed_but_where_a_route_says_no() {
    let world = application();
    for coding in ["gzip", "deflate", "br", "zstd"] {
        let client = world.connect();
        world.send(&client, accepting("GET", "/", coding));
        let got = Got::read(&client.pipe.take());
        assert_eq!(
            (got.field("content-encoding"), got.field("vary")),
            (Some(coding), Some("Accept-Encoding"))
        );
        assert_eq!(decode(coding, &got.content), (html().to_vec(), true));
        let client = world.connect();
        world.send(&client, accepting("HEAD", "/", coding));
        let head = Got::read(&client.pipe.take());
        for field in ["content-encoding", "vary", "content-type", "content-length"] {
            assert_eq!(head.field(field), got.field(field), "{field} to HEAD");
        }
        assert_eq!(head.content, b"");
        for path in ["/off", "/outside"] {
            let client = world.connect();
            world.send(&client, accepting("GET", path, coding));
            let got = Got::read(&client.pipe.take());
            assert_eq!((got.field("content-encoding"), &got.content[..]), (None, &html()[..]));
        }
    }
}

#[test]
fn bodies_are_decoded_for_extractors_with_statuses_of_their_own() {
    let world = application();
    for (name, coding) in
        [("gzip", Coding::Gzip), ("deflate", Coding::Deflate), ("br", Coding::Brotli), ("zstd", Coding::Zstd)]
    {
        let whole = encode(coding, &html());
        assert!(world.exchange(encoded(name, &whole)).ends_with(&html().len().to_string()));
        let bomb = encode(coding, &vec![0; 64 << 20]);
        assert_eq!(statuses(&world.exchange(encoded(name, &bomb))), [413]);
        assert_eq!(statuses(&world.exchange(encoded(name, &whole[..whole.len() / 2]))), [400]);
        assert_eq!(statuses(&world.exchange(encoded(name, &[&whole[..], b"more"].concat()))), [400]);
    }
    let refused = world.exchange(encoded("compress", b"x"));
    assert_eq!(statuses(&refused), [415]);
    assert!(refused.contains("\r\naccept-encoding: br, zstd, gzip, deflate\r\n"), "{refused}");
    // Without a coding the extractor's own limit holds.
    let large =
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n".to_owned() + &"a".repeat(3_000_000);
    assert_eq!(statuses(&world.exchange(large)), [413]);
}

#[test]
fn trailers_pass_decoded_and_encoded_content() {
    let world = application();
    let client = world.connect();
    let content = encode(Coding::Gzip, &html());
    let head = "POST /echo HTTP/1.1\r\nHost: a\r\nAccept-Encoding: br\r\nContent-Encoding: gzip\r\n\
        Transfer-Encoding: chunked\r\nTE: trailers\r\n\r\n";
    let chunk = format!("{:x}\r\n", content.len());
    let parts = [head.as_bytes(), chunk.as_bytes(), &content, b"\r\n0\r\nX-Sum: 1\r\n\r\n"];
    world.send(&client, parts.concat());
    let got = Got::read(&client.pipe.take());
    assert_eq!(got.field("content-encoding"), Some("br"));
    assert_eq!(decode("br", &got.content), (html().to_vec(), true));
    assert_eq!(got.trailers.as_deref(), Some("x-sum: 1\r\n\r\n"));
}
