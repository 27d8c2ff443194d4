//! Fits shapes to the lower envelope by least squares, and compares them by BIC (Bayesian information criterion).
//!
//! A shape is a sum of a level, a saturation (a pool that fills), one step and a line. A series leaks if it needs the
//! line. One pass finds the best position of the step: with the other columns orthonormal, its gain follows from
//! running sums. So some hundred shapes cost as much as a few fits.

/// A mean squared error below this counts as none, because counts are whole numbers.
const ROUNDING_MSE: f64 = 0.25;
/// The variance of rounding to whole numbers: the minimum for residuals.
const ROUNDING_VARIANCE: f64 = 1.0 / 12.0;

/// Which shapes to fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// Shapes that stop growing: a level, a step, a pool.
    Ending,
    /// The same, plus a line.
    Rising,
}

/// A shape fitted to points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fit {
    /// The time constant of the saturation in seconds.
    pub(super) tau: Option<f64>,
    /// The first point after the step.
    pub(super) step: Option<usize>,
    pub(super) family: Family,
    /// The sum of squared residuals.
    pub(super) rss: f64,
    /// Smaller is better.
    pub(super) bic: f64,
}

/// A level and a line, for [`slope`].
pub(super) const LINE: Fit =
    Fit { tau: None, step: None, family: Family::Rising, rss: 0.0, bic: 0.0 };

/// The slope of the line in a shape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Slope {
    /// Per second.
    pub(super) estimate: f64,
    /// Its standard error, corrected for correlated residuals.
    pub(super) error: f64,
    /// Degrees of freedom of the error.
    pub(super) df: f64,
}

/// Orthonormal columns (Gram-Schmidt, twice for accuracy).
#[derive(Default)]
struct Basis(Vec<Vec<f64>>);

impl Basis {
    /// The residual of a column after the others, and its length.
    fn residual(&self, mut column: Vec<f64>) -> (Vec<f64>, f64) {
        for _ in 0..2 {
            for known in &self.0 {
                let share = dot(known, &column);
                column.iter_mut().zip(known).for_each(|(value, k)| *value -= share * k);
            }
        }
        let length = dot(&column, &column).sqrt();
        (column, length)
    }

    /// Adds a column and returns true, unless it is a linear combination of the others.
    fn add(&mut self, column: Vec<f64>) -> bool {
        let before = dot(&column, &column).sqrt();
        let (mut rest, length) = self.residual(column);
        let new = length > 1e-6 * before && length > 0.0;
        if new {
            rest.iter_mut().for_each(|value| *value /= length);
            self.0.push(rest);
        }
        new
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn times(points: &[(f64, f64)]) -> impl Iterator<Item = f64> {
    let first = points.first().map_or(0.0, |point| point.0);
    points.iter().map(move |point| point.0 - first)
}

fn saturation(points: &[(f64, f64)], tau: f64) -> Vec<f64> {
    times(points).map(|t| 1.0 - (-t / tau).exp()).collect()
}

/// The time constants to fit in a window of `window` seconds.
fn taus(window: f64) -> [f64; 9] {
    let share = |part: f64| window / part;
    [
        share(16.0),
        share(10.0),
        share(6.0),
        share(4.0),
        share(3.0),
        share(2.0),
        share(1.5),
        60.0,
        120.0,
    ]
}

/// The best shape of a family. Points are (seconds, value), in order of time.
pub(super) fn best(points: &[(f64, f64)], window: f64, family: Family) -> Fit {
    let values: Vec<f64> = points.iter().map(|point| point.1).collect();
    let pools = taus(window).into_iter().map(Some);
    std::iter::once(None)
        .chain(pools)
        .flat_map(|tau| shapes(points, &values, tau, family))
        .min_by(|a, b| a.bic.total_cmp(&b.bic))
        .unwrap_or(Fit { tau: None, step: None, family, rss: 0.0, bic: 0.0 })
}

/// The fit without a step, and the best one with a step.
fn shapes(
    points: &[(f64, f64)],
    values: &[f64],
    tau: Option<f64>,
    family: Family,
) -> impl Iterator<Item = Fit> {
    let n = points.len();
    let mut basis = Basis::default();
    let mut is_independent = basis.add(vec![1.0; n]);
    if let Some(tau) = tau {
        is_independent &= basis.add(saturation(points, tau));
    }
    if family == Family::Rising {
        is_independent &= basis.add(times(points).collect());
    }
    let (rest, length) = basis.residual(values.to_vec());
    let rss = length * length;
    let step = steps(&basis, &rest).max_by(|a, b| a.1.total_cmp(&b.1));
    let fit = |step: Option<(usize, f64)>| {
        let rss = (rss - step.map_or(0.0, |(_, gain)| gain)).max(0.0);
        // Two parameters each: level and scatter, the step, the pool.
        let pieces = usize::from(tau.is_some()) + usize::from(step.is_some());
        let parameters = (2 + 2 * pieces + usize::from(family == Family::Rising)) as f64;
        let bic = n as f64 * (rss / n as f64 + ROUNDING_MSE).ln() + parameters * (n as f64).ln();
        Fit { tau, step: step.map(|(at, _)| at), family, rss, bic }
    };
    let fits = [Some(fit(None)), step.map(|step| fit(Some(step)))];
    fits.into_iter().flatten().filter(move |_| is_independent)
}

/// For each position of a step, how much it reduces the sum of squares.
fn steps(basis: &Basis, rest: &[f64]) -> impl Iterator<Item = (usize, f64)> {
    let n = rest.len();
    let mut sums = vec![0.0; basis.0.len()];
    let (mut sum, mut gains) = (0.0, Vec::new());
    for at in (1..n).rev() {
        sum += rest[at];
        sums.iter_mut().zip(&basis.0).for_each(|(sum, column)| *sum += column[at]);
        let square = (n - at) as f64 - sums.iter().map(|sum| sum * sum).sum::<f64>();
        if at + 2 <= n && at >= 2 && square > 1e-6 {
            gains.push((at, sum * sum / square));
        }
    }
    gains.into_iter()
}

/// The slope of the line in the shape of `fit`. `None` without enough points.
pub(super) fn slope(points: &[(f64, f64)], fit: &Fit) -> Option<Slope> {
    let n = points.len();
    let mut basis = Basis::default();
    basis.add(vec![1.0; n]);
    if let Some(tau) = fit.tau {
        basis.add(saturation(points, tau));
    }
    if let Some(step) = fit.step {
        basis.add((0..n).map(|at| if at < step { 0.0 } else { 1.0 }).collect());
    }
    let (line, length) = basis.residual(times(points).collect());
    if length <= 1e-6 {
        return None;
    }
    let values: Vec<f64> = points.iter().map(|point| point.1).collect();
    let (rest, _) = basis.residual(values);
    let estimate = dot(&line, &rest) / (length * length);
    let residuals: Vec<f64> = rest.iter().zip(&line).map(|(r, l)| r - estimate * l).collect();
    let squares = dot(&residuals, &residuals);
    let pieces = usize::from(fit.tau.is_some()) + usize::from(fit.step.is_some());
    let df = n.saturating_sub(2 + 2 * pieces).max(1) as f64;
    let next: f64 = residuals.windows(2).map(|two| two[0] * two[1]).sum();
    let rho = if squares > 1e-9 { (next / squares).clamp(0.0, 0.6) } else { 0.0 };
    let variance = (squares / df).max(ROUNDING_VARIANCE) * (1.0 + rho) / (1.0 - rho);
    Some(Slope { estimate, error: variance.sqrt() / length, df })
}

/// The residual sum of squares of a straight line.
pub(super) fn line_rss(points: &[(f64, f64)]) -> f64 {
    let mut basis = Basis::default();
    basis.add(vec![1.0; points.len()]);
    basis.add(times(points).collect());
    let (_, length) = basis.residual(points.iter().map(|point| point.1).collect());
    length * length
}

/// The size of the step; 0 without one.
pub(super) fn step_size(points: &[(f64, f64)], fit: &Fit) -> f64 {
    let Some(step) = fit.step else { return 0.0 };
    let column = (0..points.len()).map(|at| if at < step { 0.0 } else { 1.0 }).collect();
    let others = fit.tau.map(|tau| saturation(points, tau));
    coefficient(points, others, column)
}

/// The size of the pool; 0 without one.
pub(super) fn pool_size(points: &[(f64, f64)], fit: &Fit) -> f64 {
    let Some(tau) = fit.tau else { return 0.0 };
    let n = points.len();
    let others = fit.step.map(|step| (0..n).map(|at| f64::from(u8::from(at >= step))).collect());
    coefficient(points, others, saturation(points, tau))
}

/// The coefficient of a column, in a fit with a level and `other`.
fn coefficient(points: &[(f64, f64)], other: Option<Vec<f64>>, column: Vec<f64>) -> f64 {
    let mut basis = Basis::default();
    basis.add(vec![1.0; points.len()]);
    if let Some(other) = other {
        basis.add(other);
    }
    let (column, length) = basis.residual(column);
    let values: Vec<f64> = points.iter().map(|point| point.1).collect();
    if length > 1e-9 { dot(&column, &values) / (length * length) } else { 0.0 }
}

/// Fits a level and a line that meet at time `at`. Returns the residual sum of squares and the slope per second.
pub(super) fn hinge(points: &[(f64, f64)], at: f64, side: Side) -> Option<(f64, f64)> {
    let mut basis = Basis::default();
    basis.add(vec![1.0; points.len()]);
    let bend = |seconds: f64| match side {
        Side::Before => seconds.min(at),
        Side::After => seconds.max(at),
    };
    let (column, length) = basis.residual(points.iter().map(|point| bend(point.0)).collect());
    let values: Vec<f64> = points.iter().map(|point| point.1).collect();
    let (rest, total) = basis.residual(values);
    if length <= 1e-9 {
        return None;
    }
    let slope = dot(&column, &rest) / (length * length);
    Some((total * total - slope * slope * length * length, slope))
}

/// The side of the bend that has the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// It rises, and is level afterwards.
    Before,
    /// It is level, and rises afterwards.
    After,
}
