//! From identities to a `rustls::ServerConfig`.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{KeyLogFile, RootCertStore, ServerConfig};

use super::Identity;

/// How a server does TLS: 1.2 and 1.3, with the cipher suites of the provider.
#[derive(Clone)]
pub struct TlsOptions {
    identity: Identity,
    named: Vec<(String, Identity)>,
    client_auth: ClientAuth,
    alpn: Vec<Vec<u8>>,
    key_log: bool,
    provider: Option<Arc<CryptoProvider>>,
}

/// Whether clients show a certificate. What they showed is [`TlsInfo::peer_certificates`](crate::TlsInfo).
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum ClientAuth {
    /// They are not asked.
    #[default]
    None,
    /// They are asked, and may show none. One that these authorities have not signed ends the handshake.
    Optional(Arc<RootCertStore>),
    /// Without one that these authorities have signed the handshake fails.
    Required(Arc<RootCertStore>),
}

/// Why there is no TLS to be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// Certificates or keys that are none.
    #[error("not a certificate or key in PEM: {0}")]
    Pem(String),
    /// rustls was built with none or several crypto providers, and none is installed or named.
    #[error("no crypto provider: name one in TlsOptions, or install one for the process")]
    NoProvider,
    /// A name that no certificate can be for.
    #[error("no self-signed certificate: {0}")]
    SelfSigned(String),
    /// The authorities of client certificates are not usable.
    #[error("client certificates cannot be judged: {0}")]
    ClientAuth(String),
    /// A key that does not fit its certificate, or that the provider cannot use.
    #[error("{0}")]
    Rustls(#[from] rustls::Error),
}

impl TlsOptions {
    /// Shows this identity, offers HTTP/1.1 alone, asks for no client certificates.
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        Self {
            identity,
            named: Vec::new(),
            client_auth: ClientAuth::None,
            alpn: vec![b"http/1.1".to_vec()],
            key_log: false,
            provider: None,
        }
    }

    /// Shows another identity to clients that ask for this name (SNI, RFC 6066 section 3). `*.example.org` stands for all
    /// names with one label more than `example.org`.
    #[must_use]
    pub fn identity_for(mut self, name: &str, identity: Identity) -> Self {
        self.named.push((name.to_ascii_lowercase(), identity));
        self
    }

    /// Offers HTTP/2 before HTTP/1.1 (ALPN, RFC 7301): for a server with [`Config::http2`](crate::Config).
    #[must_use]
    pub fn http2(self) -> Self {
        self.alpn(&["h2", "http/1.1"])
    }

    /// The protocols to offer, best first.
    #[must_use]
    pub fn alpn(mut self, protocols: &[&str]) -> Self {
        self.alpn = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        self
    }

    /// Whether clients show a certificate.
    #[must_use]
    pub fn client_auth(mut self, client_auth: ClientAuth) -> Self {
        self.client_auth = client_auth;
        self
    }

    /// Writes the secrets of each connection into the file that the environment names in `SSLKEYLOGFILE`, so that a
    /// network analyser can read along. For debugging only.
    #[must_use]
    pub fn key_log(mut self) -> Self {
        self.key_log = true;
        self
    }

    /// The crypto to use, instead of what is installed for the process.
    #[must_use]
    pub fn provider(mut self, provider: Arc<CryptoProvider>) -> Self {
        self.provider = Some(provider);
        self
    }

    /// The configuration.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub fn build(self) -> Result<Arc<ServerConfig>, TlsError> {
        let provider = self.provider.or_else(|| CryptoProvider::get_default().cloned());
        let provider = provider.ok_or(TlsError::NoProvider)?;
        let certified = |identity: Identity| {
            CertifiedKey::from_der(identity.chain, identity.key, &provider).map(Arc::new)
        };
        let named = self.named.into_iter().map(|(name, identity)| Ok((name, certified(identity)?)));
        let certificates = Certificates {
            named: named.collect::<Result<_, rustls::Error>>()?,
            default: certified(self.identity)?,
        };
        let verifier = |roots| WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider));
        let verifier = match self.client_auth {
            ClientAuth::None => Ok(WebPkiClientVerifier::no_client_auth()),
            ClientAuth::Optional(roots) => verifier(roots).allow_unauthenticated().build(),
            ClientAuth::Required(roots) => verifier(roots).build(),
        };
        let verifier = verifier.map_err(|error| TlsError::ClientAuth(error.to_string()))?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(certificates));
        config.alpn_protocols = self.alpn;
        if self.key_log {
            config.key_log = Arc::new(KeyLogFile::new());
        }
        Ok(Arc::new(config))
    }
}

impl fmt::Debug for TlsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.named.iter().map(|(name, _)| name).collect();
        f.debug_struct("TlsOptions").field("names", &names).finish_non_exhaustive()
    }
}

/// Finds the certificate for a name.
#[derive(Debug)]
struct Certificates {
    default: Arc<CertifiedKey>,
    named: HashMap<String, Arc<CertifiedKey>>,
}

impl Certificates {
    fn find(&self, name: Option<&str>) -> &Arc<CertifiedKey> {
        let found = name.filter(|_| !self.named.is_empty()).and_then(|name| {
            let name = name.to_ascii_lowercase();
            let wildcard = || self.named.get(&format!("*.{}", name.split_once('.')?.1));
            self.named.get(&name).or_else(wildcard)
        });
        found.unwrap_or(&self.default)
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(self.find(hello.server_name())))
    }
}
