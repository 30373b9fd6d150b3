//! TLS by rustls (feature `tls`): a listener around another one, and the configuration that it wants.
//!
//! Any `rustls::ServerConfig` will do. [`TlsOptions`] builds good ones. The crypto provider is yours: enable one of rustls's
//! (`ring`, `aws-lc-rs`) in your own `Cargo.toml`, and either install it for the process or name it in the options.
//!
//! ```no_run
//! # #[cfg(feature = "rt-tokio")]
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use server_core::rt::tokio::{TokioListener, TokioTimer, serve};
//! use server_core::tls::{Identity, TlsAcceptor, TlsOptions};
//! use server_core::{Body, Request, Server};
//!
//! let identity = Identity::from_pem_files("chain.pem", "key.pem")?;
//! let acceptor = TlsAcceptor::new(TlsOptions::new(identity).build()?);
//! let listener = TokioListener::bind(([127, 0, 0, 1], 8443).into())?;
//! let server = Server::new(|_: Request| async { http::Response::new(Body::from("hello")) }, TokioTimer);
//! serve(&server, acceptor.listener(listener)).await?;
//! # Ok(()) }
//! ```
//!
//! The handshake happens inside of the connection's own task: it holds up nobody, the connection counts as open, and
//! [`Config::tls_handshake_timeout`](crate::Config::tls_handshake_timeout) ends it. What it agreed on is
//! [`ConnectionInfo::tls`](crate::ConnectionInfo::tls). Certificates are renewed with [`TlsAcceptor::replace`], while
//! connections go on.

mod identity;
mod options;
mod stream;

pub use identity::Identity;
#[cfg(feature = "tls-self-signed")]
pub use identity::SelfSigned;
pub use options::{ClientAuth, TlsError, TlsOptions};
pub use stream::{TlsAcceptor, TlsListener, TlsStream};

// Its types are part of this API.
pub use rustls;
