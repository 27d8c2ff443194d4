//! Whole checks on a paused clock against the embedded daemon: their length and their records.

use std::cell::RefCell;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UnixListener;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::check::*;
use super::load::Load;
use crate::demo::{FakeDaemon, Fault, InjectedLeak, Route, serve};
use crate::docker::endpoint::{Address, Endpoint, Origin};
use crate::docker::{Docker, RequestOptions};
use crate::engine::registry::Registry;
use crate::leak::judge::plan::{Plan, Step};
use crate::leak::record::{Drive, End, Reading, Record, Rules, Stage};
use crate::leak::selftest::{CONTAINERS, header, load, talk};
use crate::probe::Probes;
use crate::probe::{self, target::Target};

/// A plan with `pairs` on/off pairs; each phase drives for 2 s and settles for 1 s.
fn plan(warmup: f64, warmup_cycles: f64, pairs: usize) -> Plan {
    let phase = |driven| Step { driven, drive: 2.0, settle: 1.0 };
    let steps = [phase(true), phase(false)].repeat(pairs);
    Plan { warmup, warmup_cycles, steps, cycles_per_second: 10.0, seed: 1 }
}

/// The records of a driven check with this plan, or of a passive one with this length. `meanwhile` runs at the same
/// time.
async fn check(
    drive: Result<Plan, Duration>,
    targets: &[&str],
    meanwhile: impl AsyncFnOnce(&FakeDaemon, CancellationToken),
) -> Vec<Record> {
    check_as(|session| session, drive, targets, meanwhile).await
}

/// The same, for a session that `made` changes.
async fn check_as(
    made: impl FnOnce(Written) -> Written,
    drive: Result<Plan, Duration>,
    targets: &[&str],
    meanwhile: impl AsyncFnOnce(&FakeDaemon, CancellationToken),
) -> Vec<Record> {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("s");
    let listener = UnixListener::bind(&socket).unwrap();
    let world = FakeDaemon::default();
    for name in CONTAINERS {
        world.create(name);
        world.start(name);
        world.write(name, crate::engine::source::StdStream::Stdout, "long ago\n");
    }
    let endpoint = || Endpoint::new(Address::Unix(socket.clone()), Origin::Demo);
    let streams = Registry::default();
    let rules =
        Rules { alpha: 0.01, max_per_cycle: 0.03, max_per_min: 1.0, gate: vec![], pointed: vec![] };
    let mut header = header(rules, 1);
    header.targets = targets.iter().copied().map(str::to_owned).collect();
    header.duration = drive.as_ref().map_or_else(Duration::as_secs_f64, Plan::seconds);
    let load = match drive {
        Ok(plan) => {
            let docker = Docker::new(endpoint(), RequestOptions::default());
            load(Arc::new(docker), plan, header.stream_timeout)
        }
        Err(duration) => {
            header.drive = Drive::Passive;
            Load::Passive { duration }
        }
    };
    let targets = targets.iter().map(|target| Target::parse(target).unwrap()).collect();
    let options = probe::Options { daemon: Some(endpoint()), targets, ..probe::Options::default() };
    let stop = CancellationToken::new();
    let records = Rc::new(RefCell::new(Vec::new()));
    let into = Rc::clone(&records);
    let checking = async {
        let probes = Probes::start(options).await.unwrap();
        let write: Write = Box::new(move |record| into.borrow_mut().push(record));
        made(Session::new(load, streams, probes, write, stop.clone())).run(header).await;
    };
    // Its future is large, and it is awaited in many places.
    let checking = Box::pin(checking);
    tokio::select! {
        () = serve(world.clone(), listener) => unreachable!("the daemon never ends"),
        (() , ()) = async { tokio::join!(checking, meanwhile(&world, stop.clone())) } => {}
    }
    records.take()
}

type Write = Box<dyn FnMut(Record)>;
type Written = Session<Docker, Write>;

async fn nothing(_: &FakeDaemon, _: CancellationToken) {}

fn readings(records: &[Record], stage: Stage) -> Vec<&Reading> {
    let readings = records.iter().filter_map(|record| match record {
        Record::Reading(reading) if reading.stage == stage => Some(reading),
        _ => None,
    });
    readings.collect()
}

fn end(records: &[Record]) -> &End {
    match records.last() {
        Some(Record::End(end)) => end,
        other => panic!("the last record is not the end: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_warm_up_lasts_until_its_cycles_are_done_or_its_extension_ends() {
    // Four streams of 0.4 s each make 10 cycles a second at most.
    let warm_up = async |cycles| {
        let records = check(Ok(plan(10.0, cycles, 1)), &[], nothing).await;
        let last = *readings(&records, Stage::WarmUp).last().unwrap();
        (last.at, last.cycles)
    };
    let (at, cycles) = warm_up(60.0).await;
    assert!((10.0..13.0).contains(&at) && 60.0 <= cycles, "{cycles} at {at}");
    let (at, cycles) = warm_up(120.0).await;
    assert!((12.0..16.0).contains(&at) && 120.0 <= cycles, "{cycles} at {at}");
    let (at, cycles) = warm_up(900.0).await;
    assert!((15.0..18.0).contains(&at) && cycles < 200.0, "{cycles} at {at}");
}

#[tokio::test(start_paused = true)]
async fn pairs_that_do_not_fit_are_left_out() {
    let plan = plan(60.0, 800.0, 20);
    let planned = plan.seconds();
    let records = check(Ok(plan), &[], nothing).await;
    let phases = [Stage::Drive, Stage::Idle]
        .map(|stage| readings(&records, stage).into_iter().filter(|reading| reading.rest).count());
    assert_eq!(phases[0], phases[1]);
    assert!((12..18).contains(&phases[0]), "{phases:?}");
    assert!((planned - 6.0..planned + 8.0).contains(&end(&records).at), "{:?}", end(&records));
}

#[tokio::test(start_paused = true)]
async fn a_certain_leak_ends_a_check_unless_early_stop_is_off() {
    let leaks = async |world: &FakeDaemon, _| world.inject(InjectedLeak::PerStream(1.0));
    let early = check(Ok(plan(20.0, 0.0, 40)), &[], leaks).await;
    let complete = check_as(Session::without_early_stop, Ok(plan(20.0, 0.0, 40)), &[], leaks).await;
    assert!(end(&early).sure && !end(&complete).sure);
    let pairs = [early, complete].map(|records| {
        readings(&records, Stage::Drive).into_iter().filter(|reading| reading.rest).count()
    });
    assert!((10..20).contains(&pairs[0]) && 38 <= pairs[1], "{pairs:?}");
}

/// A command that takes longer than its phase makes all phases longer, idle ones too.
#[tokio::test]
async fn phases_of_a_slow_command_are_as_long_as_idle_ones() {
    let commands = crate::leak::command::Commands::new("sleep 0.6".to_owned());
    let step = |driven| Step { driven, drive: 0.2, settle: 0.3 };
    let steps = [step(true), step(false)].repeat(2);
    let plan = Plan { warmup: 0.5, warmup_cycles: 0.0, steps, cycles_per_second: 2.0, seed: 1 };
    let into = Rc::new(RefCell::new(Vec::new()));
    let records = Rc::clone(&into);
    let write: Write = Box::new(move |record| records.borrow_mut().push(record));
    let probes = Probes::start(probe::Options::default()).await.unwrap();
    let load: Load<Docker> = Load::Command { commands, plan };
    let rules =
        Rules { alpha: 0.01, max_per_cycle: 0.03, max_per_min: 1.0, gate: vec![], pointed: vec![] };
    let header = header(rules, 1);
    Session::new(load, Registry::default(), probes, write, CancellationToken::new())
        .run(header)
        .await;
    let records = into.take();
    let rests: Vec<&Reading> = [Stage::WarmUp, Stage::Drive, Stage::Idle]
        .into_iter()
        .flat_map(|stage| readings(&records, stage))
        .filter(|reading| reading.rest)
        .collect();
    let mut at: Vec<f64> = rests.iter().map(|reading| reading.at).collect();
    at.sort_by(f64::total_cmp);
    let lengths: Vec<f64> = at.windows(2).map(|two| two[1] - two[0]).collect();
    assert_eq!(lengths.len(), 4);
    let short = lengths.iter().copied().fold(f64::MAX, f64::min);
    // Planned were 0.5 s; a run takes 0.6 s, and longer on a loaded machine.
    assert!(0.6 < short, "{lengths:?}");
}

#[tokio::test(start_paused = true)]
async fn lines_from_before_the_check_do_not_count() {
    let records = check(Ok(plan(5.0, 0.0, 2)), &[], nothing).await;
    let lines = readings(&records, Stage::Idle).last().unwrap().lines;
    assert!(lines < 1.0, "{lines}");
}

#[tokio::test(start_paused = true)]
async fn lines_written_during_the_check_count() {
    let records = check(Ok(plan(5.0, 0.0, 2)), &[], async |world: &FakeDaemon, stop| {
        tokio::select! {
            () = talk(world) => {}
            () = stop.cancelled() => {}
            () = sleep(Duration::from_secs(20)) => {}
        }
    })
    .await;
    // 17 s, in a third of which nothing is followed; a line each second from each of four.
    let lines = readings(&records, Stage::Idle).last().unwrap().lines;
    assert!((20.0..68.0).contains(&lines), "{lines}");
}

#[tokio::test(start_paused = true)]
async fn a_check_ends_when_its_target_is_gone() {
    let mut child =
        Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let target = format!("pid:{}", child.id());
    let records = check(Err(Duration::from_secs(600)), &[&target], async |_: &FakeDaemon, _| {
        sleep(Duration::from_secs(100)).await;
        child.kill().unwrap();
        child.wait().unwrap();
    })
    .await;
    let end = end(&records);
    assert!((130.0..140.0).contains(&end.at), "{end:?}");
    let report = crate::leak::verdict::judge(&records, None).unwrap();
    assert!(report.summary().starts_with("the target went away at 1m"), "{}", report.summary());
}

#[tokio::test(start_paused = true)]
async fn a_daemon_that_hangs_does_not_delay_the_end() {
    let records = check(Err(Duration::from_secs(600)), &[], async |world: &FakeDaemon, stop| {
        sleep(Duration::from_millis(59_500)).await;
        world.fail_always(Route::Info, Fault::Never);
        world.fail_always(Route::Profile, Fault::Never);
        sleep(Duration::from_secs(2)).await;
        stop.cancel();
    })
    .await;
    let end = end(&records);
    assert!(end.interrupted && (61.5..70.0).contains(&end.at), "{end:?}");
}

#[tokio::test(start_paused = true)]
async fn a_profile_that_hangs_delays_an_interrupted_check_by_one_second() {
    let records = check(Err(Duration::from_secs(600)), &[], async |world: &FakeDaemon, stop| {
        // No reading is in flight at this time.
        sleep(Duration::from_millis(59_500)).await;
        world.fail_always(Route::Profile, Fault::Never);
        stop.cancel();
    })
    .await;
    let end = end(&records);
    assert!(end.interrupted && (60.4..61.0).contains(&end.at), "{end:?}");
    let report = crate::leak::verdict::judge(&records, None).unwrap();
    let shown = report.unavailable.iter().filter(|one| one.metric == "daemon");
    let reasons: Vec<String> = shown.map(|one| one.reason.to_string()).collect();
    assert_eq!(reasons, ["its groups could not be read: it did not answer within 1s"]);
}
