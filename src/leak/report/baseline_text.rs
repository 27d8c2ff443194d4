//! Formats the comparison with an earlier check as sentences.

use super::explain;
use crate::format::figures::{self, amount, plural};
use crate::format::units::span;
use crate::leak::facts::{AsBefore, Baseline, Difference, Load};
use crate::leak::record::Drive;
use crate::probe::metric::{MetricId, Unit};

impl AsBefore {
    /// `daemon.goroutines grows as before: 0.5 per cycle`.
    pub(in crate::leak) fn summary(&self) -> String {
        let how = if self.less { "less than before" } else { "as before" };
        format!("{} grows {how}: {}", self.name, self.rate(self.now))
    }

    fn rate(&self, value: f64) -> String {
        explain::rate(value, self.by, MetricId::parse(&self.name).unit)
    }
}

impl Load {
    fn summary(self) -> String {
        let streams = || format!("streams of {}", plural(self.containers as f64, "container"));
        match self.drive {
            Drive::Streams => format!("opened and closed {}", streams()),
            Drive::Held => format!("held {}", streams()),
            Drive::Command => "ran a command for each cycle".to_owned(),
            Drive::Passive => "only watched".to_owned(),
        }
    }
}

impl Difference {
    pub(in crate::leak) fn summary(&self) -> String {
        let not_by_time = "growth per minute is not compared";
        match self {
            Self::Load { then, now } => format!(
                "the earlier run {}, this one {}: their figures cannot be compared",
                then.summary(),
                now.summary()
            ),
            Self::Pace { then, now } => {
                let pace = |pace: &f64| amount((pace * 10.0).round() / 10.0, Unit::Count);
                let (then, now) = (pace(then), pace(now));
                format!("the earlier run had {then} cycles/min, this one {now}: {not_by_time}")
            }
            Self::Length { then_seconds, now_seconds, excludes_per_minute } => {
                let (then, now) = (span(*then_seconds), span(*now_seconds));
                let lengths = format!("the earlier run took {then}, this one {now}");
                match excludes_per_minute {
                    true => format!("{lengths}: {not_by_time}"),
                    false => lengths,
                }
            }
            Self::Containers { gone, new } => only("streams of", gone, new),
            Self::StreamTimeout { then_seconds, now_seconds } => {
                let (then, now) = (span(*then_seconds), span(*now_seconds));
                format!("the earlier run closed each stream after {then}, this one after {now}")
            }
            Self::Targets { gone, new } => only("targets", gone, new),
            Self::DaemonVersion { then, now } => {
                format!("the daemon was {then} in the earlier run, and is {now} now")
            }
        }
    }
}

/// Names that only one of the two checks has.
fn only(what: &str, gone: &[String], new: &[String]) -> String {
    let names = |names: &[String]| (!names.is_empty()).then(|| figures::names(names));
    let gone = names(gone);
    let gone = gone.map(|gone| format!("the earlier run had {what} {gone}, this one has not"));
    let new = names(new);
    let new = new.map(|new| format!("this one has {what} {new}, the earlier run had not"));
    gone.into_iter().chain(new).collect::<Vec<_>>().join("; ")
}

impl Baseline {
    /// Growth as before, then the differences, one line each.
    pub(in crate::leak) fn lines(&self) -> Vec<String> {
        let grown = self.as_before.iter();
        let grown =
            grown.map(|rate| format!("{}, and {} then", rate.summary(), rate.rate(rate.before)));
        grown.chain(self.difference_lines()).collect()
    }

    /// The differences, one sentence each.
    pub(in crate::leak) fn difference_lines(&self) -> Vec<String> {
        self.differences.iter().map(Difference::summary).collect()
    }

    pub(in crate::leak) fn title(&self) -> String {
        format!("compared with the earlier run of {} ({})", self.started, self.verdict)
    }
}
