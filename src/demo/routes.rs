//! The routes: parses the target of a request.

use std::num::IntErrorKind;

use super::fault::Route;
use super::filters::Filters;
use super::log::Wanted;
use crate::engine::timestamp::Timestamp;

/// A parsed request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) route: Route,
    /// The container or profile in it.
    pub(super) container: String,
    query: Vec<(String, String)>,
}

/// An error answer: status and message.
pub(super) type Refusal = (u16, String);

/// The daemon's message for a missing container.
pub(super) fn unknown(container: &str) -> Refusal {
    (404, format!("No such container: {container}"))
}

impl Question {
    /// Parses the target of a request, with or without a host and a version.
    pub(super) fn of(target: &str) -> Option<Self> {
        let target = target.strip_prefix("http://docker").unwrap_or(target);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let versioned = parts.first().is_some_and(|part| {
            part.strip_prefix('v')
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        });
        if versioned {
            parts.remove(0);
        }
        let (route, container) = match parts.as_slice() {
            ["_ping"] => (Route::Ping, ""),
            ["version"] => (Route::Version, ""),
            ["info"] => (Route::Info, ""),
            ["events"] => (Route::Events, ""),
            ["containers", "json"] => (Route::List, ""),
            ["containers", id, "json"] => (Route::Inspect, *id),
            ["containers", id, "logs"] => (Route::Logs, *id),
            ["debug", "pprof"] => (Route::Profile, ""),
            ["debug", "pprof", profile] => (Route::Profile, *profile),
            _ => return None,
        };
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        };
        let query = query.split('&').filter(|part| !part.is_empty()).map(pair).collect();
        Some(Self { route, container: container.to_owned(), query })
    }

    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.value(name).is_some_and(|value| !matches!(value, "" | "0" | "false" | "no" | "none"))
    }

    /// The messages that it asks for.
    pub(super) fn wanted(&self) -> Result<Wanted, Refusal> {
        let (stdout, stderr) = (self.flag("stdout"), self.flag("stderr"));
        if !stdout && !stderr {
            let message = "Bad parameters: you must choose at least one stream";
            return Err((400, message.to_owned()));
        }
        let tail = self.value("tail").and_then(|tail| tail.parse().ok());
        Ok(Wanted { stdout, stderr, tail, since: self.time("since")?, until: self.time("until")? })
    }

    /// The value of a time parameter.
    pub(super) fn time(&self, name: &str) -> Result<Option<Timestamp>, Refusal> {
        match self.value(name).filter(|value| !matches!(*value, "" | "0")) {
            Some(text) => moment(text).map(Some),
            None => Ok(None),
        }
    }

    /// Its filters.
    pub(super) fn filters(&self) -> Result<Filters, Refusal> {
        match self.value("filters").filter(|text| !text.is_empty()) {
            Some(text) => Filters::of(text).ok_or_else(|| (400, format!("invalid filter: {text}"))),
            None => Ok(Filters::default()),
        }
    }
}

/// Seconds since 1970, with up to nine digits after the point.
fn moment(text: &str) -> Result<Timestamp, Refusal> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let number = |text: &str| {
        text.parse::<i64>().map_err(|error| {
            let reason = match error.kind() {
                IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "value out of range",
                _ => "invalid syntax",
            };
            (500, format!("strconv.ParseInt: parsing {text:?}: {reason}"))
        })
    };
    let (seconds, _) = (number(seconds)?, number(fraction)?);
    let nanos = number(&format!("{fraction:0<9.9}"))?;
    Ok(Timestamp::from_nanos(seconds.saturating_mul(1_000_000_000).saturating_add(nanos)))
}

/// Decodes `%XX` and `+`.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        let hex = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
        rest = behind;
        match (byte, behind.get(..2).and_then(hex)) {
            (b'%', Some(decoded)) => {
                bytes.push(decoded);
                rest = &behind[2..];
            }
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(*byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_target_is_parsed() {
        let question =
            Question::of("/v1.41/containers/web/logs?stdout=1&tail=5&since=3.5").unwrap();
        assert_eq!((question.route, question.container.as_str()), (Route::Logs, "web"));
        let wanted = question.wanted().unwrap();
        assert_eq!((wanted.stdout, wanted.stderr, wanted.tail), (true, false, Some(5)));
        assert_eq!(wanted.since, Some(Timestamp::from_nanos(3_500_000_000)));
        let listed = Question::of("/containers/json?filters=%7B%22name%22%3A%5B%22a+b%22%5D%7D");
        let filters = listed.unwrap().filters().unwrap();
        assert!(filters.any("name", |name| name == "a b") && !filters.any("name", |_| false));
        assert_eq!(Question::of("/volumes"), None);
        assert_eq!(Question::of("/_ping").unwrap().wanted().unwrap_err().0, 400);
    }
}
