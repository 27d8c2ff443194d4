//! Errors of TLS, with hints.

use std::io;
use std::path::PathBuf;

use tokio_rustls::rustls::pki_types::pem;
use tokio_rustls::rustls::{AlertDescription, CertificateError, Error};

use super::socket::plain;
use crate::cause::Cause;

/// A TLS failure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{address}`: {problem}")]
pub(crate) struct TlsError {
    address: String,
    /// Boxed, since an error is part of each answer's type.
    pub(crate) problem: Box<TlsProblem>,
    /// The hint, if there is one.
    pub(crate) hint: Option<&'static str>,
}

impl TlsError {
    pub(super) fn new(address: &str, hints: &Hints, problem: TlsProblem) -> Self {
        let hint = problem.hint(hints);
        Self { address: address.to_owned(), problem: Box::new(problem), hint }
    }

    /// The connection broke: a retry may succeed.
    pub(super) fn may_pass(&self) -> bool {
        matches!(*self.problem, TlsProblem::Connection(_))
    }
}

/// The hint for each failure, in the flags and variables of one kind of server.
#[derive(Debug)]
pub(super) struct Hints {
    trust: &'static str,
    no_tls: &'static str,
    client: &'static str,
}

pub(super) const OF_TARGET: Hints = Hints {
    trust: "name a file with its certificate, or with that of its authority, in PEM form: SSL_CERT_FILE=FILE cmon …",
    no_tls: "write http:// for a server without TLS",
    client: "cmon cannot send a client certificate to a target: use an address that requires none",
};

pub(super) const OF_DAEMON: Hints = Hints {
    trust: "name the certificate of the daemon's authority with --tlscacert, or its directory with DOCKER_CERT_PATH",
    no_tls: "unset DOCKER_TLS_VERIFY, and leave out --tlsverify, for a daemon without TLS",
    client: "name a client certificate that the daemon accepts, and its key, with --tlscert and --tlskey",
};

/// The kind of failure. Messages include those of the causes, so no cause is a `source`, which would be printed again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TlsProblem {
    /// The error of the first certificate that could not be read.
    #[error("there are no certificates of authorities to trust{}", in_parentheses(.0.as_ref()))]
    NoAuthorities(Option<Cause<rustls_native_certs::Error>>),
    #[error("`{0}` is not a valid host name")]
    HostName(String),
    #[error("cannot read {}: {error}", path.display())]
    File { path: PathBuf, error: PemError },
    /// A certificate of the client without its key, or the key alone.
    #[error("{} is a certificate without its key, or a key without its certificate", .0.display())]
    Unpaired(PathBuf),
    #[error("the client's certificate or key is not valid: {0}")]
    Identity(Cause<Error>),
    #[error("{0}")]
    Verifier(Cause<tokio_rustls::rustls::client::VerifierBuilderError>),
    #[error("{0}")]
    Versions(Cause<Error>),
    #[error("it does not speak TLS")]
    NotTls,
    #[error("it ended the TLS handshake ({0:?})")]
    HandshakeEnded(AlertDescription),
    /// With TLS 1.3, a server refuses the client's certificate after the handshake.
    #[error("it requires a client certificate, or refused the one that cmon sent ({0:?})")]
    ClientRefused(AlertDescription),
    #[error(
        "its certificate is not trusted: it is self-signed, or this machine does not know its authority"
    )]
    Untrusted,
    #[error("its certificate has expired")]
    Expired,
    #[error("its certificate is not valid yet")]
    NotYetValid,
    /// The subject alternative names, as rustls formats them; it may know none.
    #[error("its certificate is for {}", other_names(.0))]
    OtherName(Vec<String>),
    #[error("its certificate is refused: {0}")]
    Certificate(Cause<CertificateError>),
    #[error("TLS failed: {0}")]
    Protocol(Cause<Error>),
    #[error("TLS failed: {}", plain(.0))]
    Connection(Cause<io::Error>),
}

/// `localhost, 10.0.0.1 only`. rustls writes `DnsName("localhost")` and `IpAddress(10.0.0.1)`.
fn other_names(presented: &[String]) -> String {
    let name = |name: &String| match name.split_once('(') {
        Some((_, name)) => name.trim_matches(['"', ')']).to_owned(),
        None => name.clone(),
    };
    match presented {
        [] => "another name (cmon checks its subject alternative names, not its common name)"
            .to_owned(),
        names => format!("{} only", names.iter().map(name).collect::<Vec<_>>().join(", ")),
    }
}

impl TlsProblem {
    /// Why connecting failed.
    pub(super) fn of(error: io::Error) -> Self {
        let Some(inner) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else {
            return Self::Connection(error.into());
        };
        match inner {
            Error::InvalidCertificate(certificate) => Self::of_certificate(certificate),
            Error::InvalidMessage(_) => Self::NotTls,
            Error::AlertReceived(alert) => Self::HandshakeEnded(*alert),
            other => Self::Protocol(other.clone().into()),
        }
    }

    fn of_certificate(error: &CertificateError) -> Self {
        match error {
            // A bad signature means an authority of the same name.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::Untrusted,
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Self::NotYetValid
            }
            CertificateError::NotValidForName => Self::OtherName(Vec::new()),
            CertificateError::NotValidForNameContext { presented, .. } => {
                Self::OtherName(presented.clone())
            }
            other => Self::Certificate(other.clone().into()),
        }
    }

    /// The error of a read after the handshake, if the server has refused cmon's certificate.
    pub(super) fn of_read(error: &io::Error) -> Option<Self> {
        match error.get_ref()?.downcast_ref::<Error>()? {
            Error::AlertReceived(alert) => Some(Self::ClientRefused(*alert)),
            _ => None,
        }
    }

    pub(super) fn hint(&self, hints: &Hints) -> Option<&'static str> {
        match self {
            Self::NoAuthorities(_) | Self::Untrusted | Self::Certificate(_) => Some(hints.trust),
            // Only daemons have files.
            Self::File { .. } => Some(
                "name the files with --tlscacert, --tlscert and --tlskey, or their directory with DOCKER_CERT_PATH",
            ),
            Self::Unpaired(_) => {
                Some("give the client's certificate and its key together: --tlscert and --tlskey")
            }
            Self::NotTls => Some(hints.no_tls),
            Self::HandshakeEnded(_) | Self::ClientRefused(_) => Some(hints.client),
            Self::Expired => Some("renew it, and check the clocks of both machines"),
            Self::NotYetValid => Some("check the clocks of both machines"),
            Self::OtherName(_) => Some("write the host name that the certificate has"),
            Self::HostName(_)
            | Self::Identity(_)
            | Self::Verifier(_)
            | Self::Versions(_)
            | Self::Protocol(_)
            | Self::Connection(_) => None,
        }
    }
}

/// The error in a file that should contain certificates or a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PemError {
    #[error("it contains no certificate")]
    NoCertificate,
    #[error("it contains no private key in PEM form, or the key has a passphrase")]
    NoKey,
    #[error("{}", plain(.0))]
    Read(Cause<io::Error>),
    #[error("{0}")]
    Form(Cause<pem::Error>),
}

impl From<pem::Error> for PemError {
    fn from(error: pem::Error) -> Self {
        match error {
            pem::Error::Io(error) => Self::Read(error.into()),
            pem::Error::NoItemsFound => Self::NoKey,
            other => Self::Form(other.into()),
        }
    }
}

fn in_parentheses(error: Option<&Cause<rustls_native_certs::Error>>) -> String {
    error.map(|error| format!(" ({error})")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_connection_is_retried_and_a_refused_certificate_is_not() {
        let of = |error| TlsError::new("tcp://h", &OF_DAEMON, TlsProblem::of(error));
        let broken = of(io::ErrorKind::UnexpectedEof.into());
        assert_eq!(broken.to_string(), "`tcp://h`: TLS failed: unexpected end of file");
        assert!(broken.may_pass() && broken.hint.is_none());
        let refused = of(io::Error::other(Error::from(CertificateError::UnknownIssuer)));
        assert_eq!(*refused.problem, TlsProblem::Untrusted);
        assert!(!refused.may_pass() && refused.hint == Some(OF_DAEMON.trust));
    }

    #[test]
    fn a_file_without_a_key_and_a_missing_file_have_different_messages() {
        let file =
            |error: pem::Error| TlsProblem::File { path: "k.pem".into(), error: error.into() };
        let missing = pem::Error::Io(io::Error::from_raw_os_error(2));
        assert_eq!(file(missing).to_string(), "cannot read k.pem: no such file or directory");
        let empty = "cannot read k.pem: it contains no private key in PEM form, or the key has a passphrase";
        assert_eq!(file(pem::Error::NoItemsFound).to_string(), empty);
    }
}
