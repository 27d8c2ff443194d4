//! Courses of real programs, read at many intervals and phases, with the right verdict for each.

use crate::leak::judge::passive::{self, Passive, Undecided};
use crate::leak::judge::shape::{Growth, Shape, Stairs};
use crate::leak::judge::tests::Summary;
use crate::leak::judge::{Options, Reading, Verdict};

/// The interval of a run's readings in seconds.
fn every(minutes: f64) -> f64 {
    (minutes * 60.0 / 240.0).max(1.0)
}

/// A run of this many minutes. Each reading is late by up to a tenth of the interval.
fn run(minutes: f64, value: impl Fn(f64) -> f64) -> Vec<Reading> {
    let mut random = fastrand::Rng::with_seed(5);
    let apart = every(minutes);
    let times = (0..).map(|n| apart * f64::from(n)).take_while(|at| *at <= 60.0 * minutes + 1e-9);
    let read = |at: f64| {
        let seconds = at + 0.1 * random.f64() * apart;
        Reading { seconds, cycles: 0.0, value: value(seconds) }
    };
    times.map(read).collect()
}

fn judge(readings: &[Reading]) -> Passive {
    passive::judge(readings, None, &Options::default())
}

fn stairs(at: f64, size: f64, period: f64) -> f64 {
    size * (at.max(0.0) / period).floor()
}

/// A line read at uneven intervals rises by one or two per reading.
#[test]
fn a_line_read_at_uneven_intervals_is_no_staircase() {
    for rate in [0.5, 0.8, 1.0, 1.3, 1.7, 2.0, 3.0, 7.0] {
        for minutes in [5.0, 6.0, 7.0, 8.0, 10.0] {
            let judged = judge(&run(minutes, |at| 50.0 + (rate * at).floor()));
            let summary = judged.summary();
            assert_eq!(judged.verdict, Verdict::Leak, "{rate}/s, {minutes} min: {summary}");
            let Shape::Line { per_minute } = judged.shape else {
                panic!("{rate}, {minutes}: {summary}")
            };
            assert!((per_minute / 60.0 / rate - 1.0).abs() < 0.02, "{rate}, {minutes}: {summary}");
        }
    }
}

/// Readings with exactly this interval.
fn even(apart: f64, end: f64, value: impl Fn(f64) -> f64) -> Vec<Reading> {
    let times = (0..).map(|n| apart * f64::from(n)).take_while(|at| *at <= end);
    times.map(|seconds| Reading { seconds, cycles: 0.0, value: value(seconds) }).collect()
}

/// A rise over many readings is no step, and steps need level readings between them.
#[test]
fn steps_at_the_interval_of_readings_are_no_staircase() {
    let line = judge(&even(1.5, 400.0, |at| 50.0 + (1.3 * at).floor()));
    assert!(matches!(line.shape, Shape::Line { .. }), "{}", line.summary());
    for size in [2.0, 3.0] {
        let judged = judge(&even(1.0, 400.0, |at| 50.0 + stairs(at, size, 2.0)));
        let summary = judged.summary();
        assert_eq!(judged.verdict, Verdict::Leak, "{summary}");
        let Shape::Line { per_minute } = judged.shape else { panic!("{summary}") };
        assert!((per_minute / 30.0 / size - 1.0).abs() < 0.02, "{summary}");
    }
}

#[test]
fn the_period_of_a_staircase_is_its_step_over_its_rate() {
    for (size, period) in
        [(8.0, 10.0), (16.0, 10.0), (5.0, 45.0), (3.0, 13.0), (2.0, 30.0), (8.0, 17.0)]
    {
        for minutes in [5.0, 6.0, 8.0, 10.0, 12.0] {
            let case = format!("+{size} every {period} s in {minutes} min");
            let judged = judge(&run(minutes, |at| 50.0 + stairs(at + 7.0, size, period)));
            let Shape::Staircase(found) = &judged.shape else {
                panic!("{case}: {}", judged.summary())
            };
            assert_eq!(found.size.to_bits(), size.to_bits(), "{case}: {}", judged.summary());
            assert!((found.period / period - 1.0).abs() < 0.02, "{case}: {}", judged.summary());
            let rate = judged.per_minute.unwrap().estimate;
            assert!((found.per_minute() / rate - 1.0).abs() < 0.06, "{case}: {}", judged.summary());
        }
    }
}

#[test]
fn growth_that_begins_late_is_a_change_point_with_the_rate_since() {
    for (level, minutes, rate) in [
        (240.0, 6.0, 60.0),
        (240.0, 10.0, 60.0),
        (300.0, 10.0, 32.0),
        (420.0, 10.0, 32.0),
        (200.0, 8.0, 20.0),
        (1800.0, 60.0, 4.0),
    ] {
        let case = format!("level for {level} s of {minutes} min, then {rate}/min");
        let judged =
            judge(&run(minutes, |at| 50.0 + ((at - level).max(0.0) * rate / 60.0).floor()));
        let summary = judged.summary();
        assert_eq!(judged.verdict, Verdict::Leak, "{case}: {summary}");
        let Shape::ChangePoint { level_until, growth } = &judged.shape else {
            panic!("{case}: {summary}")
        };
        assert!((level_until - level).abs() <= 4.0 * every(minutes), "{case}: {summary}");
        let per_minute = growth.per_minute;
        assert_eq!(judged.per_minute, Some(per_minute));
        assert!(per_minute.low > 0.0, "{case}: {summary}");
        assert!((per_minute.estimate / rate - 1.0).abs() < 0.05, "{case}: {summary}");
        assert!(
            summary.starts_with("level until ") && !summary.contains("cycles"),
            "{case}: {summary}"
        );
    }
    // Late steps also have a period.
    let judged = judge(&run(10.0, |at| 50.0 + stairs(at - 200.0, 8.0, 30.0)));
    let Shape::ChangePoint { growth, .. } = &judged.shape else { panic!("{}", judged.summary()) };
    assert!(growth.stairs.is_some_and(|stairs| (stairs.period - 30.0).abs() < 1.0));
    assert_eq!(judged.verdict, Verdict::Leak, "{}", judged.summary());
    // Growth that started just before the end looks like one step, and its interval contains 0.
    let judged = judge(&run(10.0, |at| 50.0 + (at - 500.0).max(0.0).floor()));
    assert_eq!(judged.verdict, Verdict::Inconclusive, "{}", judged.summary());
    assert_eq!(judged.undecided, Some(Undecided::NearEnd));
}

#[test]
fn the_interval_of_a_leak_is_above_zero() {
    for level in (60..580).step_by(40).map(f64::from) {
        for rate in [8.0, 20.0, 60.0, 200.0] {
            let readings = run(10.0, |at| 50.0 + ((at - level).max(0.0) * rate / 60.0).floor());
            let judged = judge(&readings);
            let positive = judged.per_minute.is_some_and(|slope| slope.low > 0.0);
            assert!(
                positive || judged.verdict != Verdict::Leak,
                "{level} {rate}: {}",
                judged.summary()
            );
        }
    }
}

/// Steps are ties, and with many ties the interval of the slope contains 0.
#[test]
fn the_interval_of_a_leak_by_steps_is_above_zero() {
    for (minutes, level, size, period) in [
        (5.0, 200.0, 1.0, 7.0),
        (6.0, 240.0, 1.0, 7.0),
        (8.0, 200.0, 16.0, 100.0),
        (8.0, 200.0, 40.0, 120.0),
        (10.0, 240.0, 8.0, 120.0),
        (6.0, 200.0, 1.0, 30.0),
        (8.0, 300.0, 1.0, 30.0),
        (8.0, 200.0, 4.0, 100.0),
        (10.0, 400.0, 1.0, 30.0),
    ] {
        let judged = judge(&run(minutes, |at| 50.0 + stairs(at - level, size, period)));
        let summary = format!("+{size} every {period} s from {level} s on: {}", judged.summary());
        let shown = judged.per_minute.unwrap();
        assert!(shown.low > 0.0 || judged.verdict != Verdict::Leak, "{summary}");
    }
}

#[test]
fn a_sawtooth_with_few_periods_is_undecided_by_its_detection_limit() {
    let mut limits = 0;
    for (period, minutes) in
        [(600.0, 20.0), (600.0, 30.0), (300.0, 10.0), (200.0, 10.0), (900.0, 30.0)]
    {
        for start in [0.0, 0.2, 0.4, 0.6, 0.8] {
            let tooth = |at: f64| (at / period + start).fract();
            let judged = judge(&run(minutes, |at| (50.0 + 30.0 * tooth(at)).floor()));
            let summary = format!("{period} s in {minutes} min from {start}: {}", judged.summary());
            assert_ne!(judged.verdict, Verdict::Leak, "{summary}");
            let shown = judged.per_minute.unwrap();
            if judged.verdict == Verdict::Clean {
                assert!(shown.high < 1.0, "{summary}");
                continue;
            }
            let Some(Undecided::DetectionLimit { up_to, tolerance: allowed }) = judged.undecided
            else {
                panic!("{summary}")
            };
            limits += 1;
            assert!(allowed < up_to && shown.high <= up_to && 1.0 < shown.high, "{summary}");
            assert!(
                summary.contains("the limit of detection is missed by a factor of"),
                "{summary}"
            );
            let longer = judged.run_at_least.unwrap();
            assert!(60.0 * minutes < longer && longer <= 300.0 * minutes, "{longer}: {summary}");
            // A sawtooth needs several falls to be recognized.
            let fell = matches!(judged.shape, Shape::FellBack { .. });
            assert!(!fell || 180.0 * minutes <= longer, "{longer}: {summary}");
        }
    }
    assert!(limits >= 15, "{limits}");
}

/// Steps of 8 every 30 s, with a dip of 5 s in each.
#[test]
fn a_floor_with_equal_thirds_is_no_warm_up() {
    for minutes in [5.0, 6.0, 7.0, 8.0, 10.0, 15.0] {
        for back in [2.0, 8.0, 16.0, 24.0] {
            for start in (0..30).step_by(3).map(f64::from) {
                let judged = judge(&run(minutes, |at| {
                    let taken = (start..start + 5.0).contains(&(at % 30.0));
                    50.0 + stairs(at, 8.0, 30.0) - if taken { back } else { 0.0 }
                }));
                let summary =
                    format!("{minutes} min, {back} back from {start}: {}", judged.summary());
                assert!(!summary.contains("warm-up"), "{summary}");
                assert_eq!(judged.verdict, Verdict::Leak, "{summary}");
            }
        }
    }
}

#[test]
fn a_pool_that_fills_has_no_equal_thirds() {
    let rises = |value: &dyn Fn(f64) -> f64| {
        let points: Vec<(f64, f64)> =
            (0..240).map(|n| 2.0 * f64::from(n)).map(|at| (at, value(at).round())).collect();
        passive::decide::equal_thirds(&points, 480.0, &Options::default()).is_some()
    };
    for tau in [60.0, 150.0, 300.0, 480.0, 960.0] {
        assert!(!rises(&|at| 600.0 * (1.0 - (-at / tau).exp())), "{tau}");
    }
    assert!(!rises(&|at| if at < 200.0 { 10.0 } else { 90.0 }), "one step");
    assert!(!rises(&|at| 10.0 + (at - 200.0).max(0.0)), "a bend");
    let scattered = |at: f64| 10.0 + ((at * 7.0).sin() * 5.0).abs() + 0.01 * at;
    assert!(!rises(&scattered), "too little for its scatter");
    assert!(rises(&|at| 10.0 + 0.5 * at));
}

#[test]
fn an_interval_below_the_tolerance_is_clean() {
    let options = |max_per_minute: f64| Options { max_per_minute, ..Options::default() };
    let mut wide = 0;
    for seed in 0..60 {
        let mut random = fastrand::Rng::with_seed(seed);
        let falls: Vec<f64> = (0..random.u32(1..6)).map(|_| random.f64() * 600.0).collect();
        let value = |at: f64| {
            let fallen = falls.iter().filter(|fall| **fall < at).count() as f64;
            60.0 - fallen * f64::from(1 + u32::try_from(seed % 3).unwrap())
        };
        let readings = run([5.0, 6.0, 10.0][usize::try_from(seed % 3).unwrap()], value);
        for allowed in [0.5, 1.0, 5.0] {
            let judged = passive::judge(&readings, None, &options(allowed));
            let inside = judged.per_minute.is_some_and(|slope| slope.high < allowed);
            assert_eq!(inside, judged.verdict == Verdict::Clean, "{seed}: {}", judged.summary());
            wide += u32::from(!inside);
        }
    }
    assert!(wide < 60, "{wide}");
}

/// Bursts increase the error of a line in the fit; a level alone has a smaller one.
#[test]
fn a_level_count_with_bursts_is_clean() {
    for size in 2..7 {
        let bursts = [10.0_f64, 116.4, 426.0];
        let busy = |at: f64| bursts.iter().any(|burst| (*burst..burst + 40.0).contains(&at));
        let judged = judge(&run(8.0, |at| 60.0 + if busy(at) { f64::from(size) } else { 0.0 }));
        assert_eq!(judged.verdict, Verdict::Clean, "{size}: {}", judged.summary());
        assert!(judged.per_minute.is_some_and(|slope| slope.high < 1.0), "{}", judged.summary());
    }
}

#[test]
fn stopped_growth_has_its_rate_and_its_end() {
    for (stop, minutes) in
        [(285.0, 8.0), (285.0, 10.0), (285.0, 20.0), (435.0, 12.0), (225.0, 10.0)]
    {
        for in_steps in [true, false] {
            let line = |at: f64| (at.min(stop) * 16.0 / 60.0).floor();
            let step = |at: f64| stairs(at.min(stop) + 15.0, 8.0, 30.0);
            if !in_steps && stop < 0.3 * 60.0 * minutes {
                continue;
            }
            let readings = run(minutes, |at| 50.0 + if in_steps { step(at) } else { line(at) });
            let judged = judge(&readings);
            let summary = format!("until {stop} of {minutes} min: {}", judged.summary());
            assert_eq!(judged.verdict, Verdict::Inconclusive, "{summary}");
            let Shape::Stopped { since: None, at, growth, lifetime } = judged.shape else {
                panic!("{summary}")
            };
            let Growth { per_minute, stairs } = growth;
            assert!((at - stop).abs() <= 3.0 * every(minutes), "{summary}");
            assert!((per_minute.estimate - 16.0).abs() < 0.8, "{summary}");
            assert_eq!(judged.per_minute, Some(per_minute));
            assert!((lifetime / (stop + 15.0) - 1.0).abs() < 0.12, "{lifetime}: {summary}");
            assert_eq!(stairs.is_some(), in_steps, "{summary}");
            let expected =
                |steps: Stairs| (steps.size - 8.0).abs() < 0.1 && (steps.period - 30.0).abs() < 1.0;
            assert!(stairs.is_none_or(expected), "{summary}");
        }
    }
}
