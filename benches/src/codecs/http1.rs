//! What `wire-http1` does.

use std::hint::black_box;

use wire_http1::{BodyLen, ClientConnection, Config, RequestHead, ResponseHead, ServerConnection};

use super::Workload;
use crate::requests::BROWSER;

/// What a server answers: 10 fields.
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\n\
    Date: Tue, 01 Oct 2024 12:00:00 GMT\r\n\
    Content-Type: text/html; charset=utf-8\r\n\
    Content-Length: 0\r\n\
    Connection: keep-alive\r\n\
    Server: wire\r\n\
    Cache-Control: private, max-age=0, must-revalidate\r\n\
    ETag: \"33a64df551425fcc55e4d42a148795d9f25f89d4\"\r\n\
    Vary: Accept-Encoding, Cookie\r\n\
    Set-Cookie: session=0123456789abcdef0123456789abcdef; Path=/; HttpOnly; Secure; SameSite=Lax\r\n\
    Strict-Transport-Security: max-age=31536000; includeSubDomains\r\n\r\n";

/// A head of about 64 KiB.
fn large(field: impl Fn(usize) -> String, fields: usize) -> Vec<u8> {
    let fields: String = (0..fields).map(field).collect();
    format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n").into_bytes()
}

fn one_field() -> Vec<u8> {
    large(|_| format!("X-Large: {}\r\n", "v".repeat(65_400)), 1)
}

fn many_fields() -> Vec<u8> {
    large(|i| format!("X-Field-{i:02}: {}\r\n", "v".repeat(646)), 98)
}

/// The fields of [`BROWSER`] again and again, Host and Connection once: about 1,200 lines of 55 bytes.
fn browser_fields() -> Vec<u8> {
    let lines: Vec<&str> =
        str::from_utf8(BROWSER).unwrap_or_default().lines().skip(3).filter(|line| !line.is_empty()).collect();
    large(|i| format!("{}\r\n", lines[i % lines.len()]), 1210)
}

fn tiny_fields() -> Vec<u8> {
    large(|_| "a:b\r\n".into(), 13_000)
}

/// All of them.
pub const WORKLOADS: &[Workload] = &[
    ("nothing", |count| assert!(black_box(count) > 0)),
    ("new", |count| heads(count, |_| {})),
    ("request", |count| {
        heads(count, |connection| {
            black_box(connection.decode(black_box(BROWSER)).expect("a request"));
        });
    }),
    ("fields", |count| {
        let mut connection = ServerConnection::default();
        connection.decode(BROWSER).expect("a request");
        for _ in 0..count {
            let view = connection.head().view(black_box(BROWSER));
            for field in view.fields() {
                black_box(field);
            }
        }
    }),
    ("exchange", exchanges),
    ("answered", |count| answered(count, |_, _| {})),
    ("answer", |count| answered(count, answer)),
    ("client", |count| {
        let (mut connection, mut out, mut spare) =
            (ClientConnection::default(), Vec::new(), ResponseHead::default());
        (0..count).for_each(|_| client_exchange(&mut connection, &mut out, &mut spare));
    }),
    ("whole-one-field", |count| fed(count, &one_field(), usize::MAX)),
    ("bytes-one-field", |count| fed(count, &one_field(), 1)),
    ("whole-many-fields", |count| fed(count, &many_fields(), usize::MAX)),
    ("bytes-many-fields", |count| fed(count, &many_fields(), 1)),
    ("whole-browser-fields", |count| fed(count, &browser_fields(), usize::MAX)),
    ("bytes-browser-fields", |count| fed(count, &browser_fields(), 1)),
    ("whole-tiny-fields", |count| fed(count, &tiny_fields(), usize::MAX)),
    ("bytes-tiny-fields", |count| fed(count, &tiny_fields(), 1)),
    #[cfg(feature = "peers")]
    ("httparse", |count| {
        for _ in 0..count {
            let mut fields = [httparse::EMPTY_HEADER; 32];
            let mut request = httparse::Request::new(&mut fields);
            black_box(request.parse(black_box(BROWSER)).expect("a request"));
            black_box(&request);
        }
    }),
];

/// A fresh connection, but for the table of fields, and `work` on it.
fn heads(count: u64, work: impl Fn(&mut ServerConnection)) {
    let mut table = RequestHead::default();
    for _ in 0..count {
        let mut connection = ServerConnection::default();
        connection.take_head(std::mem::take(&mut table));
        work(black_box(&mut connection));
        table = connection.take_head(RequestHead::default());
    }
}

fn exchanges(count: u64) {
    let (mut connection, mut out) = (ServerConnection::default(), Vec::new());
    (0..count).for_each(|_| exchange(&mut connection, &mut out));
}

/// A browser's request and an answer of 13 bytes, on a connection that persists.
///
/// # Panics
/// The codec is broken.
pub fn exchange(connection: &mut ServerConnection, out: &mut Vec<u8>) {
    out.clear();
    let head = connection.decode(black_box(BROWSER)).expect("a request");
    connection.decode(&BROWSER[head.consumed..]).expect("an end");
    let mut writer = connection.encode_head(200, "", BodyLen::Fixed(13), out).expect("a head");
    writer.field("Content-Type", "text/plain").expect("a field");
    writer.finish().expect("a head");
    connection.encode_data(b"Hello, World!", out).expect("content");
    connection.encode_end(out).expect("an end");
    assert!(connection.next_cycle());
}

/// A short request, and `work` on its connection.
fn answered(count: u64, work: impl Fn(&mut ServerConnection, &mut Vec<u8>)) {
    let (mut table, mut out) = (RequestHead::default(), Vec::new());
    for _ in 0..count {
        let mut connection = ServerConnection::default();
        connection.take_head(std::mem::take(&mut table));
        connection.decode(black_box(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")).expect("a request");
        out.clear();
        work(black_box(&mut connection), black_box(&mut out));
        table = connection.take_head(RequestHead::default());
    }
}

/// The head of a small answer: 200 with Content-Type, Date and Content-Length.
fn answer(connection: &mut ServerConnection, out: &mut Vec<u8>) {
    let mut writer =
        connection.encode_head(black_box(200), "", BodyLen::Fixed(black_box(13)), out).expect("a head");
    writer.field(black_box("content-type"), black_box("text/plain; charset=utf-8")).expect("a field");
    writer.field(black_box("date"), black_box("Tue, 01 Oct 2024 12:00:00 GMT")).expect("a field");
    writer.finish().expect("a head");
}

/// A request of three fields and the response to it.
///
/// # Panics
/// The codec is broken.
pub fn client_exchange(connection: &mut ClientConnection, out: &mut Vec<u8>, spare: &mut ResponseHead) {
    out.clear();
    let mut writer = connection.encode_head("GET", "/articles/2024", None, out).expect("a line");
    for (name, value) in [("Host", "www.example.com"), ("User-Agent", "wire"), ("Accept", "*/*")] {
        writer.field(name, value).expect("a field");
    }
    writer.finish().expect("a head");
    connection.encode_end(out).expect("an end");
    let head = connection.decode(black_box(RESPONSE)).expect("a response");
    *spare = connection.take_head(std::mem::take(spare));
    connection.decode(&RESPONSE[head.consumed..]).expect("an end");
    assert!(connection.next_cycle());
}

/// A large head, at once or byte by byte.
fn fed(count: u64, head: &[u8], first: usize) {
    let first = first.min(head.len());
    let mut config = Config::default();
    config.max_fields = usize::MAX;
    config.max_field_section = 1 << 20;
    let mut table = RequestHead::default();
    for _ in 0..count {
        let mut connection = ServerConnection::new(config.clone());
        connection.take_head(std::mem::take(&mut table));
        let step = (first..=head.len()).find_map(|end| {
            let step = connection.decode(black_box(&head[..end])).expect("a head");
            step.event.map(|_| step)
        });
        assert_eq!(step.map(|step| step.consumed), Some(head.len()));
        table = connection.take_head(RequestHead::default());
    }
}
