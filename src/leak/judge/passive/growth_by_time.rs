//! The result of a passive judge: growth by time of one metric.

use serde::Serialize;

use crate::leak::judge::shape::Shape;
use crate::leak::judge::work::Work;
use crate::leak::judge::{Interval, Options, Verdict};

/// Growth by time of one metric.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Passive {
    /// INVALID if the work stopped.
    pub(crate) verdict: Verdict,
    pub(crate) shape: Shape,
    /// `None` if the run is too short.
    pub(crate) p: Option<f64>,
    /// Growth per minute after the warm-up, steps included: Theil-Sen slope with a 99 % interval.
    pub(crate) per_minute: Option<Interval>,
    /// Growth per minute that neither a step nor a pool explains. The bounds are one-sided at `1 - alpha`.
    pub(crate) unexplained: Option<Interval>,
    /// How much the line improves BIC.
    pub(crate) gain: Option<f64>,
    /// The z-value of the Mann-Kendall test for a trend.
    pub(crate) rise: Option<f64>,
    /// The part after growth stopped, judged separately.
    pub(crate) late: Option<Late>,
    /// Why there is no clear verdict.
    pub(crate) undecided: Option<Undecided>,
    /// Cycles went on at the same time and may have caused some of the growth.
    pub(crate) cycles_may_add: bool,
    /// The work done, if it was counted.
    pub(crate) work: Option<Work>,
    /// The smallest growth per minute that this run detects with a power of 80 %.
    pub(crate) smallest: Option<f64>,
    /// The length in seconds of a run that would decide.
    pub(crate) run_at_least: Option<f64>,
    /// Start and end of the judged readings, in seconds since the start.
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

/// Why a run has no clear verdict.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum Undecided {
    /// Too few readings, or over too short a time.
    TooShort {
        /// The required length in seconds.
        #[serde(rename = "least_seconds")]
        min_seconds: f64,
    },
    /// It may be level, but growth above the tolerance cannot be ruled out.
    DetectionLimit {
        /// The largest growth per minute that cannot be ruled out.
        up_to: f64,
        /// The tolerated growth per minute.
        tolerance: f64,
    },
    /// It rises, but a slow pool or one step would look the same.
    WarmUp,
    /// It rose near the end: one step, or the start of growth.
    NearEnd,
    /// It grew significantly, but by too little in total, or its interval contains the tolerance.
    NearTolerance {
        /// The tolerated growth per minute.
        tolerance: f64,
    },
    /// It grew and stopped. What bounds it may not be the program itself.
    Bounded,
}

impl Passive {
    /// The result without any reading.
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

    /// Whether growth per minute is significantly above the tolerance.
    pub(crate) fn rising(&self, options: &Options) -> bool {
        self.verdict == Verdict::Leak
            || self.late.is_none()
                && self.unexplained.is_some_and(|slope| slope.low > options.max_per_minute)
    }

    /// Whether it grew by more than the tolerance, but a warm-up or a step would look the same. In a run that is too
    /// short for a fit: any growth above the scatter.
    pub(crate) fn may_grow(&self, options: &Options) -> bool {
        let minutes = (self.window.1 - self.window.0) / 60.0;
        let grew = |slope: Interval| {
            self.unexplained.is_none()
                && slope.estimate > options.max_per_minute
                && slope.estimate * minutes >= 2.0 * options.min_growth()
        };
        self.verdict == Verdict::Inconclusive
            && self.per_minute.is_some_and(|s| s.low > options.max_per_minute || grew(s))
    }
}
