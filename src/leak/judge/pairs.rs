//! On/off pairs: a drive phase and an idle phase next to each other, and the growth in each.

use super::sound;

/// How much longer than the idle phase the drive phase of a pair may be, at least and at most.
const LENGTH_RATIO: (f64, f64) = (0.5, 2.0);

/// One phase and the readings at rest around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Phase {
    /// Whether streams were opened and closed in it.
    pub(crate) driven: bool,
    /// Seconds since the start at its end.
    pub(crate) at: f64,
    pub(crate) cycles: f64,
    /// Seconds from the one reading to the other.
    pub(crate) seconds: f64,
    /// The reading at rest before it; NaN when it is missing.
    pub(crate) before: f64,
    /// The reading at rest after it; NaN when it is missing.
    pub(crate) after: f64,
}

/// A drive phase and an idle phase, next to each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pair {
    /// Cycles of the drive phase above those of the idle one.
    pub(crate) cycles: f64,
    /// Growth in the drive phase.
    pub(crate) driven: f64,
    /// Growth in the idle phase, scaled to the length of the drive phase.
    pub(crate) idle: f64,
}

impl Pair {
    /// Two phases, one of them driven. `None` when a reading is missing, or when their lengths differ too much.
    pub(crate) fn of(one: Phase, other: Phase) -> Option<Self> {
        let (driven, idle) = match (one.driven, other.driven) {
            (true, false) => (one, other),
            (false, true) => (other, one),
            _ => return None,
        };
        let numbers = [one.before, one.after, other.before, other.after, one.cycles, other.cycles];
        let growth = |phase: Phase| phase.after - phase.before;
        // Growth by time is larger in the longer phase.
        let longer = driven.seconds / idle.seconds;
        let alike = LENGTH_RATIO.0 <= longer && longer <= LENGTH_RATIO.1;
        (alike && numbers.iter().copied().all(sound)).then(|| Self {
            cycles: (driven.cycles - idle.cycles).max(0.0),
            driven: growth(driven),
            idle: growth(idle) * longer,
        })
    }

    /// The pairs of a run in which at least one cycle happened, each with its index among all pairs.
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
