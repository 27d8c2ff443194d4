//! Why discovery found nothing in a target, and how the user could select a metric.

use std::fmt;

use crate::engine::source::ErrorKind;
use crate::grouped::by_key;
use crate::probe::answer::AnswerError;
use crate::probe::get::GetError;

/// Why discovery found nothing at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotFound {
    /// Empty without a connection.
    pub(super) path: String,
    cause: Box<Cause>,
    /// How the user could select a metric.
    pub(super) naming: Option<Naming>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Cause {
    Get(GetError),
    /// A page in the exposition format, with this error.
    Page(AnswerError),
    Other(AnswerError),
}

/// How the user could select a metric of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Naming {
    /// A profile needs no name.
    Profile {
        at: String,
    },
    Prometheus {
        at: String,
        example: String,
    },
    /// Prometheus text with these names.
    Names {
        names: String,
    },
    Json {
        at: String,
        pointer: String,
    },
    /// JSON without any number as an example.
    JsonAlone,
    /// JSON, but the target selects no pointer.
    Pointer {
        example: String,
    },
    /// The target selects a counter; the page has these gauges.
    Gauge {
        names: Option<String>,
    },
}

impl fmt::Display for Naming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Profile { at } => write!(f, "it is a goroutine profile, which needs no #: {at}"),
            Self::Prometheus { at, example } => {
                write!(f, "it is Prometheus text, where a figure is named like {at}#{example}")
            }
            Self::Names { names } => write!(f, "it has {names}"),
            Self::Json { at, pointer } => {
                write!(f, "it is JSON, where a figure is named like {at}#{pointer}")
            }
            Self::JsonAlone => {
                f.write_str("it is JSON, of which a figure is named by a pointer: #/json/pointer")
            }
            Self::Pointer { example } => {
                write!(f, "name a figure by its JSON pointer, like {example}")
            }
            Self::Gauge { names } => {
                f.write_str("name a gauge")?;
                names.as_ref().map_or(Ok(()), |names| write!(f, " (it has {names})"))?;
                f.write_str(", or count cycles with --cycles-metric")
            }
        }
    }
}

impl From<GetError> for NotFound {
    fn from(error: GetError) -> Self {
        Self::get("", error)
    }
}

impl NotFound {
    pub(super) fn get(path: &str, error: GetError) -> Self {
        Self { path: path.to_owned(), cause: Box::new(Cause::Get(error)), naming: None }
    }

    pub(super) fn answer(path: &str, error: AnswerError, naming: Option<Naming>) -> Self {
        Self { path: path.to_owned(), cause: Box::new(Cause::Other(error)), naming }
    }

    /// The same for a page in the exposition format.
    pub(super) fn page(path: &str, error: AnswerError, naming: Option<Naming>) -> Self {
        Self { path: path.to_owned(), cause: Box::new(Cause::Page(error)), naming }
    }

    /// Whether every other path has the same error.
    pub(super) fn is_final(&self) -> bool {
        matches!(*self.cause, Cause::Get(GetError::Connect(_) | GetError::Tls(_)))
    }

    /// Whether the answer is in the exposition format.
    pub(super) fn is_page(&self) -> bool {
        matches!(*self.cause, Cause::Page(_))
    }

    /// A hint for the user, if there is one.
    pub(super) fn hint(&self) -> Option<&'static str> {
        match &*self.cause {
            Cause::Get(GetError::Connect(error)) if error.kind == ErrorKind::Unreachable => Some(
                "start the target, or give the address it listens at; `ss -ltn` lists those of this machine",
            ),
            Cause::Get(GetError::Tls(error)) => error.hint,
            Cause::Get(GetError::Status(refusal)) if refusal.status == 401 => {
                Some("give user and password: http://USER:PASSWORD@HOST:PORT/path")
            }
            Cause::Get(GetError::Status(refusal))
                if refusal.status == 400 && refusal.answer.contains("HTTPS") =>
            {
                Some("write https:// for a server with TLS")
            }
            _ => None,
        }
    }
}

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.cause {
            Cause::Get(error) => error.fmt(f)?,
            Cause::Page(error) | Cause::Other(error) => write!(f, "`{}`: {error}", self.path)?,
        }
        self.naming.as_ref().map_or(Ok(()), |naming| write!(f, "; {naming}"))
    }
}

/// The paths without metrics, grouped by reason.
pub(super) fn tried(missing: &[NotFound]) -> String {
    let reason = |not_found: &NotFound| match &*not_found.cause {
        Cause::Get(GetError::Status(refusal)) => {
            format!("status {}{}", refusal.status, refusal.detail())
        }
        Cause::Get(error) => error.to_string(),
        Cause::Page(error) | Cause::Other(error) => error.to_string(),
    };
    let reasons = by_key(missing.iter().map(|path| (reason(path), path.path.as_str())));
    let reasons = reasons.iter().map(|(reason, paths)| format!("{} ({reason})", paths.join(", ")));
    reasons.collect::<Vec<_>>().join("; ")
}
