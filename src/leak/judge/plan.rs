//! The plan of a driven run: a warm-up, then on/off pairs in random order. Pure.
//!
//! A pair is a drive phase and an idle phase of the same length. A random bit decides which comes first. That makes
//! the permutation test valid for any noise.

use super::Options;
use super::design::WARMUP_CYCLES;
use super::power::{self, RateError};

/// This many short pairs come first, to find a large leak soon.
const SHORT_PAIRS: usize = 10;
/// `drive` and `settle` of a short phase.
const SHORT_PHASE_SECONDS: (f64, f64) = (2.0, 1.0);

/// One phase: `drive` seconds with or without load, then `settle` seconds of rest, then a reading.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Step {
    pub(crate) driven: bool,
    /// Seconds of load, or of waiting.
    pub(crate) drive: f64,
    /// Seconds of rest before the reading.
    pub(crate) settle: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    /// Seconds of load before the first reading.
    pub(crate) warmup: f64,
    /// Cycles of the warm-up.
    pub(crate) warmup_cycles: f64,
    /// Each two steps are a pair.
    pub(crate) steps: Vec<Step>,
    /// Cycles per second under load.
    pub(crate) cycles_per_second: f64,
    /// The seed of the random order.
    pub(crate) seed: u64,
}

impl Plan {
    /// The plan of a run of this many seconds at this many cycles per second.
    pub(crate) fn new(seconds: f64, cycles_per_second: f64, seed: u64) -> Self {
        let seconds = if seconds.is_finite() { seconds.clamp(0.0, 1e7) } else { 0.0 };
        let pace = if cycles_per_second.is_finite() { cycles_per_second.max(0.0) } else { 0.0 };
        let short = 2.0 * (SHORT_PHASE_SECONDS.0 + SHORT_PHASE_SECONDS.1);
        let long = if seconds < 300.0 {
            SHORT_PHASE_SECONDS
        } else if seconds < 1800.0 {
            (8.0, 2.0)
        } else {
            (16.0, 4.0)
        };
        // A run too short for both shortens the warm-up, because it needs ten pairs.
        let filling = if pace > 0.0 { WARMUP_CYCLES / pace } else { 0.0 };
        let spare = (seconds - SHORT_PAIRS as f64 * short).max(0.0);
        let warmup = filling.min(spare).max(0.2 * seconds);
        let mut random = fastrand::Rng::with_seed(seed);
        let (mut steps, mut at) = (Vec::new(), warmup);
        loop {
            let (drive, settle) =
                if steps.len() < 2 * SHORT_PAIRS { SHORT_PHASE_SECONDS } else { long };
            at += 2.0 * (drive + settle);
            if at > seconds + 1e-9 {
                break;
            }
            let first = random.bool();
            steps.extend([first, !first].map(|driven| Step { driven, drive, settle }));
        }
        Self { warmup, warmup_cycles: warmup * pace, steps, cycles_per_second: pace, seed }
    }

    /// Seconds from the start to the last reading.
    pub(crate) fn seconds(&self) -> f64 {
        self.warmup + self.steps.iter().map(|step| step.drive + step.settle).sum::<f64>()
    }

    pub(crate) fn pairs(&self) -> usize {
        self.steps.len() / 2
    }

    /// The smallest leak per cycle that the run detects with a power of 80 %, if readings at rest have the standard
    /// deviation `sigma` (typically 1 for counts). The judge uses the same formula. `None` with too few pairs.
    pub(crate) fn smallest_leak(&self, sigma: f64, options: &Options) -> Option<f64> {
        let driven = self.steps.iter().filter(|step| step.driven);
        let cycles: Vec<f64> =
            driven.map(|step| step.drive * self.cycles_per_second).filter(|c| *c > 0.0).collect();
        if cycles.is_empty() || !sigma.is_finite() {
            return None;
        }
        // A pair has three readings, and the middle one counts twice.
        let error = RateError::expected(6.0_f64.sqrt() * sigma.abs(), &cycles);
        let options = Options { warmup_cycles: self.warmup_cycles, ..options.clone() };
        power::smallest(error, &cycles, cycles.len(), &options)
    }
}
