//! Files that the kernel sends (`sendfile(2)`), over sockets.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use server_core::compress::{self, Compress};
use server_core::file::{FileRange, SendFile};
use server_core::rt::tokio::{TokioListener, TokioTimer, send_file, serve};
use server_core::{Body, ConnectionInfo, Listener, Request, Server};
use server_files::Files;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::tree::Tree;

/// What the kernel has sent, of all tests together.
static SENT: AtomicU64 = AtomicU64::new(0);

/// Files that were sent together with what comes before them.
static WITH_HEAD: AtomicU64 = AtomicU64::new(0);

/// From here on files cannot be sent but only read, as on some file systems.
const REFUSED: u64 = 6 << 20;

/// Counts what goes by.
struct Counting(TokioListener);

impl Listener for Counting {
    type Io = TcpStream;

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, ConnectionInfo)>> {
        self.0.poll_accept(cx)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    fn send_file(&self) -> Option<SendFile<TcpStream>> {
        Some(|stream: &mut TcpStream, cx: &mut Context<'_>, before: &[IoSlice<'_>], range: &FileRange| {
            if range.offset() >= REFUSED {
                return Poll::Ready(Err(io::ErrorKind::InvalidInput.into()));
            }
            send_file(stream, cx, before, range).map_ok(|sent| {
                SENT.fetch_add(sent as u64, Ordering::Relaxed);
                WITH_HEAD.fetch_add((!before.is_empty()).into(), Ordering::Relaxed);
                sent
            })
        })
    }
}

fn content() -> Vec<u8> {
    (0..2_000_000_u32).flat_map(u32::to_le_bytes).collect()
}

/// What the response's body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum As {
    Files,
    /// The convenient type.
    Body,
    /// Either in the compress layer, which has nothing to do.
    Compress,
    CompressBody,
}

/// Serves the tree.
async fn connect(tree: &Tree, body: As) -> TcpStream {
    let files = Files::new(tree.root()).expect("a tree");
    let listener = Counting(TokioListener::bind(([127, 0, 0, 1], 0).into()).expect("a port"));
    let address = listener.local_addr().expect("bound");
    let with_body = {
        let files = files.clone();
        move |request: Request| {
            let response = files.serve(&request);
            async move { response.await.map(Body::from) }
        }
    };
    let compress = compress::Config::default;
    macro_rules! serve_by {
        ($handler:expr) => {{
            let server = Server::<_, _, Request>::new($handler, TokioTimer);
            tokio::spawn(async move { serve(&server, listener).await })
        }};
    }
    match body {
        As::Files => serve_by!(files),
        As::Body => serve_by!(with_body),
        As::Compress => serve_by!(Compress::new(files, compress())),
        As::CompressBody => serve_by!(Compress::new(with_body, compress())),
    };
    TcpStream::connect(address).await.expect("a connection")
}

/// Head and content.
fn split(answer: &[u8]) -> (String, &[u8]) {
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a head") + 4;
    (String::from_utf8_lossy(&answer[..end]).to_lowercase(), &answer[end..])
}

/// Pipelined: whole, a part, several parts, and a small file behind them, in order and to the byte; the large ones are
/// not read.
#[tokio::test]
async fn large_files_are_sent_by_the_kernel() {
    let tree = Tree::new();
    let content = content();
    fs::write(tree.root().join("large"), &content).expect("a file");
    for body in [As::Files, As::Body, As::Compress, As::CompressBody] {
        let mut client = connect(&tree, body).await;
        let (before, heads) = (SENT.load(Ordering::Relaxed), WITH_HEAD.load(Ordering::Relaxed));
        let requests = "GET /large HTTP/1.1\r\nHost: a\r\n\r\n\
                        GET /large HTTP/1.1\r\nHost: a\r\nRange: bytes=1000000-3999999\r\n\r\n\
                        GET /ten.txt HTTP/1.1\r\nHost: a\r\n\r\n\
                        GET /large HTTP/1.1\r\nHost: a\r\nRange: bytes=0-999999,2000000-2999999\r\n\
                        Connection: close\r\n\r\n";
        client.write_all(requests.as_bytes()).await.expect("sent");
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.expect("answered");
        let (head, rest) = split(&answer);
        assert!(head.starts_with("http/1.1 200 ") && rest[..content.len()] == content, "{head}");
        let (head, rest) = split(&rest[content.len()..]);
        assert!(head.starts_with("http/1.1 206 ") && rest[..3_000_000] == content[1_000_000..4_000_000]);
        let (head, rest) = split(&rest[3_000_000..]);
        assert!(head.starts_with("http/1.1 200 ") && &rest[..10] == b"0123456789");
        let (head, rest) = split(&rest[10..]);
        assert!(head.contains(&format!("content-length: {}\r\n", rest.len())), "{head}");
        let (_, part) = split(rest);
        assert!(part[..1_000_000] == content[..1_000_000]);
        let (_, part) = split(&part[1_000_000..]);
        assert!(part[..1_000_000] == content[2_000_000..3_000_000]);
        let sent = SENT.load(Ordering::Relaxed) - before;
        // What is refused is read, and so is what the page cache has dropped.
        assert!(sent >= REFUSED, "{body:?}: {sent} bytes sent");
        assert!(WITH_HEAD.load(Ordering::Relaxed) > heads, "a head shares its packet with the file");
    }
}

/// As over TCP, from the listener that there is for Unix sockets.
#[tokio::test]
async fn over_unix_sockets_too() {
    let tree = Tree::new();
    let content = content();
    fs::write(tree.root().join("large"), &content).expect("a file");
    let path = tree.root().join("socket");
    let listener = tokio::net::UnixListener::bind(&path).expect("a socket");
    assert!(Listener::send_file(&listener).is_some() && Listener::local_addr(&listener).is_err());
    let server = Server::<_, _, Request>::new(Files::new(tree.root()).expect("a tree"), TokioTimer);
    tokio::spawn(async move { serve(&server, listener).await });
    let mut client = tokio::net::UnixStream::connect(&path).await.expect("a connection");
    let request = "GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    client.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.expect("answered");
    let (head, got) = split(&answer);
    assert!(head.starts_with("http/1.1 200 ") && got == content, "{head}");
}

/// The client gets what there is, and then the end of the connection.
#[tokio::test]
async fn a_file_that_shrinks_ends_the_connection() {
    let tree = Tree::new();
    let path = tree.root().join("shrinking");
    // More than the sockets hold: it is cut while the client does not read.
    const FULL: u64 = 256 << 20;
    // Behind the part that the kernel is sending, and before it.
    for shorter in [128 << 20, 0] {
        let file = fs::File::create(&path).expect("a file");
        file.set_len(FULL).expect("long");
        let mut client = connect(&tree, As::Files).await;
        client.write_all(b"GET /shrinking HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
        let mut first = [0; 1000];
        client.read_exact(&mut first).await.expect("a start");
        file.set_len(shorter).expect("shorter");
        let mut rest = Vec::new();
        // A reset may take what was not read yet with it.
        let ended = client.read_to_end(&mut rest).await;
        let (head, _) = split(&first);
        let got = first.len() - head.len() + rest.len();
        assert!(head.contains(&format!("content-length: {FULL}\r\n")), "{head}");
        assert!(got < FULL as usize, "{got} bytes, {ended:?}");
    }
}
