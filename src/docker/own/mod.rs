//! Which container cmon itself runs in, so that it does not follow its own output: a line that it
//! prints would come back as a new line of that container, without end.
//!
//! What the kernel shows of this process names candidates, and the daemon's answer decides. All of
//! it is decided here, from texts; only [`Traces::read`] looks at files.

mod traces;

use std::collections::BTreeSet;
use std::path::PathBuf;

/// What speaks for a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Evidence {
    /// The control group of this process is named after it. Each container has its own.
    Cgroup,
    /// Its files are mounted here. Containers that share a network share them too.
    Files,
    /// The hostname is the beginning of its id. It is shared in the same way, and can be chosen.
    Hostname,
}

/// What the kernel shows of this process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Traces {
    /// Full ids, each with where it stands.
    ids: Vec<(Evidence, String)>,
    hostname: String,
    /// The upper directory of the root file system, where that is an overlay.
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
    /// The upper directory of its overlay, where the daemon reports it.
    pub upper_dir: Option<String>,
    /// Where something is mounted in it.
    pub destinations: Vec<PathBuf>,
}

#[cfg(test)]
mod tests;
