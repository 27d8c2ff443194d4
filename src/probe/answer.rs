//! An HTTP answer, and why it does not have the requested format or metric.

use super::json_figures::{JsonError, Near};
use super::metrics::{MetricsError, Rising, Selector};
use super::pprof::PprofError;

/// An answer with status 200.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The Content-Type header; empty without one.
    pub(crate) content_type: String,
    /// The body, up to the read limit.
    pub(crate) body: Vec<u8>,
    /// The body is longer than the read limit.
    pub(crate) truncated: bool,
}

impl Answer {
    /// The body; an error if it is truncated.
    pub(crate) fn complete_body(&self) -> Result<&[u8], AnswerError> {
        match self.truncated {
            true => Err(AnswerError::TooLong { mib: self.body.len() >> 20 }),
            false => Ok(&self.body),
        }
    }

    /// The body as text, with replacement characters for invalid UTF-8.
    pub(crate) fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }
}

/// Why an answer does not have the requested format or metric.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AnswerError {
    #[error("the answer is longer than {mib} MiB, and cmon reads no more of it")]
    TooLong { mib: usize },
    #[error("the answer is in the protobuf form, which cmon did not ask for; it reads text")]
    Protobuf,
    #[error(transparent)]
    Json(#[from] JsonError),
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    #[error(transparent)]
    Profile(#[from] PprofError),
    /// A counter always rises, so it would always look like a leak.
    #[error("the page declares `{0}` as {1}, which only rises and shows no leak")]
    DeclaredRising(Selector, Rising),
    #[error("`{0}` is not the name of a Prometheus metric")]
    NotAMetricName(String),
    #[error("`{0}` has labels, which JSON has not")]
    Labels(String),
    /// None of these pointers leads to a counter.
    #[error("there is nothing at `{}`{near}", pointers.join("` or `"))]
    NoCounter { pointers: Vec<String>, near: Near },
}
