//! Descriptors: the limit on open files, and whether it is enough to start.

use std::io;
use std::os::fd::OwnedFd;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The descriptors that cmon needs before it follows containers: two event loops, signals, its outputs, and the first
/// connections. With fewer, some of its libraries panic.
const OWN_DESCRIPTORS: usize = 32;
/// The embedded daemon's: an event loop and the other end of each connection.
const DEMO_DESCRIPTORS: usize = 32;

/// The connections to each of several daemons before it is followed.
const STREAM_DESCRIPTORS: usize = 8;

/// The purpose of descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum User {
    /// The embedded daemon, and following it.
    Demo,
    /// Following one daemon.
    OneDaemon,
    /// Following this number of daemons.
    Daemons(usize),
}

/// The limit is too low.
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

/// The hint for a limit that is too low.
pub(crate) const HINT: &str = "raise the limit with `ulimit -n 1024`, in a container with --ulimit nofile=1024, in \
                        a unit of systemd with LimitNOFILE=1024";

/// Each stream needs a descriptor; the usual soft limit of 1024 is not made for that.
pub(crate) fn raise_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
    {
        tracing::warn!("could not raise the limit of open files above {current:?}: {error}");
    }
}

/// Checks whether there are enough to start. It opens them, since some may be inherited.
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
            // A closed stderr says nothing about the limit.
            Err(_) => break,
        }
    }
    Ok(())
}

/// Reports on stderr that even the outputs could not be prepared.
pub(crate) fn say_unusable(error: &io::Error) {
    use io::Write;
    let hint = match error.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
        Some(rustix::io::Errno::MFILE) => format!("  try: {HINT}\n"),
        _ => String::new(),
    };
    // A failure to write here cannot be reported.
    let _ = write!(io::stderr(), "cmon: error: could not use stdout and stderr: {error}\n{hint}");
}
