//! The keys of `--filter`, and the states that it knows.

/// Keys of `--filter` that look at what a row of the daemon's list and its events carry.
pub(super) const OWN_KEYS: [&str; 5] = ["name", "id", "label", "ancestor", "status"];

/// Keys of `--filter` that the daemon applies itself: it knows more of a container than its list shows.
pub(super) const LIST_KEYS: [&str; 10] = [
    "before",
    "exited",
    "expose",
    "health",
    "is-task",
    "isolation",
    "network",
    "publish",
    "since",
    "volume",
];

/// States that `--filter status=` knows.
pub(super) const STATES: &str = "created, running, paused, restarting, exited, removing";

pub(super) fn known_keys() -> String {
    let mut keys = [&OWN_KEYS[..], &LIST_KEYS].concat();
    keys.sort_unstable();
    keys.join(", ")
}
