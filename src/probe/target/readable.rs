//! The readable metrics of a target, as discovered before the check.

use std::fmt;

use super::absent::{NotFound, tried};
use super::url::Choice;
use crate::probe::counter::Counter;
use crate::probe::reasons::{ProcessError, UnavailableReason};

/// The readable metrics of a target.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TargetReadable {
    Process(ProcessReadable),
    Container {
        first: ProcessReadable,
        members: Members,
    },
    /// A container on another machine.
    Threads,
    Http {
        pages: Vec<Page>,
        missing: Vec<NotFound>,
    },
    /// The counter of cycles, with its current value.
    Cycles {
        counter: Counter,
        path: String,
        first: f64,
    },
}

/// The readable metrics of a process, besides threads and memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProcessReadable {
    pub(super) name: Option<String>,
    /// The number of its descriptors, and their classes.
    pub(super) fds: Result<(), ProcessError>,
    pub(super) classes: Result<(), ProcessError>,
}

/// The processes of a container, and whether its cgroup has their memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Members {
    pub(super) count: usize,
    pub(super) by_cgroup: bool,
}

/// A page to read, with its format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub(super) path: String,
    pub(super) form: Form,
}

/// The format of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The goroutine profile.
    Profile,
    /// Prometheus text.
    Metrics,
    /// Go's expvar.
    Expvar,
    /// A page with the selected metric.
    Figure(Choice),
}

impl fmt::Display for TargetReadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process(process) => process.fmt(f),
            Self::Container { first, members } => {
                first.fmt(f)?;
                if members.count != 1 {
                    write!(f, " of {} processes", members.count)?;
                }
                f.write_str(if members.by_cgroup { ", memory by its cgroup" } else { "" })
            }
            Self::Threads => write!(
                f,
                "threads, as the daemon reports them; nothing else ({})",
                UnavailableReason::NotOnThisMachine
            ),
            Self::Http { pages, missing } => {
                let pages: Vec<String> = pages.iter().map(ToString::to_string).collect();
                f.write_str(&pages.join("; "))?;
                match missing.is_empty() {
                    true => Ok(()),
                    false => write!(f, "; not: {}", tried(missing)),
                }
            }
            Self::Cycles { counter, path, first } => {
                write!(f, "cycles by `{counter}` at {path}, which is {first} now")
            }
        }
    }
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match &self.form {
            Form::Profile => write!(f, "goroutines by the profile at {path}"),
            Form::Metrics => write!(f, "Prometheus figures at {path}"),
            Form::Expvar => write!(f, "Go's expvar at {path}"),
            Form::Figure(choice) => write!(f, "the figure `{choice}` at {path}"),
        }
    }
}

impl fmt::Display for ProcessReadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.as_ref().map(|name| format!(" of `{name}`")).unwrap_or_default();
        match (&self.fds, &self.classes) {
            (Ok(()), Ok(())) => write!(f, "descriptors, threads, memory{name}"),
            (Ok(()), Err(error)) => {
                write!(f, "descriptors (not by class: {error}), threads, memory{name}")
            }
            (Err(error), _) => write!(f, "threads, memory{name}; no descriptors ({error})"),
        }
    }
}
