//! Parses the name of a metric into its source, quantity and unit.
//!
//! A name is `SOURCE.QUANTITY`: `own.fds`, `daemon.goroutines`, `target.web.rss_bytes`. As in Prometheus, the end of
//! the quantity is its unit: `_bytes`, `_seconds`, or nothing for a count. Recordings hold these names, and only
//! this file parses them.

use std::fmt;

use serde::{Serialize, Serializer};

pub(crate) use crate::format::figures::Unit;

/// The program that a metric describes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Source {
    Own,
    Daemon,
    /// A target, with its short name.
    Target(String),
    Other(String),
}

impl Source {
    /// Reads `own`, `daemon` or `target.NAME`.
    pub(crate) fn parse(text: &str) -> Self {
        match (text, text.strip_prefix("target.")) {
            ("own", _) => Self::Own,
            ("daemon", _) => Self::Daemon,
            (_, Some(name)) => Self::Target(name.to_owned()),
            _ => Self::Other(text.to_owned()),
        }
    }

    /// The name in reports: `target web`.
    pub(crate) fn label(&self) -> String {
        match self {
            Self::Own => "cmon itself".to_owned(),
            Self::Daemon => "the daemon".to_owned(),
            Self::Target(name) => format!("target {name}"),
            Self::Other(text) => text.clone(),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => f.write_str("own"),
            Self::Daemon => f.write_str("daemon"),
            Self::Target(name) => write!(f, "target.{name}"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl Serialize for Source {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Unit {
    /// The unit of a quantity: the end of its name.
    pub(crate) fn of(quantity: &str) -> Self {
        match quantity.rsplit('_').next() {
            Some("bytes") => Self::Bytes,
            Some("seconds") => Self::Seconds,
            _ => Self::Count,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct MetricId {
    pub(crate) name: String,
    pub(crate) source: Source,
    /// The last part of the name: `fds`.
    pub(crate) quantity: String,
    pub(crate) unit: Unit,
}

impl MetricId {
    /// A name without a dot has an empty source.
    pub(crate) fn parse(name: &str) -> Self {
        let (source, quantity) = name.rsplit_once('.').unwrap_or(("", name));
        let unit = Unit::of(quantity);
        let (source, quantity) = (Source::parse(source), quantity.to_owned());
        Self { name: name.to_owned(), source, quantity, unit }
    }
}

/// Whether `prefix` is the metric's name or the name of its source.
pub(crate) fn is_of(metric: &str, prefix: &str) -> bool {
    let rest = metric.strip_prefix(prefix);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Turns `name` into one part of a metric's name, without dots. Returns `default` if nothing is left.
pub(crate) fn part_of_name(name: &str, default: &str) -> String {
    let keep = |c: char| if c.is_alphanumeric() || c == '_' { c } else { '-' };
    let name: String = name.chars().map(keep).collect();
    match name.trim_matches('-') {
        "" => default.to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_a_source_a_quantity_and_a_unit() {
        let parts = |name: &str| {
            let MetricId { source, quantity, unit, .. } = MetricId::parse(name);
            (source.to_string(), quantity, unit)
        };
        let expected =
            |source: &str, quantity: &str, unit| (source.to_owned(), quantity.to_owned(), unit);
        assert_eq!(parts("own.fds"), expected("own", "fds", Unit::Count));
        assert_eq!(parts("target.web.rss_bytes"), expected("target.web", "rss_bytes", Unit::Bytes));
        assert_eq!(parts("daemon.cpu_seconds"), expected("daemon", "cpu_seconds", Unit::Seconds));
        // A count of something whose name merely holds a unit stays a count.
        assert_eq!(parts("target.web.bytes_pools").2, Unit::Count);
        assert_eq!(parts("nodot"), expected("", "nodot", Unit::Count));
    }

    #[test]
    fn a_source_ends_at_a_dot() {
        assert!(is_of("daemon.fds", "daemon") && is_of("daemon.fds", "daemon.fds"));
        assert!(!is_of("daemonic.fds", "daemon") && !is_of("daemon.fds", "daemon.fd"));
    }
}
