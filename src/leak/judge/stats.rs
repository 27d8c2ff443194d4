//! Distributions and averages, tested against scipy (`scripts/golden.py` prints the golden values).
//!
//! Incomplete beta and gamma functions by continued fraction and series (Press et al., "Numerical Recipes", 6.2 and
//! 6.4). Quantiles by bisection, which is slower than an approximation but accurate to the last digits.

/// Standard normal quantile of 0.8, for a power of 80 %.
pub(super) const Z80: f64 = 0.841_621_233_572_914_3;
/// Standard normal quantile of 0.99.
pub(super) const Z99: f64 = 2.326_347_874_040_841;
/// Standard normal quantile of 0.995, for intervals of 99 %.
pub(super) const Z995: f64 = 2.575_829_303_548_901;

/// The mean; 0 without values.
pub(super) fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// The standard deviation of a sample (divisor `n - 1`); 0 for fewer than two values.
pub(super) fn std_dev(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return 0.0;
    }
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / (values.len() - 1) as f64).sqrt()
}

/// The median; 0 without values.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    median_of_sorted(&sorted)
}

pub(super) fn median_of_sorted(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        n if n % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// A robust standard deviation (MAD): 1.4826 times the median distance from the median.
pub(super) fn mad(values: &[f64]) -> f64 {
    let middle = median(values);
    let distances: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
    1.4826 * median(&distances)
}

/// The logarithm of the gamma function for `x > 0` (Lanczos, 9 terms).
fn ln_gamma(x: f64) -> f64 {
    const TERMS: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let mut sum = 0.999_999_999_999_809_9;
    for (term, k) in TERMS.iter().zip(1_u32..) {
        sum += term / (x + f64::from(k));
    }
    let t = x + 7.5;
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

/// The regularized incomplete beta function, `a` and `b` above 0, `x` from 0 to 1.
fn beta_reg(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p()).exp();
    if x < (a + 1.0) / (a + b + 2.0) {
        front * beta_fraction(a, b, x) / a
    } else {
        1.0 - front * beta_fraction(b, a, 1.0 - x) / b
    }
}

#[expect(clippy::many_single_char_names, reason = "the names of the literature")]
fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    let tiny = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / tiny(1.0 - (a + b) * x / (a + 1.0));
    let mut result = d;
    for m in 1..500_u32 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / tiny(1.0 + even * d);
        c = tiny(1.0 + even / c);
        result *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / tiny(1.0 + odd * d);
        c = tiny(1.0 + odd / c);
        result *= d * c;
        if (d * c - 1.0).abs() < 1e-15 {
            break;
        }
    }
    result
}

/// The regularized lower incomplete gamma function, `a` above 0, `x` from 0.
#[expect(clippy::many_single_char_names, reason = "the names of the literature")]
fn gamma_lr(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    let front = (a * x.ln() - x - ln_gamma(a)).exp();
    if x < a + 1.0 {
        let (mut term, mut sum) = (1.0 / a, 1.0 / a);
        for n in 1..10_000_u32 {
            term *= x / (a + f64::from(n));
            sum += term;
            if term < sum * 1e-16 {
                break;
            }
        }
        return front * sum;
    }
    let mut b = x + 1.0 - a;
    let mut c = 1e300;
    let mut d = 1.0 / b;
    let mut result = d;
    for n in 1..10_000_u32 {
        let n = f64::from(n);
        let an = -n * (n - a);
        b += 2.0;
        let next = an * d + b;
        d = 1.0 / if next.abs() < 1e-300 { 1e-300 } else { next };
        c = b + an / c;
        result *= d * c;
        if (d * c - 1.0).abs() < 1e-15 {
            break;
        }
    }
    1.0 - front * result
}

/// P(Z > z) for a standard normal Z.
pub(super) fn normal_sf(z: f64) -> f64 {
    let tail = 0.5 * (1.0 - gamma_lr(0.5, z * z / 2.0));
    if z >= 0.0 { tail } else { 1.0 - tail }
}

/// P(T > t) for Student's t with `df` degrees of freedom.
pub(super) fn t_sf(t: f64, df: f64) -> f64 {
    let tail = 0.5 * beta_reg(df / 2.0, 0.5, df / (df + t * t));
    if t >= 0.0 { tail } else { 1.0 - tail }
}

/// The quantile of Student's t: 0.99 and 9 degrees of freedom give 2.82.
pub(super) fn t_quantile(p: f64, df: f64) -> f64 {
    if p < 0.5 {
        return -t_quantile(1.0 - p, df);
    }
    invert(|t| 1.0 - t_sf(t, df), p)
}

/// The quantile of the standard normal distribution, for `p` from 0.5.
pub(super) fn normal_quantile(p: f64) -> f64 {
    invert(|z| 1.0 - normal_sf(z), p)
}

/// The quantile of chi-squared with `df` degrees of freedom.
pub(super) fn chi2_quantile(p: f64, df: f64) -> f64 {
    invert(|x| gamma_lr(df / 2.0, x / 2.0), p)
}

/// P(X >= successes) of a binomial X.
pub(super) fn binomial_at_least(successes: u32, trials: u32, chance: f64) -> f64 {
    match successes {
        0 => 1.0,
        k if k > trials => 0.0,
        k => beta_reg(f64::from(k), f64::from(trials - k + 1), chance),
    }
}

/// The `x >= 0` at which a rising function reaches `p`, by bisection.
fn invert(rising: impl Fn(f64) -> f64, p: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    while rising(high) < p && high < 1e9 {
        low = high;
        high *= 2.0;
    }
    for _ in 0..64 {
        let middle = f64::midpoint(low, high);
        if rising(middle) < p {
            low = middle;
        } else {
            high = middle;
        }
        if high - low < 1e-13 * high {
            break;
        }
    }
    f64::midpoint(low, high)
}
