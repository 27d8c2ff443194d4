//! The smallest growth that a passive run detects, before it is run and after.

use crate::leak::judge::Options;

/// Nothing is decided below this many seconds: warm-up and leak look alike.
pub(crate) const MIN_SECONDS: f64 = 180.0;

/// Nor, by readings at rest of a driven run, below these.
pub(super) const MIN_SECONDS_AT_REST: f64 = 300.0;

/// A line differs from a pool from this growth over the window on, in deviations of the floor.
pub(super) const LINE_MIN_DEVIATIONS: f64 = 25.0;
/// The least scatter that whole numbers have.
pub(super) const COUNT_SD_MIN: f64 = 0.5;

/// Seconds of a run of this length that are not judged: what warms up rises then.
pub(super) fn warmup_seconds(length: f64) -> f64 {
    (0.2 * length).max(60.0).min(0.5 * length)
}

/// The growth per minute at which a line differs from a pool in a window, with this scatter.
pub(super) fn growth_needed(scatter: f64, minutes: f64, options: &Options) -> f64 {
    (LINE_MIN_DEVIATIONS * scatter.max(COUNT_SD_MIN)).max(options.least()) / minutes
}

/// The smallest growth per minute that a run of this many seconds detects, when counts scatter by `scatter`; at
/// best, since the lowest of each block scatter less. Nothing where it is too short to decide.
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
    fn what_is_promised_is_what_a_run_says_of_itself() {
        let options = Options::default();
        assert_eq!(smallest_leak(179.0, 1.0, &options), None);
        let mut random = fastrand::Rng::with_seed(4);
        for seconds in [600.0, 1800.0] {
            let mut said: Vec<f64> = (0..40)
                .map(|_| {
                    let times = (0..).map(|n| 2.0 * f64::from(n)).take_while(|at| *at <= seconds);
                    // Uniform from -1.73 to 1.73: a deviation of 1.
                    let mut value = |_| 200.0 + (random.f64() - 0.5) * 12.0_f64.sqrt();
                    let readings: Vec<Reading> = times
                        .map(|at| Reading { seconds: at, cycles: 0.0, value: value(at) })
                        .collect();
                    judge(&readings, None, &options).smallest.unwrap()
                })
                .collect();
            said.sort_by(f64::total_cmp);
            let promised = smallest_leak(seconds, 1.0, &options).unwrap();
            let (least, most) = (said[0], said[39]);
            assert!(0.2 * promised < least && most <= promised, "{promised}: {least} .. {most}");
        }
    }
}
