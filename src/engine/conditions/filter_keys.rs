//! The keys and states that `--filter` supports.

/// Keys of `--filter` on fields in the daemon's list and events.
pub(super) const OWN_KEYS: [&str; 5] = ["name", "id", "label", "ancestor", "status"];

/// Keys of `--filter` that only the daemon can apply: its list lacks the fields.
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

/// The valid states of `--filter status=`.
pub(super) const STATES: &str = "created, running, paused, restarting, exited, removing";

pub(super) fn known_keys() -> String {
    let mut keys = [&OWN_KEYS[..], &LIST_KEYS].concat();
    keys.sort_unstable();
    keys.join(", ")
}
