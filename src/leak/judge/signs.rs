//! The sign-flip test: how often do random signs give a sum as large? (Fisher's randomisation test.)
//!
//! Valid without any model of the noise, where a coin decided each sign. Apart from the judge that
//! asks, since it is three ways to one number: all signs where they are few, drawn ones where they
//! are many, and a bound where even so many draws could not give a chance as small as is asked for.
//! Which of them is decided by the question alone (terms, alpha, tests), never by the values, so that
//! no choice is made in favour of an answer.

use super::Options;
use super::stats::normal_quantile;

/// Terms up to which all signs are tried.
const EXACT: usize = 16;
/// Signs drawn above that, at least and at most.
const DRAWS: (u32, u32) = (4000, 2_000_000);
/// Draws that reach the sum after which no more are made.
const ENOUGH: u32 = 1000;

/// How the chance is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// All signs are tried.
    Counted,
    /// So many signs are drawn.
    Drawn(u32),
    /// At most so much (Chernoff's bound).
    Bounded,
}

impl Way {
    /// For so many terms: drawn are ten times as many as Holm's procedure needs to reject the first of
    /// all the tests that share `alpha`; where those are too many, the chance is bounded.
    pub(super) fn of(terms: usize, options: &Options) -> Self {
        let wanted = (10.0 * options.tests() / options.chance()).ceil();
        if terms <= EXACT {
            return Self::Counted;
        }
        if wanted > f64::from(DRAWS.1) {
            return Self::Bounded;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded")]
        let draws = wanted as u32;
        Self::Drawn(draws.max(DRAWS.0))
    }

    /// The least chance that so many terms can give.
    pub(super) fn finest(self, terms: usize) -> f64 {
        match self {
            // The bound of equal terms is exact.
            Self::Counted | Self::Bounded => 0.5_f64.powi(i32::try_from(terms).unwrap_or(i32::MAX)),
            Self::Drawn(draws) => 1.0 / f64::from(draws + 1),
        }
    }

    /// How many deviations a sum of many terms must have for a chance of `alpha`.
    pub(super) fn asks(self, alpha: f64) -> f64 {
        match self {
            Self::Counted | Self::Drawn(_) => normal_quantile(1.0 - alpha),
            Self::Bounded => (-2.0 * alpha.ln()).sqrt(),
        }
    }
}

/// The chance that random signs give a sum of `values` times `weights` as large as theirs.
///
/// `values` and `weights` go together and should be finite. Nothing to sum gives 1.
pub(super) fn sign_flip(values: &[f64], weights: &[f64], way: Way, seed: u64) -> f64 {
    let terms: Vec<f64> = values.iter().zip(weights).map(|(v, w)| v * w).collect();
    let observed: f64 = terms.iter().sum();
    let slack = 1e-9 * terms.iter().map(|term| term.abs()).sum::<f64>();
    if slack == 0.0 || !slack.is_finite() {
        return 1.0;
    }
    let least = observed - slack;
    match way {
        Way::Counted => counted(&terms, observed, least),
        Way::Drawn(draws) => drawn(&terms, least, draws, seed),
        Way::Bounded => bounded(&terms, least),
    }
}

/// The share of all signs that reach `least`; of at most some twenty terms.
fn counted(terms: &[f64], observed: f64, least: f64) -> f64 {
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

fn drawn(terms: &[f64], least: f64, draws: u32, seed: u64) -> f64 {
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
    // To stop at so many is no less valid (Besag and Clifford 1991), and a chance that large is
    // known well enough then.
    while tried < draws && reached < ENOUGH {
        let mut sum = 0.0;
        for part in tables.chunks(8) {
            let bytes = random.u64(..).to_le_bytes();
            sum += part.iter().zip(bytes).map(|(t, byte)| t[usize::from(byte)]).sum::<f64>();
        }
        reached += u32::from(sum >= least);
        tried += 1;
    }
    if reached == ENOUGH {
        return f64::from(reached) / f64::from(tried);
    }
    f64::from(reached + 1) / f64::from(draws + 1)
}

/// No less than the share of all signs that reach `least`: `E e^(t S) / e^(t least)` is that for any
/// `t` from 0, and the smallest of them is taken. For signs `E e^(t S)` is a product of `cosh`.
fn bounded(terms: &[f64], least: f64) -> f64 {
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
