//! The columns of the table: the cell of each for a row, and the order of rows.

use std::cmp::Ordering;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::note::{clock, last_notice};
use super::sanitize::clean;
use super::units;
use crate::engine::rows::{Row, StreamState};
use crate::engine::source::Phase;

/// A lag that needs attention.
const LATE_MIN_LAG: Duration = Duration::from_secs(2);

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Column {
    /// The daemon's name, if there are several.
    Host,
    /// The container's name.
    Name,
    /// The container's state.
    State,
    /// The stream's state.
    Stream,
    /// The age of the stream against its timeout.
    Age,
    /// Streams closed.
    Cycles,
    /// Closed streams per minute.
    CycleRate,
    /// Lines per second.
    Lines,
    /// Bytes per second.
    Bytes,
    /// The lag.
    Lag,
    /// Gaps.
    Gaps,
    /// Streams reopened for another reason than age.
    Reopens,
    /// The last notice.
    Note,
}

impl Column {
    /// All columns, from left to right.
    pub(crate) const ALL: [Column; 13] = [
        Column::Host,
        Column::Name,
        Column::State,
        Column::Stream,
        Column::Age,
        Column::Cycles,
        Column::CycleRate,
        Column::Lines,
        Column::Bytes,
        Column::Lag,
        Column::Gaps,
        Column::Reopens,
        Column::Note,
    ];

    /// The columns of a table with this number of daemons.
    pub(crate) fn of(daemons: usize) -> &'static [Column] {
        if 1 < daemons { &Self::ALL } else { &Self::ALL[1..] }
    }

    /// Its heading.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Column::Host => "HOST",
            Column::Name => "NAME",
            Column::State => "STATE",
            Column::Stream => "STREAM",
            Column::Age => "AGE",
            Column::Cycles => "CYCLES",
            Column::CycleRate => "CYC/MIN",
            Column::Lines => "LINES/S",
            Column::Bytes => "BYTES/S",
            Column::Lag => "LAG",
            Column::Gaps => "GAPS",
            Column::Reopens => "REOPENS",
            Column::Note => "LAST NOTE",
        }
    }

    /// Its description.
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Column::Host => "the daemon's name",
            Column::Name => "the container's name",
            Column::State => "what the container is doing",
            Column::Stream => "what its log stream is doing",
            Column::Age => "the stream's age / --stream-timeout",
            Column::Cycles => "streams closed since the start",
            Column::CycleRate => "streams closed per minute",
            Column::Lines => "lines a second",
            Column::Bytes => "bytes a second",
            Column::Lag => "how far the lines are behind",
            Column::Gaps => "times that lines were lost",
            Column::Reopens => "reopened, other than by age",
            Column::Note => "the last notice about it",
        }
    }

    /// Whether it is a number, which is aligned to the right.
    pub(crate) fn is_figure(self) -> bool {
        use Column::{Bytes, CycleRate, Cycles, Gaps, Lag, Lines, Reopens};
        matches!(self, Cycles | CycleRate | Lines | Bytes | Lag | Gaps | Reopens)
    }

    /// Its cell of a row.
    pub(crate) fn text(self, row: &Row, zone: &TimeZone) -> String {
        match self {
            Column::Host => row.key.daemon.host().map_or_else(String::new, |host| clean(host)),
            Column::Name => clean(&row.name),
            Column::State => state(row),
            Column::Stream => stream(row),
            Column::Age => row.age.map_or_else(
                || "-".to_owned(),
                |age| format!("{}/{}", units::seconds(age), units::seconds(row.timeout)),
            ),
            Column::Cycles => units::count(row.cycles),
            Column::CycleRate => units::rate(row.cycles_per_minute),
            Column::Lines => units::rate(row.lines_per_second),
            Column::Bytes => units::bytes(row.bytes_per_second),
            Column::Lag => units::lag(row.lag),
            Column::Gaps => units::count(row.gaps()),
            Column::Reopens => units::count(row.irregular_reopens()),
            Column::Note => row.last_notice.as_ref().map_or_else(String::new, |(at, what)| {
                let clock = clock(*at, zone);
                let (clock, _) = clock.split_once('.').unwrap_or((&clock, ""));
                format!("{clock} {}", clean(&last_notice(what)))
            }),
        }
    }

    /// The order of two rows by this column: large values, or those that need attention, first.
    pub(crate) fn order(self, one: &Row, other: &Row) -> Ordering {
        let figures = |figure: fn(&Row) -> f64| figure(other).total_cmp(&figure(one));
        match self {
            Column::Host => one.key.daemon.host().cmp(&other.key.daemon.host()),
            Column::Name => Ordering::Equal,
            Column::State => state(one).cmp(&state(other)),
            Column::Stream => one.stream.word().cmp(other.stream.word()),
            Column::Age => other.age.cmp(&one.age),
            Column::Cycles => other.cycles.cmp(&one.cycles),
            Column::CycleRate => figures(|row| row.cycles_per_minute),
            Column::Lines => figures(|row| row.lines_per_second),
            Column::Bytes => figures(|row| row.bytes_per_second),
            Column::Lag => other.lag.cmp(&one.lag),
            Column::Gaps => other.gaps().cmp(&one.gaps()),
            Column::Reopens => other.irregular_reopens().cmp(&one.irregular_reopens()),
            Column::Note => {
                let at = |row: &Row| row.last_notice.as_ref().map(|(at, _)| *at);
                at(other).cmp(&at(one))
            }
        }
        .then_with(|| one.name.cmp(&other.name))
        .then_with(|| one.key.cmp(&other.key))
    }
}

/// `running`, `restarting 2`, `exited 137 OOM`.
fn state(row: &Row) -> String {
    let Some(phase) = row.phase else {
        return "?".to_owned();
    };
    match row.exit.filter(|_| !phase.is_live()) {
        Some(exit) => {
            format!("{} {}{}", phase.as_str(), exit.code, if exit.oom { " OOM" } else { "" })
        }
        None => phase.as_str().to_owned(),
    }
}

/// `streaming`, `backing off 2.1s`, `ended: unreadable`.
fn stream(row: &Row) -> String {
    match row.stream {
        StreamState::BackingOff { left } => format!("backing off {}", units::time(left)),
        StreamState::Ended { failure: Some(failure) } => {
            format!("ended: {}", failure.as_str().replace('_', " "))
        }
        StreamState::Ended { failure: None } => match (row.phase, row.exit) {
            (Some(Phase::Created), _) => "ended: never ran".to_owned(),
            (_, Some(exit)) if exit.oom => "ended: no memory".to_owned(),
            (_, Some(exit)) => format!("ended: exit {}", exit.code),
            _ => "ended".to_owned(),
        },
        state => state.word().replace('_', " "),
    }
}

/// How urgently a row needs attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Attention {
    /// Healthy.
    None,
    /// It had a problem, or the container does not run.
    Some,
    /// It has a problem now.
    Now,
}

impl Attention {
    /// How urgently this row needs attention.
    pub(crate) fn of(row: &Row) -> Self {
        let failed = matches!(row.stream, StreamState::Ended { failure: Some(_) });
        let hurt = matches!(row.stream, StreamState::Stale | StreamState::BackingOff { .. });
        let ended_badly = row.exit.is_some_and(|exit| exit.code != 0 || exit.oom);
        if failed || hurt || LATE_MIN_LAG <= row.lag {
            Attention::Now
        } else if ended_badly || row.phase == Some(Phase::Restarting) || 0 < row.gaps() {
            Attention::Some
        } else {
            Attention::None
        }
    }

    /// The sign before the name, so that meaning never depends on color alone.
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Attention::None => " ",
            Attention::Some => "~",
            Attention::Now => "!",
        }
    }
}

/// The order of two rows by attention: problems first, then by name.
pub(crate) fn by_attention(one: &Row, other: &Row) -> Ordering {
    let by_name = || Column::Name.order(one, other);
    Attention::of(other).cmp(&Attention::of(one)).then_with(by_name)
}
