//! An HTTP client with one persistent connection to one server.
//!
//! A probe must not leak. A client per request would leave an idle connection, and two goroutines in the target. So
//! there is one connection through the [`Endpoint`], and it is reopened only after the peer has closed it.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{
    ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderValue, LOCATION,
    USER_AGENT,
};
use hyper::{Request, Response, Version};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::answer::Answer;
use super::encoding::{self, EncodingError};
use crate::docker::endpoint::Endpoint;
use crate::docker::tls::{Tls, TlsError};
use crate::engine::census::{Purpose, TaskKind};
use crate::engine::registry::Registry;
use crate::engine::source::SourceError;
use crate::probe::reasons::{Refusal, UnavailableReason};

/// The timeout of a request, from connecting to the last byte.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// The read limit for dumps. The Go runtime truncates its dumps there too.
pub(crate) const MAX_DUMP: usize = 64 << 20;
/// The read limit for other answers.
pub(crate) const MAX_BODY: usize = 8 << 20;
/// The read limit for answers with another status than 200.
const MAX_REFUSAL: usize = 4 << 10;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GetError {
    /// No connection.
    #[error(transparent)]
    Connect(#[from] SourceError),
    /// The TLS handshake failed.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Any status but 200.
    #[error("{0}")]
    Status(Box<Refusal>),
    #[error("`{path}` was not answered within {ANSWER_TIMEOUT:?}")]
    Late { path: String },
    /// The connection broke, or the answer is not HTTP.
    #[error("`{path}` could not be read: {message}")]
    Broken {
        path: String,
        /// From the HTTP library and the operating system.
        message: String,
    },
    #[error("`{path}` could not be read: {error}")]
    Encoding { path: String, error: EncodingError },
}

impl From<GetError> for UnavailableReason {
    fn from(error: GetError) -> Self {
        match error {
            GetError::Connect(error) => error.into(),
            GetError::Tls(error) => Self::Connection { message: error.to_string() },
            GetError::Status(refusal) => Self::Status(*refusal),
            GetError::Late { path } => {
                Self::NotAnswered { path, seconds: ANSWER_TIMEOUT.as_secs_f64() }
            }
            GetError::Broken { path, message } => Self::Broken { path, message },
            GetError::Encoding { path, error } => Self::Broken { path, message: error.to_string() },
        }
    }
}

impl From<SourceError> for UnavailableReason {
    fn from(error: SourceError) -> Self {
        Self::Connection { message: error.message }
    }
}

/// A client with one connection.
pub(crate) struct Client {
    endpoint: Arc<Endpoint>,
    registry: Registry,
    tls: Option<Tls>,
    login: Option<HeaderValue>,
    host: String,
    kept: Option<SendRequest<String>>,
    lost: bool,
    refused: bool,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.kept.is_some();
        let mut shown = f.debug_struct("Client");
        shown.field("endpoint", &self.endpoint).field("kept", &kept).finish_non_exhaustive()
    }
}

impl Client {
    /// `registry` counts the task of the connection.
    pub(crate) fn new(endpoint: Arc<Endpoint>, registry: Registry) -> Self {
        let host = endpoint.route().host_header();
        let (tls, login) = (None, None);
        Self { endpoint, registry, tls, login, host, kept: None, lost: false, refused: false }
    }

    /// Adds TLS and a login.
    #[must_use]
    pub(crate) fn with(mut self, tls: Option<Tls>, login: Option<HeaderValue>) -> Self {
        (self.tls, self.login) = (tls, login);
        self
    }

    /// Requests `path` and reads at most `max_bytes` of the body.
    ///
    /// # Errors
    /// No connection, no answer in time, a status other than 200 (it follows no redirects), or a broken answer.
    ///
    /// # Cancel safety
    /// Safe: dropping the future closes the connection.
    pub(crate) async fn get(&mut self, path: &str, max_bytes: usize) -> Result<Answer, GetError> {
        match timeout(ANSWER_TIMEOUT, self.request_answer(path, max_bytes)).await {
            Ok(answer) => answer,
            Err(_) => Err(GetError::Late { path: path.to_owned() }),
        }
    }

    /// Whether the peer closed the connection unannounced since the last call.
    pub(crate) fn take_lost(&mut self) -> bool {
        std::mem::take(&mut self.lost)
    }

    /// Whether a connection failed since the last call.
    pub(crate) fn take_refused(&mut self) -> bool {
        std::mem::take(&mut self.refused)
    }

    /// Open connections: 0 or 1.
    pub(crate) fn connections(&self) -> u64 {
        self.endpoint.connections().values().map(|count| count.open).sum()
    }

    async fn request_answer(&mut self, path: &str, max_bytes: usize) -> Result<Answer, GetError> {
        let (mut sender, response) = self.head(path).await?;
        let status = response.status().as_u16();
        let header = |name| {
            let value = response.headers().get(name)?;
            Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let closes = response.version() == Version::HTTP_10
            || header(CONNECTION).is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let content_type = header(CONTENT_TYPE).unwrap_or_default();
        let encoding = header(CONTENT_ENCODING).unwrap_or_default();
        let location = header(LOCATION).filter(|_| (300..400).contains(&status));
        let limit = if status == 200 { max_bytes } else { MAX_REFUSAL };
        let (body, truncated) =
            read(response.into_body(), limit).await.map_err(|error| broken(path, &error))?;
        // After a truncated body the connection is unusable.
        match truncated || closes {
            true => {}
            false if sender.ready().await.is_ok() => self.kept = Some(sender),
            false => self.lost = true,
        }
        // Some servers and proxies compress unasked.
        let decoded = encoding::decoded(&encoding, body, truncated, limit);
        let (body, truncated) = match decoded {
            Ok(decoded) => decoded,
            Err(_) if status != 200 => (Vec::new(), false),
            Err(error) => return Err(GetError::Encoding { path: path.to_owned(), error }),
        };
        if status == 200 {
            return Ok(Answer { content_type, body, truncated });
        }
        let answer = first_line(&body);
        let refusal = Refusal { path: path.to_owned(), status, answer, location };
        Err(GetError::Status(Box::new(refusal)))
    }

    /// Sends the request on the persistent connection, or once on a new one if the peer has closed it.
    async fn head(
        &mut self,
        path: &str,
    ) -> Result<(SendRequest<String>, Response<Incoming>), GetError> {
        if let Some(mut sender) = self.kept.take() {
            let request = self.request(path)?;
            if sender.ready().await.is_ok()
                && let Ok(response) = sender.send_request(request).await
            {
                return Ok((sender, response));
            }
            self.lost = true;
        }
        let connected = self.connect().await;
        self.refused |= matches!(connected, Err(GetError::Connect(_)));
        let mut sender = connected?;
        let request = self.request(path)?;
        let response = sender.send_request(request).await.map_err(|error| broken(path, &error))?;
        Ok((sender, response))
    }

    async fn connect(&self) -> Result<SendRequest<String>, GetError> {
        let connection = self.endpoint.connect(Purpose::Probe).await?;
        match &self.tls {
            None => self.shake(connection).await,
            // The TLS future is large and rarely needed.
            Some(tls) => {
                let shaking = async { self.shake(tls.connect(connection).await?).await };
                Box::pin(shaking).await
            }
        }
    }

    async fn shake<C: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        &self,
        connection: C,
    ) -> Result<SendRequest<String>, GetError> {
        let shaken = handshake(TokioIo::new(connection)).await;
        let (sender, connection) = shaken.map_err(|error| broken("", &error))?;
        self.registry.spawn(TaskKind::Connection, Purpose::Probe.as_str(), async move {
            // An error also shows in the answer.
            let _ = connection.await;
        });
        Ok(sender)
    }

    fn request(&self, path: &str) -> Result<Request<String>, GetError> {
        let agent = concat!("cmon/", env!("CARGO_PKG_VERSION"));
        let mut request = Request::get(path)
            .header(HOST, &self.host)
            .header(USER_AGENT, agent)
            .header(ACCEPT, "*/*");
        if let Some(login) = &self.login {
            request = request.header(AUTHORIZATION, login);
        }
        request
            .body(String::new())
            .map_err(|error| GetError::Broken { path: path.to_owned(), message: error.to_string() })
    }
}

/// Reads the body up to `max_bytes`, and returns whether there is more.
async fn read(mut body: Incoming, max_bytes: usize) -> Result<(Vec<u8>, bool), hyper::Error> {
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        let room = max_bytes - bytes.len();
        bytes.extend_from_slice(&data[..data.len().min(room)]);
        if room < data.len() {
            return Ok((bytes, true));
        }
    }
    Ok((bytes, false))
}

/// The first line of a refusal's body, unless it is markup.
fn first_line(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    match line.is_empty() || line.starts_with('<') {
        true => String::new(),
        false => line.chars().take(120).collect(),
    }
}

fn broken(path: &str, error: &hyper::Error) -> GetError {
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        message = format!("{message}: {}", without_number(&error.to_string()));
        cause = error.source();
    }
    GetError::Broken { path: path.to_owned(), message }
}

/// An error's message without the operating system's number.
fn without_number(text: &str) -> &str {
    text.split(" (os error").next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::endpoint::{Address, Origin};
    use crate::probe::tests::fake::{Reply, with_server};

    fn client(port: u16) -> (Client, Registry) {
        let registry = Registry::default();
        let address = Address::Tcp { host: "127.0.0.1".to_owned(), port };
        let endpoint = Arc::new(Endpoint::new(address, Origin::Target));
        (Client::new(endpoint, registry.clone()), registry)
    }

    #[tokio::test]
    async fn all_requests_share_one_connection() {
        with_server(
            |_, _| Reply::ok("figures"),
            async |port, seen| {
                let (mut client, registry) = client(port);
                for _ in 0..100 {
                    assert_eq!(client.get("/a", MAX_BODY).await.unwrap().text(), "figures");
                }
                assert_eq!((seen.accepted.get(), seen.open.get()), (1, 1));
                assert_eq!((client.connections(), registry.live()), (1, 1));
                assert!(!client.take_lost());
            },
        )
        .await;
    }

    #[tokio::test]
    async fn a_closed_connection_is_reopened_once() {
        with_server(
            |_, asked| if asked == 0 { Reply::ThenClose("one") } else { Reply::ok("two") },
            async |port, seen| {
                let (mut client, _) = client(port);
                assert_eq!(client.get("/a", MAX_BODY).await.unwrap().text(), "one");
                assert_eq!(client.get("/a", MAX_BODY).await.unwrap().text(), "two");
                assert!(client.take_lost() && !client.take_lost());
                assert_eq!((seen.accepted.get(), client.connections()), (2, 1));
            },
        )
        .await;
    }

    #[tokio::test]
    async fn a_server_that_closes_without_an_answer_is_an_error() {
        with_server(
            |_, _| Reply::Raw(b""),
            async |port, seen| {
                let error = client(port).0.get("/a", MAX_BODY).await.unwrap_err().to_string();
                assert!(error.starts_with("`/a` could not be read: "), "{error}");
                assert_eq!(seen.accepted.get(), 1);
            },
        )
        .await;
    }

    #[tokio::test]
    async fn a_long_body_is_truncated_and_its_connection_closed() {
        with_server(
            |_, _| Reply::ok(vec![b'x'; 1 << 20]),
            async |port, seen| {
                let (mut client, _) = client(port);
                let answer = client.get("/a", 1000).await.unwrap();
                assert_eq!((answer.body.len(), answer.truncated), (1000, true));
                let answer = client.get("/a", 1 << 20).await.unwrap();
                assert_eq!((answer.body.len(), answer.truncated), (1 << 20, false));
                assert_eq!((seen.accepted.get(), client.connections()), (2, 1));
            },
        )
        .await;
    }

    #[tokio::test]
    async fn a_redirect_is_refused_with_its_target() {
        let script = |path: &str, _| match path {
            "/moved" => Reply::Is(301, b"<a href=/elsewhere>".to_vec()),
            "/html" => Reply::Is(500, b"<!doctype html>".to_vec()),
            _ => Reply::none(),
        };
        with_server(script, async |port, seen| {
            let (mut client, _) = client(port);
            let mut message = async |path| client.get(path, 9).await.unwrap_err().to_string();
            assert_eq!(
                message("/moved").await,
                "`/moved` was answered with status 301, which points to `/elsewhere`: cmon \
                 follows no redirects, so give that address"
            );
            assert_eq!(message("/html").await, "`/html` was answered with status 500");
            assert_eq!(
                message("/x").await,
                "`/x` was answered with status 404: 404 page not found"
            );
            assert_eq!(
                (seen.accepted.get(), seen.asked.borrow().contains_key("/elsewhere")),
                (1, false)
            );
        })
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_without_an_answer_times_out() {
        with_server(
            |_, _| Reply::Never,
            async |port, _| {
                let (mut client, _) = client(port);
                let started = tokio::time::Instant::now();
                let error = client.get("/a", 9).await.unwrap_err().to_string();
                assert_eq!(error, "`/a` was not answered within 10s");
                assert_eq!(started.elapsed().as_secs(), 10);
            },
        )
        .await;
    }

    #[tokio::test]
    async fn a_refused_connection_is_an_error_with_the_address() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let error = client(port).0.get("/a", 9).await.unwrap_err().to_string();
        let expected = format!(
            "could not connect to `tcp://127.0.0.1:{port}` (from --target): connection refused"
        );
        assert_eq!(error, expected);
    }
}
