//! What is found on one metric, as growth by time.

use serde::Serialize;

use crate::leak::judge::shape::Shape;
use crate::leak::judge::work::Work;
use crate::leak::judge::{Interval, Options, Verdict};

/// What a passive run says of one metric.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Passive {
    /// LEAK, CLEAN, INCONCLUSIVE, or INVALID when there was no work.
    pub(crate) verdict: Verdict,
    /// What the series looks like.
    pub(crate) shape: Shape,
    /// The p-value; `None` when nothing could be decided.
    pub(crate) p: Option<f64>,
    /// Growth per minute after warm-up, steps and all, by Theil and Sen (99 %).
    pub(crate) per_minute: Option<Interval>,
    /// Growth per minute that neither a step nor a pool explains (`1 - alpha` to each side).
    pub(crate) unexplained: Option<Interval>,
    /// By how much the line is wanted, in units of BIC.
    pub(crate) gain: Option<f64>,
    /// The rise by order alone, in standard deviations (Mann-Kendall).
    pub(crate) rise: Option<f64>,
    /// Where growth stopped, the part after that judged for itself.
    pub(crate) late: Option<Late>,
    /// What kept it from a verdict, where it has none.
    pub(crate) undecided: Option<Undecided>,
    /// Cycles went on meanwhile, and may have made some of the growth.
    pub(crate) cycles_may_add: bool,
    /// The work done, when it was counted.
    pub(crate) work: Option<Work>,
    /// The smallest growth per minute that this run would have found four times in five.
    pub(crate) smallest: Option<f64>,
    /// Seconds that would decide, when this run did not.
    pub(crate) run_at_least: Option<f64>,
    /// From when to when readings were judged, seconds since the start.
    pub(crate) window: (f64, f64),
}

/// The part of a run after its growth had stopped.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Late {
    /// Seconds since the start.
    #[serde(rename = "since_seconds")]
    pub(crate) since: f64,
    /// The verdict on this part alone.
    pub(crate) verdict: Verdict,
    /// Growth per minute in it.
    pub(crate) per_minute: Option<Interval>,
}

/// What kept a run from a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum Undecided {
    /// Too few readings, or over too short a time.
    TooShort {
        /// Seconds that are enough.
        #[serde(rename = "least_seconds")]
        least: f64,
    },
    /// It may be level, and growth above what is allowed cannot be ruled out.
    DetectionLimit {
        /// Growth per minute up to here cannot be ruled out.
        up_to: f64,
        /// Growth per minute that is tolerated.
        tolerance: f64,
    },
    /// It rises, and a pool that fills slowly, or one step, would look the same.
    WarmUp,
    /// It has risen near the end: once, or from now on.
    NearEnd,
    /// It grew by more than chance, and by less than `least` in all, or not surely more than is allowed.
    NearTolerance {
        /// Growth per minute that is tolerated.
        tolerance: f64,
    },
    /// It grew and stopped: something bounds it that may not be the program.
    Bounded,
}

impl Passive {
    /// Where nothing was looked at.
    pub(crate) fn unknown() -> Self {
        Self::undecided(Shape::Unknown, (0.0, 0.0))
    }

    pub(super) fn undecided(shape: Shape, window: (f64, f64)) -> Self {
        Self {
            verdict: Verdict::Inconclusive,
            shape,
            p: None,
            per_minute: None,
            unexplained: None,
            gain: None,
            rise: None,
            late: None,
            undecided: None,
            cycles_may_add: false,
            work: None,
            smallest: None,
            run_at_least: None,
            window,
        }
    }

    /// Whether growth per minute is above what is allowed, as far as is known.
    pub(crate) fn rising(&self, options: &Options) -> bool {
        self.verdict == Verdict::Leak
            || self.late.is_none()
                && self.unexplained.is_some_and(|slope| slope.low > options.max_per_minute)
    }

    /// Whether it grew by more than is allowed, and a leak looks the same as a warm-up or a
    /// step. Where the run was too short even for that, any growth that is larger than scatter.
    pub(crate) fn may_grow(&self, options: &Options) -> bool {
        let minutes = (self.window.1 - self.window.0) / 60.0;
        let grew = |slope: Interval| {
            self.unexplained.is_none()
                && slope.estimate > options.max_per_minute
                && slope.estimate * minutes >= 2.0 * options.least()
        };
        self.verdict == Verdict::Inconclusive
            && self.per_minute.is_some_and(|s| s.low > options.max_per_minute || grew(s))
    }
}
