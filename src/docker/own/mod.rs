//! Finds the container that cmon itself runs in, so that it does not follow its own output. Each printed line would
//! come back as a new line of that container, in an endless loop.
//!
//! The kernel's information about this process names candidates, and the daemon's answer decides. All decisions
//! are pure functions of texts; only [`Traces::read`] reads files.

mod traces;

use std::collections::BTreeSet;
use std::path::PathBuf;

/// The evidence for a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Evidence {
    /// The control group of this process has its name. Each container has its own.
    Cgroup,
    /// Its files are mounted here. Containers that share a network share them.
    Files,
    /// The hostname is a prefix of its id. It can be shared too, and chosen freely.
    Hostname,
}

/// The kernel's information about this process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Traces {
    /// Full ids, each with its evidence.
    ids: Vec<(Evidence, String)>,
    hostname: String,
    /// The upper directory of the root file system, if that is an overlay.
    upper_dir: Option<String>,
    mount_points: BTreeSet<PathBuf>,
}

/// The daemon's facts of a container that may be this one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Identity {
    /// Whether it runs.
    pub running: bool,
    /// Its hostname.
    pub hostname: String,
    /// The upper directory of its overlay, if the daemon reports it.
    pub upper_dir: Option<String>,
    /// Its mount points.
    pub destinations: Vec<PathBuf>,
}

#[cfg(test)]
mod tests;
