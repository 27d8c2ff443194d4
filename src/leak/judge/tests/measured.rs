//! Series of a real log collector, sampled every 5 s, with the right verdict for each.
//!
//! Its health check opened one client per container every 30 s and never closed it: 16 goroutines and 8 descriptors
//! each time, with 8 containers. A server that drops idle connections after 5 minutes bounds the same leak.

use super::rules::phases;
use super::simulator::{Noise, watched};
use crate::leak::judge::combine::{Conditions, Finding, Mode, combine};
use crate::leak::judge::dependence::{Cause, Growth, depends};
use crate::leak::judge::driven;
use crate::leak::judge::new_growth::{Earlier, Figure, OwnFigure, against};
use crate::leak::judge::passive::{self, Passive};
use crate::leak::judge::shape::Shape;
use crate::leak::judge::stats::normal_sf;
use crate::leak::judge::tests::Summary;
use crate::leak::judge::{Interval, Options, Reading, Verdict, work};

/// A count that starts at `from` and takes a step of `size` every `period` seconds until `until`.
pub(super) fn stairs(from: f64, size: f64, period: f64, until: f64, seconds: f64) -> Vec<Reading> {
    series(seconds, |t| from + size * (t.min(until) / period).floor())
}

pub(super) fn series(seconds: f64, value: impl Fn(f64) -> f64) -> Vec<Reading> {
    let times = (0..).map(|n| 5.0 * f64::from(n)).take_while(|t| *t <= seconds);
    times.map(|t| Reading { seconds: t, cycles: 0.0, value: value(t) }).collect()
}

fn judge(readings: &[Reading]) -> Passive {
    passive::judge(readings, None, &Options::default())
}

#[track_caller]
fn expect(judged: &Passive, verdict: Verdict, parts: &[&str]) {
    let summary = judged.summary();
    assert_eq!(judged.verdict, verdict, "{summary}");
    for part in parts {
        assert!(summary.contains(part), "not {part:?}: {summary}");
    }
}

#[test]
fn an_endless_staircase_is_a_leak_with_its_step_and_period() {
    let judged = judge(&stairs(52.0, 16.0, 30.0, 1e9, 600.0));
    expect(&judged, Verdict::Leak, &["+16 every 30s: a staircase", "+32 per minute"]);
    let judged = judge(&stairs(20.0, 8.0, 30.0, 1e9, 600.0));
    expect(&judged, Verdict::Leak, &["+8 every 30s: a staircase", "+16 per minute"]);
    let judged = judge(&stairs(52.0, 16.0, 60.0, 1e9, 600.0));
    expect(&judged, Verdict::Leak, &["+16 every 1m: a staircase", "+16 per minute"]);
    let judged = judge(&stairs(52.0, 16.0, 10.0, 1e9, 600.0));
    expect(&judged, Verdict::Leak, &["+16 every 10s: a staircase", "+96 per minute"]);
}

#[test]
fn growth_by_time_near_the_tolerance_with_an_uncertain_rate_per_cycle_is_no_leak() {
    // 21 per minute, of which the cycles may have caused 3.
    let line = series(600.0, |t| (21.0 * t / 60.0).round());
    let line: Vec<Reading> =
        line.iter().map(|r| Reading { cycles: 5.0 * r.seconds, ..*r }).collect();
    let cycles = Interval { estimate: 0.01, low: -0.005, high: 0.025 };
    let judged = |max_per_minute: f64| {
        let options = Options { max_per_minute, ..Options::default() };
        passive::judge_at_rest(&line, Some(cycles), &options)
    };
    let verdicts = [15.0, 20.0].map(|allowed| judged(allowed).verdict);
    assert_eq!(verdicts, [Verdict::Leak, Verdict::Inconclusive]);
    // The uncertainty of the rate per cycle makes the p-value larger.
    let p = judged(15.0).p.unwrap();
    assert!((1e-8..1e-5).contains(&p), "{p}");
}

#[test]
fn a_straight_line_has_its_own_slope() {
    // Lengths that are no multiple of a block, and intervals that do not divide a block.
    for (seconds, every) in [(630.0, 5.0), (600.0, 7.0), (1234.0, 11.0), (400.0, 3.0)] {
        let times = (0..).map(|n| every * f64::from(n)).take_while(|t| *t <= seconds);
        for rate in [2.0, -2.0] {
            let readings: Vec<Reading> = times
                .clone()
                .map(|t| Reading { seconds: t, cycles: 0.0, value: 500.0 + rate * t })
                .collect();
            let judged = judge(&readings);
            for slope in [judged.unexplained, judged.per_minute] {
                let error = (slope.unwrap().estimate / (60.0 * rate) - 1.0).abs();
                assert!(error < 1e-6, "{seconds} s every {every} s: {}", judged.summary());
            }
        }
    }
}

#[test]
fn a_staircase_with_dips_at_rotations_is_a_staircase() {
    // At each rotation one reading is lower by 24.
    let judged = judge(&series(600.0, |t| {
        let dip = if t > 0.0 && t % 300.0 == 0.0 { 24.0 } else { 0.0 };
        44.0 + 16.0 * (t / 30.0).floor() - dip
    }));
    expect(&judged, Verdict::Leak, &["every 30s: a staircase"]);
}

#[test]
fn a_staircase_that_stops_is_no_warm_up_and_the_rest_is_judged_separately() {
    for (from, size, period, ceiling) in
        [(52.0, 16.0, 30.0, 212.0), (20.0, 8.0, 30.0, 100.0), (52.0, 16.0, 60.0, 132.0)]
    {
        let readings = stairs(from, size, period, 300.0, 630.0);
        assert_eq!(readings.last().unwrap().value.to_bits(), f64::to_bits(ceiling));
        let judged = judge(&readings);
        expect(
            &judged,
            Verdict::Inconclusive,
            &["until 5m, level since then: growth that stopped", "since 5m alone: CLEAN"],
        );
        assert!(!judged.summary().contains("warm-up"), "{}", judged.summary());
        assert_eq!(judged.late.unwrap().verdict, Verdict::Clean);
    }
}

#[test]
fn a_line_that_stops_is_stopped_growth() {
    // 0.5 per second until 6 minutes, with jitter.
    let judged = judge(&series(720.0, |t| {
        let jitter = (t / 5.0 * 3.0) % 7.0 / 2.0;
        (100.0 + t.min(360.0) / 2.0 + jitter).floor()
    }));
    let parts = ["+30", "until 6m", "growth that stopped", "alone: CLEAN"];
    expect(&judged, Verdict::Inconclusive, &parts);
}

#[test]
fn fixed_programs_are_clean() {
    for (value, seconds) in [(52.0, 390.0), (34.0, 480.0), (44.0, 480.0)] {
        expect(&judge(&series(seconds, |_| value)), Verdict::Clean, &["level"]);
    }
    // One idle connection.
    let judged = judge(&series(480.0, |t| if t < 200.0 { 52.0 } else { 54.0 }));
    expect(&judged, Verdict::Clean, &["one step of +2 at 3m"]);
}

#[test]
fn a_pool_that_is_filled_once_is_no_leak() {
    let judged = judge(&series(480.0, |t| 54.0 + 16.0 * (t.min(60.0) / 30.0).floor()));
    expect(&judged, Verdict::Clean, &["level"]);
    let judged = judge(&series(600.0, |t| (60.0 * (1.0 - (-t / 60.0).exp())).round()));
    expect(&judged, Verdict::Clean, &["warm-up, level since"]);
}

#[test]
fn two_steps_in_ten_minutes_are_inconclusive() {
    let judged = judge(&stairs(52.0, 16.0, 300.0, 1e9, 615.0));
    expect(
        &judged,
        Verdict::Inconclusive,
        &["2 steps of +16, at 5m and 10m", "would look the same"],
    );
}

#[test]
fn one_step_is_clean_with_its_size_and_time() {
    let judged = judge(&series(600.0, |t| if t < 250.0 { 40.0 } else { 48.0 }));
    expect(&judged, Verdict::Clean, &["one step of +8 at 4m"]);
}

#[test]
fn a_step_near_the_end_is_inconclusive() {
    // Growth in the last six of sixty minutes.
    let started = judge(&series(3600.0, |t| 50.0 + (32.0 * (t - 3240.0).max(0.0) / 60.0).floor()));
    assert_eq!(started.verdict, Verdict::Inconclusive, "{}", started.summary());
    let step = judge(&series(3600.0, |t| if t < 3500.0 { 50.0 } else { 150.0 }));
    expect(&step, Verdict::Inconclusive, &["one step of +100 at 57m45s"]);
    // A small step is below the tolerance over the run.
    let small = judge(&series(3600.0, |t| if t < 3500.0 { 50.0 } else { 70.0 }));
    expect(&small, Verdict::Clean, &["one step of +20 at 57m45s"]);
    expect(&judge(&series(3600.0, |t| if t < 2700.0 { 50.0 } else { 150.0 })), Verdict::Clean, &[]);
}

#[test]
fn a_sawtooth_is_named_with_its_heights_and_period() {
    let judged = judge(&series(900.0, |t| 40.0 + (t % 90.0) / 3.0));
    expect(&judged, Verdict::Clean, &["sawtooth between 40 and 68", "every 1m30s"]);
    assert!(matches!(judged.shape, Shape::Sawtooth { .. }));
}

#[test]
fn a_leak_that_ends_with_the_work_is_not_clean() {
    // Growth ends at 5 minutes, and the lines at 6.
    let stopped = series(600.0, |t| 52.0 + 16.0 * (t.min(300.0) / 30.0).floor());
    let lines = |total: &[Reading]| work::judge(total, work::Unit::Lines);
    let until_6m = lines(&series(600.0, |t| 8.0 * t.min(360.0)));
    let judged = passive::judge(&stopped, until_6m.as_ref(), &Options::default());
    let summary = judged.summary();
    assert!(matches!(judged.verdict, Verdict::Leak | Verdict::Invalid), "{summary}");
    let work = "work stopped at 6m: 0 lines since, 480 lines per minute before";
    assert!(summary.contains(work), "{summary}");
    // A level series without work at the end.
    let level = series(600.0, |_| 52.0);
    let judged = passive::judge(&level, until_6m.as_ref(), &Options::default());
    expect(&judged, Verdict::Invalid, &["work stopped at 6m"]);
    // A leak until the work stopped.
    let done = lines(&series(600.0, |t| 8.0 * t.min(500.0)));
    let leaks = stairs(52.0, 16.0, 30.0, 1e9, 600.0);
    let judged = passive::judge(&leaks, done.as_ref(), &Options::default());
    expect(&judged, Verdict::Leak, &["+16 every 30s", "work stopped at 8m20s"]);
    let idle = lines(&series(600.0, |_| 7.0));
    let judged = passive::judge(&level, idle.as_ref(), &Options::default());
    expect(&judged, Verdict::Invalid, &["nothing was done: 0 lines"]);
    let slower = series(600.0, |t| 8.0 * t.min(300.0) + 0.4 * (t - 300.0).max(0.0));
    let judged = passive::judge(&level, lines(&slower).as_ref(), &Options::default());
    expect(&judged, Verdict::Clean, &["the last third did only"]);
}

#[test]
fn a_run_below_three_minutes_is_inconclusive() {
    let judged = judge(&stairs(52.0, 16.0, 10.0, 1e9, 170.0));
    expect(
        &judged,
        Verdict::Inconclusive,
        &["+16 every 10s: a staircase", "too short to decide: below 3m"],
    );
    assert_eq!(judged.p, None);
}

/// With ties alone, the interval of few readings would be too narrow.
#[test]
fn the_slope_of_a_short_run_has_a_wide_interval() {
    let judged = judge(&series(50.0, |at| if at > 40.0 { 44.0 } else { 38.0 }));
    let slope = judged.per_minute.unwrap();
    assert!(slope.low <= 0.0 && 20.0 < slope.high, "{slope:?}");
    let level = judge(&series(50.0, |_| 38.0)).per_minute.unwrap();
    assert!(level.low < -0.5 && 0.5 < level.high, "{level:?}");
}

#[test]
fn a_falling_series_is_falling_and_no_warm_up() {
    let judged = judge(&series(240.0, |at| (60.0 - at / 20.0).floor()));
    assert!(judged.summary().starts_with("falling"), "{}", judged.summary());
}

#[test]
fn the_same_growth_with_ten_times_fewer_rotations_depends_on_time() {
    let run = |rotations: f64| Growth {
        per_minute: judge(&stairs(44.0, 16.0, 30.0, 1e9, 600.0)).per_minute.unwrap(),
        cycles_per_minute: rotations / 10.0,
    };
    let judged = depends(&run(16.0), &run(160.0), 1.0);
    assert_eq!(judged.cause, Cause::Time);
    assert!(judged.summary().starts_with("does not depend on the stream timeout"));
    let exact = |per_minute: f64, cycles_per_minute| Growth {
        per_minute: Interval {
            estimate: per_minute,
            low: per_minute - 0.2,
            high: per_minute + 0.2,
        },
        cycles_per_minute,
    };
    let cause = |a, b| depends(&a, &b, 1.0).cause;
    assert_eq!(cause(exact(32.0, 16.0), exact(3.2, 1.6)), Cause::Cycles);
    assert_eq!(cause(exact(32.0, 16.0), exact(17.6, 1.6)), Cause::Both);
    assert_eq!(cause(exact(0.0, 16.0), exact(0.05, 1.6)), Cause::None);
    assert_eq!(cause(exact(32.0, 16.0), exact(32.0, 16.0)), Cause::Unclear, "nothing differs");
    let wide = |high| Growth {
        per_minute: Interval { estimate: 0.0, low: -5.0, high },
        cycles_per_minute: 16.0,
    };
    assert_eq!(cause(wide(0.9), wide(0.5)), Cause::None, "below the tolerance");
    assert_eq!(cause(wide(0.5), wide(30.0)), Cause::Unclear, "it may well grow");
}

/// Compares two series: the verdict of the comparison, of the metric, and the summary.
fn compare(now: &[Reading], before: &[Reading]) -> (Verdict, Verdict, String) {
    let options = Options::default();
    let (now, before) = (judge(now), judge(before));
    let figure = before.per_minute.map(|rate| Figure::new(rate, 0.99));
    let before = Earlier { per_minute: figure, per_cycle: None };
    let against = against(&[OwnFigure::passive(&now, &options)], &before, &options);
    let findings = Finding::against("tasks", &against);
    let all = combine(&findings, &Conditions::default(), &options);
    (against.verdict, all.metrics[0].verdict, against.summary())
}

#[test]
fn only_a_leak_by_itself_is_a_leak_against_a_baseline() {
    let level = series(600.0, |_| 52.0);
    let leak = stairs(52.0, 16.0, 30.0, 1e9, 600.0);
    let (verdict, all, summary) = compare(&leak, &level);
    assert_eq!((verdict, all), (Verdict::Leak, Verdict::Leak), "{summary}");
    assert!(summary.starts_with("new growth: +32 per minute ("), "{summary}");
    let (verdict, all, summary) = compare(&leak, &stairs(90.0, 16.0, 30.0, 1e9, 600.0));
    assert_eq!((verdict, all), (Verdict::Clean, Verdict::Clean), "{summary}");
    // A slow pool, a step, a warm-up, and a leak in a run that is too short.
    let pool = series(600.0, |t| (40.0 * (1.0 - (-t / 300.0).exp())).round());
    let step = series(200.0, |t| if t < 130.0 { 40.0 } else { 80.0 });
    let ramp = series(190.0, |t| (60.0 * (1.0 - (-t / 60.0).exp())).round());
    let short = stairs(52.0, 16.0, 10.0, 1e9, 170.0);
    for now in [&pool, &step, &ramp, &short] {
        let (alone, (verdict, all, summary)) = (judge(now).verdict, compare(now, &level));
        assert_ne!(alone, Verdict::Leak);
        assert!(verdict != Verdict::Leak && verdict == all, "{verdict} {all}: {summary}");
    }
    let (verdict, _, summary) = compare(&short, &level);
    assert_eq!(verdict, Verdict::Inconclusive, "{summary}");
    assert!(summary.ends_with("this run alone is INCONCLUSIVE"), "{summary}");
    // Without data of the earlier run.
    let (verdict, all, summary) = compare(&leak, &[]);
    assert_eq!((verdict, all), (Verdict::Inconclusive, Verdict::Inconclusive), "{summary}");
}

#[test]
fn growth_per_cycle_is_compared_with_the_earlier_run() {
    let options = Options::default();
    let run = |left: f64| driven::judge(&phases(&[(left, 0.0); 13]), &options);
    let figure = |rate: Option<Interval>| rate.map(|rate| Figure::new(rate, 0.98));
    let news = |now: f64, before: f64| {
        let (now, before) = (run(now), run(before));
        let before = Earlier { per_cycle: figure(before.per_cycle), per_minute: None };
        against(&OwnFigure::driven(&now, &options), &before, &options)
    };
    let leak = news(20.0, 0.0);
    assert_eq!(leak.verdict, Verdict::Leak, "{}", leak.summary());
    assert!(leak.summary().starts_with("new growth: +1 per cycle ("), "{}", leak.summary());
    // Holm's correction applies to comparisons too.
    let p = leak.parts[0].p.unwrap();
    assert!(p > 0.0 && p < 0.01, "{p}");
    let mut findings = Finding::against("tasks", &leak);
    let weak = (0..100).map(|n| Finding {
        p: Some(0.5),
        ..Finding::new(&n.to_string(), Mode::Driven, Verdict::Clean)
    });
    findings.extend(weak);
    let all = combine(&findings, &Conditions::default(), &options);
    assert!(all.metrics.iter().any(|metric| metric.name == "tasks" && metric.held_back));
    let old = news(20.0, 20.0);
    assert_eq!(old.parts[0].verdict, Verdict::Clean, "{}", old.summary());
    assert_eq!(news(0.0, 20.0).verdict, Verdict::Clean);
}

#[test]
fn the_smallest_growth_is_larger_with_more_metrics() {
    // With a pool in the fit, the error of the line is large.
    let readings = watched(Noise::Ramp, 0.0, 10.0, 2);
    let smallest = |metrics| {
        let options = Options { metrics, ..Options::default() };
        passive::judge(&readings, None, &options).smallest.unwrap()
    };
    assert!(smallest(12) > 1.3 * smallest(1), "{} {}", smallest(12), smallest(1));
}

#[test]
fn the_p_value_is_the_larger_one_of_slope_and_trend_test() {
    let mut larger = 0;
    for (seed, noise) in (0..10).flat_map(|seed| Noise::TIMED.map(|noise| (seed, noise))) {
        let judged = judge(&watched(noise, 8.0, 10.0, seed));
        let (p, trend_p) = (judged.p.unwrap(), normal_sf(judged.rise.unwrap()));
        assert!(p >= trend_p, "{noise}: {p} {trend_p}");
        larger += u32::from(p <= trend_p);
    }
    assert!((1..70).contains(&larger), "{larger}");
}

#[test]
fn growth_below_ignore_below_is_no_leak() {
    // 320 in total, 256 in the judged window.
    let readings = stairs(52.0, 16.0, 30.0, 1e9, 600.0);
    let verdict = |ignore_below: f64| {
        passive::judge(&readings, None, &Options { ignore_below, ..Options::default() }).verdict
    };
    assert_eq!([200.0, 300.0].map(verdict), [Verdict::Leak, Verdict::Inconclusive]);
}
