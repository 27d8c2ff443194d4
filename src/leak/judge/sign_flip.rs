//! The sign-flip permutation test (Fisher's randomization test): how often do random signs give a sum as large?
//!
//! It needs no model of the noise, because the random order decided each sign. It tries all signs when there are
//! few, draws them when there are many, and takes a bound when even many draws could not give a p-value as small
//! as is needed. Only the number of terms, alpha and the number of tests decide which, never the values.

use super::Options;
use super::stats::normal_quantile;

/// Up to this many terms all signs are tried.
const EXACT_MAX_TERMS: usize = 16;
/// Above that this many sets of signs are drawn, at least and at most.
const DRAWS_RANGE: (u32, u32) = (4000, 2_000_000);
/// Drawing ends when this many draws have reached the sum.
const REACHED_MAX: u32 = 1000;

/// How the p-value is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PValueMethod {
    /// All signs are tried.
    Exact,
    /// This many sets of signs are drawn.
    MonteCarlo(u32),
    /// Chernoff's bound, which is never below the p-value.
    Bound,
}

impl PValueMethod {
    /// For this many terms. Draws are ten times as many as Holm's procedure needs to reject the first of all the
    /// tests that share `alpha`; when that is too many, the p-value is bounded.
    pub(super) fn of(terms: usize, options: &Options) -> Self {
        let wanted = (10.0 * options.tests() / options.chance()).ceil();
        if terms <= EXACT_MAX_TERMS {
            return Self::Exact;
        }
        if wanted > f64::from(DRAWS_RANGE.1) {
            return Self::Bound;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded")]
        let draws = wanted as u32;
        Self::MonteCarlo(draws.max(DRAWS_RANGE.0))
    }

    /// The smallest p-value that this many terms can give.
    pub(super) fn min_p_value(self, terms: usize) -> f64 {
        match self {
            // The bound of equal terms is exact.
            Self::Exact | Self::Bound => 0.5_f64.powi(i32::try_from(terms).unwrap_or(i32::MAX)),
            Self::MonteCarlo(draws) => 1.0 / f64::from(draws + 1),
        }
    }

    /// How many deviations a sum of many terms must have for a p-value of `alpha`.
    pub(super) fn critical_value(self, alpha: f64) -> f64 {
        match self {
            Self::Exact | Self::MonteCarlo(_) => normal_quantile(1.0 - alpha),
            Self::Bound => (-2.0 * alpha.ln()).sqrt(),
        }
    }
}

/// The p-value: the probability that random signs give a sum of `values` times `weights` as large as theirs.
///
/// `values` and `weights` go together and should be finite. Nothing to sum gives 1.
pub(super) fn sign_flip(values: &[f64], weights: &[f64], method: PValueMethod, seed: u64) -> f64 {
    let terms: Vec<f64> = values.iter().zip(weights).map(|(v, w)| v * w).collect();
    let observed: f64 = terms.iter().sum();
    let slack = 1e-9 * terms.iter().map(|term| term.abs()).sum::<f64>();
    if slack == 0.0 || !slack.is_finite() {
        return 1.0;
    }
    let least = observed - slack;
    match method {
        PValueMethod::Exact => exact(&terms, observed, least),
        PValueMethod::MonteCarlo(draws) => monte_carlo(&terms, least, draws, seed),
        PValueMethod::Bound => bound(&terms, least),
    }
}

/// The share of all signs that reach `least`; of at most some twenty terms.
fn exact(terms: &[f64], observed: f64, least: f64) -> f64 {
    // Gray code: from one choice of signs to the next only one of them turns.
    let (mut signs, mut sum, mut reached) = (0_u32, observed, 1_u32);
    for step in 1..1_u32 << terms.len() {
        let turn = step.trailing_zeros() as usize;
        sum += if signs >> turn & 1 == 0 { -2.0 } else { 2.0 } * terms[turn];
        signs ^= 1 << turn;
        reached += u32::from(sum >= least);
    }
    f64::from(reached) / 2.0_f64.powi(i32::try_from(terms.len()).unwrap_or(i32::MAX))
}

fn monte_carlo(terms: &[f64], least: f64, draws: u32, seed: u64) -> f64 {
    // What each choice of eight signs adds, so that a draw is one look per eight terms.
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
    // Stopping here is as valid (Besag and Clifford 1991), and a p-value that large is known well enough.
    while tried < draws && reached < REACHED_MAX {
        let mut sum = 0.0;
        for part in tables.chunks(8) {
            let bytes = random.u64(..).to_le_bytes();
            sum += part.iter().zip(bytes).map(|(t, byte)| t[usize::from(byte)]).sum::<f64>();
        }
        reached += u32::from(sum >= least);
        tried += 1;
    }
    if reached == REACHED_MAX {
        return f64::from(reached) / f64::from(tried);
    }
    f64::from(reached + 1) / f64::from(draws + 1)
}

/// No less than the share of all signs that reach `least`: `E e^(t S) / e^(t least)` is that for any
/// `t` from 0, and the smallest of them is taken. For signs `E e^(t S)` is a product of `cosh`.
fn bound(terms: &[f64], least: f64) -> f64 {
    let sizes: Vec<f64> = terms.iter().map(|term| term.abs()).collect();
    let top = sizes.iter().copied().fold(0.0, f64::max);
    if least <= 0.0 || top <= 0.0 {
        return 1.0;
    }
    // The exponent is convex in `t`: its slope is looked for where it turns from falling to rising.
    let rises = |t: f64| sizes.iter().map(|size| size * (t * size).tanh()).sum::<f64>() >= least;
    let (mut low, mut high) = (0.0, 1.0 / top);
    // At 40 all of `tanh` is 1, and nothing more is to be gained.
    while !rises(high) && high * top < 40.0 {
        low = high;
        high *= 2.0;
    }
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if rises(middle) { high = middle } else { low = middle }
    }
    let ln_cosh = |x: f64| x + (-2.0 * x).exp().ln_1p() - std::f64::consts::LN_2;
    let exponent = sizes.iter().map(|size| ln_cosh(high * size)).sum::<f64>() - high * least;
    exponent.exp().clamp(f64::MIN_POSITIVE, 1.0)
}
