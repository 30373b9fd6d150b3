//! The WebSocket client over real connections, on tokio: HTTP/1.1 and HTTP/2, in cleartext and over TLS.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use server_core::rt::tokio::{TokioListener, TokioTimer, serve};
use server_core::tls::{SelfSigned, TlsAcceptor, TlsOptions};
use server_core::ws::{Client, CloseCode, ConnectError, Message, WebSocket, connect, connect_h2};
use server_core::{Config, Http2Config, Listener as _, Server};

use crate::sockets::PATIENCE;
use crate::websocket::echo;

async fn echoes(mut socket: WebSocket) {
    let text = "to and fro ".repeat(10_000);
    socket.send(text.as_str()).await.unwrap();
    assert_eq!(socket.recv().await.unwrap().unwrap(), Message::from(text.as_str()));
    socket.close(CloseCode::NORMAL, "").await;
}

/// What a client knows, which trusts this certificate.
fn trusting(made: &SelfSigned) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(made.identity.chain()[0].clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
    Arc::new(config.with_no_client_auth())
}

#[test]
fn either_version_with_tls_and_without() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let checks = async {
        let made = SelfSigned::new(&["localhost"]).unwrap();
        let config = trusting(&made);
        let options = TlsOptions::new(made.identity).provider(Arc::new(ring::default_provider()));
        let acceptor = TlsAcceptor::new(options.http2().build().unwrap());
        let mut settings = Config::default();
        settings.http2 = Some(Http2Config::default());
        let server = Server::with_config(echo, TokioTimer, settings);
        let bind = || TokioListener::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let (plain, secure) = (bind(), bind());
        let url = format!("ws://{}/ws", plain.local_addr().unwrap());
        let wss = format!("wss://localhost:{}/ws", secure.local_addr().unwrap().port());
        tokio::spawn({
            let server = server.clone();
            async move { serve(&server, plain).await }
        });
        tokio::spawn({
            let server = server.clone();
            async move { serve(&server, acceptor.listener(secure)).await }
        });

        echoes(connect(&url).await.unwrap().0).await;
        let client = connect_h2(&url).await.unwrap();
        let (one, other) = (client.open("/1").await.unwrap().0, client.open("/2").await.unwrap().0);
        tokio::join!(echoes(one), echoes(other));
        drop(client);

        assert!(matches!(connect(&wss).await, Err(ConnectError::TlsUnavailable)));
        assert!(matches!(connect_h2(&wss).await, Err(ConnectError::TlsUnavailable)));
        let client = Client::new(&wss).unwrap().tls(config);
        echoes(client.connect().await.unwrap().0).await;
        echoes(client.connect_http2().await.unwrap().open("/ws").await.unwrap().0).await;

        server.shutdown();
        server.closed().await;
    };
    runtime.block_on(async { tokio::time::timeout(PATIENCE, checks).await.expect("an end") });
}
