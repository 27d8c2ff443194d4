//! Requests to the daemon: each has its own connection.
//!
//! cmon implements HTTP/1.1 here, with the decoders that also read log streams. A client library would decode more than
//! cmon uses, and fail on unknown values.

use std::cell::RefCell;
use std::fmt::{self, Write};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, timeout};

use super::deadline::{Deadlines, Question};
use super::endpoint::{Connection, Endpoint, plain};
use super::http::{Body, Dialect, Framing, Head, HttpError};
use super::refusal;
use super::tls_error::{OF_DAEMON, TlsProblem};
use crate::engine::census::Purpose;
use crate::engine::source::{ErrorKind, SourceError};

/// The time limit for the body of an error answer.
const REFUSAL_BODY_TIMEOUT: Duration = Duration::from_secs(5);
/// The limit of such a body in bytes.
const REFUSAL_MAX_BYTES: usize = 16 * 1024;
/// The limit of any other answer in bytes: a list of 10,000 containers has some 15 MB.
const ANSWER_MAX_BYTES: usize = 64 << 20;
/// Bytes per read, which bounds a batch. More than a unix socket returns at once (about 36 kB of log lines).
const READ_BUFFER_BYTES: usize = 64 * 1024;

thread_local! {
    /// One buffer per thread, so that a quiet stream holds no memory for reading.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BUFFER_BYTES]);
}

/// The hint if the process that carries a connection has failed.
const SSH: &str =
    "see whether `ssh HOST docker version` works without asking for anything; cmon cannot answer";

/// The time limit of an answer unless `--request-timeout` changes it.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// A version of the API, like `1.41`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiVersion {
    major: u16,
    minor: u16,
}

impl FromStr for ApiVersion {
    type Err = ();

    /// Parses `1.41`, or `v1.41` as newer docker CLIs accept.
    fn from_str(text: &str) -> Result<Self, ()> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let (major, minor) = text.split_once('.').ok_or(())?;
        let number = |text: &str| match text.bytes().all(|byte| byte.is_ascii_digit()) {
            true => text.parse().map_err(drop),
            false => Err(()),
        };
        Ok(Self { major: number(major)?, minor: number(minor)? })
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Settings of all requests to a daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestOptions {
    /// The time limit of an answer.
    pub timeout: Duration,
    /// The API version in front of every path; `None`: the daemon's own.
    pub api_version: Option<ApiVersion>,
    /// Whether logs contain the details that a container's log options name.
    pub details: Details,
    /// How long lines of several containers wait to be ordered. Read pacing may use a part of this time.
    pub order_window: Duration,
}

/// Whether a log contains details: labels and variables of the container that its log options name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Details {
    /// Without.
    #[default]
    Without,
    /// With details before each message: `k=v,k2=v2`, percent-encoded, and a space.
    With,
}

impl Default for RequestOptions {
    fn default() -> Self {
        Self {
            timeout: REQUEST_TIMEOUT,
            api_version: None,
            details: Details::Without,
            order_window: Duration::ZERO,
        }
    }
}

/// Sends requests to one daemon.
#[derive(Debug)]
pub(super) struct Client {
    endpoint: Arc<Endpoint>,
    host: String,
    prefix: String,
    deadlines: Deadlines,
    details: Details,
    order_window: Duration,
    requests: AtomicU64,
}

impl Client {
    pub(super) fn new(endpoint: Arc<Endpoint>, options: RequestOptions) -> Self {
        let host = endpoint.route().host_header();
        Self {
            endpoint,
            host,
            prefix: options.api_version.map(|api| format!("/v{api}")).unwrap_or_default(),
            deadlines: Deadlines::new(options.timeout),
            details: options.details,
            order_window: options.order_window,
            requests: AtomicU64::new(0),
        }
    }

    /// Whether logs are requested with details.
    pub(super) fn details(&self) -> Details {
        self.details
    }

    /// How long lines of several containers wait to be ordered.
    pub(super) fn order_window(&self) -> Duration {
        self.order_window
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The number of requests since the start, without those for logs.
    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// No connection, no answer in time, or an error answer; each names the request.
    pub(super) async fn get(&self, question: Question, target: &str) -> Result<Whole, SourceError> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.in_time(question, target, async {
            let mut answer = self.ask(Purpose::Request, target).await?;
            let dialect = answer.head.and_then(|head| head.dialect);
            let mut body = Vec::new();
            while answer.read(&mut body).await? {
                if ANSWER_MAX_BYTES < body.len() {
                    let limit = ANSWER_MAX_BYTES >> 20;
                    let message = format!("the answer is longer than {limit} MiB");
                    return Err(SourceError::new(ErrorKind::Protocol, message));
                }
            }
            Ok(Whole { body, dialect })
        })
        .await
    }

    /// Sends a request for a log and reads the head of the answer.
    ///
    /// # Errors
    /// As for [`get`](Self::get).
    pub(super) async fn open(&self, purpose: Purpose, target: &str) -> Result<Answer, SourceError> {
        self.in_time(Question::Log, target, self.ask(purpose, target)).await
    }

    /// Sends a request with an answer that may begin only with the first bytes of its body, as Podman's do for
    /// `/events` and for the log of a container that has written nothing. Waits for the head for `wait` at most.
    /// After that, a refusal comes with the first read.
    ///
    /// # Errors
    /// As for [`get`](Self::get).
    pub(super) async fn open_early(
        &self,
        purpose: Purpose,
        target: &str,
        wait: Duration,
    ) -> Result<Answer, SourceError> {
        if purpose == Purpose::Events {
            self.requests.fetch_add(1, Ordering::Relaxed);
        }
        let opening = async {
            let mut answer = self.send(purpose, target).await?;
            // The wait is over before the head.
            timeout(wait, answer.finish_head()).await.unwrap_or(Ok(()))?;
            Ok(answer)
        };
        opening.await.map_err(|error| self.name(target, error))
    }

    /// Adds the deadline to an answer, and the name of the request to an error.
    async fn in_time<T>(
        &self,
        question: Question,
        target: &str,
        asking: impl Future<Output = Result<T, SourceError>>,
    ) -> Result<T, SourceError> {
        let (deadline, begun) = (self.deadlines.get(question), Instant::now());
        // Boxed: the caller selects over several.
        match timeout(deadline, Box::pin(asking)).await {
            Ok(answer) => {
                if answer.is_ok() {
                    self.deadlines.answered(question, begun.elapsed());
                }
                answer.map_err(|error| self.name(target, error))
            }
            Err(_) => {
                self.deadlines.missed(question);
                let name = self.request_name(target);
                let message =
                    format!("{name}: no answer from {} within {deadline:?}", self.endpoint);
                Err(SourceError::new(ErrorKind::Timeout, message))
            }
        }
    }

    /// Adds the failed request to an error. A connection error names the address already.
    pub(super) fn name(&self, target: &str, error: SourceError) -> SourceError {
        use ErrorKind::{Cut, Denied, Forbidden, NoSocket, Protocol, Unreachable, Untrusted};
        if matches!(error.kind, Unreachable | Denied | NoSocket | Untrusted) {
            return error;
        }
        let name = self.request_name(target);
        let message = match error.kind {
            // The peer may not be the daemon that the user meant.
            Forbidden | Protocol | Cut => format!("{name} at {}: {}", self.endpoint, error.message),
            _ => format!("{name}: {}", error.message),
        };
        SourceError { message, ..error }
    }

    /// The request as in a proxy's log, without its query.
    fn request_name(&self, target: &str) -> String {
        let path = target.split_once('?').map_or(target, |(path, _)| path);
        format!("GET {}{path}", self.prefix)
    }

    async fn ask(&self, purpose: Purpose, target: &str) -> Result<Answer, SourceError> {
        let mut answer = self.send(purpose, target).await?;
        answer.finish_head().await?;
        Ok(answer)
    }

    async fn send(&self, purpose: Purpose, target: &str) -> Result<Answer, SourceError> {
        let mut connection = self.endpoint.connect(purpose).await?;
        let name = self.request_name(target);
        tracing::trace!(name, "asking");
        // Origin form (RFC 9112, 3.2.1): proxies match paths against their lists.
        let request = format!(
            "GET {}{target} HTTP/1.1\r\nHost: {}\r\nUser-Agent: cmon/{}\r\n\r\n",
            self.prefix,
            self.host,
            env!("CARGO_PKG_VERSION"),
        );
        if let Err(error) = connection.write_all(request.as_bytes()).await {
            return Err(Box::pin(explain(&self.endpoint, &mut connection, cut(&error))).await);
        }
        Ok(Answer {
            connection,
            head: None,
            body: Body::new(Framing::Length(0)),
            early: Vec::new(),
            refusal: Vec::new(),
            name,
            endpoint: Arc::clone(&self.endpoint),
        })
    }
}

/// A whole answer.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) body: Vec<u8>,
    /// The dialect, as far as the head shows it.
    pub(super) dialect: Option<Dialect>,
}

/// An answer before the read of its body.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) connection: Connection,
    head: Option<Head>,
    pub(super) body: Body,
    /// Received bytes that were not taken yet: of the head, or of the body.
    pub(super) early: Vec<u8>,
    /// The body of a refusal, as far as it was read.
    refusal: Vec<u8>,
    /// The request, as `GET /path`.
    name: String,
    endpoint: Arc<Endpoint>,
}

impl Answer {
    /// Whether the head has arrived and is a success.
    pub(super) fn has_head(&self) -> bool {
        self.head.is_some()
    }

    /// The request of this answer, for a later error.
    pub(super) fn named(&self, error: &SourceError) -> SourceError {
        SourceError::new(error.kind, format!("{}: {}", self.name, error.message))
    }

    /// Reads the head, once; in an error answer, also the body.
    ///
    /// # Cancel safety
    /// Safe: the next call continues with the bytes read.
    pub(super) async fn finish_head(&mut self) -> Result<(), SourceError> {
        let status = self.read_head().await?.status;
        if (200..300).contains(&status) {
            return Ok(());
        }
        let mut text = std::mem::take(&mut self.refusal);
        let reading = async {
            while text.len() < REFUSAL_MAX_BYTES && matches!(self.read(&mut text).await, Ok(true)) {
            }
        };
        // The error quotes what arrived in time.
        let _ = timeout(REFUSAL_BODY_TIMEOUT, reading).await;
        Err(refusal::error(status, &text, &self.name))
    }

    /// Reads up to the end of the head. Skips informational answers (1xx) before it (RFC 9110, 15.2).
    async fn read_head(&mut self) -> Result<Head, SourceError> {
        if let Some(head) = self.head {
            return Ok(head);
        }
        loop {
            match Head::parse(&self.early).map_err(|error| broken(&error))? {
                Some((head, length)) if (100..200).contains(&head.status) => {
                    self.early.drain(..length);
                }
                Some((head, length)) => {
                    self.early = self.early.split_off(length);
                    self.early.shrink_to_fit();
                    self.body = Body::new(head.framing);
                    self.head = Some(head);
                    return Ok(head);
                }
                None => match read_some(&mut self.connection, &mut self.early).await {
                    Ok(0) => {
                        let message = "the connection was closed before an answer came";
                        let error = SourceError::new(ErrorKind::Cut, message);
                        return Err(
                            Box::pin(explain(&self.endpoint, &mut self.connection, error)).await
                        );
                    }
                    Ok(_) => {}
                    Err(error) => {
                        return Err(
                            Box::pin(explain(&self.endpoint, &mut self.connection, error)).await
                        );
                    }
                },
            }
        }
    }

    /// Appends the next bytes of the body; false at its end. Requires the head.
    ///
    /// # Errors
    /// The connection broke, or the bytes are not HTTP.
    ///
    /// # Cancel safety
    /// Safe: each byte is appended by this call or by a later one.
    pub(super) async fn read(&mut self, into: &mut Vec<u8>) -> Result<bool, SourceError> {
        loop {
            let before = into.len();
            let mut bytes = self.early.as_slice();
            while let Some(part) = self.body.next(&mut bytes).map_err(|error| broken(&error))? {
                into.extend_from_slice(part);
            }
            self.early.clear();
            if self.body.is_done() {
                return Ok(before < into.len());
            }
            if before < into.len() {
                return Ok(true);
            }
            if read_some(&mut self.connection, &mut self.early).await? == 0 {
                return match self.body.may_close() {
                    true => Ok(false),
                    false => {
                        let message = "the connection was closed in the middle of the answer";
                        Err(SourceError::new(ErrorKind::Cut, message))
                    }
                };
            }
        }
    }
}

/// An error before an answer, with the details from ssh or TLS.
async fn explain(
    endpoint: &Endpoint,
    connection: &mut Connection,
    error: SourceError,
) -> SourceError {
    if let Some(stderr) = connection.stderr().await {
        let message = format!("could not connect to {endpoint}: {stderr}");
        return SourceError {
            hint: Some(SSH),
            ..SourceError::new(ErrorKind::Unreachable, message)
        };
    }
    match error.kind {
        ErrorKind::Untrusted => {
            let message = format!("could not connect to {endpoint}: {}", error.message);
            SourceError { message, ..error }
        }
        _ => error,
    }
}

/// Polls one read into this thread's buffer and passes the bytes on.
pub(super) async fn read_with<T>(
    connection: &mut Connection,
    mut take: impl FnMut(&[u8]) -> T,
) -> Result<T, SourceError> {
    poll_fn(|cx| {
        BUFFER.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            let read = ready!(Pin::new(&mut *connection).poll_read(cx, &mut buffer));
            Poll::Ready(read.map(|()| take(buffer.filled())).map_err(|error| cut(&error)))
        })
    })
    .await
}

/// Appends the bytes of one read; zero means that the peer has closed.
async fn read_some(connection: &mut Connection, into: &mut Vec<u8>) -> Result<usize, SourceError> {
    read_with(connection, |bytes| {
        into.extend_from_slice(bytes);
        bytes.len()
    })
    .await
}

pub(super) fn cut(error: &io::Error) -> SourceError {
    if let Some(problem) = TlsProblem::of_read(error) {
        let hint = problem.hint(&OF_DAEMON);
        return SourceError { hint, ..SourceError::new(ErrorKind::Untrusted, problem.to_string()) };
    }
    let message = format!("the connection broke: {}", plain(error));
    SourceError::new(ErrorKind::Cut, message)
}

pub(super) fn broken(error: &HttpError) -> SourceError {
    SourceError::new(ErrorKind::Protocol, error.to_string())
}

/// Text as part of a path or a query: all but unreserved characters as `%XX` (RFC 3986, 2.1).
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            // Writing to a String cannot fail.
            _ => drop(write!(encoded, "%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_api_version_is_two_numbers() {
        for text in ["1.41", "v1.41", "1.041"] {
            assert_eq!(text.parse(), Ok(ApiVersion { major: 1, minor: 41 }), "{text}");
        }
        for bad in ["", "1", "1.", ".41", "1.4.1", "1.x", "-1.41", "1.+4", "/v1.41", "1.99999"] {
            assert_eq!(bad.parse::<ApiVersion>(), Err(()), "{bad}");
        }
        assert_eq!("v1.41".parse::<ApiVersion>().unwrap().to_string(), "1.41");
    }

    #[test]
    fn a_path_segment_is_escaped_as_one_segment() {
        assert_eq!(encode("we-b_1.~2"), "we-b_1.~2");
        assert_eq!(encode("a/b?c {\"ü"), "a%2Fb%3Fc%20%7B%22%C3%BC");
    }
}
