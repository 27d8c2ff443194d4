//! TLS to targets: who is trusted, and what is said where somebody is not.
//!
//! rustls with ring, which is built with a C compiler alone. The system's certificates are trusted, or
//! those that `SSL_CERT_FILE` and `SSL_CERT_DIR` name. A certificate in them that is a server's own is
//! trusted too, as OpenSSL does: rustls alone refuses one that is both authority and server, which is
//! what `openssl req -x509` makes.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::client::{WebPkiServerVerifier, verify_server_name};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore,
    SignatureScheme,
};

use crate::docker::endpoint::plain;

/// Why there is no TLS.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{address}`: {why}")]
pub struct TlsError {
    address: String,
    why: String,
    /// What to do about it, where that is known.
    pub(super) hint: Option<&'static str>,
}

const TRUST: &str = "name a file with its certificate, or with that of its authority, in PEM form: SSL_CERT_FILE=FILE cmon …";

/// How to speak TLS with one server.
#[derive(Clone)]
pub struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
    address: String,
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
    pub fn new(host: &str, address: &str) -> Result<Self, TlsError> {
        let found = rustls_native_certs::load_native_certs();
        let broken = found.errors.first().map(ToString::to_string);
        Self::trusting(host, address, found.certs, broken)
    }

    /// Trusts these certificates; `broken` is why some could not be read.
    pub(super) fn trusting(
        host: &str,
        address: &str,
        trusted: Vec<CertificateDer<'static>>,
        broken: Option<String>,
    ) -> Result<Self, TlsError> {
        let refuse = |why: String, hint| TlsError { address: address.to_owned(), why, hint };
        let mut roots = RootCertStore::empty();
        let (taken, _) = roots.add_parsable_certificates(trusted.iter().cloned());
        if taken == 0 {
            let broken = broken.map(|why| format!(" ({why})")).unwrap_or_default();
            let why = format!("there are no certificates of authorities to trust{broken}");
            return Err(refuse(why, Some(TRUST)));
        }
        let name = ServerName::try_from(host.to_owned());
        let name = name.map_err(|_| refuse(format!("`{host}` is no name of a host"), None))?;
        let provider = Arc::new(ring::default_provider());
        let internal = |error: &dyn std::fmt::Display| refuse(error.to_string(), None);
        let usual =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .build()
                .map_err(|error| internal(&error))?;
        let verifier = Verifier { usual, trusted, provider: Arc::clone(&provider) };
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| internal(&error))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let connector = TlsConnector::from(Arc::new(config));
        Ok(Self { connector, name, address: address.to_owned() })
    }

    /// Agrees on TLS over a connection.
    ///
    /// # Errors
    /// The other side does not speak it, or is not trusted.
    pub async fn connect<C: AsyncRead + AsyncWrite + Unpin>(
        &self,
        connection: C,
    ) -> Result<TlsStream<C>, TlsError> {
        let connected = self.connector.connect(self.name.clone(), connection).await;
        connected.map_err(|error| {
            let (why, hint) = words(&error);
            TlsError { address: self.address.clone(), why, hint }
        })
    }
}

/// What went wrong, and what to do about it.
fn words(error: &io::Error) -> (String, Option<&'static str>) {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    let certificate = match inner {
        Some(Error::InvalidCertificate(certificate)) => certificate,
        Some(Error::InvalidMessage(_)) => {
            return (
                "it does not answer in TLS".to_owned(),
                Some("write http:// for a server without TLS"),
            );
        }
        Some(Error::AlertReceived(alert)) => {
            let why = format!("it ended the TLS handshake ({alert:?})");
            return (why, Some("a server that wants a certificate of its client cannot be asked"));
        }
        Some(error) => return (format!("TLS failed: {error}"), None),
        None => return (format!("TLS failed: {}", plain(error)), None),
    };
    match certificate {
        // A bad signature is one of an authority of the same name.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => (
            "its certificate is not trusted: it is self-signed, or from an authority that this machine does not know"
                .to_owned(),
            Some(TRUST),
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
        other => (format!("its certificate is refused: {other}"), Some(TRUST)),
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

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::ServerConfig;
    use tokio_rustls::rustls::pki_types::PrivateKeyDer;

    use super::super::access::Login;
    use super::super::get::{Client, GetError, MAX_BODY};
    use super::*;
    use crate::docker::endpoint::{Address, Endpoint, Origin};
    use crate::engine::census::Purpose;
    use crate::engine::registry::Registry;

    /// A certificate for these names: signed by itself, as an authority or as a server alone.
    fn certificate(
        names: &[&str],
        authority: bool,
        expired: bool,
    ) -> (CertificateDer<'static>, KeyPair) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        if authority {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        if expired {
            params.not_before = rcgen::date_time_ymd(2001, 1, 1);
            params.not_after = rcgen::date_time_ymd(2002, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().der().clone();
        (certificate, key)
    }

    /// Asks a TLS server with this certificate, once: what it answers, or why it does not.
    async fn asked(
        (certificate, key): &(CertificateDer<'static>, KeyPair),
        trusted: Vec<CertificateDer<'static>>,
        host: &str,
    ) -> Result<String, GetError> {
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = async {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                // A client that trusts nobody ends the handshake.
                let Ok(mut socket) = acceptor.accept(socket).await else {
                    continue;
                };
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(socket.read_u8().await.unwrap());
                }
                let told = format!("HTTP/1.1 200 X\r\nContent-Length: {}\r\n\r\n", head.len());
                socket.write_all(&[told.as_bytes(), &head].concat()).await.unwrap();
            }
        };
        let asking = async {
            let tls = Tls::trusting(host, &format!("https://{host}:{port}"), trusted, None)?;
            let address = Address::Tcp { host: "127.0.0.1".to_owned(), port };
            let endpoint = Arc::new(Endpoint::new(address, Origin::Target));
            let login = Login::new("Basic bWU6c2VjcmV0".to_owned());
            let mut client =
                Client::new(endpoint, Registry::default()).with(Some(tls), Some(login));
            Ok(client.get("/m", MAX_BODY).await?.text().into_owned())
        };
        tokio::select! {
            () = serving => unreachable!(),
            told = asking => told,
        }
    }

    #[tokio::test]
    async fn a_server_whose_certificate_is_named_is_trusted_and_gets_the_login() {
        for authority in [true, false] {
            let own = certificate(&["localhost", "127.0.0.1"], authority, false);
            for host in ["localhost", "127.0.0.1"] {
                let head = asked(&own, vec![own.0.clone()], host).await.unwrap();
                assert!(head.starts_with("GET /m HTTP/1.1\r\n"), "{head}");
                assert!(head.contains("authorization: Basic bWU6c2VjcmV0\r\n"), "{head}");
            }
        }
    }

    #[tokio::test]
    async fn a_certificate_that_is_refused_is_an_error_that_says_what_to_do() {
        let (own, other) =
            (certificate(&["localhost"], true, false), certificate(&["localhost"], true, false));
        let plain = certificate(&["localhost"], false, false);
        let old = [true, false].map(|authority| certificate(&["localhost"], authority, true));
        let refused = async |own, trusted: &CertificateDer<'static>, host: &str| match asked(
            own,
            vec![trusted.clone()],
            host,
        )
        .await
        .unwrap_err()
        {
            GetError::Tls(error) => (error.why, error.hint.unwrap_or_default()),
            error => panic!("{error}"),
        };
        let (why, hint) = refused(&own, &other.0, "localhost").await;
        assert!(why.starts_with("its certificate is not trusted: it is self-signed"), "{why}");
        assert!(hint.contains("SSL_CERT_FILE=FILE"), "{hint}");
        let (why, _) = refused(&plain, &other.0, "localhost").await;
        assert!(why.starts_with("its certificate is not trusted: it is self-signed"), "{why}");
        let (why, _) = refused(&own, &own.0, "elsewhere").await;
        assert!(why.starts_with("its certificate is not for this name"), "{why}");
        for old in &old {
            let (why, _) = refused(old, &old.0, "localhost").await;
            assert_eq!(why, "its certificate has expired");
        }
        let none = Tls::trusting("h", "https://h:443", Vec::new(), Some("no file".to_owned()));
        let words = "`https://h:443`: there are no certificates of authorities to trust (no file)";
        assert_eq!(none.unwrap_err().to_string(), words);
    }

    #[tokio::test]
    async fn a_server_without_tls_is_said() {
        use super::super::fake::{Reply, with_server};
        with_server(
            |_, _| Reply::ok("plain"),
            async |port, _| {
                let own = certificate(&["localhost"], true, false);
                let tls =
                    Tls::trusting("localhost", "https://localhost", vec![own.0], None).unwrap();
                let address = Address::Tcp { host: "127.0.0.1".to_owned(), port };
                let endpoint = Endpoint::new(address, Origin::Target);
                let mut socket = endpoint.connect(Purpose::Probe).await.unwrap();
                // A server that answers to anything at all.
                socket.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
                let error = tls.connect(socket).await.unwrap_err();
                assert_eq!(error.to_string(), "`https://localhost`: it does not answer in TLS");
                assert!(error.hint.unwrap().contains("http://"));
            },
        )
        .await;
    }
}
