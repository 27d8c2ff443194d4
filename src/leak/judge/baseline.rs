//! A run held against an earlier one: only growth that is new is a leak.
//!
//! A difference of two rates proves no leak by itself: a warm-up, one step or a slow pool make one
//! as well. So LEAK needs that this run is a LEAK by its own judge, which knows those, and that the
//! same figure was lower before; the larger of both chances is the one that Holm's procedure gets.

use serde::Serialize;

use super::compare::error;
use super::driven::Driven;
use super::passive::Passive;
use super::stats::{Z995, normal_above};
use super::words::{count, signed};
use super::{Interval, Options, Verdict};

/// A rate and how sure its bounds are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// The rate.
    pub rate: Interval,
    /// The confidence of the interval, like 0.99.
    pub confidence: f64,
}

impl Figure {
    /// A rate whose bounds hold with this confidence.
    pub fn new(rate: Interval, confidence: f64) -> Self {
        Self { rate, confidence }
    }
}

/// What a rate is counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// Streams opened and closed.
    Cycle,
    /// Time.
    Minute,
}

/// One figure of this run, with what its own judge says of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Own {
    /// What the rate is counted by.
    pub by: By,
    /// The verdict of its judge.
    pub verdict: Verdict,
    /// The chance of so much without a leak, where it was tested.
    pub p: Option<f64>,
    /// It proves no leak, and forbids CLEAN.
    pub doubt: bool,
    /// The rate; nothing when there was too little to tell one.
    pub figure: Option<Figure>,
}

impl Own {
    /// The figures of a driven run: per cycle, and per minute while idle.
    pub fn driven(driven: &Driven, options: &Options) -> Vec<Self> {
        let confidence = 1.0 - 2.0 * options.chance();
        let cycle = Self {
            by: By::Cycle,
            verdict: driven.verdict,
            p: driven.p,
            doubt: false,
            figure: driven.per_cycle.map(|rate| Figure::new(rate, confidence)),
        };
        let [idle] = Self::passive(&driven.idle, options);
        let doubt = idle.doubt || driven.idle.may_grow(options);
        vec![cycle, Self { doubt, ..idle }]
    }

    /// The one figure of a passive run.
    pub fn passive(passive: &Passive, options: &Options) -> [Self; 1] {
        let bounded = passive.late.is_some() && passive.verdict != Verdict::Clean;
        [Self {
            by: By::Minute,
            verdict: passive.verdict,
            p: passive.p,
            doubt: passive.rising(options) || bounded,
            figure: passive.per_minute.map(|rate| Figure::new(rate, 0.99)),
        }]
    }
}

/// The figures of the earlier run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Earlier {
    /// Growth per cycle.
    pub per_cycle: Option<Figure>,
    /// Growth per minute.
    pub per_minute: Option<Figure>,
}

/// One figure now and then.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Part {
    /// What the rate is counted by.
    pub by: By,
    /// LEAK for growth that is new, CLEAN for none, else INCONCLUSIVE.
    pub verdict: Verdict,
    /// The chance of both, the leak and the difference, without new growth.
    pub p: Option<f64>,
    /// It forbids CLEAN although it proves nothing.
    pub doubt: bool,
    /// The rate now minus the rate then, with its interval (99 %).
    pub difference: Option<Interval>,
    /// What this run says alone.
    pub own: Verdict,
}

/// A run against an earlier one, figure by figure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Against {
    /// What all figures say together.
    pub verdict: Verdict,
    /// One by one.
    pub parts: Vec<Part>,
}

/// Holds the figures of a run against those of an earlier one.
///
/// Each is LEAK when this run is one by its own judge and the rate has risen, by its interval and
/// by more than is allowed; CLEAN when this run is CLEAN, or the rise is below what is allowed;
/// else INCONCLUSIVE.
pub fn against(now: &[Own], before: &Earlier, options: &Options) -> Against {
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

fn part(own: &Own, before: &Earlier, options: &Options) -> Part {
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

/// Now minus then, and the chance of so much without a difference.
fn difference(now: Figure, before: Figure, by: By) -> Option<(Interval, f64)> {
    // No rate is known better than this; a cycle is a small part of a minute.
    let least = if by == By::Minute { 0.05 } else { 1e-6 };
    let error =
        error(now.rate, now.confidence, least).hypot(error(before.rate, before.confidence, least));
    let estimate = now.rate.estimate - before.rate.estimate;
    let reach = Z995 * error;
    let sound = estimate.is_finite() && reach.is_finite();
    let rise = Interval { estimate, low: estimate - reach, high: estimate + reach };
    sound.then(|| (rise, normal_above(estimate / error).clamp(f64::MIN_POSITIVE, 1.0)))
}

impl Part {
    /// It in words: "new growth: +32 per minute (30.8 .. 33.2) against the earlier run".
    pub fn words(&self) -> String {
        let by = if self.by == By::Cycle { "per cycle" } else { "per minute" };
        let Some(Interval { estimate, low, high }) = self.difference else {
            return format!("{by}: {} alone; nothing in the earlier run to compare with", self.own);
        };
        let bounds = format!("({} .. {})", count(low), count(high));
        let than = format!("{} {by} {bounds} against the earlier run", signed(estimate));
        match self.verdict {
            Verdict::Leak => format!("new growth: {than}"),
            Verdict::Clean if high < 0.0 => format!("grows less: {than}"),
            Verdict::Clean => format!("no new growth: {than}"),
            _ => format!("cannot tell: {than}; this run alone is {}", self.own),
        }
    }
}

impl Against {
    /// It in words, all figures.
    pub fn words(&self) -> String {
        self.parts.iter().map(Part::words).collect::<Vec<String>>().join("; ")
    }
}
