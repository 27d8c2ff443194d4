//! TLS to daemons and targets: who is trusted, and what is said where somebody is not.
//!
//! rustls with ring, which is built with a C compiler alone. The system's certificates are trusted, or
//! those that `SSL_CERT_FILE` and `SSL_CERT_DIR` name; of a daemon, those in its `ca.pem`. A certificate in them that is a server's own is
//! trusted too, as OpenSSL does: rustls alone refuses one that is both authority and server, which is
//! what `openssl req -x509` makes.

use std::io;
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

use super::socket::plain;

/// Why there is no TLS.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{address}`: {why}")]
pub(crate) struct TlsError {
    address: String,
    pub(crate) why: String,
    /// What to do about it, where that is known.
    pub(crate) hint: Option<&'static str>,
    /// The connection broke: another try may succeed.
    pub(crate) may_pass: bool,
}

/// Where the certificates of a connection to a daemon are, as the docker CLI names them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// A directory that may hold `ca.pem`, `cert.pem` and `key.pem`.
    pub dir: Option<PathBuf>,
    /// The certificates of authorities, in place of the directory's.
    pub ca: Option<PathBuf>,
    /// The client's certificate, in place of the directory's.
    pub cert: Option<PathBuf>,
    /// The client's private key, in place of the directory's.
    pub key: Option<PathBuf>,
}

impl TlsFiles {
    /// The file that was named, or the directory's where there is one.
    fn find(&self, named: Option<&PathBuf>, usual: &str) -> Option<PathBuf> {
        let usual = || self.dir.as_ref().map(|dir| dir.join(usual)).filter(|path| path.exists());
        named.cloned().or_else(usual)
    }
}

/// What to do about each failure.
#[derive(Debug)]
struct Hints {
    trust: &'static str,
    no_tls: &'static str,
    client: &'static str,
}

const OF_TARGET: Hints = Hints {
    trust: "name a file with its certificate, or with that of its authority, in PEM form: SSL_CERT_FILE=FILE cmon …",
    no_tls: "write http:// for a server without TLS",
    client: "a server that wants a certificate of its client cannot be asked",
};

const OF_DAEMON: Hints = Hints {
    trust: "name the certificate of the daemon's authority with --tlscacert, or its directory with DOCKER_CERT_PATH",
    no_tls: "unset DOCKER_TLS_VERIFY, and leave out --tlsverify, for a daemon without TLS",
    client: "name a certificate that the daemon knows, and its key, with --tlscert and --tlskey",
};

/// How to speak TLS with one server.
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
    /// Trusts whom the system trusts. `address` is how the server is called in errors.
    ///
    /// # Errors
    /// There are no certificates to trust, or the host's name cannot be in one.
    pub(crate) fn new(host: &str, address: &str) -> Result<Self, TlsError> {
        let found = rustls_native_certs::load_native_certs();
        let broken = found.errors.first().map(ToString::to_string);
        Self::trusting(host, address, found.certs, broken)
    }

    /// Trusts these certificates; `broken` is why some could not be read.
    pub(crate) fn trusting(
        host: &str,
        address: &str,
        trusted: Vec<CertificateDer<'static>>,
        broken: Option<String>,
    ) -> Result<Self, TlsError> {
        let refuse = |why: String, hint| TlsError {
            address: address.to_owned(),
            why,
            hint,
            may_pass: false,
        };
        Self::with(host, address, trusted, None, broken, &OF_TARGET)
            .map_err(|(why, hint)| refuse(why, hint))
    }

    /// Trusts whom these files name, and shows the client's certificate in them, if there is one. Without a file
    /// of authorities, trusts whom the system trusts.
    ///
    /// # Errors
    /// A file cannot be read, or does not hold what it should.
    pub(crate) fn to_daemon(host: &str, address: &str, files: &TlsFiles) -> Result<Self, TlsError> {
        let refuse = |why: String, hint| TlsError {
            address: address.to_owned(),
            why,
            hint,
            may_pass: false,
        };
        let unreadable = |(path, why): (PathBuf, String)| {
            let hint = "name the files with --tlscacert, --tlscert and --tlskey, or their directory \
                        with DOCKER_CERT_PATH";
            refuse(format!("cannot read {}: {why}", path.display()), Some(hint))
        };
        let (trusted, broken) = match files.find(files.ca.as_ref(), "ca.pem") {
            Some(path) => (certificates(&path).map_err(unreadable)?, None),
            None => {
                let found = rustls_native_certs::load_native_certs();
                (found.certs, found.errors.first().map(ToString::to_string))
            }
        };
        let cert = files.find(files.cert.as_ref(), "cert.pem");
        let key = files.find(files.key.as_ref(), "key.pem");
        let identity = match (cert, key) {
            (Some(cert), Some(key)) => {
                let chain = certificates(&cert).map_err(unreadable)?;
                let read = PrivateKeyDer::from_pem_file(&key);
                Some((chain, read.map_err(|error| unreadable((key, pem_words(&error))))?))
            }
            (Some(path), None) | (None, Some(path)) => {
                let why = format!("{} needs its other half", path.display());
                let hint =
                    "give the client's certificate and its key together: --tlscert and --tlskey";
                return Err(refuse(why, Some(hint)));
            }
            (None, None) => None,
        };
        Self::with(host, address, trusted, identity, broken, &OF_DAEMON)
            .map_err(|(why, hint)| refuse(why, hint))
    }

    fn with(
        host: &str,
        address: &str,
        trusted: Vec<CertificateDer<'static>>,
        identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
        broken: Option<String>,
        hints: &'static Hints,
    ) -> Result<Self, (String, Option<&'static str>)> {
        let mut roots = RootCertStore::empty();
        let (taken, _) = roots.add_parsable_certificates(trusted.iter().cloned());
        if taken == 0 {
            let broken = broken.map(|why| format!(" ({why})")).unwrap_or_default();
            let why = format!("there are no certificates of authorities to trust{broken}");
            return Err((why, Some(hints.trust)));
        }
        let name = ServerName::try_from(host.to_owned());
        let name = name.map_err(|_| (format!("`{host}` is no name of a host"), None))?;
        let provider = Arc::new(ring::default_provider());
        let internal = |error: &dyn std::fmt::Display| (error.to_string(), None);
        let usual =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .build()
                .map_err(|error| internal(&error))?;
        let verifier = Verifier { usual, trusted, provider: Arc::clone(&provider) };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| internal(&error))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(|error| {
                (format!("the client's certificate or key is no good: {error}"), None)
            })?,
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let connector = TlsConnector::from(Arc::new(config));
        Ok(Self { connector, name, address: address.to_owned(), hints })
    }

    /// Agrees on TLS over a connection.
    ///
    /// # Errors
    /// The other side does not speak it, or is not trusted.
    pub(crate) async fn connect<C: AsyncRead + AsyncWrite + Unpin>(
        &self,
        connection: C,
    ) -> Result<TlsStream<C>, TlsError> {
        let connected = self.connector.connect(self.name.clone(), connection).await;
        connected.map_err(|error| {
            let (why, hint) = words(&error, self.hints);
            let may_pass = error.get_ref().is_none_or(|inner| !inner.is::<Error>());
            TlsError { address: self.address.clone(), why, hint, may_pass }
        })
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, (PathBuf, String)> {
    let bad = |error: &pem::Error| (path.to_owned(), pem_words(error));
    let read = CertificateDer::pem_file_iter(path).map_err(|error| bad(&error))?;
    let found: Result<Vec<_>, _> = read.collect();
    match found {
        Ok(found) if found.is_empty() => {
            Err((path.to_owned(), "it holds no certificate".to_owned()))
        }
        Ok(found) => Ok(found),
        Err(error) => Err(bad(&error)),
    }
}

fn pem_words(error: &pem::Error) -> String {
    match error {
        pem::Error::Io(error) => plain(error),
        pem::Error::NoItemsFound => {
            "it holds no private key in PEM form without a passphrase".to_owned()
        }
        error => error.to_string(),
    }
}

/// What a daemon says of cmon's certificate. With TLS 1.3 it says so only when cmon reads.
pub(super) fn alert(error: &io::Error) -> Option<(String, &'static str)> {
    let error = error.get_ref()?.downcast_ref::<Error>()?;
    let Error::AlertReceived(alert) = error else {
        return None;
    };
    let why = format!(
        "it wants a certificate of its client, or does not take the one that cmon has shown ({alert:?})"
    );
    Some((why, OF_DAEMON.client))
}

/// What went wrong, and what to do about it.
fn words(error: &io::Error, hints: &'static Hints) -> (String, Option<&'static str>) {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    let certificate = match inner {
        Some(Error::InvalidCertificate(certificate)) => certificate,
        Some(Error::InvalidMessage(_)) => {
            return ("it does not answer in TLS".to_owned(), Some(hints.no_tls));
        }
        Some(Error::AlertReceived(alert)) => {
            let why = format!("it ended the TLS handshake ({alert:?})");
            return (why, Some(hints.client));
        }
        Some(error) => return (format!("TLS failed: {error}"), None),
        None => return (format!("TLS failed: {}", plain(error)), None),
    };
    match certificate {
        // A bad signature is one of an authority of the same name.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => (
            "its certificate is not trusted: it is self-signed, or from an authority that this machine does not know"
                .to_owned(),
            Some(hints.trust),
        ),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            ("its certificate has expired".to_owned(), Some("renew it, and look at the clocks of both machines"))
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            ("its certificate is not valid yet".to_owned(), Some("look at the clocks of both machines"))
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => (
            "its certificate is not for this name (its subject alternative names count, its common name does not)"
                .to_owned(),
            Some("write the host as the certificate names it"),
        ),
        other => (format!("its certificate is refused: {other}"), Some(hints.trust)),
    }
}

/// The usual rules, and trust in certificates that are named one by one.
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
        // Its time has been looked at before this error is found.
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

/// The certificate is an authority's and a server's at once, which webpki refuses.
fn is_own_authority(error: &Error) -> bool {
    let Error::InvalidCertificate(CertificateError::Other(OtherError(error))) = error else {
        return false;
    };
    error.to_string() == "CaUsedAsEndEntity"
}
