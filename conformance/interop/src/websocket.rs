//! WebSocket, byte by byte: what RFC 6455 obliges a server to take, and the close code for each breach of it.

use std::time::Duration;

use crate::http::Conn;
use crate::report::{Report, Result, ensure};
use crate::ws::{BINARY, CLOSE, PING, PONG, TEXT, WebSocket, frame};
use crate::{Options, Server, with_server};

/// A name, the frames, and the close code that is right.
type Case = (&'static str, Vec<u8>, u16);

pub(crate) fn run(options: &Options, report: &mut Report) -> Result {
    with_server(&options.echo, report, "websocket", &[], |server, report| {
        let mut check = |name: &str, check: fn(&Server) -> Result| {
            report.check(&format!("websocket: {name}"), || check(server));
        };
        check("lengths around every size of the header come back", lengths);
        check("fragments with pings between them", fragments);
        check("a text frame cut inside a character", split_character);
        check("a frame byte by byte", byte_by_byte);
        check("64 messages in one write, in order", burst);
        check("an unasked pong is ignored", pong);
        check("close codes 1000, 1001, 3000 and 4999 come back", close_codes);
        check("an empty Close is answered by one", empty_close);
        check("nothing after Close is echoed", after_close);
        check("the subprotocol echo is chosen, others are not", subprotocol);
        check("the handshake is matched without regard to case", handshake_case);
        check("/stats counts it while it is open", counted);
        for (name, bytes, code) in breaches() {
            report.check(&format!("websocket: {name} is closed with {code}"), || {
                let (mut ws, _) = WebSocket::open(server.addr(), "")?;
                ws.conn().send(bytes)?;
                ws.closed(code)
            });
        }
    })?;
    let limit = ["--ws-max-message-bytes", "1000"];
    with_server(&options.echo, report, "websocket", &limit, |server, report| {
        report.check("websocket: --ws-max-message-bytes in one frame", || {
            let (mut ws, _) = WebSocket::open(server.addr(), "")?;
            ws.echo(BINARY, &[7; 1000])?;
            ws.send(BINARY, &[7; 1001])?;
            ws.closed(1009)
        });
        report.check("websocket: --ws-max-message-bytes over fragments", || {
            let (mut ws, _) = WebSocket::open(server.addr(), "")?;
            ws.send(0x02, &[7; 600])?;
            ws.send(0x80, &[7; 401])?;
            ws.closed(1009)
        });
    })
}

fn breaches() -> Vec<Case> {
    let close = |payload: &[u8]| frame(CLOSE, payload);
    vec![
        ("an unmasked frame", b"\x81\x02hi".to_vec(), 1002),
        ("RSV1 without an extension", frame(0xc1, b"x"), 1002),
        ("RSV2", frame(0xa1, b"x"), 1002),
        ("RSV3", frame(0x91, b"x"), 1002),
        ("RSV1 in a ping", frame(0xc9, b""), 1002),
        ("opcode 3", frame(0x83, b"x"), 1002),
        ("opcode 7", frame(0x87, b""), 1002),
        ("opcode 11", frame(0x8b, b""), 1002),
        ("opcode 15", frame(0x8f, b""), 1002),
        ("a fragmented ping", frame(0x09, b"x"), 1002),
        ("a fragmented Close", frame(0x08, b""), 1002),
        ("a ping of 126 bytes", frame(PING, &[b'x'; 126]), 1002),
        ("a Close of 126 bytes", frame(CLOSE, &[b'x'; 126]), 1002),
        ("a continuation of nothing", frame(0x80, b"x"), 1002),
        ("a new message inside another", [frame(0x01, b"a"), frame(TEXT, b"b")].concat(), 1002),
        ("a length of 5 in 16 bits", b"\x81\xfe\x00\x05\0\0\0\0hello".to_vec(), 1002),
        ("a length of 5 in 64 bits", b"\x81\xff\0\0\0\0\0\0\0\x05\0\0\0\0hello".to_vec(), 1002),
        ("a length with its top bit set", b"\x82\xff\x80\0\0\0\0\0\0\0\0\0\0\0".to_vec(), 1002),
        ("a Close of one byte", close(b"\x03"), 1002),
        ("close code 0", close(&[0, 0]), 1002),
        ("close code 999", close(&999_u16.to_be_bytes()), 1002),
        ("close code 1004", close(&1004_u16.to_be_bytes()), 1002),
        ("close code 1005", close(&1005_u16.to_be_bytes()), 1002),
        ("close code 1006", close(&1006_u16.to_be_bytes()), 1002),
        ("close code 1015", close(&1015_u16.to_be_bytes()), 1002),
        ("close code 2999", close(&2999_u16.to_be_bytes()), 1002),
        ("close code 5000", close(&5000_u16.to_be_bytes()), 1002),
        ("a reason that is not UTF-8", close(b"\x03\xe8\xff"), 1007),
        ("text that is not UTF-8", frame(TEXT, b"ab\xff"), 1007),
        ("a surrogate in text", frame(TEXT, b"\xed\xa0\x80"), 1007),
        ("an overlong character", frame(TEXT, b"\xc0\xaf"), 1007),
        ("text cut inside its last character", frame(TEXT, b"\xe2\x82"), 1007),
        ("a character broken over fragments", [frame(0x01, b"\xe2\x82"), frame(0x80, b"x")].concat(), 1007),
        // The message is refused by its declared length, before its bytes.
        ("a message over 16 MiB", b"\x82\xff\0\0\0\0\x01\0\0\x01\0\0\0\0".to_vec(), 1009),
        ("a message of 2^62 bytes", b"\x82\xff\x40\0\0\0\0\0\0\0\0\0\0\0".to_vec(), 1009),
    ]
}

fn open(server: &Server) -> Result<WebSocket> {
    Ok(WebSocket::open(server.addr(), "")?.0)
}

fn lengths(server: &Server) -> Result {
    let mut ws = open(server)?;
    for len in [0, 1, 125, 126, 127, 4095, 65_535, 65_536, 65_537, 1 << 20] {
        ws.echo(TEXT, &vec![b'x'; len]).map_err(|e| format!("text of {len}: {e}"))?;
        ws.echo(BINARY, &vec![0xff; len]).map_err(|e| format!("binary of {len}: {e}"))?;
    }
    Ok(())
}

fn fragments(server: &Server) -> Result {
    let mut ws = open(server)?;
    ws.send(0x01, b"one ")?;
    ws.send(PING, b"p1")?;
    ws.send(0x00, b"")?;
    ws.send(0x00, "\u{20ac}".as_bytes())?;
    ws.send(PING, b"p2")?;
    // A server may answer only the latest of several pings.
    let mut last = ws.read()?;
    ensure!(last.first == PONG, "not a pong: {last:?}");
    if last.payload == b"p1" {
        last = ws.read()?;
    }
    ensure!(last.first == PONG && last.payload == b"p2", "not the pong of the second ping: {last:?}");
    ws.send(0x80, b" three")?;
    let echo = ws.read()?;
    ensure!(echo.first == TEXT && echo.payload == "one \u{20ac} three".as_bytes(), "not the echo: {echo:?}");
    Ok(())
}

fn split_character(server: &Server) -> Result {
    let mut ws = open(server)?;
    ws.send(0x01, b"\xf0\x9f")?;
    ws.send(0x80, b"\xa6\x80")?;
    let echo = ws.read()?;
    ensure!(echo.first == TEXT && echo.payload == "\u{1f980}".as_bytes(), "not the echo: {echo:?}");
    Ok(())
}

fn byte_by_byte(server: &Server) -> Result {
    let mut ws = open(server)?;
    for byte in frame(TEXT, "h\u{e9}llo".as_bytes()) {
        ws.conn().send([byte])?;
    }
    let echo = ws.read()?;
    ensure!(echo.payload == "h\u{e9}llo".as_bytes(), "not the echo: {echo:?}");
    Ok(())
}

fn burst(server: &Server) -> Result {
    let mut ws = open(server)?;
    ws.conn().send((0..64).flat_map(|i: u8| frame(BINARY, &[i; 20])).collect::<Vec<_>>())?;
    for i in 0..64 {
        let echo = ws.read()?;
        ensure!(echo.first == BINARY && echo.payload == [i; 20], "echo {i} is {echo:?}");
    }
    Ok(())
}

fn pong(server: &Server) -> Result {
    let mut ws = open(server)?;
    ws.send(PONG, b"unasked")?;
    ws.echo(TEXT, b"still here")
}

fn close_codes(server: &Server) -> Result {
    for code in [1000_u16, 1001, 3000, 4999] {
        let mut ws = open(server)?;
        ws.send(CLOSE, &[&code.to_be_bytes()[..], "g\u{fc}t".as_bytes()].concat())?;
        let echo = ws.read()?;
        ensure!(echo.first == CLOSE && echo.payload.starts_with(&code.to_be_bytes()), "{code}: {echo:?}");
        ws.conn().closed()?;
    }
    Ok(())
}

fn empty_close(server: &Server) -> Result {
    let mut ws = open(server)?;
    ws.send(CLOSE, b"")?;
    let echo = ws.read()?;
    // 1005 means "no code" and must never be sent (RFC 6455, section 7.4.1).
    let right = echo.payload.is_empty() || echo.payload == 1000_u16.to_be_bytes();
    ensure!(echo.first == CLOSE && right, "answered with {echo:?}");
    ws.conn().closed()
}

fn after_close(server: &Server) -> Result {
    let mut ws = open(server)?;
    ws.conn().send([frame(CLOSE, &1000_u16.to_be_bytes()), frame(TEXT, b"late")].concat())?;
    let echo = ws.read()?;
    ensure!(echo.first == CLOSE, "answered with {echo:?}");
    ws.conn().closed()
}

fn subprotocol(server: &Server) -> Result {
    for (offer, chosen) in [
        ("Sec-WebSocket-Protocol: echo\r\n", Some("echo")),
        ("Sec-WebSocket-Protocol: chat, echo\r\n", Some("echo")),
        ("Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: echo\r\n", Some("echo")),
        ("Sec-WebSocket-Protocol: chat\r\n", None),
        ("", None),
    ] {
        let (mut ws, head) = WebSocket::open(server.addr(), offer)?;
        let got = head.field("sec-websocket-protocol");
        ensure!(got == chosen, "{offer:?}: {got:?} instead of {chosen:?}");
        ensure!(head.field("sec-websocket-extensions").is_none(), "an extension nobody offered");
        ws.echo(TEXT, b"x")?;
    }
    Ok(())
}

fn handshake_case(server: &Server) -> Result {
    let mut conn = Conn::open(server.addr())?;
    conn.send(
        "GET /ws?x=1 HTTP/1.1\r\nhost: a\r\nupgrade: foo, WebSocket\r\nconnection: keep-alive, UPGRADE\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n",
    )?;
    let head = conn.head()?;
    ensure!(head.status == 101, "answered with {}", head.status);
    Ok(())
}

fn counted(server: &Server) -> Result {
    let mut monitor = Conn::open(server.addr())?;
    let mut open = (0..3).map(|_| open(server)).collect::<Result<Vec<_>>>()?;
    for ws in &mut open {
        ws.echo(TEXT, b"here")?;
    }
    let websockets = monitor.stats()?["websockets"].as_u64();
    ensure!(websockets == Some(3), "websockets is {websockets:?} instead of 3");
    for mut ws in open {
        ws.send(CLOSE, &1000_u16.to_be_bytes())?;
        ws.read()?;
        ws.conn().closed()?;
    }
    crate::vanish::settles(Duration::from_secs(3), || {
        let websockets = monitor.stats()?["websockets"].as_u64();
        ensure!(websockets == Some(0), "websockets is {websockets:?} after all have closed");
        Ok(())
    })
}
