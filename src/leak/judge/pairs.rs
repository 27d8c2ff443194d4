//! On/off pairs: adjacent drive and idle phases, and the growth in each.

use super::is_usable;

/// The minimum and maximum length of a drive phase, relative to its idle phase.
const LENGTH_RATIO: (f64, f64) = (0.5, 2.0);

/// One phase and the readings at rest around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Phase {
    pub(crate) driven: bool,
    /// Its end, in seconds since the start.
    pub(crate) at: f64,
    pub(crate) cycles: f64,
    /// Seconds between its two readings.
    pub(crate) seconds: f64,
    /// The reading at rest before it; NaN if missing.
    pub(crate) before: f64,
    /// The reading at rest after it; NaN if missing.
    pub(crate) after: f64,
}

/// A drive phase and an idle phase, next to each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pair {
    /// Cycles of the drive phase minus those of the idle phase.
    pub(crate) cycles: f64,
    /// Growth in the drive phase.
    pub(crate) driven: f64,
    /// Growth in the idle phase, scaled to the length of the drive phase.
    pub(crate) idle: f64,
}

impl Pair {
    /// `None` unless one phase is driven, all readings are there, and the lengths are similar.
    pub(crate) fn of(first: Phase, second: Phase) -> Option<Self> {
        let (driven, idle) = match (first.driven, second.driven) {
            (true, false) => (first, second),
            (false, true) => (second, first),
            _ => return None,
        };
        let numbers =
            [first.before, first.after, second.before, second.after, first.cycles, second.cycles];
        let growth = |phase: Phase| phase.after - phase.before;
        // Growth by time is proportional to the length.
        let ratio = driven.seconds / idle.seconds;
        let is_similar = LENGTH_RATIO.0 <= ratio && ratio <= LENGTH_RATIO.1;
        (is_similar && numbers.iter().copied().all(is_usable)).then(|| Self {
            cycles: (driven.cycles - idle.cycles).max(0.0),
            driven: growth(driven),
            idle: growth(idle) * ratio,
        })
    }

    /// The pairs with at least one cycle, each with its index among all pairs.
    pub(super) fn with_cycles(phases: &[Phase]) -> impl Iterator<Item = (usize, Self)> {
        let pairs = phases.chunks_exact(2).enumerate();
        pairs
            .filter_map(|(n, two)| Some((n, Self::of(two[0], two[1])?)))
            .filter(|(_, pair)| pair.cycles >= 0.5)
    }

    /// Growth while driven minus growth while idle.
    pub(crate) fn difference(self) -> f64 {
        self.driven - self.idle
    }
}
