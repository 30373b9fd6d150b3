//! Echo servers, each as its documentation says, behind the same opening handshake.

use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _, future};
use interop::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::floor::ACCEPTED;

/// Reads the request, which is the load generator's, and accepts.
async fn accept(mut stream: TcpStream) -> Result<TcpStream> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut head).await? == 0 {
            return Err("the client is gone".into());
        }
    }
    stream.write_all(ACCEPTED).await?;
    Ok(stream)
}

pub(crate) async fn fastwebsockets(stream: TcpStream) -> Result {
    use fastwebsockets::{FragmentCollector, OpCode, Role, WebSocket};
    let mut socket = WebSocket::after_handshake(accept(stream).await?, Role::Server);
    socket.set_writev(true);
    socket.set_auto_close(true);
    socket.set_auto_pong(true);
    let mut socket = FragmentCollector::new(socket);
    loop {
        let frame = socket.read_frame().await?;
        match frame.opcode {
            OpCode::Close => return Ok(()),
            OpCode::Text | OpCode::Binary => socket.write_frame(frame).await?,
            _ => {}
        }
    }
}

/// One message after the other.
async fn echo<M, E>(
    mut socket: impl Stream<Item = std::result::Result<M, E>> + Sink<M, Error = E> + Unpin,
) -> Result
where
    E: std::error::Error + Send + Sync + 'static,
{
    while let Some(message) = socket.next().await {
        socket.send(message?).await?;
    }
    Ok(())
}

/// Flushes once for what arrived at once.
async fn gather<M, E>(
    mut socket: impl Stream<Item = std::result::Result<M, E>> + Sink<M, Error = E> + Unpin,
) -> Result
where
    E: std::error::Error + Send + Sync + 'static,
{
    loop {
        let next = match future::poll_immediate(socket.next()).await {
            Some(next) => next,
            None => {
                socket.flush().await?;
                socket.next().await
            }
        };
        let Some(message) = next else { return Ok(()) };
        socket.feed(message?).await?;
    }
}

pub(crate) async fn tokio_websockets(stream: TcpStream) -> Result {
    echo(tokio_websockets::ServerBuilder::new().serve(accept(stream).await?)).await
}

async fn tungstenite_socket(stream: TcpStream) -> Result<tokio_tungstenite::WebSocketStream<TcpStream>> {
    use tokio_tungstenite::WebSocketStream;
    use tokio_tungstenite::tungstenite::protocol::Role;
    Ok(WebSocketStream::from_raw_socket(accept(stream).await?, Role::Server, None).await)
}

pub(crate) async fn tungstenite(stream: TcpStream) -> Result {
    echo(tungstenite_socket(stream).await?).await
}

pub(crate) async fn tungstenite_gather(stream: TcpStream) -> Result {
    gather(tungstenite_socket(stream).await?).await
}

type Yawc<F> = futures_util::stream::Map<yawc::WebSocket<TcpStream>, F>;

async fn yawc_socket(
    stream: TcpStream,
) -> Result<Yawc<fn(yawc::Frame) -> std::result::Result<yawc::Frame, yawc::WebSocketError>>> {
    let options = yawc::Options::default().without_compression().with_utf8();
    Ok(yawc::WebSocket::from_stream(accept(stream).await?, yawc::Role::Server, options)?.map(Ok as _))
}

pub(crate) async fn yawc(stream: TcpStream) -> Result {
    echo(yawc_socket(stream).await?).await
}

pub(crate) async fn yawc_gather(stream: TcpStream) -> Result {
    gather(yawc_socket(stream).await?).await
}

pub(crate) async fn soketto(stream: TcpStream) -> Result {
    use soketto::connection::Builder;
    use tokio_util::compat::TokioAsyncReadCompatExt as _;
    let stream = accept(stream).await?.compat();
    let (mut sender, mut receiver) = Builder::new(stream, soketto::Mode::Server).finish();
    let mut data = Vec::new();
    loop {
        data.clear();
        if receiver.receive_data(&mut data).await?.is_text() {
            sender.send_text(std::str::from_utf8(&data)?).await?;
        } else {
            sender.send_binary(&data).await?;
        }
        sender.flush().await?;
    }
}
