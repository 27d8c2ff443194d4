//! TLS to targets.

use std::sync::Arc;

use hyper::header::HeaderValue;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use rustls_native_certs::ErrorKind::Os;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::docker::endpoint::{Address, Endpoint, Origin};
use crate::docker::tls::Tls;
use crate::engine::census::Purpose;
use crate::engine::registry::Registry;
use crate::probe::get::{Client, GetError, MAX_BODY};

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
            // A client without trusted certificates ends the handshake.
            let Ok(mut socket) = acceptor.accept(socket).await else {
                continue;
            };
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(socket.read_u8().await.unwrap());
            }
            let shown = format!("HTTP/1.1 200 X\r\nContent-Length: {}\r\n\r\n", head.len());
            socket.write_all(&[shown.as_bytes(), &head].concat()).await.unwrap();
        }
    };
    let asking = async {
        let tls = Tls::trusting(host, &format!("https://{host}:{port}"), trusted, None)?;
        let address = Address::Tcp { host: "127.0.0.1".to_owned(), port };
        let endpoint = Arc::new(Endpoint::new(address, Origin::Target));
        let login = HeaderValue::from_static("Basic bWU6c2VjcmV0");
        let mut client = Client::new(endpoint, Registry::default()).with(Some(tls), Some(login));
        Ok(client.get("/m", MAX_BODY).await?.text().into_owned())
    };
    tokio::select! {
        () = serving => unreachable!(),
        shown = asking => shown,
    }
}

#[tokio::test]
async fn a_server_with_a_trusted_certificate_gets_the_login() {
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
async fn an_untrusted_certificate_is_an_error_with_a_hint() {
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
        GetError::Tls(error) => (error.problem.to_string(), error.hint.unwrap_or_default()),
        error => panic!("{error}"),
    };
    let (why, hint) = refused(&own, &other.0, "localhost").await;
    assert!(why.starts_with("its certificate is not trusted: it is self-signed"), "{why}");
    assert!(hint.contains("SSL_CERT_FILE=FILE"), "{hint}");
    let (why, _) = refused(&plain, &other.0, "localhost").await;
    assert!(why.starts_with("its certificate is not trusted: it is self-signed"), "{why}");
    let (why, _) = refused(&own, &own.0, "elsewhere").await;
    assert_eq!(why, "its certificate is for localhost only");
    for old in &old {
        let (why, _) = refused(old, &old.0, "localhost").await;
        assert_eq!(why, "its certificate has expired");
    }
    let unread = rustls_native_certs::Error { context: "reading", kind: Os("no file".into()) };
    let none = Tls::trusting("h", "https://h:443", Vec::new(), Some(unread));
    let message =
        "`https://h:443`: there are no certificates of authorities to trust (reading: no file)";
    assert_eq!(none.unwrap_err().to_string(), message);
}

#[tokio::test]
async fn a_server_without_tls_is_an_error() {
    use crate::probe::tests::fake::{Reply, with_server};
    with_server(
        |_, _| Reply::ok("plain"),
        async |port, _| {
            let own = certificate(&["localhost"], true, false);
            let tls = Tls::trusting("localhost", "https://localhost", vec![own.0], None).unwrap();
            let address = Address::Tcp { host: "127.0.0.1".to_owned(), port };
            let endpoint = Endpoint::new(address, Origin::Target);
            let mut socket = endpoint.connect(Purpose::Probe).await.unwrap();
            // A server that answers to anything at all.
            socket.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
            let error = tls.connect(socket).await.unwrap_err();
            assert_eq!(error.to_string(), "`https://localhost`: it does not speak TLS");
            assert!(error.hint.unwrap().contains("http://"));
        },
    )
    .await;
}
