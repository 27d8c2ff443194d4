//! Formats known patterns and their remedies as sentences.

use std::fmt;

use super::shape_text::about;
use crate::format::figures::{amount, plural, signed_amount};
use crate::format::units::span;
use crate::leak::facts::{Connections, Course, Seen, Signature, StepSize, Steps};
use crate::leak::judge::new_growth::By;
use crate::leak::record::Drive;
use crate::probe::metric::{MetricId, Source, Unit};

impl Signature {
    /// One imperative sentence without a full stop.
    pub(crate) fn remedy(&self) -> Option<&'static str> {
        Some(match self {
            Self::Connections { are: Connections::Idle, .. }
            | Self::Stopped { idle_connections: true, .. } => {
                "close each HTTP client after its last use, or make one client and share it"
            }
            Self::Connections { are: Connections::Unclosed, .. } => {
                "close the body of every response, also of those that are not read: \
                 `defer resp.Body.Close()`"
            }
            Self::Connections { are: Connections::Read, .. } => {
                "cancel a request, or give it a deadline, when its response is no longer needed"
            }
            Self::Connections { are: Connections::LogsRead, .. } => {
                "close each log stream when its reader ends, and wait for the reader"
            }
            Self::Followers { .. } => {
                "find the client that opens log streams on this daemon and does not close them; if \
                 all clients close theirs, report it to the daemon's developers"
            }
            Self::ForgottenSockets { .. } => {
                "close a socket as soon as reading from it returns its end"
            }
            Self::Survivors { .. } | Self::OwnTasks { .. } => {
                "report it to cmon's developers: add `--record FILE` to the same command and attach \
                 the file"
            }
            Self::Stopped { .. } => {
                "find what ended the growth: a limit, a timeout or the other side, which may not do \
                 it elsewhere"
            }
            Self::Steps { cause: Steps::Timer(_), .. } => {
                "look for what runs at that interval: a health check, a ticker, a poll"
            }
            _ => return None,
        })
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Survivors { task, count } => {
                let count = plural(*count, task);
                write!(f, "{count} of cmon itself still alive after the end: a leak in cmon")
            }
            Self::OwnTasks { title, count } => {
                write!(f, "{} more in cmon itself: {title}", plural(*count, "task"))
            }
            Self::Connections { are, count, descriptor, source } => {
                let descriptor = if *descriptor { " and 1 descriptor" } else { "" };
                let (goroutines, what) = are.text();
                let (count, owner) = (amount(*count, Unit::Count), source.label());
                write!(
                    f,
                    "{goroutines} goroutines{descriptor} each: {what} ({count} more in {owner})"
                )
            }
            Self::Followers { rate, by, seen } => followers(f, *rate, *by, *seen),
            Self::ForgottenSockets { count, source } => {
                let owner = match source {
                    Source::Own => "cmon".to_owned(),
                    source => source.label(),
                };
                let count = plural(*count, "socket");
                write!(
                    f,
                    "{count} in CLOSE_WAIT: the other side has closed them, and {owner} has not"
                )
            }
            Self::OtherSide { metrics, of } => write!(
                f,
                "{} {} by the same steps at the same moments: the daemon's side of the connections of {}",
                metrics.join(", "),
                grow(metrics),
                of.label()
            ),
            Self::Steps { period, metrics, cause } => {
                let sized = |StepSize { metric, size }: &StepSize| {
                    format!("{metric} {}", signed_amount(*size, MetricId::parse(metric).unit))
                };
                let names = metrics.iter().map(sized).collect::<Vec<_>>().join(", ");
                let period = span(*period);
                match cause {
                    Steps::Timer(drive) => {
                        let not = if drive.opens_streams() { "streams" } else { "cycles" };
                        write!(f, "every {period}: a timer, not the {not} ({names})")
                    }
                    Steps::TimerOrCycles => write!(
                        f,
                        "every {period}: a timer ({names}), or cycles: this check counts none"
                    ),
                    Steps::Open => write!(f, "every {period}: in steps ({names})"),
                }
            }
            Self::Stopped { metrics, at, lifetime, idle_connections } => {
                let (names, at, lifetime) = (metrics.join(", "), span(*at), about(*lifetime));
                match idle_connections {
                    true => write!(
                        f,
                        "{names} grew until {at}: the server drops idle connections after about \
                         {lifetime}; on a server that does not, this grows without a bound"
                    ),
                    false => write!(
                        f,
                        "{names} grew until {at}, as if something ended each after about {lifetime}: \
                         where nothing does, this grows without a bound"
                    ),
                }
            }
            Self::Course { metrics, on, drive } => course(f, metrics, *on, *drive),
        }
    }
}

impl Connections {
    /// Goroutines per connection, and a description.
    fn text(self) -> (u8, &'static str) {
        match self {
            Self::Idle => (2, "idle HTTP connections of clients that are never closed"),
            Self::Unclosed => (2, "HTTP responses with a body that is never closed"),
            Self::Read => (3, "responses that are still being read"),
            Self::LogsRead => (3, "log streams that are still being read"),
        }
    }
}

/// `1 follower in the daemon per cycle`. Rounds a rate near a rounded number.
fn followers(f: &mut fmt::Formatter<'_>, rate: f64, by: By, seen: Seen) -> fmt::Result {
    let rounded = rate.round();
    let rate =
        if 1.0 <= rounded && (rate - rounded).abs() <= 0.06 * rounded { rounded } else { rate };
    let count = plural((rate * 1000.0).round() / 1000.0, "follower");
    let by = by.label();
    let what = format!("{count} in the daemon {by}: streams that are not closed");
    match seen {
        Seen::Stacks => write!(f, "{what}"),
        Seen::StacksAndNumbers => write!(f, "{what} (5 goroutines and 3 descriptors each)"),
        Seen::Numbers => {
            write!(f, "{what} (by their 5 goroutines and 3 descriptors each)")
        }
    }
}

fn course(f: &mut fmt::Formatter<'_>, metrics: &[String], on: Course, drive: Drive) -> fmt::Result {
    let (names, grow) = (metrics.join(", "), grow(metrics));
    let rest = match drive.opens_streams() {
        true => "no stream is opened or closed",
        false => "the command does not run",
    };
    match on {
        Course::OwnCycles => write!(
            f,
            "a cycle is one of the target's own: while they go on, it is not known whether \
             cycles or time make {names} grow"
        ),
        Course::Time => {
            let cause = if drive.opens_streams() { "stream timeout" } else { "cycles" };
            write!(f, "does not depend on the {cause}: {names} {grow} while {rest}")
        }
        Course::TimeAtLeast => {
            write!(f, "{names} {grow} while {rest}; whether cycles add to it is not known")
        }
        Course::Cycles => {
            let so = match drive.opens_streams() {
                true => "a longer stream timeout slows that down and does not end it",
                false => "a cycle is one run of the command",
            };
            write!(f, "only cycles make {names} grow: {so}")
        }
        Course::CyclesAtLeast => {
            write!(f, "cycles make {names} grow; whether time does too is not known")
        }
    }
}

/// The verb in singular or plural.
fn grow(metrics: &[String]) -> &'static str {
    if metrics.len() == 1 { "grows" } else { "grow" }
}
