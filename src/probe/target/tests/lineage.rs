//! Clock jitter, clock changes, restarts and replicas.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::probe::reasons::RestartSign;
use crate::probe::target::lineage::*;

fn observation(started: f64, goroutines: f64) -> Observation {
    let counts = BTreeMap::from([("goroutines".to_owned(), goroutines)]);
    Observation { started: Some(started), counts, ..Observation::default() }
}

fn cpu(mut observation: Observation, seconds: f64) -> Observation {
    observation.totals.insert("process_cpu_seconds_total".to_owned(), seconds);
    observation
}

/// The identity of each reading: `.` the same or unknown, `R` a restart, `S` several.
fn story(observations: impl IntoIterator<Item = Observation>) -> String {
    let mut lineage = Lineage::default();
    let letter = |identity| match identity {
        Identity::Same | Identity::Unknown => '.',
        Identity::Restarted(_) => 'R',
        Identity::Several(_) => 'S',
    };
    observations.into_iter().map(|observation| letter(lineage.observe(observation))).collect()
}

fn is_unchanged(story: &str) -> bool {
    story.bytes().all(|letter| letter == b'.')
}

/// A reproducible pseudorandom number from 0 to 1.
fn noise(n: u32) -> f64 {
    let mixed = (n ^ 0x5bd1_e995).wrapping_mul(0x85eb_ca6b);
    let mixed = (mixed ^ (mixed >> 13)).wrapping_mul(0xc2b2_ae35);
    f64::from((mixed ^ (mixed >> 16)) >> 16) / 65536.0
}

#[test]
fn clock_jitter_is_no_restart() {
    let growing = |n: u32| 50.0 + f64::from(n) / 2.0;
    let noisy = |n: u32| 50.0 + (10.0 * noise(n)).floor();
    for by in [0.01, 0.09, 0.5, 1.0, 1.9] {
        for counts in [&growing as &dyn Fn(u32) -> f64, &noisy, &|_| 50.0] {
            let wavers = |n: u32| observation(1e9 + by * f64::from(n % 2), counts(n));
            assert!(is_unchanged(&story((0..300).map(wavers))), "{by}");
            let random = |n: u32| observation(1e9 + by * noise(n + 7919), counts(n));
            assert!(is_unchanged(&story((0..300).map(random))), "{by}");
        }
    }
}

#[test]
fn a_clock_change_is_no_restart() {
    for by in [3.0, 30.0, 3600.0] {
        let set = |n: u32| if (100..200).contains(&n) { 1e9 + by } else { 1e9 };
        let growing = |n: u32| observation(set(n), 50.0 + f64::from(n) / 2.0);
        assert!(is_unchanged(&story((0..300).map(growing))), "{by}");
        // The count falls too, but processor time shows the same process.
        let falls = |n: u32| observation(set(n), if n == 100 { 40.0 } else { 50.0 });
        assert!(is_unchanged(&story((0..300).map(|n| cpu(falls(n), f64::from(n))))), "{by}");
        // The clock is set back and forth all the time.
        let often = |n: u32| observation(1e9 + by * f64::from(n % 2), 50.0 + f64::from(n));
        assert!(is_unchanged(&story((0..300).map(often))), "{by}");
        // A server that closes idle connections each time.
        let closes = |n: u32| Observation { link: Link::Closed, ..growing(n) };
        assert!(is_unchanged(&story((0..300).map(closes))), "{by}");
    }
    let drifts = |n: u32| observation(1e9 + f64::from(n) / 10.0, 50.0 + f64::from(n));
    assert!(is_unchanged(&story((0..3000).map(drifts))));
}

#[test]
fn a_restart_is_detected_by_a_fall_or_a_broken_connection() {
    let fell = story([
        observation(100.0, 50.0),
        observation(100.0, 60.0),
        observation(400.0, 7.0),
        observation(400.0, 8.0),
    ]);
    assert_eq!(fell, "..R.");
    // The count has grown again before the reading.
    let broke = Observation { link: Link::Closed, ..observation(400.0, 70.0) };
    assert_eq!(story([observation(100.0, 50.0), broke.clone(), observation(400.0, 71.0)]), ".R.");
    let refused = Observation { link: Link::Refused, ..observation(400.0, 70.0) };
    assert_eq!(story([observation(100.0, 50.0), refused]), ".R");
    let failed = Observation { link: Link::Failed, ..observation(400.0, 70.0) };
    assert_eq!(story([observation(100.0, 50.0), failed]), ".R");
    let total = [cpu(observation(100.0, 50.0), 9.0), cpu(observation(400.0, 70.0), 0.5)];
    assert_eq!(story(total), ".R");
    let mut lineage = Lineage::default();
    lineage.observe(observation(100.0, 50.0));
    let moved = RestartSign::StartTimeMoved { seconds: 300.0, fell: None };
    assert_eq!(lineage.observe(broke), Identity::Restarted(moved));
}

#[test]
fn repeated_crashes_are_restarts_of_one_process() {
    let life = |n: u32| (n / 5, n % 5);
    let crashes = |n: u32| {
        let (life, age) = life(n);
        cpu(
            observation(1e9 + 75.0 * f64::from(life), 10.0 + 5.0 * f64::from(age)),
            f64::from(age + 1),
        )
    };
    let shown = story((0..100).map(crashes));
    assert_eq!((shown.matches('R').count(), shown.matches('S').count()), (19, 0), "{shown}");
    // By its counters alone.
    let blind = |n: u32| Observation { started: None, ..crashes(n) };
    let shown = story((0..100).map(blind));
    assert_eq!((shown.matches('R').count(), shown.matches('S').count()), (19, 0), "{shown}");
}

#[test]
fn several_processes_are_detected_by_returning_start_times() {
    let starts = [1000.0, 1300.0, 1100.0, 1900.0];
    let counts = [50.0, 80.0, 20.0, 61.0];
    let at = |order: fn(u32) -> usize, n: u32| {
        observation(starts[order(n)], counts[order(n)] + f64::from(n) / 10.0)
    };
    let in_turn = story((0..12).map(|n| at(|n| n as usize % 4, n)));
    assert!(in_turn.find('S').is_some_and(|at| at <= 7), "{in_turn}");
    let random = story(
        (0..40)
            .map(|n| at(|n| (1..4_u32).filter(|at| f64::from(*at) <= 4.0 * noise(n)).count(), n)),
    );
    assert!(random.contains('S'), "{random}");
    let two = story((0..9).map(|n| at(|n| n as usize % 2, n)));
    assert!(two.find('S').is_some_and(|at| at <= 4), "{two}");
    // Equal level counts with different start times.
    let alike = story((0..9_u32).map(|n| observation(starts[n as usize % 2], 50.0)));
    assert!(alike.contains('S'), "{alike}");
}

#[test]
fn workers_with_similar_start_times_are_distinguished_by_their_counts() {
    let counts = [12.0, 31.0, 20.0];
    let at = |n: u32| observation(1e9 + 0.02 * f64::from(n % 3), counts[n as usize % 3]);
    assert!(story((0..12).map(at)).contains('S'));
    let totals =
        |n: u32| cpu(observation(1e9 + 0.02 * f64::from(n % 3), 9.0), counts[n as usize % 3]);
    assert!(story((0..12).map(totals)).contains('S'));
}

#[test]
fn returning_pids_and_counters_show_several_processes() {
    let pid = |n: u32| Observation { pid: Some(u64::from(10 + n % 2)), ..Observation::default() };
    // The first change alone looks like a restart.
    assert_eq!(story((0..9).map(pid)), ".R..SSSSS");
    let once = |n: u32| Observation { pid: Some(u64::from(10 + n / 5)), ..Observation::default() };
    assert_eq!(story((0..10).map(once)), ".....R....");
    let totals = |n: u32| {
        let value = [100.0, 40.0][n as usize % 2] + f64::from(n);
        Observation { started: None, ..cpu(observation(0.0, 5.0), value) }
    };
    let shown = story((0..12).map(totals));
    assert!(shown.contains('S'), "{shown}");
}

#[test]
fn without_identity_the_connection_and_the_goroutines_show_a_restart() {
    let reading =
        |goroutines: f64, link| Observation { started: None, link, ..observation(0.0, goroutines) };
    let kept = [reading(50.0, Link::Kept), reading(5.0, Link::Kept)];
    assert_eq!(story(kept), "..");
    let closed = [reading(50.0, Link::Kept), reading(50.0, Link::Closed), reading(5.0, Link::Kept)];
    assert_eq!(story(closed), "..R");
    let later = [
        reading(50.0, Link::Closed),
        reading(50.0, Link::Closed),
        reading(20.0, Link::Kept),
        reading(5.0, Link::Kept),
    ];
    assert_eq!(story(later), "..R.");
    assert_eq!(story([reading(50.0, Link::Kept), reading(50.0, Link::Refused)]), ".R");
    // `Watched` reports a target that is back.
    assert_eq!(story([reading(50.0, Link::Kept), reading(5.0, Link::Failed)]), "..");
}

proptest! {
    #[test]
    fn clock_changes_alone_are_no_restart(moves in prop::collection::vec(-5000.0..5000.0_f64, 1..60)) {
        let mut started = 1e9;
        let observations = (0_u32..).zip(&moves).map(|(n, by)| {
            started += by;
            cpu(observation(started, 50.0 + noise(n)), f64::from(n))
        });
        let shown = story(observations);
        prop_assert!(is_unchanged(&shown), "{}", shown);
    }

    #[test]
    fn each_restart_is_detected_once(ages in prop::collection::vec(1_u32..9, 1..20)) {
        let (mut started, mut observations) = (1000.0, Vec::new());
        for age in &ages {
            observations.extend((1..=*age).map(|n| cpu(observation(started, 9.0), f64::from(n) / 10.0)));
            started += 15.0 * f64::from(*age);
            // Each restart breaks the connection.
            observations.push(Observation { link: Link::Closed, ..cpu(observation(started, 9.0), 0.01) });
        }
        let shown = story(observations);
        prop_assert_eq!(shown.matches('R').count(), ages.len());
        prop_assert!(!shown.contains('S'));
    }
}
