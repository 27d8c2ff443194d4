//! The smallest growth that a passive run detects, before the run and after.

use crate::leak::judge::Options;

/// Shorter runs decide nothing, because a warm-up and a leak look alike.
pub(crate) const MIN_SECONDS: f64 = 180.0;

/// The same for the readings at rest of a driven run.
pub(super) const MIN_SECONDS_AT_REST: f64 = 300.0;

/// A line differs from a pool above this growth over the window, in standard deviations of the floor.
pub(super) const LINE_MIN_DEVIATIONS: f64 = 25.0;
/// The minimum standard deviation of a count.
pub(super) const COUNT_SD_MIN: f64 = 0.5;

/// The length of the warm-up in a run of this length, in seconds. The judge skips it.
pub(super) fn warmup_seconds(length: f64) -> f64 {
    (0.2 * length).max(60.0).min(0.5 * length)
}

/// The growth per minute above which a line differs from a pool in this window.
pub(super) fn growth_needed(scatter: f64, minutes: f64, options: &Options) -> f64 {
    (LINE_MIN_DEVIATIONS * scatter.max(COUNT_SD_MIN)).max(options.min_growth()) / minutes
}

/// The smallest growth per minute that a run detects if counts scatter by `scatter`. A run may do better, because the
/// minima of blocks scatter less. `None` for a run that is too short.
pub(crate) fn smallest_leak(seconds: f64, scatter: f64, options: &Options) -> Option<f64> {
    let minutes = (seconds - warmup_seconds(seconds)) / 60.0;
    (MIN_SECONDS <= seconds)
        .then(|| growth_needed(scatter, minutes, options).max(options.max_per_minute))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leak::judge::Reading;
    use crate::leak::judge::passive::judge;

    #[test]
    fn the_planned_detection_limit_agrees_with_that_of_a_run() {
        let options = Options::default();
        assert_eq!(smallest_leak(179.0, 1.0, &options), None);
        let mut random = fastrand::Rng::with_seed(4);
        for seconds in [600.0, 1800.0] {
            let mut limits: Vec<f64> = (0..40)
                .map(|_| {
                    let times = (0..).map(|n| 2.0 * f64::from(n)).take_while(|at| *at <= seconds);
                    // Uniform from -1.73 to 1.73: a standard deviation of 1.
                    let mut value = |_| 200.0 + (random.f64() - 0.5) * 12.0_f64.sqrt();
                    let readings: Vec<Reading> = times
                        .map(|at| Reading { seconds: at, cycles: 0.0, value: value(at) })
                        .collect();
                    judge(&readings, None, &options).smallest.unwrap()
                })
                .collect();
            limits.sort_by(f64::total_cmp);
            let planned = smallest_leak(seconds, 1.0, &options).unwrap();
            let (smallest, largest) = (limits[0], limits[39]);
            let is_near = 0.2 * planned < smallest && largest <= planned;
            assert!(is_near, "{planned}: {smallest} .. {largest}");
        }
    }
}
