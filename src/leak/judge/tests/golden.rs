//! Compares the statistics with values of scipy (`scripts/golden.py` prints them).

use crate::leak::judge::Options;
use crate::leak::judge::cycle_growth::interval;
use crate::leak::judge::sign_flip::{PValueMethod, sign_flip};
use crate::leak::judge::stats::{
    Z80, Z99, Z995, binomial_at_least, chi2_quantile, mean, normal_sf, std_dev, t_quantile, t_sf,
};
use crate::leak::judge::trend::{mann_kendall, theil_sen};

const TIED: [f64; 12] = [3.0, 3.0, 5.0, 4.0, 4.0, 6.0, 7.0, 7.0, 7.0, 9.0, 8.0, 8.0];
const PAIRS: [f64; 8] = [5.0, -1.0, 3.0, 2.0, 4.0, -2.0, 6.0, 1.0];

#[track_caller]
fn close(ours: &[f64], theirs: &[f64]) {
    assert_eq!(ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(theirs) {
        let error = (ours - theirs).abs() / theirs.abs().max(1e-4);
        assert!(error < 1e-9, "{ours} is not {theirs}");
    }
}

#[test]
fn quantiles_and_tails_agree_with_scipy() {
    let t = [(0.99, 1.0), (0.99, 9.0), (0.995, 23.0), (0.8, 4.0), (0.01, 7.0)];
    close(
        &t.map(|(p, f)| t_quantile(p, f)),
        &[
            31.820_515_953_757_58,
            2.821_437_923_300_549_3,
            2.807_335_683_767_522_7,
            0.940_964_577_197_53,
            -2.997_951_566_868_528_6,
        ],
    );
    let t = [(0.0, 3.0), (2.5, 6.0), (-1.2, 11.0), (6.0, 2.0), (0.1, 30.0)];
    close(
        &t.map(|(t, f)| t_sf(t, f)),
        &[
            0.5,
            0.023_264_116_142_083_64,
            0.872_326_858_721_782_7,
            0.013_335_736_607_712_385,
            0.460_504_805_895_135_54,
        ],
    );
    close(
        &[Z80, Z99, Z995],
        &[0.841_621_233_572_914_3, 2.326_347_874_040_840_8, 2.575_829_303_548_900_4],
    );
    close(
        &[0.0, 1.0, 2.326, 4.0, -1.5].map(normal_sf),
        &[
            0.5,
            0.158_655_253_931_457_07,
            0.010_009_275_340_867_669,
            3.167_124_183_311_986e-5,
            0.933_192_798_731_141_9,
        ],
    );
    let chi2 = [(0.01, 2.0), (0.99, 2.0), (0.01, 40.0), (0.99, 82.0), (0.5, 7.0)];
    close(
        &chi2.map(|(p, f)| chi2_quantile(p, f)),
        &[
            0.020_100_671_707_002_873,
            9.210_340_371_976_18,
            22.164_261_252_975_155,
            114.694_894_677_568_02,
            6.345_811_195_521_515,
        ],
    );
}

#[test]
fn binomial_tails_agree_with_scipy() {
    let binomial = [(1, 10), (6, 10), (10, 10), (30, 80)];
    close(
        &binomial.map(|(k, n)| binomial_at_least(k, n, 0.27)),
        &[
            0.957_023_741_702_964_4,
            0.028_722_439_060_701_05,
            2.058_911_320_946_491_4e-6,
            0.026_001_763_674_034_967,
        ],
    );
    close(&[binomial_at_least(0, 5, 0.3), binomial_at_least(6, 5, 0.3)], &[1.0, 0.0]);
}

#[test]
fn theil_sen_slope_and_interval_agree_with_scipy() {
    let x = [0.0, 1.0, 2.0, 4.0, 5.0, 7.0, 8.0, 11.0, 12.0, 15.0];
    let y = [2.0, 3.5, 3.0, 6.0, 5.5, 9.0, 8.0, 30.0, 13.5, 16.0];
    let points: Vec<(f64, f64)> = x.into_iter().zip(y).collect();
    let sen = |z| theil_sen(&points, z).map(|slope| [slope.estimate, slope.low, slope.high]);
    close(
        &sen(1.959_963_984_540_054).unwrap(),
        &[0.933_333_333_333_333_3, 0.833_333_333_333_333_4, 1.2],
    );
    close(&sen(Z995).unwrap(), &[0.933_333_333_333_333_3, 0.5, 1.75]);
    let tied: Vec<(f64, f64)> = (0..12).map(f64::from).zip(TIED).collect();
    let slope = theil_sen(&tied, Z995).unwrap();
    close(&[slope.estimate, slope.low, slope.high], &[0.5, 0.333_333_333_333_333_3, 0.75]);
    assert_eq!(theil_sen(&[(1.0, 2.0), (1.0, 3.0)], 2.0), None, "no time passed");
}

#[test]
fn the_mann_kendall_test_counts_ties() {
    let result = mann_kendall(&TIED);
    close(
        &[result.s, result.variance, result.z, result.p],
        &[52.0, 206.0, 3.553_338_372_887_25, 0.000_190_187_428_033_820_09],
    );
    close(&[mann_kendall(&[4.0; 9]).z], &[0.0]);
}

#[test]
fn each_method_of_the_sign_flip_test_agrees_with_python() {
    let ones = |n| vec![1.0; n];
    close(&[sign_flip(&PAIRS, &ones(8), PValueMethod::Exact, 1)], &[0.042_968_75]);
    close(&[sign_flip(&[1.0; 7], &ones(7), PValueMethod::Exact, 1)], &[0.007_812_5]);
    // Sums that differ by rounding only count as equal.
    close(&[sign_flip(&[0.1, 0.2, -0.3], &ones(3), PValueMethod::Exact, 1)], &[0.625]);
    // The exact value over all 2^20 signs is 0.03146; 4000 draws have a standard error of 0.0028.
    let long = [
        3.0, -1.0, 2.0, 4.0, -2.0, 1.0, 3.0, -1.0, 2.0, 0.5, 1.5, -0.5, 2.5, -3.0, 1.0, 2.0, 0.25,
        -1.5, 2.0, 1.0,
    ];
    for seed in 0..5 {
        let drawn = sign_flip(&long, &ones(20), PValueMethod::MonteCarlo(4000), seed);
        assert!((drawn - 0.031_46).abs() < 0.0085, "{drawn}");
        assert_eq!(
            drawn.to_bits(),
            sign_flip(&long, &ones(20), PValueMethod::MonteCarlo(4000), seed).to_bits()
        );
    }
    // Chernoff's bound is not below the exact value, and equal for equal terms.
    let bound = |values: &[f64]| sign_flip(values, &ones(values.len()), PValueMethod::Bound, 1);
    let mixed: Vec<f64> =
        (0..60).map(|n| if n % 12 == 0 { -3 } else { 17 + n * 7 % 11 }).map(f64::from).collect();
    let theirs = [0.131_111_746_336_827_5, 0.151_533_459_602_419_9, 3.247_440_601_723_382e-16];
    for (ours, theirs) in [bound(&PAIRS), bound(&long), bound(&mixed)].into_iter().zip(theirs) {
        assert!((ours / theirs - 1.0).abs() < 1e-6, "{ours} is not {theirs}");
    }
    assert!((bound(&[20.0; 60]) * 2.0_f64.powi(60) - 1.0).abs() < 1e-3, "{}", bound(&[20.0; 60]));
    close(&[bound(&[-1.0, -2.0, -4.0])], &[1.0]);
    for method in [PValueMethod::Exact, PValueMethod::MonteCarlo(4000), PValueMethod::Bound] {
        let none = [sign_flip(&[], &[], method, 1), sign_flip(&[0.0; 5], &ones(5), method, 1)];
        close(&none, &[1.0, 1.0]);
    }
}

#[test]
fn the_t_interval_of_a_mean_agrees_with_scipy() {
    let half_width = t_quantile(0.99, 7.0) * std_dev(&PAIRS) / 8.0_f64.sqrt();
    let mean = mean(&PAIRS);
    close(
        &[mean, mean - half_width, mean + half_width],
        &[2.25, -0.734_537_846_041_915_6, 5.234_537_846_041_915],
    );
}

/// The line through the origin with its HC2 error, Satterthwaite's degrees of freedom and Johnson's correction.
#[test]
fn the_interval_of_a_rate_agrees_with_numpy_and_scipy() {
    let estimates = |values: &[i32], cycles: &[i32]| {
        let [values, cycles] =
            [values, cycles].map(|all| all.iter().map(|n| f64::from(*n)).collect::<Vec<_>>());
        let (rate, error) = interval(&values, &cycles, &Options::default()).unwrap();
        [rate.estimate, rate.low, rate.high, error.se, error.df]
    };
    let uneven = [[20; 10].as_slice(), &[80; 7]].concat();
    close(
        &estimates(&[3, -1, 4, 2, 0, 5, -2, 3, 1, 6, 2, 4, 1], &[20; 13]),
        &[
            0.107_692_307_692_307_68,
            0.020_476_717_641_283_327,
            0.194_680_729_807_606_03,
            0.032_446_283_935_496_825,
            12.0,
        ],
    );
    close(
        &estimates(&[1, 0, 2, -1, 3, 1, 0, 2, 1, -2, 9, 4, 12, 6, 3, 11, 8], &uneven),
        &[
            0.089_754_098_360_655_73,
            0.045_290_840_970_949_806,
            0.134_485_146_230_568_7,
            0.014_979_324_838_685_316,
            7.259_711_431_742_508,
        ],
    );
    close(
        &estimates(
            &[0, 1, 0, -1, 0, 0, 14, 1, 0, 0, -1, 25],
            &[19, 20, 21, 20, 18, 22, 20, 78, 80, 79, 81, 80],
        ),
        &[
            0.066_007_653_061_224_5,
            -0.131_090_336_413_722_17,
            0.269_050_907_515_333_9,
            0.058_018_013_371_357_466,
            4.888_748_055_111_888,
        ],
    );
    close(
        &estimates(&[2, 1, 3, -21, 2, 1, 2, 3, 0, 2], &[20, 20, 21, 19, 20, 80, 77, 80, 80, 82]),
        &[
            0.011_874_169_251_218_425,
            -0.038_571_482_295_223_856,
            0.061_039_920_168_888_42,
            0.014_108_505_121_426_68,
            4.617_059_143_719_07,
        ],
    );
    close(
        &estimates(&[0; 12], &[20; 12]),
        &[
            0.0,
            -0.019_616_046_855_670_64,
            0.019_616_046_855_670_64,
            0.007_216_878_364_870_323,
            11.0,
        ],
    );
    assert_eq!(interval(&[1.0], &[20.0], &Options::default()).map(|(rate, _)| rate), None);
}
