//! The rule tables over real TCP connections, on tokio: `rt::tokio` and everything below it.

use std::net::SocketAddr;
use std::time::Duration;

use conformance::{http1, ws};
use server_core::rt::tokio::{TokioListener, TokioTimer, serve};
use server_core::{Body, Handler, Listener as _, Request, RequestKind, Server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use wire_ws::{Decoder, Event, Role};

use super::rules::answer;
use super::support::statuses;
use super::websocket::{HANDSHAKE, echo};

/// Far above what anything here takes, so that a hang fails instead of hanging.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

async fn both(request: Request) -> http::Response<Body> {
    if request.path() == "/ws" && request.header("upgrade").is_some() {
        echo(request).await
    } else {
        answer(request).await
    }
}

/// Runs `client` against a server on a port of its own, on a runtime of its own with so many workers, or none but this
/// thread; then nothing may be left.
pub(crate) fn with_server<H, R, Client>(
    workers: usize,
    handler: H,
    client: impl FnOnce(SocketAddr, Server<H, TokioTimer, R>) -> Client,
) -> Client::Output
where
    H: Handler<R> + Send + Sync + 'static,
    H::Future: Send,
    H::Body: Send,
    <H::Body as http_body::Body>::Error: Send,
    R: RequestKind + 'static,
    Client: Future,
{
    let mut builder = match workers {
        0 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    let runtime = builder.worker_threads(workers.max(1)).enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TokioListener::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let server = Server::new(handler, TokioTimer);
        let serving = tokio::spawn({
            let server = server.clone();
            async move { serve(&server, listener).await }
        });
        let output =
            tokio::time::timeout(PATIENCE, client(address, server.clone())).await.expect("an answer");
        server.shutdown();
        tokio::time::timeout(PATIENCE, server.closed()).await.expect("an end");
        serving.await.unwrap().unwrap();
        assert_eq!(server.stats().connections, 0);
        output
    })
}

/// Opens a WebSocket and reads the answer's head.
pub(crate) async fn open(address: SocketAddr) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    stream.write_all(format!("{HANDSHAKE}\r\n").as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    Ok(stream)
}

async fn http_case(case: &http1::Case, address: SocketAddr) -> Result<(), String> {
    let error = |error: std::io::Error| format!("{}: {error}", case.id);
    let mut stream = TcpStream::connect(address).await.map_err(error)?;
    let (mut read, mut write) = stream.split();
    let bytes = case.bytes();
    let send = async {
        // The server may have refused already, and closed.
        let _ = write.write_all(&bytes).await;
        if !case.close {
            // A connection that stays open answers one more, and then nothing.
            if !case.incomplete {
                let _ = write.write_all(b"GET /probe HTTP/1.1\r\nHost: a\r\n\r\n").await;
            }
            let _ = write.shutdown().await;
        }
    };
    let receive = async {
        let mut got = Vec::new();
        // To the end, which is ours to bring about only where the connection stays open.
        let _ = read.read_to_end(&mut got).await;
        got
    };
    let ((), got) = tokio::join!(send, receive);
    let mut expected = case.status.clone();
    if !case.close {
        expected.push(if case.incomplete { 400 } else { 200 });
    }
    let text = String::from_utf8_lossy(&got).into_owned();
    let got: Vec<u16> = statuses(&text).into_iter().filter(|status| *status >= 200).collect();
    if got == expected { Ok(()) } else { Err(format!("{}: {got:?}, expected {expected:?}", case.id)) }
}

#[test]
fn http1_requests_over_tcp() {
    let failures = with_server(0, both, |address, _| async move {
        let mut failures = Vec::new();
        for case in http1::cases() {
            failures.extend(http_case(&case, address).await.err());
        }
        failures
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

async fn websocket_case(case: &ws::Case, address: SocketAddr) -> Result<(), String> {
    let error = |error: std::io::Error| format!("{}: {error}", case.id);
    let mut stream = open(address).await.map_err(error)?;
    let (mut read, mut write) = stream.split();
    let bytes = case.bytes(true);
    let closes = case.echoes().last().is_some_and(|event| matches!(event, ws::Event::Close(..)));
    let send = async {
        let _ = write.write_all(&bytes).await;
        if !closes {
            // Whatever came before, a server in step answers this.
            let _ = write.write_all(b"\x88\x82\0\0\0\0\x03\xe8").await;
        }
    };
    let receive = async {
        let mut input = Vec::new();
        let _ = read.read_to_end(&mut input).await;
        let mut decoder = Decoder::new(Role::Client, &wire_ws::Config::default());
        let (mut start, mut codes) = (0, Vec::new());
        loop {
            let step =
                decoder.decode(&mut input[start..]).map_err(|error| format!("{}: {error}", case.id))?;
            start += step.consumed;
            match step.event {
                None => return Ok::<_, String>(codes),
                Some(Event::Close { code, .. }) => codes.push(code.map(u16::from)),
                Some(_) => {}
            }
        }
    };
    let ((), codes) = tokio::join!(send, receive);
    let codes = codes?;
    let expected = match case.echoes().last() {
        Some(ws::Event::Close(code, _)) => *code,
        _ => Some(1000),
    };
    if codes == [expected] { Ok(()) } else { Err(format!("{}: {codes:?}, expected {expected:?}", case.id)) }
}

#[test]
fn websocket_frames_over_tcp() {
    let default = |case: &ws::Case| {
        let ws::Limits { message, frame, fragments } = case.limits;
        message.is_none() && frame.is_none() && fragments.is_none()
    };
    let failures = with_server(0, both, |address, _| async move {
        let mut failures = Vec::new();
        for case in ws::cases().iter().filter(|case| case.is_for(true) && default(case)) {
            // A frame that is not whole cannot be followed by another.
            if case.about.contains("incomplete") {
                continue;
            }
            failures.extend(websocket_case(case, address).await.err());
        }
        failures
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
