//! Compares a run with an earlier one (`--baseline`): only new growth is a leak.
//!
//! A difference of two rates alone proves no leak, because a warm-up, one step or a slow pool cause one too. So LEAK
//! requires that this run is a LEAK by itself, and that the rate was lower before. Holm's procedure gets the larger of
//! both p-values.

use serde::Serialize;

use super::dependence::error;
use super::driven::Driven;
use super::passive::Passive;
use super::stats::{Z995, normal_sf};
use super::{Interval, Options, Verdict};

/// A rate with the confidence of its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Figure {
    pub(crate) rate: Interval,
    /// Like 0.99.
    pub(crate) confidence: f64,
}

impl Figure {
    pub(crate) fn new(rate: Interval, confidence: f64) -> Self {
        Self { rate, confidence }
    }
}

/// The unit of a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum By {
    /// Streams opened and closed.
    Cycle,
    Minute,
}

/// A rate of this run, with its verdict.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct OwnFigure {
    pub(crate) by: By,
    pub(crate) verdict: Verdict,
    /// `None` if it was not tested.
    pub(crate) p: Option<f64>,
    /// It forbids CLEAN although it proves no leak.
    pub(crate) doubt: bool,
    /// `None` without enough data.
    pub(crate) figure: Option<Figure>,
}

impl OwnFigure {
    /// The rates of a driven run: per cycle, and per minute while idle.
    pub(crate) fn driven(driven: &Driven, options: &Options) -> [Self; 2] {
        let confidence = 1.0 - 2.0 * options.clamped_alpha();
        let cycle = Self {
            by: By::Cycle,
            verdict: driven.verdict,
            p: driven.p,
            doubt: false,
            figure: driven.per_cycle.map(|rate| Figure::new(rate, confidence)),
        };
        let idle = Self::passive(&driven.idle, options);
        let doubt = idle.doubt || driven.idle.may_grow(options);
        [cycle, Self { doubt, ..idle }]
    }

    /// The rate of a passive run.
    pub(crate) fn passive(passive: &Passive, options: &Options) -> Self {
        let bounded = passive.late.is_some() && passive.verdict != Verdict::Clean;
        Self {
            by: By::Minute,
            verdict: passive.verdict,
            p: passive.p,
            doubt: passive.rising(options) || bounded,
            figure: passive.per_minute.map(|rate| Figure::new(rate, 0.99)),
        }
    }
}

/// The rates of the earlier run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Earlier {
    pub(crate) per_cycle: Option<Figure>,
    pub(crate) per_minute: Option<Figure>,
}

/// A rate, compared with the earlier run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Part {
    pub(crate) by: By,
    /// LEAK for new growth, CLEAN for none, else INCONCLUSIVE.
    pub(crate) verdict: Verdict,
    /// The larger p-value of the leak and of the difference.
    pub(crate) p: Option<f64>,
    /// It forbids CLEAN although it proves no leak.
    pub(crate) doubt: bool,
    /// The rate now minus the earlier rate, with a 99 % interval.
    pub(crate) difference: Option<Interval>,
    /// The verdict of this run alone.
    pub(crate) own: Verdict,
}

/// A run compared with an earlier one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Against {
    pub(crate) verdict: Verdict,
    pub(crate) parts: Vec<Part>,
}

/// Compares the rates of a run with those of an earlier one.
///
/// A rate is LEAK if this run is LEAK by itself, and the rate rose significantly and by more than the tolerance. It is
/// CLEAN if this run is CLEAN, or if the rise is below the tolerance. Otherwise it is INCONCLUSIVE.
pub(crate) fn against(now: &[OwnFigure], before: &Earlier, options: &Options) -> Against {
    let parts: Vec<Part> = now.iter().map(|own| part(own, before, options)).collect();
    let any = |verdict: Verdict| parts.iter().any(|part| part.verdict == verdict);
    let verdict = if any(Verdict::Leak) {
        Verdict::Leak
    } else if any(Verdict::Invalid) {
        Verdict::Invalid
    } else if any(Verdict::Clean) && !parts.iter().any(|part| part.doubt) {
        Verdict::Clean
    } else {
        Verdict::Inconclusive
    };
    Against { verdict, parts }
}

fn part(own: &OwnFigure, before: &Earlier, options: &Options) -> Part {
    let (before, allowed) = match own.by {
        By::Cycle => (before.per_cycle, options.max_per_cycle),
        By::Minute => (before.per_minute, options.max_per_minute),
    };
    let compared = own.figure.zip(before).and_then(|(now, before)| difference(now, before, own.by));
    let difference = compared.map(|(rise, _)| rise);
    let below = difference.is_some_and(|rise| rise.high < allowed);
    let risen = difference.is_some_and(|rise| rise.low > 0.0 && rise.estimate > allowed);
    let verdict = match own.verdict {
        Verdict::Clean | Verdict::Invalid => own.verdict,
        _ if below => Verdict::Clean,
        Verdict::Leak if risen => Verdict::Leak,
        _ => Verdict::Inconclusive,
    };
    let doubt = verdict == Verdict::Inconclusive && (own.doubt || own.verdict == Verdict::Leak);
    let p = own.p.zip(compared).map(|(p, (_, rise_p))| p.max(rise_p));
    Part { by: own.by, verdict, p, doubt, difference, own: own.verdict }
}

/// This run minus the earlier one, and the p-value of the difference.
fn difference(now: Figure, before: Figure, by: By) -> Option<(Interval, f64)> {
    // The minimum standard error of a rate.
    let min_error = if by == By::Minute { 0.05 } else { 1e-6 };
    let error = error(now.rate, now.confidence, min_error).hypot(error(
        before.rate,
        before.confidence,
        min_error,
    ));
    let estimate = now.rate.estimate - before.rate.estimate;
    let half_width = Z995 * error;
    let is_finite = estimate.is_finite() && half_width.is_finite();
    let rise = Interval { estimate, low: estimate - half_width, high: estimate + half_width };
    is_finite.then(|| (rise, normal_sf(estimate / error).clamp(f64::MIN_POSITIVE, 1.0)))
}
