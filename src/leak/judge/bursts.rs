//! Bursts in the readings of a driven run: a count that rises far and falls back shortly after.
//!
//! They are taken out before the judge of rungs compares anything, and by a rule that does not look at
//! which rungs were driven: so the coin still decides the signs, and the test stays valid.

use std::collections::BTreeSet;

use super::driven::Rung;
use super::sound;

/// Seconds that a burst lasts at most.
const BURST: f64 = 20.0;

/// The rungs of a run without their bursts.
pub(super) struct Calm {
    /// As they came, with other readings.
    pub(super) rungs: Vec<Rung>,
    /// What counts as a far fall.
    pub(super) deep: f64,
    /// Pairs whose difference a burst has taken away: it rose in a rung of one kind and fell in one of
    /// the other, so that nobody knows what of the rise was growth. They bend an estimate.
    pub(super) unclear: BTreeSet<usize>,
}

impl Calm {
    /// Where a reading falls far and another had risen far shortly before, those between are lowered.
    pub(super) fn of(rungs: &[Rung]) -> Self {
        // Before and after of each rung, by turns.
        let mut times = Vec::with_capacity(2 * rungs.len());
        let mut values = Vec::with_capacity(2 * rungs.len());
        for rung in rungs {
            times.extend([rung.at - rung.seconds, rung.at]);
            values.extend([rung.before, rung.after]);
        }
        let rise = |values: &[f64], n: usize| values[n] - values[n - 1];
        let mut falls: Vec<f64> =
            (1..values.len()).map(|n| -rise(&values, n)).filter(|fall| *fall > 0.0).collect();
        falls.sort_unstable_by(f64::total_cmp);
        // Most falls may be ends of bursts; of scatter alone a quarter is below 0.3186 deviations.
        let usual = falls.get(falls.len() / 4).map_or(0.0, |fall| fall / 0.3186);
        let deep = 4.0 * usual.max(1.0);
        let mut unclear = BTreeSet::new();
        for n in 1..values.len() {
            let fall = -rise(&values, n);
            if !(sound(fall) && fall > deep) {
                continue;
            }
            let begun = (1..n)
                .rev()
                .take_while(|from| times[n] - times[*from] <= BURST)
                .filter(|from| sound(rise(&values, *from)))
                .max_by(|a, b| rise(&values, *a).total_cmp(&rise(&values, *b)));
            if let Some(from) = begun
                && rise(&values, from) > deep
            {
                // Growth of its own makes the one larger and the other smaller.
                let by = f64::midpoint(fall, rise(&values, from));
                values[from..n].iter_mut().for_each(|value| *value -= by);
                if rungs[from / 2].driven != rungs[n / 2].driven {
                    unclear.extend([from / 4, n / 4]);
                }
            } else if times[n] - times[0] <= BURST {
                // It had begun before the first reading.
                values[..n].iter_mut().for_each(|value| *value -= fall);
            }
        }
        let calmed = rungs.iter().zip(values.chunks_exact(2));
        let calmed = calmed.map(|(rung, two)| Rung { before: two[0], after: two[1], ..*rung });
        Self { rungs: calmed.collect(), deep, unclear }
    }
}
