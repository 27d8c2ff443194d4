//! Removes spikes from the readings of a driven run: a count that rises far and falls back shortly after.
//!
//! The rule ignores which phases were driven. So the random order still decides the signs of the differences, and the
//! permutation test stays valid.

use std::collections::BTreeSet;

use super::is_usable;
use super::pairs::Phase;

/// A spike lasts this many seconds at most.
const SPIKE_MAX_SECONDS: f64 = 20.0;

/// The phases of a run without their spikes.
pub(super) struct Despiked {
    /// The phases with corrected readings.
    pub(super) phases: Vec<Phase>,
    /// Larger falls count as the end of a spike.
    pub(super) fall_threshold: f64,
    /// Pairs in which a spike rose in a drive phase and fell in an idle phase, or the reverse. The part of the rise that
    /// was growth is unknown, so these pairs bias an estimate.
    pub(super) ambiguous_pairs: BTreeSet<usize>,
}

impl Despiked {
    /// Lowers the readings between a far rise and a far fall shortly after it.
    pub(super) fn new(phases: &[Phase]) -> Self {
        // The readings before and after each phase, in order.
        let mut times = Vec::with_capacity(2 * phases.len());
        let mut values = Vec::with_capacity(2 * phases.len());
        for phase in phases {
            times.extend([phase.at - phase.seconds, phase.at]);
            values.extend([phase.before, phase.after]);
        }
        let rise = |values: &[f64], n: usize| values[n] - values[n - 1];
        let mut falls: Vec<f64> =
            (1..values.len()).map(|n| -rise(&values, n)).filter(|fall| *fall > 0.0).collect();
        falls.sort_unstable_by(f64::total_cmp);
        // Most falls may be ends of spikes. A quarter of normal scatter is below 0.3186 standard deviations.
        let scatter = falls.get(falls.len() / 4).map_or(0.0, |fall| fall / 0.3186);
        let fall_threshold = 4.0 * scatter.max(1.0);
        let mut ambiguous_pairs = BTreeSet::new();
        for n in 1..values.len() {
            let fall = -rise(&values, n);
            if !(is_usable(fall) && fall > fall_threshold) {
                continue;
            }
            let start = (1..n)
                .rev()
                .take_while(|from| times[n] - times[*from] <= SPIKE_MAX_SECONDS)
                .filter(|from| is_usable(rise(&values, *from)))
                .max_by(|a, b| rise(&values, *a).total_cmp(&rise(&values, *b)));
            if let Some(from) = start
                && rise(&values, from) > fall_threshold
            {
                // Growth makes the rise larger and the fall smaller, so the size of the spike is their mean.
                let size = f64::midpoint(fall, rise(&values, from));
                values[from..n].iter_mut().for_each(|value| *value -= size);
                if phases[from / 2].driven != phases[n / 2].driven {
                    ambiguous_pairs.extend([from / 4, n / 4]);
                }
            } else if times[n] - times[0] <= SPIKE_MAX_SECONDS {
                // The spike started before the first reading.
                values[..n].iter_mut().for_each(|value| *value -= fall);
            }
        }
        let corrected = phases.iter().zip(values.chunks_exact(2));
        let corrected =
            corrected.map(|(phase, two)| Phase { before: two[0], after: two[1], ..*phase });
        Self { phases: corrected.collect(), fall_threshold, ambiguous_pairs }
    }
}
