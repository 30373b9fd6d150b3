//! TLS as the servers here offer it: with the certificate that is given, or with one made now.

use std::path::PathBuf;
use std::sync::Arc;

use server_core::tls::{Identity, SelfSigned, TlsAcceptor, TlsOptions};

#[derive(clap::Args)]
pub(crate) struct Certificate {
    /// Certificate chain in PEM [default: a self-signed one for localhost]
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// Its private key in PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
}

impl Certificate {
    /// TLS with it. Of one that was made now, it prints the fingerprint.
    pub(crate) fn acceptor(&self) -> Result<TlsAcceptor, String> {
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
        Ok(TlsAcceptor::new(config.map_err(|error| format!("no TLS: {error}"))?))
    }
}
