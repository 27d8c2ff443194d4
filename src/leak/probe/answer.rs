//! An answer over HTTP, and why it is not what was asked for.

use super::json_figures::{JsonError, Near};
use super::metrics::{MetricsError, Selector};
use super::pprof::PprofError;

/// An answer with status 200.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    /// What it says it is, such as `text/plain`; empty when it does not.
    pub(crate) content_type: String,
    /// The body, as far as it was read.
    pub(crate) body: Vec<u8>,
    /// The body was longer than what is read of it.
    pub(crate) truncated: bool,
}

impl Answer {
    /// The body, unless only the beginning of it was read, which would be taken for all of it.
    pub(crate) fn whole(&self) -> Result<&[u8], AnswerError> {
        match self.truncated {
            true => Err(AnswerError::TooLong { mib: self.body.len() >> 20 }),
            false => Ok(&self.body),
        }
    }

    /// The body as text; bytes that are no UTF-8 are replaced.
    pub(crate) fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }
}

/// Why an answer is not of the form, or has not the figure, that was asked for.
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
    /// A counter only rises: it would be a leak by nature.
    #[error("the page declares `{0}` as a counter, which only rises and shows no leak")]
    DeclaredCounter(Selector),
    #[error("`{0}` is not the name of a Prometheus metric")]
    NotAMetricName(String),
    #[error("`{0}` has labels, which JSON has not")]
    Labels(String),
    /// None of these pointers leads to a counter.
    #[error("there is nothing at `{}`{near}", pointers.join("` or `"))]
    NoCounter { pointers: Vec<String>, near: Near },
}
