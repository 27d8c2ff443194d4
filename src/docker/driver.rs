//! The effect of a container's log driver on a follow, from the inspection. Pure.
//!
//! The daemon reads logs of three drivers from their own stores. Since version 20.10, it keeps a cache for every other
//! driver ("dual logging"), in the format of `local`. The cache drops lines if its buffer is full, unless
//! `mode=blocking` (moby: `daemon/logger/loggerutils/cache`).

use std::collections::HashMap;

use crate::engine::source::{Lossy, OutputKind, PieceRule};

/// Before this major version, the daemon repeats the first line of each new log file in a follow.
const DOUBLES_BEFORE_MAJOR: u32 = 23;
/// The default size of one file of the driver `local`.
const LOCAL_FILE_MAX_BYTES: u64 = 20_000_000;

/// A log driver with its options.
#[derive(Clone, Debug)]
pub(super) struct Driver {
    name: String,
    options: HashMap<String, String>,
}

impl Driver {
    /// The driver from an inspection; the options include the daemon's defaults.
    pub(super) fn new(name: String, options: HashMap<String, String>) -> Self {
        Self { name, options }
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// How it splits long lines.
    pub(super) fn pieces(&self) -> PieceRule {
        match self.has_own_files() {
            true => PieceRule::SameTimestamp,
            false => PieceRule::FullPieces,
        }
    }

    /// The output of a container with a terminal.
    pub(super) fn terminal(&self) -> OutputKind {
        match self.name.as_str() {
            "json-file" | "journald" | "k8s-file" | "none" | "" => OutputKind::Terminal,
            _ => OutputKind::TerminalInLocal,
        }
    }

    /// Whether a daemon of this major version repeats lines.
    pub(super) fn doubles(&self, major: Option<u32>) -> bool {
        self.has_own_files() && major.is_some_and(|major| major < DOUBLES_BEFORE_MAJOR)
    }

    /// The size in bytes at which it begins a new file.
    pub(super) fn file_size(&self) -> Option<u64> {
        let max_size = self.options.get("max-size").and_then(|text| size(text));
        match self.name.as_str() {
            // `k8s-file` is Podman's; it begins a new file only if `max-size` is set.
            "json-file" | "k8s-file" => max_size,
            "local" => max_size.or(Some(LOCAL_FILE_MAX_BYTES)),
            "journald" | "none" => None,
            _ => Some(LOCAL_FILE_MAX_BYTES),
        }
    }

    /// How it can lose lines, if it can.
    pub(super) fn lossy(&self) -> Option<Lossy> {
        let mode = self.options.get("mode").map(String::as_str);
        match self.name.as_str() {
            "none" => None,
            _ if mode == Some("non-blocking") => Some(Lossy::NonBlocking),
            // If the daemon does not name the driver, nothing is known.
            "json-file" | "local" | "journald" | "k8s-file" | "" => None,
            _ if mode == Some("blocking") => None,
            _ => Some(Lossy::Cache),
        }
    }

    fn has_own_files(&self) -> bool {
        matches!(self.name.as_str(), "json-file" | "local")
    }
}

/// Bytes from `20k`, `1m`, `10MB`; `None` for no limit. The units are decimal, as in docker's `go-units`, which reads
/// this option; a fraction is cut off.
fn size(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
    let unit: u64 = match text[digits.len()..].trim().trim_end_matches('b').trim_end_matches('i') {
        "" => 1,
        "k" => 1_000,
        "m" => 1_000_000,
        "g" => 1_000_000_000,
        _ => return None,
    };
    let integer = digits.split('.').next().unwrap_or_default();
    integer.parse::<u64>().ok()?.checked_mul(unit).filter(|size| 0 < *size)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn driver(name: &str, options: &[(&str, &str)]) -> Driver {
        let options =
            options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Driver::new(name.to_owned(), options)
    }

    #[test]
    fn sizes_are_read_as_docker_reads_them() {
        let cases = [("20k", 20_000), ("1m", 1_000_000), ("10MB", 10_000_000), ("4096", 4096)];
        for (text, bytes) in cases {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for unlimited in ["-1", "", "0", "many", "99999999999999999999g"] {
            assert_eq!(size(unlimited), None, "{unlimited}");
        }
    }

    #[test]
    fn only_some_drivers_begin_new_files() {
        assert_eq!(driver("json-file", &[]).file_size(), None);
        assert_eq!(driver("json-file", &[("max-size", "1m")]).file_size(), Some(1_000_000));
        assert_eq!(driver("local", &[]).file_size(), Some(LOCAL_FILE_MAX_BYTES));
        assert_eq!(driver("journald", &[]).file_size(), None);
    }

    #[test]
    fn a_driver_that_can_lose_lines_is_known() {
        let non_blocking = [("mode", "non-blocking")];
        assert_eq!(driver("json-file", &[]).lossy(), None);
        assert_eq!(driver("json-file", &non_blocking).lossy(), Some(Lossy::NonBlocking));
        assert_eq!(driver("local", &non_blocking).lossy(), Some(Lossy::NonBlocking));
        assert_eq!(driver("syslog", &[]).lossy(), Some(Lossy::Cache));
        assert_eq!(driver("syslog", &[("mode", "blocking")]).lossy(), None);
        assert_eq!(driver("none", &non_blocking).lossy(), None);
        assert_eq!(driver("k8s-file", &[]).lossy(), None, "Podman's");
        assert_eq!(driver("", &[]).lossy(), None, "a daemon or a proxy that does not name it");
    }

    #[test]
    fn old_daemons_double_lines_of_their_own_files_only() {
        let doubles = |name: &str, major| driver(name, &[]).doubles(major);
        assert!(doubles("json-file", Some(20)) && doubles("local", Some(22)));
        assert!(!doubles("json-file", Some(23)) && !doubles("journald", Some(20)));
        assert!(!doubles("json-file", None));
    }
}
