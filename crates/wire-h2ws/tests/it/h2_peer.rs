//! A session against h2's own client and server, on the simulated pipe.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Poll, ready};

use bytes::Bytes;
use h2::ext::Protocol;
use testkit::sim::{Sim, pipe};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use wire_h2ws::handshake::Target;
use wire_h2ws::session::{Config, Event, Session, StreamEnd};
use wire_ws::{Connection, ConnectionConfig, DataKind, End};

use crate::pair::at;

/// Drives a session over a stream until it ends; `act` is asked about every event.
async fn serve(
    mut session: Session,
    mut io: impl AsyncRead + AsyncWrite + Unpin,
    mut act: impl FnMut(&mut Session, Event),
) -> Session {
    let mut buffer = [0; 4096];
    loop {
        while let Some(event) = session.poll_event(at(1)) {
            act(&mut session, event);
        }
        let wants_write = !session.output(at(1)).is_empty();
        if !wants_write && session.end().is_some() {
            return session;
        }
        // Both at once: a peer may wait to be read before it reads.
        poll_fn(|cx| {
            if wants_write && let Poll::Ready(len) = Pin::new(&mut io).poll_write(cx, session.output(at(1))) {
                session.written(len.expect("the peer reads"));
                return Poll::Ready(());
            }
            let mut read = ReadBuf::new(&mut buffer);
            ready!(Pin::new(&mut io).poll_read(cx, &mut read)).expect("the peer writes");
            match read.filled() {
                [] => session.receive_eof(),
                bytes => assert_eq!(session.receive(bytes, at(1)), bytes.len(), "little output waits"),
            }
            Poll::Ready(())
        })
        .await;
    }
}

fn echo(session: &mut Session, event: Event) {
    match event {
        Event::WebSocketRequest { stream, request } => {
            session.accept_websocket(stream, &request, None, Default::default(), at(1)).expect("asked");
        }
        Event::Message { stream, kind, data } => session.send(stream, kind, &data).expect("room"),
        _ => {}
    }
}

/// Sends all of the WebSocket's output on the stream, as its window allows.
async fn send_all(socket: &mut Connection, stream: &mut h2::SendStream<Bytes>) {
    while !socket.output().is_empty() {
        let len = socket.output().len();
        stream.reserve_capacity(len);
        let room = poll_fn(|cx| stream.poll_capacity(cx)).await.expect("open").expect("open");
        let piece = Bytes::copy_from_slice(&socket.output()[..room.min(len)]);
        socket.written(piece.len());
        stream.send_data(piece, false).expect("open");
    }
}

#[test]
fn a_client_of_h2() {
    for (capacity, window) in [(1 << 16, 65_535), (100, 65_535), (7, 65_535), (1 << 16, 1)] {
        let sim = Sim::new();
        let (here, there) = pipe(capacity);
        let server = sim.spawn(serve(Session::server(&Config::default()), here, echo));
        let client = sim.spawn(async move {
            let (mut requests, mut connection) = h2::client::Builder::new()
                .initial_window_size(window)
                .handshake::<_, Bytes>(there)
                .await
                .expect("a handshake");
            let talk = async {
                poll_fn(|cx| requests.poll_ready(cx)).await.expect("a connection");
                let mut request = http::Request::connect("http://a/chat")
                    .header("sec-websocket-version", "13")
                    .body(())
                    .expect("a request");
                request.extensions_mut().insert(Protocol::from_static("websocket"));
                // The setting arrives with the first frames; a round trip makes sure of it.
                let probe = http::Request::connect("a:80").body(()).expect("a request");
                let (response, _) = requests.send_request(probe, true).expect("room");
                assert_eq!(response.await.expect("a response").status(), 501);
                assert!(requests.is_extended_connect_protocol_enabled());
                let (response, mut stream) = requests.send_request(request, false).expect("room");
                let response = response.await.expect("a response");
                assert_eq!(response.status(), 200);
                let mut body = response.into_body();

                let mut socket = Connection::client([3; 32], &ConnectionConfig::default(), at(1));
                let message = "h2".repeat(900);
                socket.send(DataKind::Text, &message).expect("open");
                socket.close(None, "", at(1)).expect("open");
                send_all(&mut socket, &mut stream).await;
                let mut input = Vec::new();
                while let Some(data) = body.data().await {
                    let data = data.expect("no reset");
                    body.flow_control().release_capacity(data.len()).expect("it was received");
                    input.extend_from_slice(&data);
                }
                let step = socket.decode(&mut input, at(1)).expect("legal");
                assert!(input[..step.consumed].ends_with(message.as_bytes()));
                let consumed = step.consumed;
                socket.decode(&mut input[consumed..], at(1)).expect("legal");
                assert_eq!(socket.decode_eof(), End::Clean);
                stream.send_data(Bytes::new(), true).expect("no reset");
            };
            let mut talk = std::pin::pin!(talk);
            poll_fn(|cx| {
                assert!(Pin::new(&mut connection).poll(cx).is_pending());
                talk.as_mut().poll(cx)
            })
            .await;
            // Dropped, and with it the transport.
        });
        sim.run();
        client.take().unwrap_or_else(|| panic!("the client is not done: {capacity} {window}"));
        let server = server.take().expect("the server is done");
        assert_eq!(server.open_streams(), 0);
    }
}

#[test]
fn a_server_of_h2() {
    let sim = Sim::new();
    let (here, there) = pipe(1_000);
    let session = Session::client([5; 32], &Config::default());
    let mut closed = Vec::new();
    let mut texts = 0;
    let client = sim.spawn(async move {
        let act = |session: &mut Session, event| match event {
            Event::WebSocketsEnabled => {
                let target = Target::parse("ws://a/").expect("a URL");
                session.open_websocket(&target, &[], Default::default()).expect("enabled");
            }
            Event::WebSocketOpen { stream, .. } => {
                session.send(stream, DataKind::Text, b"hello").expect("open");
            }
            Event::Message { stream, data, .. } => {
                assert_eq!(&data[..], b"hello");
                texts += 1;
                session.close(stream, None, "", at(1)).expect("open");
            }
            Event::Closed { end, .. } => {
                closed.push(end);
                session.shutdown(at(1));
            }
            _ => {}
        };
        serve(session, here, act).await;
        (texts, closed)
    });
    let server = sim.spawn(async move {
        let mut connection = h2::server::Builder::new()
            .enable_connect_protocol()
            .handshake::<_, Bytes>(there)
            .await
            .expect("a handshake");
        let (request, mut respond) =
            poll_fn(|cx| connection.poll_accept(cx)).await.expect("a request").expect("a request");
        assert_eq!(request.extensions().get::<Protocol>().map(Protocol::as_str), Some("websocket"));
        assert_eq!(request.uri(), "http://a/");
        assert_eq!(request.headers().len(), 1, "the version alone: {:?}", request.headers());
        let mut stream = respond.send_response(http::Response::new(()), false).expect("open");
        let mut body = request.into_body();
        let (mut socket, mut ended) = (Connection::server(&ConnectionConfig::default(), at(1)), false);
        let talk = async {
            while let Some(data) = body.data().await {
                let mut data = data.expect("no reset").to_vec();
                body.flow_control().release_capacity(data.len()).expect("it was received");
                let mut start = 0;
                while start < data.len() {
                    let step = socket.decode(&mut data[start..], at(1)).expect("legal, and whole frames");
                    if let Some(wire_ws::MessageEvent::Message {
                        payload: wire_ws::Payload::Input(range),
                        ..
                    }) = step.event
                    {
                        let text = data[start..][range].to_vec();
                        socket.send(DataKind::Text, text).expect("open");
                    }
                    start += step.consumed;
                }
                send_all(&mut socket, &mut stream).await;
                if socket.end().is_some() && !std::mem::replace(&mut ended, true) {
                    stream.send_data(Bytes::new(), true).expect("no reset");
                }
            }
        };
        let mut talk = std::pin::pin!(talk);
        poll_fn(|cx| {
            let _ = connection.poll_accept(cx);
            talk.as_mut().poll(cx)
        })
        .await;
        poll_fn(|cx| connection.poll_closed(cx)).await.expect("a clean end");
    });
    sim.run();
    assert_eq!(client.take(), Some((1, vec![StreamEnd::Complete])));
    server.take().expect("the server is done");
}
