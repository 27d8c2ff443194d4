//! TLS to daemons and targets, and the certificates that cmon trusts.
//!
//! rustls with ring, which needs only a C compiler to build. cmon trusts the system's certificates, or those in
//! `SSL_CERT_FILE` and `SSL_CERT_DIR`; for a daemon, those in its `ca.pem`. Like OpenSSL, it also trusts a server's own
//! certificate in them. rustls alone refuses a certificate that is both authority and server, which `openssl req -x509`
//! creates.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::client::{WebPkiServerVerifier, verify_server_name};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore,
    SignatureScheme,
};

use super::tls_error::{Hints, OF_DAEMON, OF_TARGET, PemError};
pub(crate) use super::tls_error::{TlsError, TlsProblem};
use crate::cause::Cause;

/// The certificate files of a connection to a daemon, as the docker CLI names them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// A directory that may hold `ca.pem`, `cert.pem` and `key.pem`.
    pub dir: Option<PathBuf>,
    /// The authorities' certificates, instead of the directory's.
    pub ca: Option<PathBuf>,
    /// The client's certificate, instead of the directory's.
    pub cert: Option<PathBuf>,
    /// The client's private key, instead of the directory's.
    pub key: Option<PathBuf>,
}

impl TlsFiles {
    /// The named file, or the directory's if it exists.
    fn find(&self, named: Option<&PathBuf>, usual: &str) -> Option<PathBuf> {
        let usual = || self.dir.as_ref().map(|dir| dir.join(usual)).filter(|path| path.exists());
        named.cloned().or_else(usual)
    }
}

/// The TLS configuration for one server.
#[derive(Clone)]
pub(crate) struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
    address: String,
    hints: &'static Hints,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Tls {
    /// Trusts the system's certificates. `address` is the server's name in errors.
    ///
    /// # Errors
    /// There is no trusted certificate, or the host's name cannot be in one.
    pub(crate) fn new(host: &str, address: &str) -> Result<Self, TlsError> {
        let found = rustls_native_certs::load_native_certs();
        Self::trusting(host, address, found.certs, found.errors.into_iter().next())
    }

    /// Trusts these certificates; `unread` is the error of the first one that could not be read.
    pub(crate) fn trusting(
        host: &str,
        address: &str,
        trusted: Vec<CertificateDer<'static>>,
        unread: Option<rustls_native_certs::Error>,
    ) -> Result<Self, TlsError> {
        Self::with(host, address, trusted, None, unread, &OF_TARGET)
            .map_err(|problem| TlsError::new(address, &OF_TARGET, problem))
    }

    /// Trusts the authorities in these files, and shows the client's certificate, if there is one. Without a file of
    /// authorities, trusts the system's.
    ///
    /// # Errors
    /// A file cannot be read, or has no certificate or key.
    pub(crate) fn to_daemon(host: &str, address: &str, files: &TlsFiles) -> Result<Self, TlsError> {
        Self::by_files(host, address, files)
            .map_err(|problem| TlsError::new(address, &OF_DAEMON, problem))
    }

    fn by_files(host: &str, address: &str, files: &TlsFiles) -> Result<Self, TlsProblem> {
        let (trusted, unread) = match files.find(files.ca.as_ref(), "ca.pem") {
            Some(path) => (certificates(&path)?, None),
            None => {
                let found = rustls_native_certs::load_native_certs();
                (found.certs, found.errors.into_iter().next())
            }
        };
        let cert = files.find(files.cert.as_ref(), "cert.pem");
        let key = files.find(files.key.as_ref(), "key.pem");
        let identity = match (cert, key) {
            (Some(cert), Some(key)) => {
                let chain = certificates(&cert)?;
                let read = PrivateKeyDer::from_pem_file(&key);
                Some((chain, read.map_err(unreadable(&key))?))
            }
            (Some(path), None) | (None, Some(path)) => return Err(TlsProblem::Unpaired(path)),
            (None, None) => None,
        };
        Self::with(host, address, trusted, identity, unread, &OF_DAEMON)
    }

    fn with(
        host: &str,
        address: &str,
        trusted: Vec<CertificateDer<'static>>,
        identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
        unread: Option<rustls_native_certs::Error>,
        hints: &'static Hints,
    ) -> Result<Self, TlsProblem> {
        let mut roots = RootCertStore::empty();
        let (taken, _) = roots.add_parsable_certificates(trusted.iter().cloned());
        if taken == 0 {
            return Err(TlsProblem::NoAuthorities(unread.map(Cause::from)));
        }
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| TlsProblem::HostName(host.to_owned()))?;
        let provider = Arc::new(ring::default_provider());
        let usual =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .build()
                .map_err(|error| TlsProblem::Verifier(error.into()))?;
        let verifier = Verifier { usual, trusted, provider: Arc::clone(&provider) };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsProblem::Versions(error.into()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| TlsProblem::Identity(error.into()))?,
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let connector = TlsConnector::from(Arc::new(config));
        Ok(Self { connector, name, address: address.to_owned(), hints })
    }

    /// Runs the TLS handshake over a connection.
    ///
    /// # Errors
    /// The peer does not use TLS, or is not trusted.
    pub(crate) async fn connect<C: AsyncRead + AsyncWrite + Unpin>(
        &self,
        connection: C,
    ) -> Result<TlsStream<C>, TlsError> {
        let connected = self.connector.connect(self.name.clone(), connection).await;
        connected.map_err(|error| TlsError::new(&self.address, self.hints, TlsProblem::of(error)))
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsProblem> {
    let read = CertificateDer::pem_file_iter(path).map_err(unreadable(path))?;
    let found: Vec<_> = read.collect::<Result<_, _>>().map_err(unreadable(path))?;
    match found.is_empty() {
        true => Err(TlsProblem::File { path: path.to_owned(), error: PemError::NoCertificate }),
        false => Ok(found),
    }
}

/// For `map_err`.
fn unreadable(path: &Path) -> impl FnOnce(pem::Error) -> TlsProblem {
    |error| TlsProblem::File { path: path.to_owned(), error: error.into() }
}

/// The usual rules, plus trust in individual certificates.
#[derive(Debug)]
struct Verifier {
    usual: Arc<WebPkiServerVerifier>,
    trusted: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.usual.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        let error = match verified {
            Ok(verified) => return Ok(verified),
            Err(error) => error,
        };
        if !is_own_authority(&error) {
            return Err(error);
        }
        // The expiry was checked before this error.
        match self.trusted.iter().any(|trusted| trusted.as_ref() == end_entity.as_ref()) {
            true => verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)
                .map(|()| ServerCertVerified::assertion()),
            false => Err(CertificateError::UnknownIssuer.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The certificate is both an authority's and a server's, which webpki refuses.
fn is_own_authority(error: &Error) -> bool {
    let Error::InvalidCertificate(CertificateError::Other(OtherError(error))) = error else {
        return false;
    };
    error.to_string() == "CaUsedAsEndEntity"
}
