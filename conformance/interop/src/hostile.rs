//! Malformed requests: the right status, `Connection: close`, the end, and never an answer to the bytes that follow.

use crate::http::Conn;
use crate::report::{Report, Result, ensure};
use crate::ws::handshake;
use crate::{Options, with_server};

/// What follows every malformed request in the same write. It must never be answered.
const SMUGGLED: &str = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";

/// A name, the bytes, and the statuses that are right.
type Case = (&'static str, &'static [u8], &'static [u16]);

/// Refused with the head alone.
const HEADS: &[Case] = &[
    ("no Host", b"GET /hello HTTP/1.1\r\n\r\n", &[400]),
    ("two Hosts", b"GET /hello HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", &[400]),
    ("a Host with a space", b"GET /hello HTTP/1.1\r\nHost: a b\r\n\r\n", &[400]),
    ("a Host with a path", b"GET /hello HTTP/1.1\r\nHost: a/b\r\n\r\n", &[400]),
    ("a list of Hosts", b"GET /hello HTTP/1.1\r\nHost: a, b\r\n\r\n", &[400]),
    ("HTTP/0.9", b"GET /hello\r\n\r\n", &[400]),
    ("HTTP/2.0 in a request line", b"GET /hello HTTP/2.0\r\nHost: a\r\n\r\n", &[505]),
    ("HTTP/3.0", b"GET /hello HTTP/3.0\r\nHost: a\r\n\r\n", &[505]),
    ("lower-case http/1.1", b"GET /hello http/1.1\r\nHost: a\r\n\r\n", &[400]),
    ("HTTP/1.10", b"GET /hello HTTP/1.10\r\nHost: a\r\n\r\n", &[400]),
    ("two spaces before the version", b"GET /hello  HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
    ("two spaces before the target", b"GET  /hello HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
    ("a space before the method", b" GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
    ("a tab in the request line", b"GET\t/hello HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
    ("a target with a space", b"GET /hel lo HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
    ("a target without a slash", b"GET hello HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
    ("a target with a fragment", b"GET /hello#x HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
    ("a control byte in the target", b"GET /hel\x01lo HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
    ("NUL in the target", b"GET /hello\0 HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
    ("a raw byte above ASCII in the target", b"GET /h\xff HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
    ("a method that is no token", b"G@T /hello HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
    ("the TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", &[400]),
    ("two empty lines first", b"\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
    ("bare LF as line end", b"GET /hello HTTP/1.1\nHost: a\n\n", &[400]),
    ("bare LF after a field", b"GET /hello HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", &[400]),
    ("bare CR in a value", b"GET /hello HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", &[400]),
    ("CR CR LF", b"GET /hello HTTP/1.1\r\r\nHost: a\r\n\r\n", &[400]),
    ("NUL in a value", b"GET /hello HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", &[400]),
    ("a control byte in a value", b"GET /hello HTTP/1.1\r\nHost: a\r\nX: a\x7fb\r\n\r\n", &[400]),
    ("a space before the colon", b"GET /hello HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", &[400]),
    ("a folded line", b"GET /hello HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", &[400]),
    ("a fold as first field line", b"GET /hello HTTP/1.1\r\n Host: a\r\n\r\n", &[400]),
    ("a field without a name", b"GET /hello HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n", &[400]),
    ("a field without a colon", b"GET /hello HTTP/1.1\r\nHost: a\r\nwhat\r\n\r\n", &[400]),
    ("a field name that is no token", b"GET /hello HTTP/1.1\r\nHost: a\r\nX(y): z\r\n\r\n", &[400]),
    ("a field name above ASCII", b"GET /hello HTTP/1.1\r\nHost: a\r\nX\xe9: z\r\n\r\n", &[400]),
    ("an expectation nobody knows", b"GET /hello HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n", &[417]),
    ("Content-Length: +5", b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello", &[400]),
    ("Content-Length: -5", b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\nhello", &[400]),
    ("Content-Length: 0x5", b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nhello", &[400]),
    ("Content-Length: 5 5", b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5 5\r\n\r\nhello", &[400]),
    ("Content-Length: 5, 6", b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 6\r\n\r\nhello", &[400]),
    ("an empty Content-Length", b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\nhello", &[400]),
    ("two Content-Lengths", b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", &[400]),
    (
        "a Content-Length beyond 64 bits",
        b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        &[400, 413],
    ),
    (
        "Content-Length and Transfer-Encoding",
        b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        &[400],
    ),
    (
        "Transfer-Encoding and Content-Length",
        b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        &[400],
    ),
    ("an unknown coding", b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: what\r\n\r\n", &[501]),
    ("xchunked", b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", &[501]),
    ("gzip, chunked", b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", &[501]),
    ("chunked, gzip", b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", &[400]),
    ("chunked twice", b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", &[400]),
    (
        "chunked in two lines",
        b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        &[400],
    ),
    ("chunked in HTTP/1.0", b"POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", &[400]),
];

/// Refused with the body: sent to `/request`, which answers only after the whole body.
const BODIES: &[Case] = &[
    ("a chunk size that is no number", b"g\r\n", &[400]),
    ("an empty chunk size", b"\r\n0\r\n\r\n", &[400]),
    ("a signed chunk size", b"+1\r\na\r\n0\r\n\r\n", &[400]),
    ("a chunk size of 0x1", b"0x1\r\na\r\n0\r\n\r\n", &[400]),
    ("a chunk size beyond 64 bits", b"10000000000000000\r\n", &[400, 413]),
    ("a chunk size after a space", b" 1\r\na\r\n0\r\n\r\n", &[400]),
    ("bare LF after a chunk size", b"1\na\r\n0\r\n\r\n", &[400]),
    ("bare LF in a chunk extension", b"1;a\nb\r\na\r\n0\r\n\r\n", &[400]),
    ("a chunk longer than its size", b"1\r\nab\r\n0\r\n\r\n", &[400]),
    ("bare LF after chunk data", b"1\r\na\n0\r\n\r\n", &[400]),
    ("a folded trailer", b"0\r\nX: a\r\n b\r\n\r\n", &[400]),
    ("a trailer without a colon", b"0\r\nwhat\r\n\r\n", &[400]),
];

pub(crate) fn run(options: &Options, report: &mut Report) -> Result {
    with_server(&options.echo, report, "hostile", &[], |server, report| {
        let refused = |bytes: &[u8], statuses: &[u16]| {
            let mut conn = Conn::open(server.addr())?;
            conn.send([bytes, SMUGGLED.as_bytes()].concat())?;
            expect(&mut conn, statuses)
        };
        for (name, bytes, statuses) in HEADS {
            report.check(&format!("hostile: {name}"), || refused(bytes, statuses));
        }
        let head = b"POST /request HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        for (name, body, statuses) in BODIES {
            report.check(&format!("hostile: {name}"), || refused(&[head, *body].concat(), statuses));
        }
        let endless = |what: &str, status| {
            let long = "x".repeat(300 << 10);
            let bytes = match what {
                "target" => format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"),
                "value" => format!("GET /hello HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n"),
                "name" => format!("GET /hello HTTP/1.1\r\nHost: a\r\n{long}: x\r\n\r\n"),
                "fields" => format!("GET /hello HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(101)),
                "trailers" => {
                    format!(
                        "POST /request HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: {long}\r\n\r\n"
                    )
                }
                _ => format!(
                    "POST /request HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;{long}\r\na\r\n0\r\n\r\n"
                ),
            };
            refused(bytes.as_bytes(), status)
        };
        report.check("hostile: a target of 300 KiB", || endless("target", &[414]));
        report.check("hostile: a value of 300 KiB", || endless("value", &[431]));
        report.check("hostile: a name of 300 KiB", || endless("name", &[431]));
        report.check("hostile: 102 field lines", || endless("fields", &[431]));
        report.check("hostile: a trailer of 300 KiB", || endless("trailers", &[431]));
        report.check("hostile: a chunk extension of 300 KiB", || endless("extension", &[400, 413, 431]));

        let shake = |from: &str, to: &str, statuses: &[u16]| {
            let request = handshake("").replace(from, to);
            ensure!(request != handshake(""), "the case changes nothing");
            let mut conn = Conn::open(server.addr())?;
            conn.send(request)?;
            let response = conn.response()?;
            ensure!(statuses.contains(&response.head.status), "answered with {}", response.head.status);
            let version = response.head.field("sec-websocket-version");
            ensure!(response.head.status != 426 || version == Some("13"), "426 without the version it wants");
            Ok(())
        };
        report.check("hostile: a handshake without a key", || shake("Sec-WebSocket-Key", "X-Key", &[400]));
        report.check("hostile: a handshake with a short key", || {
            shake("dGhlIHNhbXBsZSBub25jZQ==", "dGhl", &[400])
        });
        report.check("hostile: a handshake with a broken key", || shake("dGhlIH", "!!!!!!", &[400]));
        report.check("hostile: a handshake of version 8", || shake("Version: 13", "Version: 8", &[426]));
        report.check("hostile: a handshake without a version", || {
            shake("Sec-WebSocket-Version", "X-V", &[400, 426])
        });
        report.check("hostile: a handshake by POST", || shake("GET", "POST", &[400, 405]));
        report.check("hostile: a handshake by HTTP/1.0", || shake("HTTP/1.1", "HTTP/1.0", &[400, 426, 505]));
        report.check("hostile: /ws without Upgrade", || shake("Upgrade: websocket\r\n", "", &[400, 426]));
        report.check("hostile: /ws without Connection: Upgrade", || {
            shake("Connection: Upgrade\r\n", "", &[400, 426])
        });
    })
}

/// Exactly one response, one of these statuses, its announcement of the close, and the close.
fn expect(conn: &mut Conn, statuses: &[u16]) -> Result {
    let response = conn.response()?;
    let status = response.head.status;
    ensure!(statuses.contains(&status), "answered with {status} instead of {statuses:?}");
    ensure!(response.head.closes(), "{status} without Connection: close");
    conn.closed()
}
