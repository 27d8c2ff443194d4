//! A moment in the forms of `--since` and `--until`.

use std::str::FromStr;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ZonedDateTime};

/// A moment, which may depend on the clock and the time zone.
#[derive(Clone, Copy, Debug)]
pub enum Moment {
    /// A fixed moment.
    At(Timestamp),
    /// By the wall clock, in the local time zone.
    Local(DateTime),
    /// By the wall clock, today.
    Today(Time),
    /// This long ago.
    Ago(Span),
    /// This long from now.
    In(Span),
}

/// The forms, for errors.
const FORMS: &str = "write a time ago (10m, 2h, 1h30m), one from now (+10m), a date (2026-11-28), a \
                     time in the local zone (12:30, 2026-11-28T12:30), one with a zone \
                     (2026-11-28T12:30:00Z), or seconds since 1970 (1764333000.5)";

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(moment) = unix(text) {
            return Ok(moment);
        }
        if let Ok(time) = text.parse::<Timestamp>() {
            return Ok(Moment::At(time));
        }
        if text.len() == "2026-11-28".len()
            && let Ok(date) = text.parse::<Date>()
        {
            return Ok(Moment::Local(date.at(0, 0, 0, 0)));
        }
        if text.starts_with(|first: char| first.is_ascii_digit())
            && text.contains(':')
            && let Ok(time) = text.parse::<DateTime>()
        {
            return Ok(Moment::Local(time));
        }
        let is_clock = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
        if is_clock && let Ok(time) = text.parse::<Time>() {
            return Ok(Moment::Today(time));
        }
        if let Some(span) = text.strip_prefix('+').and_then(span) {
            return Ok(Moment::In(span));
        }
        let ago = text.strip_suffix("ago").unwrap_or(text).trim();
        span(ago).map(Moment::Ago).ok_or_else(|| FORMS.to_owned())
    }
}

/// A duration.
fn span(text: &str) -> Option<Span> {
    let span: Span = text.parse().ok()?;
    (!span.is_negative() && !text.starts_with(['P', 'p', '+', '-'])).then_some(span)
}

/// Seconds since 1970, with a fraction of nine digits at most.
fn unix(text: &str) -> Option<Moment> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(seconds) || !is_number(fraction) || 9 < fraction.len() {
        return None;
    }
    let nanos: i32 = format!("{fraction:0<9}").parse().ok()?;
    let time = Timestamp::new(seconds.parse().ok()?, nanos).ok()?;
    Some(Moment::At(time))
}

impl Moment {
    /// The moment, at this current time. If the wall clock shows a time twice, the first; if it skips a time, the
    /// one as far behind the jump. `None`: out of range.
    pub fn resolve(self, now: &ZonedDateTime) -> Option<Timestamp> {
        match self {
            Moment::At(time) => Some(time),
            Moment::Local(time) => local(time, now.time_zone()),
            Moment::Today(time) => local(now.date().to_datetime(time), now.time_zone()),
            Moment::Ago(span) => now.checked_sub(span).ok().map(|time| time.timestamp()),
            Moment::In(span) => now.checked_add(span).ok().map(|time| time.timestamp()),
        }
    }
}

fn local(time: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_ambiguous_timestamp(time).compatible().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Result<String, String> {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let now: Timestamp = "2026-11-28T12:00:00Z".parse().unwrap();
        let moment: Moment = text.parse()?;
        Ok(moment.resolve(&now.to_zoned_datetime(zone)).ok_or("beyond all times")?.to_string())
    }

    #[test]
    fn a_moment_is_read_in_each_form_that_docker_and_people_use() {
        for (text, expected) in [
            ("10m", "2026-11-28T11:50:00Z"),
            ("2h ago", "2026-11-28T10:00:00Z"),
            ("+10m", "2026-11-28T12:10:00Z"),
            ("+1h 30m", "2026-11-28T13:30:00Z"),
            ("12:30", "2026-11-28T11:30:00Z"),
            ("23:59:59", "2026-11-28T22:59:59Z"),
            ("1h30m", "2026-11-28T10:30:00Z"),
            ("90s", "2026-11-28T11:58:30Z"),
            ("1d", "2026-11-27T12:00:00Z"),
            ("2 hours ago", "2026-11-28T10:00:00Z"),
            ("2026-11-28T11:00:00Z", "2026-11-28T11:00:00Z"),
            ("2026-11-28T11:00:00.123456789+01:00", "2026-11-28T10:00:00.123456789Z"),
            ("2026-11-28", "2026-11-27T23:00:00Z"),
            ("2026-11-28T12:30", "2026-11-28T11:30:00Z"),
            ("2026-11-28 12:30:15.5", "2026-11-28T11:30:15.5Z"),
            ("1764333000", "2025-11-28T12:30:00Z"),
            ("1764333000.5", "2025-11-28T12:30:00.5Z"),
            ("0", "1970-01-01T00:00:00Z"),
            // The wall clock shows it twice, and never.
            ("2026-10-25T02:30", "2026-10-25T00:30:00Z"),
            ("2026-03-29T02:30", "2026-03-29T01:30:00Z"),
        ] {
            assert_eq!(at(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_malformed_time_is_an_error_that_names_the_forms() {
        for text in [
            "",
            "yesterday",
            "m",
            "-10m",
            "2026-13-01",
            "2026-11-28T25:00",
            "25:30",
            "12:3",
            "++1m",
            "+-1m",
            "+1m ago",
            "1.x",
            "1.0000000001",
            "10 parsecs",
            "999999999999999999999",
        ] {
            let error = at(text).unwrap_err();
            assert!(error.contains("2026-11-28T12:30"), "{text}: {error}");
        }
    }
}
