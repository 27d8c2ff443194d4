#!/usr/bin/env python3
"""Numbers that the judge of `cmon leak-check` is tested against, computed with scipy.

    apt-get install python3-scipy && /usr/bin/python3 scripts/golden.py

Prints them as they stand in src/leak/judge/tests/golden.rs.
"""

from itertools import product

import numpy as np
from scipy import optimize, stats

TIED = [3, 3, 5, 4, 4, 6, 7, 7, 7, 9, 8, 8]
POINTS = ([0, 1, 2, 4, 5, 7, 8, 11, 12, 15], [2.0, 3.5, 3.0, 6.0, 5.5, 9.0, 8.0, 30.0, 13.5, 16.0])
PAIRS = [5.0, -1.0, 3.0, 2.0, 4.0, -2.0, 6.0, 1.0]
LONG = [3, -1, 2, 4, -2, 1, 3, -1, 2, 0.5, 1.5, -0.5, 2.5, -3, 1, 2, 0.25, -1.5, 2, 1]


def flip_all(values):
    sums = np.array([np.dot(signs, values) for signs in product([1, -1], repeat=len(values))])
    return float(np.mean(sums >= np.sum(values) - 1e-9))


print("t quantiles", [stats.t.ppf(p, f) for p, f in [(0.99, 1), (0.99, 9), (0.995, 23), (0.8, 4), (0.01, 7)]])
print("t above", [stats.t.sf(t, f) for t, f in [(0.0, 3), (2.5, 6), (-1.2, 11), (6.0, 2), (0.1, 30)]])
print("normal quantiles", [stats.norm.ppf(p) for p in [0.8, 0.99, 0.995, 0.2]])
print("normal above", [stats.norm.sf(z) for z in [0.0, 1.0, 2.326, 4.0, -1.5]])
print("chi2 quantiles", [stats.chi2.ppf(p, f) for p, f in [(0.01, 2), (0.99, 2), (0.01, 40), (0.99, 82), (0.5, 7)]])
print("binomial at least", [stats.binom.sf(k - 1, n, c) for k, n, c in [(1, 10, 0.27), (6, 10, 0.27), (10, 10, 0.27), (30, 80, 0.27)]])

xs, ys = POINTS
for confidence in (0.95, 0.99):
    slope, _, low, high = stats.theilslopes(ys, xs, confidence)
    print("theil_sen", confidence, [float(slope), float(low), float(high)])
slope, _, low, high = stats.theilslopes(TIED, np.arange(len(TIED)), 0.99)
print("theil_sen tied", [float(slope), float(low), float(high)])

s = sum(np.sign(b - a) for i, a in enumerate(TIED) for b in TIED[i + 1:])
n = len(TIED)
ties = sum(q * (q - 1) * (2 * q + 5) for q in np.unique(TIED, return_counts=True)[1])
variance = (n * (n - 1) * (2 * n + 5) - ties) / 18
z = (s - np.sign(s)) / np.sqrt(variance)
print("mann_kendall", [float(s), float(variance), float(z), float(stats.norm.sf(z))])
# scipy has the same test without the continuity correction: S over its deviation must agree.
theirs = stats.kendalltau(np.arange(n), TIED, method="asymptotic").pvalue
assert abs(theirs - 2 * stats.norm.sf(s / np.sqrt(variance))) < 1e-12, theirs

test = stats.permutation_test((np.array(PAIRS),), np.sum, permutation_type="samples", alternative="greater", n_resamples=np.inf)
assert abs(test.pvalue - flip_all(PAIRS)) < 1e-12
print("sign_flip", float(test.pvalue), "of all 2^8")
print("sign_flip long", flip_all(LONG), "of all 2^20, the judge draws 4000")


def chernoff(values):
    values = np.array(values, dtype=float)
    exponent = lambda t: np.sum(np.log(np.cosh(t * values))) - t * np.sum(values)
    return float(np.exp(optimize.minimize_scalar(exponent, bounds=(0, 5), method="bounded", options={"xatol": 1e-12}).fun))


print("sign_flip bounded", chernoff(PAIRS), chernoff(LONG), chernoff([17 + n * 7 % 11 if n % 12 else -3 for n in range(60)]))
result = stats.ttest_1samp(PAIRS, 0).confidence_interval(0.98)
print("t interval of the mean, 1 % to each side", [float(np.mean(PAIRS)), float(result.low), float(result.high)])


# The rate of pairs of phases: of differences and cycles, by matrices instead of the judge's sums.
UNEVEN = (
    ("rates of equal pairs", [3, -1, 4, 2, 0, 5, -2, 3, 1, 6, 2, 4, 1], [20] * 13),
    ("rates of uneven pairs", [1, 0, 2, -1, 3, 1, 0, 2, 1, -2, 9, 4, 12, 6, 3, 11, 8], [20] * 10 + [80] * 7),
    ("rates with few large", [0, 1, 0, -1, 0, 0, 14, 1, 0, 0, -1, 25], [19, 20, 21, 20, 18, 22, 20, 78, 80, 79, 81, 80]),
    ("rates with few far below", [2, 1, 3, -21, 2, 1, 2, 3, 0, 2], [20, 20, 21, 19, 20, 80, 77, 80, 80, 82]),
    ("rates that stand still", [0] * 12, [20] * 12),
)
ALPHA = 0.01
for what, values, cycles in UNEVEN:
    y, x = np.array(values, dtype=float), np.array(cycles, dtype=float)[:, None]
    # Least squares through the origin; HC2: each residual over the root of one less its leverage.
    slope = np.linalg.lstsq(x, y, rcond=None)[0]
    hat = x @ np.linalg.inv(x.T @ x) @ x.T
    residuals = (y - x @ slope) / np.sqrt(1 - np.diag(hat))
    bread = np.linalg.inv(x.T @ x)
    hc2 = bread @ x.T @ np.diag(residuals**2) @ x @ bread
    # No less than differences of whole numbers scatter.
    error = max(float(np.sqrt(hc2[0, 0])), 0.5 * float(np.sqrt(bread[0, 0])))
    # Satterthwaite: the rate is a sum of parts, each with a variance that goes as its squared cycles.
    parts = (x[:, 0] ** 2).astype(float)
    freedom = max(float(parts.sum() ** 2 / (parts**2).sum()) - 1, 1.0)
    # Johnson: a sixth of the third moment of the rate over its variance.
    third = float(((bread @ x.T)[0] ** 3 * residuals**3).sum())
    shift = third / error**2 / 6
    # The quantile of scipy is good to ten digits only where the freedom is no whole number; its tail is exact.
    reach = optimize.brentq(lambda t: stats.t.sf(t, freedom) - ALPHA, 0, 50, xtol=1e-15) * error
    rate = float(slope[0])
    print(what, [rate, rate - reach + min(shift, 0), rate + reach + max(shift, 0), error, freedom])
