//! Formats shapes, growth by time, and the reasons of missing verdicts as sentences.

use crate::format::figures::{Unit, amount, count, signed_amount};
use crate::format::units::span;
use crate::leak::facts::TimeReason;
use crate::leak::judge::passive::Undecided;
use crate::leak::judge::shape::{Growth, Shape, Stairs};
use crate::leak::judge::work::{self, Work};
use crate::leak::judge::{Interval, Verdict};

impl Shape {
    pub(in crate::leak) fn summary(&self, unit: Unit) -> String {
        let signed = |size: f64| signed_amount(size, unit);
        match self {
            Self::Unknown => "too few readings to see a shape".to_owned(),
            Self::Level => "level".to_owned(),
            Self::Step { size, at } => format!("one step of {} at {}", signed(*size), span(*at)),
            Self::Steps { size, at } => {
                format!("{} steps of {}, at {}", at.len(), signed(*size), spans(at))
            }
            Self::WarmUp { level_since, step, .. } => {
                let step = step.map_or_else(String::new, |(size, at)| {
                    format!(", and one step of {} at {}", signed(size), span(at))
                });
                format!("warm-up, level since {}{step}", span(*level_since))
            }
            Self::Line { per_minute } => format!("a line of {} per minute", signed(*per_minute)),
            Self::Staircase(stairs) => format!("{}: a staircase", steps(*stairs, unit)),
            Self::ChangePoint { level_until, growth } => {
                format!("level until {}, then {}", span(*level_until), grown(growth, unit))
            }
            Self::Stopped { since, at, growth, lifetime } => {
                let level = since.map_or_else(String::new, |since| {
                    format!("level until {}, then ", span(since))
                });
                format!(
                    "{level}{} until {}, level since then: growth that stopped, as if something ended \
                     each after {}",
                    grown(growth, unit),
                    span(*at),
                    about(*lifetime)
                )
            }
            Self::Sawtooth { low, high, period } => format!(
                "sawtooth between {} and {} every {}",
                amount(*low, unit),
                amount(*high, unit),
                span(*period)
            ),
            Self::FellBack { size, at } => format!(
                "rises, and fell back by {} at {}: too few falls for a sawtooth",
                amount(*size, unit),
                spans(at)
            ),
            Self::Falling => "falling".to_owned(),
            Self::Rising => "still rising, may be a slow warm-up".to_owned(),
        }
    }
}

/// `30s and 1m`.
fn spans(at: &[f64]) -> String {
    at.iter().map(|at| span(*at)).collect::<Vec<_>>().join(" and ")
}

/// `+16 every 30s`.
fn steps(stairs: Stairs, unit: Unit) -> String {
    format!("{} every {}", signed_amount(stairs.size, unit), span(stairs.period))
}

/// `+8 every 30s, +16/min`, or `+60/min (59.2 .. 60.8)`.
fn grown(growth: &Growth, unit: Unit) -> String {
    let Interval { estimate, low, high } = growth.per_minute;
    let rate = signed_amount(estimate, unit);
    match growth.stairs {
        Some(stairs) => format!("{} ({rate}/min)", steps(stairs, unit)),
        None => format!("{rate}/min ({} .. {})", amount(low, unit), amount(high, unit)),
    }
}

/// Rounds an estimated time to 5 s, or to 30 s above two minutes.
pub(super) fn about(seconds: f64) -> String {
    let to = if seconds < 120.0 { 5.0 } else { 30.0 };
    span(((seconds / to).round() * to).max(to))
}

impl Undecided {
    /// `None` if the shape already explains it.
    pub(super) fn summary(self, unit: Unit) -> Option<String> {
        let amount = |value: f64| amount(value, unit);
        Some(match self {
            Self::TooShort { min_seconds } => {
                format!("too short to decide: below {}", span(min_seconds))
            }
            Self::DetectionLimit { up_to, tolerance: allowed } => {
                let limit =
                    format!("growth of up to {} per minute cannot be ruled out", amount(up_to));
                match allowed > 0.0 && allowed < up_to {
                    true => format!(
                        "{limit}, {} is allowed: the limit of detection is missed by a factor of {}",
                        amount(allowed),
                        factor(up_to / allowed)
                    ),
                    false => format!("{limit}, {} is allowed", amount(allowed)),
                }
            }
            Self::WarmUp => {
                "it rises, and a slow warm-up or one step would look the same".to_owned()
            }
            Self::NearEnd => {
                "it rose too near to the end: growth that goes on and one step look the same"
                    .to_owned()
            }
            Self::NearTolerance { tolerance } => {
                format!("too near to what is allowed, {} per minute", amount(tolerance))
            }
            Self::Bounded => return None,
        })
    }
}

/// Two decimals near 1, otherwise one or none.
fn factor(ratio: f64) -> String {
    match ratio {
        ratio if ratio < 1.1 => format!("{ratio:.2}"),
        ratio if ratio < 10.0 => format!("{ratio:.1}"),
        ratio => format!("{ratio:.0}"),
    }
}

impl TimeReason {
    pub(in crate::leak) fn summary(&self, unit: Unit) -> String {
        let mut parts = Vec::new();
        if self.verdict == Verdict::Leak && self.cycles_may_add {
            parts.push("by time or by cycles, which a longer run can separate".to_owned());
        }
        if let Some(late) = &self.late {
            parts.push(format!("since {} alone: {}", span(late.since), late.verdict));
        }
        if self.verdict == Verdict::Inconclusive {
            parts.extend(self.undecided.and_then(|undecided| undecided.summary(unit)));
        }
        if let Some(work) = &self.work
            && (work.stopped_at.is_some() || work.last_to_first.is_some_and(|ratio| ratio < 0.5))
        {
            parts.push(work.summary());
        }
        if !parts.is_empty() {
            return parts.join("; ");
        }
        let text = match self.verdict {
            Verdict::Leak => "significant",
            Verdict::Clean => "below the tolerance",
            Verdict::Inconclusive => "not clear",
            Verdict::Invalid => "not judged",
        };
        text.to_owned()
    }
}

impl Work {
    /// `480 cycles per minute`, `work stopped at 6m: 0 cycles since`.
    pub(crate) fn summary(&self) -> String {
        let unit = self.unit.as_str();
        let rate = match self.unit {
            work::Unit::Followers => String::new(),
            work::Unit::Cycles | work::Unit::Lines => {
                format!("{} {unit} per minute", count(self.per_minute))
            }
        };
        match self.stopped_at {
            Some(_) if self.total <= 0.0 => format!("nothing was done: 0 {unit}"),
            Some(at) if rate.is_empty() => {
                format!("work stopped at {}: 0 {unit} since", span(at))
            }
            Some(at) => format!("work stopped at {}: 0 {unit} since, {rate} before", span(at)),
            None => match self.last_to_first {
                Some(ratio) if ratio < 0.5 => format!(
                    "{rate}, but the last third did only {} % of the first",
                    count((100.0 * ratio).round())
                ),
                _ => rate,
            },
        }
    }
}
