//! The sign-flip permutation test (Fisher's randomization test): how often do random signs give a sum as large?
//!
//! It needs no model of the noise, because the random order of phases decides each sign. With few terms it tries all
//! signs, with many it draws random ones. If even many draws could not give a p-value as small as needed, it uses a
//! bound. The choice depends on the number of terms, alpha and the number of tests, never on the values.

use super::Options;
use super::stats::normal_quantile;

/// The maximum of terms for trying all signs.
const EXACT_MAX_TERMS: usize = 16;
/// The minimum and maximum of draws.
const DRAWS_RANGE: (u32, u32) = (4000, 2_000_000);
/// Drawing ends after this many draws reached the sum.
const REACHED_MAX: u32 = 1000;

/// How the p-value is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PValueMethod {
    /// Tries all signs.
    Exact,
    /// Draws this many sets of signs.
    MonteCarlo(u32),
    /// Chernoff's bound, which is never below the p-value.
    Bound,
}

impl PValueMethod {
    /// The method for this many terms. Uses ten times as many draws as the first rejection in Holm's procedure needs,
    /// or a bound if that is too many.
    pub(super) fn of(terms: usize, options: &Options) -> Self {
        let needed = (10.0 * options.tests() / options.clamped_alpha()).ceil();
        if terms <= EXACT_MAX_TERMS {
            return Self::Exact;
        }
        if needed > f64::from(DRAWS_RANGE.1) {
            return Self::Bound;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded")]
        let draws = needed as u32;
        Self::MonteCarlo(draws.max(DRAWS_RANGE.0))
    }

    /// The smallest possible p-value for this many terms.
    pub(super) fn min_p_value(self, terms: usize) -> f64 {
        match self {
            // The bound is exact for equal terms.
            Self::Exact | Self::Bound => 0.5_f64.powi(i32::try_from(terms).unwrap_or(i32::MAX)),
            Self::MonteCarlo(draws) => 1.0 / f64::from(draws + 1),
        }
    }

    /// The z-value at which a sum of many terms has the p-value `alpha`.
    pub(super) fn critical_value(self, alpha: f64) -> f64 {
        match self {
            Self::Exact | Self::MonteCarlo(_) => normal_quantile(1.0 - alpha),
            Self::Bound => (-2.0 * alpha.ln()).sqrt(),
        }
    }
}

/// The p-value: the probability that random signs give a sum of `values` times `weights` as large as the observed one.
///
/// Returns 1 without values, or if one is not finite.
pub(super) fn sign_flip(values: &[f64], weights: &[f64], method: PValueMethod, seed: u64) -> f64 {
    let terms: Vec<f64> = values.iter().zip(weights).map(|(v, w)| v * w).collect();
    let observed: f64 = terms.iter().sum();
    let slack = 1e-9 * terms.iter().map(|term| term.abs()).sum::<f64>();
    if slack == 0.0 || !slack.is_finite() {
        return 1.0;
    }
    let threshold = observed - slack;
    match method {
        PValueMethod::Exact => exact(&terms, observed, threshold),
        PValueMethod::MonteCarlo(draws) => monte_carlo(&terms, threshold, draws, seed),
        PValueMethod::Bound => bound(&terms, threshold),
    }
}

/// The share of all signs that reach `threshold`. Takes 2^n steps for n terms.
fn exact(terms: &[f64], observed: f64, threshold: f64) -> f64 {
    // Gray code: each step flips one sign.
    let (mut signs, mut sum, mut reached) = (0_u32, observed, 1_u32);
    for step in 1..1_u32 << terms.len() {
        let flip = step.trailing_zeros() as usize;
        sum += if signs >> flip & 1 == 0 { -2.0 } else { 2.0 } * terms[flip];
        signs ^= 1 << flip;
        reached += u32::from(sum >= threshold);
    }
    f64::from(reached) / 2.0_f64.powi(i32::try_from(terms.len()).unwrap_or(i32::MAX))
}

fn monte_carlo(terms: &[f64], threshold: f64, draws: u32, seed: u64) -> f64 {
    // The sum for each choice of eight signs, so that a draw takes one look-up for eight terms.
    let tables: Vec<Vec<f64>> = terms
        .chunks(8)
        .map(|eight| {
            let sum = |bits: u32| -> f64 {
                let sign = |n: usize| if bits >> n & 1 == 0 { 1.0 } else { -1.0 };
                eight.iter().enumerate().map(|(n, term)| sign(n) * term).sum()
            };
            (0..256).map(sum).collect()
        })
        .collect();
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut reached, mut tried) = (0, 0);
    // Stopping early is valid (Besag and Clifford 1991), and a large p-value needs no precision.
    while tried < draws && reached < REACHED_MAX {
        let mut sum = 0.0;
        for part in tables.chunks(8) {
            let bytes = random.u64(..).to_le_bytes();
            sum += part.iter().zip(bytes).map(|(t, byte)| t[usize::from(byte)]).sum::<f64>();
        }
        reached += u32::from(sum >= threshold);
        tried += 1;
    }
    if reached == REACHED_MAX {
        return f64::from(reached) / f64::from(tried);
    }
    f64::from(reached + 1) / f64::from(draws + 1)
}

/// Chernoff's bound on the share of all signs that reach `threshold`: the minimum of `E e^(t S) / e^(t threshold)`
/// over `t >= 0`. For signs `E e^(t S)` is a product of `cosh`.
fn bound(terms: &[f64], threshold: f64) -> f64 {
    let sizes: Vec<f64> = terms.iter().map(|term| term.abs()).collect();
    let top = sizes.iter().copied().fold(0.0, f64::max);
    if threshold <= 0.0 || top <= 0.0 {
        return 1.0;
    }
    // The exponent is convex in `t`, so bisection of its slope finds the minimum.
    let rises =
        |t: f64| sizes.iter().map(|size| size * (t * size).tanh()).sum::<f64>() >= threshold;
    let (mut low, mut high) = (0.0, 1.0 / top);
    // Above 40 `tanh` is 1, so a larger `t` gains nothing.
    while !rises(high) && high * top < 40.0 {
        low = high;
        high *= 2.0;
    }
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if rises(middle) { high = middle } else { low = middle }
    }
    let ln_cosh = |x: f64| x + (-2.0 * x).exp().ln_1p() - std::f64::consts::LN_2;
    let exponent = sizes.iter().map(|size| ln_cosh(high * size)).sum::<f64>() - high * threshold;
    exponent.exp().clamp(f64::MIN_POSITIVE, 1.0)
}
