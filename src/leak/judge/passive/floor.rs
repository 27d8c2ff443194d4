//! The floor of a series (the minimum of each block), and the shapes fitted to it.

use super::envelope_fit::{self as fit, Family, Fit, Slope};
use crate::leak::judge::stats::t_quantile;
use crate::leak::judge::trend::{Kendall, mann_kendall};
use crate::leak::judge::{Interval, Options};

/// Block lengths in seconds.
pub(super) const BLOCK_SECONDS: [f64; 6] = [15.0, 30.0, 60.0, 90.0, 180.0, 360.0];

/// A floor with its best fits.
pub(super) struct Floor {
    pub(super) points: Vec<(f64, f64)>,
    pub(super) ends: Fit,
    pub(super) line: Fit,
    pub(super) slope: Slope,
}

/// Widens the slope per minute of a short run. Counts have many ties, and consecutive readings are correlated. So the
/// range of the values, at least 1, may be growth.
pub(super) fn widen_short(slope: Interval, points: &[(f64, f64)], seconds: f64) -> Interval {
    let values = points.iter().map(|point| point.1);
    let (low, high) = (values.clone().fold(f64::MAX, f64::min), values.fold(f64::MIN, f64::max));
    let half_width = (high - low).max(1.0) * 60.0 / seconds.max(1.0);
    let (low, high) = (slope.estimate - half_width, slope.estimate + half_width);
    Interval { low: slope.low.min(low), high: slope.high.max(high), ..slope }
}

pub(super) fn kendall(floor: &Floor) -> Kendall {
    mann_kendall(&floor.points.iter().map(|point| point.1).collect::<Vec<f64>>())
}

/// The floor with the smallest error of its slope, over all block lengths with 8 to 32 blocks.
pub(super) fn floor(points: &[(f64, f64)], window: f64) -> Option<Floor> {
    let long = [32.0, 16.0, 8.0].map(|blocks| window / blocks);
    let beyond = long.into_iter().filter(|length| *length > BLOCK_SECONDS[5]);
    BLOCK_SECONDS
        .into_iter()
        .chain(beyond)
        .filter(|length| (8.0..33.0).contains(&(window / length + 0.01).floor()))
        .filter_map(|length| {
            let points = lowest(points, length);
            if points.len() < 8 {
                return None;
            }
            let line = fit::best(&points, window, Family::Rising);
            let slope = fit::slope(&points, &line)?;
            Some(Floor { ends: fit::best(&points, window, Family::Ending), line, slope, points })
        })
        .min_by(|a, b| a.slope.error.total_cmp(&b.slope.error))
}

/// The floor with the most blocks, if the shape of `floor` is complex: few long blocks do not show where it bends.
pub(super) fn finest(floor: &Floor, points: &[(f64, f64)], window: f64) -> Option<Floor> {
    let pieces = |fit: &Fit| usize::from(fit.tau.is_some()) + usize::from(fit.step.is_some());
    let line = floor.ends.bic - floor.line.bic >= 6.0;
    if pieces(&floor.ends) < 2 && !(line && pieces(&floor.line) > 0) {
        return None;
    }
    let blocks = BLOCK_SECONDS.into_iter().map(|length| lowest(points, length));
    let points = blocks.filter(|blocks| (8..=32).contains(&blocks.len())).max_by_key(Vec::len)?;
    if points.len() <= floor.points.len() {
        return None;
    }
    let line = fit::best(&points, window, Family::Rising);
    let slope = fit::slope(&points, &line)?;
    Some(Floor { ends: fit::best(&points, window, Family::Ending), line, slope, points })
}

/// The minimum of each block, at the time of its first occurrence.
pub(super) fn lowest(points: &[(f64, f64)], length: f64) -> Vec<(f64, f64)> {
    let block = |point: &(f64, f64)| (point.0 / length).floor();
    points
        .chunk_by(|a, b| block(a).total_cmp(&block(b)).is_eq())
        .filter_map(|part| part.iter().copied().min_by(|a, b| a.1.total_cmp(&b.1)))
        .collect()
}

/// About fifty evenly spaced points.
pub(super) fn thin(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    points.iter().copied().step_by(points.len() / 50 + 1).collect()
}

pub(super) fn interval(slope: Slope, options: &Options) -> Interval {
    let half_width = t_quantile(1.0 - options.clamped_alpha(), slope.df) * slope.error;
    let estimate = slope.estimate;
    Interval { estimate, low: estimate - half_width, high: estimate + half_width }.scaled(60.0)
}
