//! Certificate chains with their keys.

use std::fs;
use std::path::Path;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::TlsError;

/// What a server shows: a certificate chain, its own certificate first, and the key of that.
#[derive(Debug)]
pub struct Identity {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

impl Clone for Identity {
    fn clone(&self) -> Self {
        Self { chain: self.chain.clone(), key: self.key.clone_key() }
    }
}

impl Identity {
    /// From DER.
    #[must_use]
    pub fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Self {
        Self { chain, key }
    }

    /// From PEM: every certificate of `chain` in its order, and the first key of `key` (PKCS#8, PKCS#1 or SEC1). Both may
    /// be the same text.
    ///
    /// # Errors
    /// What is there is no PEM, or there is no certificate or no key.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let chain = CertificateDer::pem_slice_iter(chain).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|error| TlsError::Pem(error.to_string()))?;
        if chain.is_empty() {
            return Err(TlsError::Pem("there is no certificate".to_owned()));
        }
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|error| TlsError::Pem(format!("no private key: {error}")))?;
        Ok(Self { chain, key })
    }

    /// From PEM files, as [`from_pem`](Self::from_pem).
    ///
    /// # Errors
    /// As there, or a file cannot be read.
    pub fn from_pem_files(chain: impl AsRef<Path>, key: impl AsRef<Path>) -> Result<Self, TlsError> {
        let read =
            |path: &Path| fs::read(path).map_err(|error| TlsError::File { path: path.to_owned(), error });
        Self::from_pem(&read(chain.as_ref())?, &read(key.as_ref())?)
    }

    /// The certificates in DER, the server's own first.
    #[must_use]
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }
}

/// A certificate that nobody vouches for, for development (feature `tls-self-signed`).
#[cfg(feature = "tls-self-signed")]
#[derive(Clone, Debug)]
pub struct SelfSigned {
    /// The certificate and its key.
    pub identity: Identity,
    /// SHA-256 of the certificate, by which a person or a client can know it.
    pub sha256: [u8; 32],
}

#[cfg(feature = "tls-self-signed")]
impl SelfSigned {
    /// A new one, for these DNS names and IP addresses.
    ///
    /// # Errors
    /// One of the names is none.
    pub fn new(names: &[&str]) -> Result<Self, TlsError> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names)
            .map_err(|error| TlsError::SelfSigned(error.to_string()))?;
        let certificate = made.cert.der().clone();
        let key = rustls::pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let mut sha256 = [0; 32];
        let digest = ring::digest::digest(&ring::digest::SHA256, &certificate);
        sha256.copy_from_slice(digest.as_ref());
        Ok(Self { identity: Identity::new(vec![certificate], key.into()), sha256 })
    }

    /// The SHA-256 as people compare it: `AB:CD:..`.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let bytes: Vec<String> = self.sha256.iter().map(|byte| format!("{byte:02X}")).collect();
        bytes.join(":")
    }
}
