//! A WebSocket in the terminal: each line of the input is sent, each message that comes is a line of the output.
//!
//! `cargo run --example wscat -- ws://127.0.0.1:8080/ws`, or `-- --insecure wss://127.0.0.1:8443/ws`; exit codes and flags are in the README beside this file.

#[path = "wscat/trust.rs"]
mod trust;

use std::io::{self, BufRead as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::thread;
use std::time::Duration;

use clap::Parser;
use http::Response;
use server_core::wire_ws::deflate::DeflateConfig;
use server_core::ws::{
    Client, CloseCode, ConnectError, Message, WebSocket, WebSocketReceiver, WebSocketSender,
};
use tokio::sync::mpsc;

/// Everything worked, and both sides have said that they close.
const CLOSED: u8 = 0;
/// No connection, or it was lost.
const FAILED: u8 = 1;
/// There is a server, but no WebSocket.
const REFUSED: u8 = 2;
/// The server closed with a code that tells of an error.
const CLOSED_BY_ERROR: u8 = 3;
/// Wrong arguments, or input that is not what they say.
const USAGE: u8 = 64;

/// Talk to a WebSocket server: lines in, messages out
#[derive(Parser)]
#[command(name = "wscat")]
struct Options {
    /// ws://host[:port][/path] or wss://..
    url: String,
    /// Connect by HTTP/2
    #[arg(long)]
    http2: bool,
    /// Believe every certificate
    #[arg(short = 'k', long)]
    insecure: bool,
    /// Offer this subprotocol; may be repeated, the preferred one first
    #[arg(short, long, value_name = "NAME")]
    subprotocol: Vec<String>,
    /// Send this header field; may be repeated
    #[arg(short = 'H', long, value_name = "NAME: VALUE")]
    header: Vec<Header>,
    /// Say that a page of this origin asks
    #[arg(short, long)]
    origin: Option<String>,
    /// Offer compression (permessage-deflate)
    #[arg(long)]
    deflate: bool,
    /// Ping the server after so much silence, and give it up after as much again
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    ping: Option<u64>,
    /// Time for the handshake
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    timeout: u64,
    /// Go on after the end of the input for so long: some servers answer a Close before they have answered messages
    #[arg(short, long, value_name = "SECONDS", default_value_t = 0)]
    wait: u64,
    /// Close with this at the end of the input
    #[arg(long, value_name = "CODE[:REASON]", default_value = "1000")]
    close: Close,
    /// Lines are bytes in hexadecimal, sent as binary messages
    #[arg(long)]
    hex: bool,
    /// Send this as a text message before the first line; may be repeated
    #[arg(short, long)]
    text: Vec<String>,
    /// Send this file as one binary message before the first line, behind all of --text; may be repeated
    #[arg(short, long, value_name = "PATH")]
    file: Vec<PathBuf>,
}

#[derive(Clone)]
struct Header(String, String);

impl FromStr for Header {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = text.split_once(':').ok_or("NAME: VALUE, please")?;
        Ok(Self(name.trim().to_owned(), value.trim().to_owned()))
    }
}

#[derive(Clone)]
struct Close(CloseCode, String);

impl FromStr for Close {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (code, reason) = text.split_once(':').unwrap_or((text, ""));
        let code = code.parse().ok().and_then(CloseCode::new).ok_or("not a close code that may be sent")?;
        if reason.len() > 123 {
            return Err("a reason has at most 123 bytes");
        }
        Ok(Self(code, reason.to_owned()))
    }
}

fn main() -> ExitCode {
    let options = Options::try_parse().unwrap_or_else(|error| {
        // Help is no error.
        let code = if error.use_stderr() { USAGE } else { CLOSED };
        let _ = error.print();
        std::process::exit(code.into());
    });
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return end(FAILED, &format!("cannot start: {error}")),
    };
    runtime.block_on(run(options))
}

fn end(code: u8, message: &str) -> ExitCode {
    eprintln!("wscat: {message}");
    code.into()
}

async fn run(options: Options) -> ExitCode {
    let mut first: Vec<Message> = options.text.iter().map(|text| text.as_str().into()).collect();
    for path in &options.file {
        match std::fs::read(path) {
            Ok(bytes) => first.push(bytes.into()),
            Err(error) => return end(USAGE, &format!("{}: {error}", path.display())),
        }
    }
    let client = match client(&options) {
        Ok(client) => client.tls(trust::config(options.insecure)),
        Err(error) => return end(USAGE, &error.to_string()),
    };
    let (socket, response) = match connect(&client, &options).await {
        Ok(connected) => connected,
        Err(error) => return refused(&error),
    };
    let said = |name| response.headers().get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let protocol = said("sec-websocket-protocol").map_or(String::new(), |name| format!(", speaking {name}"));
    let extensions = said("sec-websocket-extensions").map_or(String::new(), |list| format!(", {list}"));
    eprintln!("wscat: connected{protocol}{extensions}");

    let (sender, receiver) = socket.split();
    let sending = tokio::spawn(send(sender, first, lines(), options));
    let code = receive(receiver).await;
    // It may have found that the input is not what it should be.
    if sending.is_finished() { sending.await.ok().flatten().unwrap_or(code) } else { code }
}

fn client(options: &Options) -> Result<Client, ConnectError> {
    let mut client = Client::new(&options.url)?.handshake_timeout(Duration::from_secs(options.timeout));
    client = options.subprotocol.iter().fold(client, Client::protocol);
    for Header(name, value) in &options.header {
        client = client.header(name, value.as_bytes());
    }
    if let Some(origin) = &options.origin {
        client = client.origin(origin);
    }
    if options.deflate {
        client = client.deflate(DeflateConfig::default());
    }
    let ping = options.ping.map(Duration::from_secs);
    Ok(client.keepalive(ping, ping.unwrap_or_default()))
}

async fn connect(client: &Client, options: &Options) -> Result<(WebSocket, Response<()>), ConnectError> {
    if options.http2 {
        client.connect_http2().await?.open(client.target()).await
    } else {
        client.connect().await
    }
}

fn refused(error: &ConnectError) -> ExitCode {
    let code = match error {
        ConnectError::Rejected(_)
        | ConnectError::Http(_)
        | ConnectError::Handshake(_)
        | ConnectError::NotOffered => REFUSED,
        ConnectError::Protocol(_) | ConnectError::Field { .. } | ConnectError::Request(_) => USAGE,
        _ => FAILED,
    };
    if let ConnectError::Rejected(response) = error {
        eprintln!("{}", String::from_utf8_lossy(response.body()).trim_end());
    }
    end(code, &format!("no WebSocket: {error}"))
}

/// The lines of standard input, read by a thread of its own: it may wait for ever, and nobody waits for it.
fn lines() -> mpsc::Receiver<io::Result<String>> {
    let (sender, lines) = mpsc::channel(16);
    thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            let failed = line.is_err();
            if sender.blocking_send(line).is_err() || failed {
                break;
            }
        }
    });
    lines
}

/// Sends `first`, then lines until the input ends or somebody interrupts, and then a Close. Gives an exit code if the input is at fault.
async fn send(
    mut sender: WebSocketSender,
    first: Vec<Message>,
    mut lines: mpsc::Receiver<io::Result<String>>,
    options: Options,
) -> Option<ExitCode> {
    let mut fault = None;
    let input = async {
        for message in first {
            sender.send(message).await?;
        }
        while let Some(line) = lines.recv().await {
            match message(line, options.hex) {
                Ok(message) => sender.send(message).await?,
                Err(error) => {
                    fault = Some(end(USAGE, &error));
                    break;
                }
            }
        }
        tokio::time::sleep(Duration::from_secs(options.wait)).await;
        Ok::<_, server_core::ws::SendError>(())
    };
    tokio::select! {
        // It fails only when the WebSocket is closed, which the other half tells of.
        _ = input => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    sender.close(options.close.0, &options.close.1);
    fault
}

/// Prints what comes, text as it is and binary in hexadecimal, until the WebSocket is closed.
async fn receive(mut receiver: WebSocketReceiver) -> ExitCode {
    while let Some(message) = receiver.recv().await {
        let line = match message {
            Ok(Message::Text(text)) => text.as_str().to_owned(),
            Ok(Message::Binary(bytes)) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
            Err(error) => return end(FAILED, &error.to_string()),
        };
        let mut out = io::stdout().lock();
        if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
            // Nobody reads on.
            return FAILED.into();
        }
    }
    let close = receiver.close_frame();
    let code = close.and_then(|close| close.code);
    let reason = close.map_or("", |close| close.reason.as_str());
    let number = code.map_or_else(|| "without a code".to_owned(), |code| code.get().to_string());
    let bad = code.is_some_and(|code| (1002..=1015).contains(&code.get()));
    let separator = if reason.is_empty() { "" } else { ": " };
    end(if bad { CLOSED_BY_ERROR } else { CLOSED }, &format!("closed {number}{separator}{reason}"))
}

/// A line as a message, or what is wrong with it.
fn message(line: io::Result<String>, hex: bool) -> Result<Message, String> {
    let line = line.map_err(|error| format!("cannot read the input: {error}"))?;
    if !hex {
        return Ok(line.into());
    }
    bytes(&line).map(Message::from).ok_or_else(|| format!("not pairs of hexadecimal digits: {line}"))
}

/// Pairs of hexadecimal digits, with or without blanks between them.
fn bytes(line: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = line
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).map(|d| d as u8))
        .collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2);
    pairs.remainder().is_empty().then(|| digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}
