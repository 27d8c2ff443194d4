//! Support for the tests: a daemon, containers, and cmon as a process.

mod cmon;
mod container;
mod disk;
mod dockerd;
mod proxy;
mod scene;
pub(crate) mod scripted;
mod terminal;

use std::time::{Duration, SystemTime};

pub(crate) use cmon::{Cmon, Done};
pub(crate) use container::Container;
pub(crate) use disk::SmallDisk;
pub(crate) use dockerd::{Dockerd, get};
pub(crate) use proxy::{Proxy, copy};
pub(crate) use scene::Scene;
pub(crate) use terminal::{Terminal, pty};

/// Longer than any operation here takes; a test that reaches it has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

/// The log line of `cmon -v` for each rotation.
pub(crate) const ROTATED: &str = "reason=Rotated";

/// Waits until `check` returns a value, by polling: the outside sends no event.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, check: impl FnMut() -> Option<T>) -> T {
    within(PATIENCE, what, check)
}

/// Waits with this limit.
#[track_caller]
pub(crate) fn within<T>(patience: Duration, what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let begun = SystemTime::now();
    // A check may start a process or copy a long text, which a loaded machine must not do all the time.
    let mut pause = Duration::from_millis(5);
    loop {
        if let Some(found) = check() {
            return found;
        }
        assert!(begun.elapsed().unwrap_or_default() < patience, "waited in vain for {what}");
        std::thread::sleep(pause);
        pause = (2 * pause).min(Duration::from_millis(80));
    }
}
