//! TLS as the servers here offer it: with the certificate that is given, or with one made now.

use std::path::PathBuf;
use std::sync::Arc;

use server_core::tls::{Identity, SelfSigned, TlsAcceptor, TlsOptions};
use tokio::signal::unix::{SignalKind, signal};

#[derive(Clone, clap::Args)]
pub(crate) struct Certificate {
    /// Certificate chain in PEM, read again at SIGHUP [default: a self-signed one for localhost]
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// Its private key in PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
}

impl Certificate {
    /// TLS with it, from now on, and with what the files say at each SIGHUP. Connections that are open go on.
    pub(crate) fn acceptor(&self) -> Result<TlsAcceptor, String> {
        let tls = TlsAcceptor::new(self.config()?);
        let mut hang_up = signal(SignalKind::hangup()).map_err(|error| error.to_string())?;
        let (renewed, certificate) = (tls.clone(), self.clone());
        tokio::spawn(async move {
            while hang_up.recv().await.is_some() {
                match certificate.config() {
                    Ok(config) => renewed.replace(config),
                    Err(error) => tracing::error!(error, "the certificate stays as it was"),
                }
            }
        });
        Ok(tls)
    }

    /// Of a certificate that is made now, it prints the fingerprint.
    fn config(&self) -> Result<Arc<rustls::ServerConfig>, String> {
        let identity = match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => {
                Identity::from_pem_files(cert, key).map_err(|error| error.to_string())?
            }
            _ => {
                let made =
                    SelfSigned::new(&["localhost", "127.0.0.1", "::1"]).map_err(|error| error.to_string())?;
                eprintln!("self-signed certificate for localhost, SHA-256 {}", made.fingerprint());
                made.identity
            }
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = TlsOptions::new(identity).provider(provider).http2().build();
        config.map_err(|error| format!("no TLS: {error}"))
    }
}
