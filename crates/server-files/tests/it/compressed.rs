//! The compress layer around files: what lies beside a file ready comes first, the layer encodes the rest, and what is said of either
//! holds together.

use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use server_core::compress::{Compress, Config};
use server_files::Files;
use tower_service::Service as _;

use crate::tree::Tree;

type Fields<'a> = &'a [(&'a str, &'a str)];

/// Target, fields; status, Content-Encoding, ETag, whether it is a file as it lies: with its length, and in ranges.
type Case<'a> = (&'a str, Fields<'a>, u16, Option<&'a str>, Option<&'a str>, bool);

async fn ask(
    layer: &mut Compress<Files>,
    method: &str,
    target: &str,
    fields: Fields<'_>,
) -> (StatusCode, HeaderMap, Vec<u8>) {
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let request = request.body(Empty::<&[u8]>::new()).expect("a request");
    let (head, body) = layer.call(request).await.expect("it never fails").into_parts();
    (head.status, head.headers, body.collect().await.expect("a body").to_bytes().to_vec())
}

#[tokio::test]
async fn what_is_ready_first_and_the_layer_for_the_rest() {
    const GZIP: (&str, &str) = ("accept-encoding", "gzip");
    const STRONG: &str = "\"3e8-17a6101701650000\"";
    const WEAK: &str = "W/\"3e8-17a6101701650000\"";
    const READY: &str = "\"7-17a6101701650000-gzip\"";
    let tree = Tree::new();
    let mut config = Config::default();
    config.min_size = 100;
    let mut layer = Compress::new(tree.files(&["precompressed".to_owned()], false), config);
    let cases: [Case<'_>; 11] = [
        ("/page.html", &[GZIP], 200, Some("gzip"), Some(READY), true),
        ("/page.html", &[GZIP, ("range", "bytes=0-1")], 206, Some("gzip"), Some(READY), true),
        ("/long.txt", &[], 200, None, Some(STRONG), true),
        ("/long.txt", &[GZIP], 200, Some("gzip"), Some(WEAK), false),
        ("/ten.txt", &[GZIP], 200, None, Some("\"a-17a610171f326500\""), true),
        ("/long.txt", &[GZIP, ("if-none-match", WEAK)], 304, None, Some(WEAK), false),
        ("/long.txt", &[GZIP, ("if-match", WEAK)], 412, None, None, true),
        // A range is one of the file as it is.
        ("/long.txt", &[GZIP, ("range", "bytes=0-1")], 206, None, Some(STRONG), true),
        ("/long.txt", &[GZIP, ("range", "bytes=0-1"), ("if-range", STRONG)], 206, None, Some(STRONG), true),
        (
            "/long.txt",
            &[GZIP, ("range", "bytes=0-1"), ("if-range", WEAK)],
            200,
            Some("gzip"),
            Some(WEAK),
            false,
        ),
        ("/long.txt", &[GZIP, ("range", "bytes=1000-")], 416, None, None, true),
    ];
    for (target, fields, status, coding, etag, plain) in cases {
        let case = format!("{target} {fields:?}");
        let (got, headers, body) = ask(&mut layer, "GET", target, fields).await;
        let field = |name: &str| headers.get(name).map(|value| value.to_str().expect("text"));
        assert_eq!(
            (got.as_u16(), field("content-encoding"), field("etag")),
            (status, coding, etag),
            "{case}"
        );
        let vary: Vec<_> = headers.get_all("vary").iter().collect();
        assert_eq!(vary, ["accept-encoding"], "{case}");
        assert_eq!(field("accept-ranges").is_some(), plain && matches!(status, 200 | 206 | 416), "{case}");
        assert!(plain || field("content-length").is_none(), "{case}");
        if status == 200 && !plain {
            assert!(body.starts_with(b"\x1f\x8b"), "{case}");
        }

        // To HEAD the same, but for ranges, which are GET's alone; and the length is said where the layer leaves it.
        if fields.iter().any(|(name, _)| *name == "range") {
            continue;
        }
        let (to_head, mut of_head, no_body) = ask(&mut layer, "HEAD", target, fields).await;
        let len = of_head.remove("content-length");
        assert_eq!((to_head, &of_head, &no_body[..]), (got, &headers, &b""[..]), "HEAD {case}");
        let said = len.map(|len| len.to_str().expect("digits").to_owned());
        assert_eq!(said, (plain && status != 304).then(|| body.len().to_string()), "HEAD {case}");
    }
}
