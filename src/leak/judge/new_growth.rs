//! Compares a run with an earlier one (`--baseline`): only new growth is a leak.
//!
//! A difference of two rates alone proves no leak, because a warm-up, one step or a slow pool make one as well. So
//! LEAK needs two things: this run is a LEAK by its own judge, and the same figure was lower before. Holm's
//! procedure gets the larger of both p-values.

use serde::Serialize;

use super::dependence::error;
use super::driven::Driven;
use super::passive::Passive;
use super::stats::{Z995, normal_sf};
use super::{Interval, Options, Verdict};

/// A rate and how sure its bounds are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Figure {
    pub(crate) rate: Interval,
    /// The confidence of the interval, like 0.99.
    pub(crate) confidence: f64,
}

impl Figure {
    /// A rate whose bounds hold with this confidence.
    pub(crate) fn new(rate: Interval, confidence: f64) -> Self {
        Self { rate, confidence }
    }
}

/// The unit that a rate is counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum By {
    /// Streams opened and closed.
    Cycle,
    Minute,
}

/// One figure of this run, with the verdict of its own judge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct OwnFigure {
    /// What the rate is counted by.
    pub(crate) by: By,
    /// The verdict of its judge.
    pub(crate) verdict: Verdict,
    /// The p-value, when it was tested.
    pub(crate) p: Option<f64>,
    /// It proves no leak, and forbids CLEAN.
    pub(crate) doubt: bool,
    /// The rate; `None` when there was too little data.
    pub(crate) figure: Option<Figure>,
}

impl OwnFigure {
    /// The figures of a driven run: per cycle, and per minute while idle.
    pub(crate) fn driven(driven: &Driven, options: &Options) -> [Self; 2] {
        let confidence = 1.0 - 2.0 * options.chance();
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

    /// The one figure of a passive run.
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

/// The figures of the earlier run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Earlier {
    pub(crate) per_cycle: Option<Figure>,
    /// Growth per minute.
    pub(crate) per_minute: Option<Figure>,
}

/// One figure in this run and in the earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Part {
    /// What the rate is counted by.
    pub(crate) by: By,
    /// LEAK for new growth, CLEAN for none, else INCONCLUSIVE.
    pub(crate) verdict: Verdict,
    /// The p-value of both, the leak and the difference.
    pub(crate) p: Option<f64>,
    /// It forbids CLEAN although it proves nothing.
    pub(crate) doubt: bool,
    /// The rate now minus the rate then, with its interval (99 %).
    pub(crate) difference: Option<Interval>,
    /// The verdict of this run alone.
    pub(crate) own: Verdict,
}

/// A run compared with an earlier one, figure by figure.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Against {
    /// The verdict of all figures together.
    pub(crate) verdict: Verdict,
    pub(crate) parts: Vec<Part>,
}

/// Compares the figures of a run with those of an earlier one.
///
/// A figure is LEAK when this run is one by its own judge and the rate has risen, by its interval and by more than
/// the tolerance. It is CLEAN when this run is CLEAN, or when the rise is below the tolerance; else INCONCLUSIVE.
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
    let apart = own.figure.zip(before).and_then(|(now, before)| difference(now, before, own.by));
    let difference = apart.map(|apart| apart.0);
    let below = difference.is_some_and(|rise| rise.high < allowed);
    let risen = difference.is_some_and(|rise| rise.low > 0.0 && rise.estimate > allowed);
    let verdict = match own.verdict {
        Verdict::Clean | Verdict::Invalid => own.verdict,
        _ if below => Verdict::Clean,
        Verdict::Leak if risen => Verdict::Leak,
        _ => Verdict::Inconclusive,
    };
    let doubt = verdict == Verdict::Inconclusive && (own.doubt || own.verdict == Verdict::Leak);
    let p = own.p.zip(apart).map(|(p, apart)| p.max(apart.1));
    Part { by: own.by, verdict, p, doubt, difference, own: own.verdict }
}

/// This run minus the earlier one, and the p-value of the difference.
fn difference(now: Figure, before: Figure, by: By) -> Option<(Interval, f64)> {
    // No rate is known better than this. A cycle is a small part of a minute.
    let least = if by == By::Minute { 0.05 } else { 1e-6 };
    let error =
        error(now.rate, now.confidence, least).hypot(error(before.rate, before.confidence, least));
    let estimate = now.rate.estimate - before.rate.estimate;
    let half_width = Z995 * error;
    let sound = estimate.is_finite() && half_width.is_finite();
    let rise = Interval { estimate, low: estimate - half_width, high: estimate + half_width };
    sound.then(|| (rise, normal_sf(estimate / error).clamp(f64::MIN_POSITIVE, 1.0)))
}
