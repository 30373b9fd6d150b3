//! TLS on the simulated pipe, with a rustls client.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use server_core::tls::{ClientAuth, Identity, SelfSigned, TlsAcceptor, TlsOptions};
use server_core::{Body, ConnectionError, ConnectionInfo, Deadline, Handler, Http2Config, Request};
use testkit::sim::{Pipe, Task, pipe};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::{CAPACITY, World, configured, text};

/// Tells what TLS agreed on.
async fn facts(request: Request) -> http::Response<Body> {
    let Some(tls) = request.connection().tls() else { return text("cleartext") };
    let alpn = tls.alpn.as_deref().map(|alpn| String::from_utf8_lossy(alpn).into_owned());
    text(format!(
        "{} {} {} {} {:?}",
        tls.version,
        alpn.unwrap_or_default(),
        tls.server_name.as_deref().unwrap_or("-"),
        tls.peer_certificates.len(),
        request.version(),
    ))
}

fn world() -> World<impl Handler<Request> + 'static, Request> {
    configured(facts, |config| config.http2 = Some(Http2Config::default()))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn identity(name: &str) -> Identity {
    SelfSigned::new(&[name]).unwrap().identity
}

fn acceptor(options: TlsOptions) -> TlsAcceptor {
    TlsAcceptor::new(options.provider(provider()).build().unwrap())
}

/// Takes any certificate: which one it was is what the tests ask.
#[derive(Debug)]
struct Any;

impl ServerCertVerifier for Any {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signature,
            &ring::default_provider().signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

fn client(
    alpn: &[&str],
    shows: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
) -> ClientConfig {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Any));
    let mut config = match shows {
        Some((chain, key)) => builder.with_client_auth_cert(chain, key).unwrap(),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    config
}

type Opened = std::io::Result<TlsStream<Pipe>>;

/// Connects to `name`. The server's task, and the client's stream once that is open.
fn connect<H: Handler<Request> + 'static>(
    world: &World<H, Request>,
    acceptor: &TlsAcceptor,
    config: ClientConfig,
    name: &'static str,
) -> (Task<Result<(), ConnectionError>>, Opened) {
    let (near, far) = pipe(CAPACITY);
    let (io, info) = acceptor.accept(far, ConnectionInfo::default());
    let server = world.sim.spawn(world.server.connection(io, info));
    let connector = TlsConnector::from(Arc::new(config));
    let opened =
        world.sim.spawn(async move { connector.connect(ServerName::try_from(name).unwrap(), near).await });
    world.sim.run();
    (server, opened.take().expect("a handshake ends"))
}

/// One request over HTTP/1.1: the last line of the answer, and the stream to go on with.
fn ask<H: Handler<Request> + 'static>(
    world: &World<H, Request>,
    mut stream: TlsStream<Pipe>,
) -> (Result<String, std::io::Error>, TlsStream<Pipe>) {
    let task = world.sim.spawn(async move {
        let mut bytes = vec![0; 4096];
        let read = async {
            stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await?;
            stream.flush().await?;
            stream.read(&mut bytes).await
        };
        let read = read.await.map(|len| {
            let text = String::from_utf8_lossy(&bytes[..len]).into_owned();
            text.lines().next_back().unwrap_or_default().to_owned()
        });
        (read, stream)
    });
    world.sim.run();
    task.take().expect("an answer")
}

fn shown(stream: &TlsStream<Pipe>) -> Vec<u8> {
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

#[test]
fn alpn_chooses_the_version_and_the_handler_sees_it() {
    let world = world();
    let tls = acceptor(TlsOptions::new(identity("localhost")).http2());
    for (offer, expected) in
        [(&[][..], "TLSv1.3  localhost 0 HTTP/1.1"), (&["http/1.1"], "TLSv1.3 http/1.1 localhost 0 HTTP/1.1")]
    {
        let (_, stream) = connect(&world, &tls, client(offer, None), "localhost");
        assert_eq!(ask(&world, stream.unwrap()).0.unwrap(), expected);
    }
    let (_, stream) = connect(&world, &tls, client(&["http/1.1", "h2"], None), "localhost");
    let task = world.sim.spawn(async move {
        let (mut send, connection) = h2::client::handshake(stream.unwrap()).await.unwrap();
        let request = http::Request::get("https://localhost/").body(()).unwrap();
        let response = send.send_request(request, true).unwrap().0;
        let body = async { response.await.unwrap().into_body().data().await.unwrap().unwrap() };
        tokio::select! {
            biased;
            body = body => String::from_utf8(body.to_vec()).unwrap(),
            end = connection => panic!("{end:?}"),
        }
    });
    world.sim.run();
    assert_eq!(task.take().unwrap(), "TLSv1.3 h2 localhost 0 HTTP/2.0");
    // No protocol in common.
    let (server, stream) = connect(&world, &tls, client(&["spdy/3"], None), "localhost");
    assert!(stream.is_err());
    assert!(matches!(server.take(), Some(Err(ConnectionError::Io(_)))));
}

/// Records and frames arrive byte by byte, and little of them is on its way at once.
#[test]
fn tls_in_the_smallest_pieces() {
    let world = world();
    let tls = acceptor(TlsOptions::new(identity("localhost")).http2());
    for capacity in [300, 3000] {
        let (near, far) = pipe(capacity);
        near.limit_peer_reads(1);
        far.limit_peer_reads(1);
        let (io, info) = tls.accept(far, ConnectionInfo::default());
        let server = world.sim.spawn(world.server.connection(io, info));
        let connector = TlsConnector::from(Arc::new(client(&["h2"], None)));
        let body = world.sim.spawn(async move {
            let stream = connector.connect(ServerName::try_from("localhost").unwrap(), near).await.unwrap();
            let (mut send, connection) = h2::client::handshake(stream).await.unwrap();
            let request = http::Request::get("https://localhost/").body(()).unwrap();
            let response = send.send_request(request, true).unwrap().0;
            drop(send);
            let body = async { response.await.unwrap().into_body().data().await.unwrap().unwrap() };
            let (body, end) = futures_util::future::join(body, connection).await;
            end.unwrap();
            body
        });
        world.sim.run();
        assert_eq!(body.take().expect("it ends"), "TLSv1.3 h2 localhost 0 HTTP/2.0", "{capacity}");
        world.advance(60);
        assert!(server.take().is_some_and(|end| end.is_ok()), "{capacity}");
    }
    assert_eq!(world.stats().connections, 0);
}

/// ALPN's word counts: what looks like the other version is refused, not guessed.
#[test]
fn nothing_is_sniffed_in_tls() {
    let world = world();
    let tls = acceptor(TlsOptions::new(identity("localhost")).http2());
    let (_, stream) = connect(&world, &tls, client(&["http/1.1"], None), "localhost");
    let mut stream = stream.unwrap();
    let task = world.sim.spawn(async move {
        stream.write_all(crate::frames::PREFACE).await.unwrap();
        stream.flush().await.unwrap();
        let mut bytes = vec![0; 100];
        let len = stream.read(&mut bytes).await.unwrap();
        String::from_utf8_lossy(&bytes[..len]).into_owned()
    });
    world.sim.run();
    assert!(task.take().unwrap().starts_with("HTTP/1.1 "));
}

#[test]
fn certificates_are_chosen_by_name() {
    let world = world();
    let (first, second, wild) = (identity("a.example"), identity("b.example"), identity("*.c.example"));
    let tls = acceptor(
        TlsOptions::new(first.clone())
            .identity_for("B.example", second.clone())
            .identity_for("*.c.example", wild.clone()),
    );
    for (name, expected) in [
        ("a.example", &first),
        ("b.example", &second),
        ("x.c.example", &wild),
        ("c.example", &first),
        ("x.y.c.example", &first),
        ("127.0.0.1", &first),
    ] {
        let (_, stream) = connect(&world, &tls, client(&[], None), name);
        assert_eq!(shown(&stream.unwrap()), expected.chain()[0].to_vec(), "{name}");
    }
}

/// Under load, with handshakes in all stages: none is lost, and the old certificate is shown no more.
#[test]
fn certificates_are_replaced_without_a_restart() {
    let world = world();
    let (old, new) = (identity("a.example"), identity("a.example"));
    let tls = acceptor(TlsOptions::new(old.clone()));
    let mut open = Vec::new();
    for round in 0..20 {
        if round == 10 {
            tls.replace(TlsOptions::new(new.clone()).provider(provider()).build().unwrap());
        }
        let (server, stream) = connect(&world, &tls, client(&[], None), "a.example");
        let stream = stream.unwrap();
        let expected = if round < 10 { &old } else { &new };
        assert_eq!(shown(&stream), expected.chain()[0].to_vec());
        open.push((server, stream));
    }
    // One whose handshake had not begun when the certificate changed finishes it with what it was accepted with.
    let (near, far) = pipe(CAPACITY);
    let (io, info) = tls.accept(far, ConnectionInfo::default());
    drop(world.sim.spawn(world.server.connection(io, info)));
    tls.replace(TlsOptions::new(old).provider(provider()).build().unwrap());
    let connector = TlsConnector::from(Arc::new(client(&[], None)));
    let late = world
        .sim
        .spawn(async move { connector.connect(ServerName::try_from("a.example").unwrap(), near).await });
    world.sim.run();
    assert_eq!(shown(&late.take().unwrap().unwrap()), new.chain()[0].to_vec());
    for (server, stream) in open {
        assert_eq!(ask(&world, stream).0.unwrap(), "TLSv1.3  a.example 0 HTTP/1.1");
        drop(server);
    }
}

#[test]
fn client_certificates() {
    let world = world();
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().unwrap();
    let root = authority.self_signed(&key).unwrap();
    let issuer = rcgen::Issuer::from_params(&authority, &key);
    let leaf_key = rcgen::KeyPair::generate().unwrap();
    let leaf =
        rcgen::CertificateParams::new(vec!["me".to_owned()]).unwrap().signed_by(&leaf_key, &issuer).unwrap();
    let mine = || (vec![leaf.der().clone()], PrivateKeyDer::try_from(leaf_key.serialize_der()).unwrap());
    let stranger = SelfSigned::new(&["you"]).unwrap().identity;
    let strangers = || {
        let made = rcgen::generate_simple_self_signed(vec!["you".to_owned()]).unwrap();
        (vec![made.cert.der().clone()], PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap())
    };
    drop(stranger);
    let mut roots = RootCertStore::empty();
    roots.add(root.der().clone()).unwrap();
    let roots = Arc::new(roots);
    let asked = |auth: ClientAuth, shows| {
        let tls = acceptor(TlsOptions::new(identity("a")).client_auth(auth));
        let (_, stream) = connect(&world, &tls, client(&[], shows), "a");
        // With TLS 1.3 a client learns of its refusal when it reads.
        stream.and_then(|stream| ask(&world, stream).0).ok()
    };
    let seen = |count: usize| Some(format!("TLSv1.3  a {count} HTTP/1.1"));
    assert_eq!(asked(ClientAuth::None, Some(mine())), seen(0));
    assert_eq!(asked(ClientAuth::Optional(Arc::clone(&roots)), None), seen(0));
    assert_eq!(asked(ClientAuth::Optional(Arc::clone(&roots)), Some(mine())), seen(1));
    assert_eq!(asked(ClientAuth::Optional(Arc::clone(&roots)), Some(strangers())), None);
    assert_eq!(asked(ClientAuth::Required(Arc::clone(&roots)), Some(mine())), seen(1));
    assert_eq!(asked(ClientAuth::Required(Arc::clone(&roots)), None), None);
}

#[test]
fn a_handshake_has_its_time_and_then_the_head_has() {
    let world = world();
    let tls = acceptor(TlsOptions::new(identity("a")));
    let (near, far) = pipe(CAPACITY);
    let (io, info) = tls.accept(far, ConnectionInfo::default());
    let silent = world.sim.spawn(world.server.connection(io, info));
    world.advance(9);
    assert_eq!(world.stats().connections, 1, "it counts");
    let (quiet, stream) = connect(&world, &tls, client(&[], None), "a");
    world.advance(2);
    assert!(matches!(silent.take(), Some(Err(ConnectionError::TimedOut(Deadline::TlsHandshake)))));
    assert!(near.is_finished());
    world.advance(7);
    assert!(quiet.take().is_none());
    world.advance(6);
    assert!(quiet.take().is_some(), "nobody asked for anything");
    drop(stream);
}

#[test]
fn what_is_no_tls_is_refused() {
    let world = world();
    let tls = acceptor(TlsOptions::new(identity("a")));
    let (near, far) = pipe(CAPACITY);
    let (io, info) = tls.accept(far, ConnectionInfo::default());
    let server = world.sim.spawn(world.server.connection(io, info));
    near.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    world.sim.run();
    assert!(matches!(server.take(), Some(Err(ConnectionError::Io(_)))));
    assert!(world.exchange(crate::support::get("/")).ends_with("cleartext"));
}

#[test]
fn identities_come_from_pem() {
    let made = rcgen::generate_simple_self_signed(vec!["a".to_owned()]).unwrap();
    let pem = |label: &str, der: &[u8]| {
        use std::fmt::Write as _;
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut text = format!("-----BEGIN {label}-----\n");
        for chunk in der.chunks(3) {
            let word =
                u32::from_be_bytes([0, chunk[0], *chunk.get(1).unwrap_or(&0), *chunk.get(2).unwrap_or(&0)]);
            for at in 0..4 {
                let letter = ALPHABET[(word >> (18 - 6 * at)) as usize & 63] as char;
                text.push(if at > chunk.len() { '=' } else { letter });
            }
        }
        writeln!(text, "\n-----END {label}-----").unwrap();
        text
    };
    let chain = pem("CERTIFICATE", made.cert.der());
    let key = pem("PRIVATE KEY", &made.signing_key.serialize_der());
    let identity = Identity::from_pem(chain.as_bytes(), key.as_bytes()).unwrap();
    assert_eq!(identity.chain()[0], *made.cert.der());
    assert!(TlsOptions::new(identity).provider(provider()).build().is_ok());
    let both = [chain.clone(), key.clone()].concat();
    assert!(Identity::from_pem(both.as_bytes(), both.as_bytes()).is_ok());
    for (chain, key) in [(&key, &key), (&chain, &chain)] {
        assert!(Identity::from_pem(chain.as_bytes(), key.as_bytes()).is_err());
    }
    let missing = Identity::from_pem_files("no/such/file", "no/such/file").unwrap_err();
    assert!(missing.to_string().contains("no/such/file"));
    // A key that belongs to another certificate.
    let other = rcgen::KeyPair::generate().unwrap();
    let mixed =
        Identity::from_pem(chain.as_bytes(), pem("PRIVATE KEY", &other.serialize_der()).as_bytes()).unwrap();
    assert!(TlsOptions::new(mixed).provider(provider()).build().is_err());
}
