//! Descriptors: how many cmon may open, and whether that is enough to begin with.

use std::io;
use std::os::fd::OwnedFd;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that cmon opens before it follows anything: two event loops, signals, its outputs, and
/// the first connections. Below this, libraries that it is made of end with a panic.
const OWN_DESCRIPTORS: usize = 32;
/// The embedded daemon has an event loop and the other end of each connection.
const DEMO_DESCRIPTORS: usize = 32;

/// Connections of each of several daemons before it is followed.
const STREAM_DESCRIPTORS: usize = 8;

/// What descriptors are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum User {
    /// The embedded daemon, and following it.
    Demo,
    /// Following one daemon.
    OneDaemon,
    /// Following this number of daemons.
    Daemons(usize),
}

/// There are too few.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cmon may open {may} more descriptors and needs {needed} to start{}", Limit(*.limit))]
pub(crate) struct TooFew {
    may: usize,
    needed: usize,
    limit: Option<u64>,
}

struct Limit(Option<u64>);

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(limit) => write!(f, " (the limit of this process is {limit})"),
            None => Ok(()),
        }
    }
}

/// What to do where there are too few.
pub(crate) const HINT: &str = "raise the limit with `ulimit -n 1024`, in a container with --ulimit nofile=1024, in \
                        a unit of systemd with LimitNOFILE=1024";

/// Each stream is a descriptor; the usual soft limit of 1024 is not meant for that.
pub(crate) fn raise_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
    {
        tracing::warn!("could not raise the limit of open files above {current:?}: {error}");
    }
}

/// Whether there are enough to begin with; found by opening them, since some may be inherited.
pub(crate) fn check(user: User) -> Result<(), TooFew> {
    let needed = match user {
        User::Demo => OWN_DESCRIPTORS + DEMO_DESCRIPTORS,
        User::OneDaemon => OWN_DESCRIPTORS,
        User::Daemons(several) => OWN_DESCRIPTORS + several * STREAM_DESCRIPTORS,
    };
    let mut opened: Vec<OwnedFd> = Vec::with_capacity(needed);
    while opened.len() < needed {
        match rustix::io::dup(rustix::stdio::stderr()) {
            Ok(copy) => opened.push(copy),
            Err(rustix::io::Errno::MFILE | rustix::io::Errno::NFILE) => {
                let limit = getrlimit(Resource::Nofile).current;
                return Err(TooFew { may: opened.len(), needed, limit });
            }
            // A stderr that is closed says nothing of the limit.
            Err(_) => break,
        }
    }
    Ok(())
}

/// Says on stderr that not even the outputs could be prepared.
pub(crate) fn say_unusable(error: &io::Error) {
    use io::Write;
    let hint = match error.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
        Some(rustix::io::Errno::MFILE) => format!("  try: {HINT}\n"),
        _ => String::new(),
    };
    // Nothing can report that this fails too.
    let _ = write!(io::stderr(), "cmon: error: could not use stdout and stderr: {error}\n{hint}");
}
