//! All probes together: against the embedded daemon, and over a thousand readings.

pub(super) mod fake;
mod silent_sources;
mod tls;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::net::UnixListener;
use tokio::time::timeout;

use super::probes::*;
use super::sample::Sample;
use super::target::Target;
use super::{daemon_figures, pprof};
use crate::demo::{FakeDaemon, Fault, Route, serve};
use crate::docker::endpoint::{Address, Endpoint, Origin};
use crate::docker::{Docker, RequestOptions};
use crate::engine::census::{Census, ConnectionCount, Purpose, TaskKind};
use crate::engine::registry::Registry;
use crate::engine::source::{
    ListFilters, LogEnd, LogRequest, OutputKind, ReadMode, Source, Stored, Tail,
};
use crate::probe::observed::Cut;
use crate::probe::reasons::CutReason;
use fake::{Reply, with_server, with_server_at};

impl Probes {
    /// Closes every connection and waits until its tasks have ended, a second at most. Returns how many are left.
    pub(super) async fn close(self) -> usize {
        let Self { registry, daemon, targets, .. } = self;
        drop((daemon, targets));
        // A task that does not end by then is counted as left.
        let _ = timeout(Duration::from_secs(1), registry.drained()).await;
        registry.live()
    }
}

/// Runs `test` against an embedded daemon in the same runtime.
pub(super) async fn with_daemon(test: impl AsyncFnOnce(&FakeDaemon, Address)) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let world = FakeDaemon::default();
    let listener = UnixListener::bind(&path).unwrap();
    tokio::select! {
        () = serve(world.clone(), listener) => unreachable!("the daemon never ends"),
        () = test(&world, Address::Unix(path)) => {}
    }
}

pub(super) async fn start(daemon: &Address, targets: Vec<Target>) -> Result<Probes, StartError> {
    let daemon = Some(Endpoint::new(daemon.clone(), Origin::Demo));
    Probes::start(Options { daemon, targets, ..Options::default() }).await
}

pub(super) async fn read(probes: &mut Probes, at: f64) -> Sample {
    probes.read(at, &Census::default()).await
}

pub(super) fn figure(sample: &Sample, metric: &str) -> Option<f64> {
    sample.values.get(metric).copied()
}

#[tokio::test]
async fn the_daemon_shows_goroutines_descriptors_and_followers() {
    with_daemon(async |world, address| {
        world.create("web");
        world.start("web");
        let mut probes = start(&address, Vec::new()).await.unwrap();
        let message = "goroutines and followers by its profile, descriptors by `/info`";
        assert_eq!(probes.found()[1].readable.to_string(), message);
        let before = read(&mut probes, 0.0).await;
        assert_eq!(figure(&before, "daemon.followers"), Some(0.0));
        let docker = Docker::new(Endpoint::new(address, Origin::Demo), RequestOptions::default());
        let key = docker.list(&ListFilters::default()).await.unwrap()[0].key.clone();
        let stored = Stored::Something;
        let request = LogRequest {
            key,
            output: OutputKind::Pipes,
            mode: ReadMode::Follow,
            tail: Tail::All,
            stored,
            end: LogEnd::Served,
        };
        let logs = [docker.logs(&request).await.unwrap(), docker.logs(&request).await.unwrap()];
        let during = read(&mut probes, 1.0).await;
        assert_eq!(figure(&during, "daemon.followers"), Some(2.0));
        let more = |metric| figure(&during, metric).unwrap() - figure(&before, metric).unwrap();
        assert_eq!(figure(&during, "daemon.fds"), Some(26.0), "20, and 3 for each follow");
        assert!(2.0 <= more("daemon.goroutines"));
        assert_eq!((during.cuts.len(), during.failures.len(), during.unavailable.len()), (0, 0, 0));
        let groups = probes.groups(1.0, 8.0, &Census::default()).await;
        let of_daemon = groups.iter().find(|groups| groups.metric == "daemon.goroutines").unwrap();
        assert_eq!((of_daemon.at, of_daemon.cycles, of_daemon.truncated), (1.0, 8.0, false));
        assert_eq!(pprof::followers(&of_daemon.groups), 2);
        drop(logs);
    })
    .await;
}

#[tokio::test]
async fn a_daemon_without_a_profile_shows_its_number_of_goroutines_only() {
    with_daemon(async |world, address| {
        world.fail_always(Route::Profile, Fault::Status(404, "page not found".to_owned()));
        let mut probes = start(&address, Vec::new()).await.unwrap();
        let message = probes.found()[1].readable.to_string();
        assert!(message.starts_with("goroutines by `/info`, no followers ("), "{message}");
        let sample = read(&mut probes, 0.0).await;
        assert_eq!(figure(&sample, "daemon.goroutines"), Some(30.0));
        assert_eq!(figure(&sample, "daemon.followers"), None);
        let unavailable = &sample.unavailable[0];
        assert_eq!(unavailable.metric, "daemon.followers");
        assert!(unavailable.reason.to_string().contains("status 404"), "{unavailable:?}");
        assert_eq!(read(&mut probes, 1.0).await.unavailable, [], "it is reported once");
        assert!(
            probes
                .groups(1.0, 0.0, &Census::default())
                .await
                .iter()
                .all(|groups| { groups.metric != "daemon.goroutines" })
        );
    })
    .await;
}

#[tokio::test]
async fn a_daemon_that_shows_no_figures_is_not_counted_as_0() {
    with_daemon(async |world, address| {
        let mut probes = start(&address, Vec::new()).await.unwrap();
        let body = br#"{"NGoroutines": 0}"#;
        let info = [
            b"HTTP/1.1 200 OK\r\nContent-Length: 18\r\nConnection: close\r\n\r\n".as_slice(),
            body,
        ];
        world.fail(Route::Info, 1, Fault::RawBytes(info.concat()));
        world.fail(Route::Profile, 1, Fault::Status(404, "page not found".to_owned()));
        let sample = read(&mut probes, 0.0).await;
        let daemon: Vec<&String> =
            sample.values.keys().filter(|name| name.starts_with("daemon")).collect();
        assert!(daemon.is_empty(), "{daemon:?}");
        let why: Vec<String> =
            sample.unavailable.iter().map(|one| one.reason.to_string()).collect();
        assert_eq!(why[1], "`/info` reports 0 for `NGoroutines`, which means that it is unknown");
        assert_eq!(why[2], "`/info`: there is nothing at `/NFd`; the answer has `NGoroutines`");
    })
    .await;
}

#[tokio::test]
async fn a_daemon_that_is_away_fails_and_its_return_is_a_cut() {
    with_daemon(async |world, address| {
        let mut probes = start(&address, Vec::new()).await.unwrap();
        world.fail(Route::Profile, 1, Fault::Refuse);
        let sample = read(&mut probes, 1.5).await;
        assert_eq!(
            (sample.failures[0].source.as_str(), sample.failures[0].reason.is_gone()),
            ("daemon", false)
        );
        assert_eq!(figure(&sample, "daemon.goroutines"), None);
        assert!(figure(&sample, "own.fds").is_some(), "the others are read all the same");
        let sample = read(&mut probes, 2.5).await;
        let reason = CutReason::DaemonBack;
        assert_eq!(
            sample.cuts,
            [Cut { at_ms: 2500, source: "daemon".to_owned(), reason: reason.into() }]
        );
        assert_eq!(read(&mut probes, 3.5).await.cuts, []);
    })
    .await;
}

#[tokio::test]
async fn a_container_that_does_not_run_is_reported_as_such() {
    with_daemon(async |world, address| {
        world.create("web");
        let target = || vec![Target::parse("container:web").unwrap()];
        let message = |error: StartError| error.to_string();
        let error = message(start(&address, target()).await.unwrap_err());
        assert_eq!(error, "target `container:web`: container `web` does not run (created)");
        world.start("web");
        let error = message(start(&address, target()).await.unwrap_err());
        let why = "container `web` runs, but the daemon reports no pid for it, so that its processes \
                   cannot be found";
        assert_eq!(error, format!("target `container:web`: {why}"));
        let gone = vec![Target::parse("container:db").unwrap()];
        let error = message(start(&address, gone).await.unwrap_err());
        assert!(error.contains("No such container: db"), "{error}");
    })
    .await;
}

/// A daemon over TCP that keeps its connections, as dockerd does.
pub(super) fn dockerd(path: &str) -> Option<Reply> {
    match path {
        daemon_figures::PROFILE_PATH => {
            Some(Reply::ok(include_str!("../fixtures/dockerd-20.10-two-followers.txt")))
        }
        "/info" => Some(Reply::ok(r#"{"NGoroutines": 58, "NFd": 41}"#)),
        _ => None,
    }
}

pub(super) fn over_tcp(port: u16) -> Address {
    Address::Tcp { host: "127.0.0.1".to_owned(), port }
}

/// The cuts of this many readings of a daemon that closes its connection after the third `/info`, and
/// whose profile is this one from then on.
async fn cuts_after_a_loss(profile: &'static str) -> Vec<Cut> {
    let script = move |path: &str, asked| match (path, asked) {
        ("/info", 2) => Reply::ThenClose(r#"{"NFd": 41}"#),
        (daemon_figures::PROFILE_PATH, 3..) => Reply::ok(profile),
        _ => dockerd(path).unwrap(),
    };
    let mut cuts = Vec::new();
    with_server(script, async |port, seen| {
        let mut probes = start(&over_tcp(port), Vec::new()).await.unwrap();
        for at in [1.0, 2.0, 3.0, 4.0] {
            let sample = read(&mut probes, at).await;
            assert_eq!(sample.failures, []);
            cuts.extend(sample.cuts);
        }
        assert_eq!(seen.accepted.get(), 2);
        assert_eq!(probes.close().await, 0);
    })
    .await;
    cuts
}

#[tokio::test]
async fn a_closed_connection_is_a_daemon_restart_only_if_its_counts_fell() {
    // A proxy closes idle connections.
    let same = include_str!("../fixtures/dockerd-20.10-two-followers.txt");
    assert_eq!(cuts_after_a_loss(same).await, []);
    let cuts = cuts_after_a_loss("goroutine profile: total 5\n").await;
    assert_eq!(cuts.len(), 1, "{cuts:?}");
    let why = "the daemon closed its connection, and its counts fell: it was started again";
    assert_eq!(cuts[0].reason.to_string(), why);
}

#[tokio::test]
async fn a_daemon_restart_requires_falling_counts_and_a_lost_connection() {
    let half = Cell::new(false);
    let script = |path: &str, _| match path {
        daemon_figures::PROFILE_PATH if half.get() => Reply::ok("goroutine profile: total 5\n"),
        _ => dockerd(path).unwrap(),
    };
    let mut kept = None;
    with_server(script, async |port, _| {
        let mut probes = start(&over_tcp(port), Vec::new()).await.unwrap();
        assert_eq!(read(&mut probes, 1.0).await.cuts, []);
        half.set(true);
        assert_eq!(read(&mut probes, 2.0).await.cuts, [], "the same one, with less to do");
        kept = Some((probes, port));
    })
    .await;
    let (mut probes, port) = kept.unwrap();
    // The daemon is away while the groups are read, and then back.
    probes.groups(3.0, 0.0, &Census::default()).await;
    with_server_at(port, script, async |_, _| {
        let cuts = read(&mut probes, 4.0).await.cuts;
        assert_eq!(cuts.len(), 1, "{cuts:?}");
        assert_eq!(
            cuts[0].reason.to_string(),
            "the daemon did not answer for a while, and answers again"
        );
        assert_eq!(read(&mut probes, 5.0).await.cuts, []);
    })
    .await;
}

#[tokio::test]
async fn a_container_of_another_machine_has_its_threads_reported_by_the_daemon() {
    let script = |path: &str, asked| match path.split('?').next().unwrap() {
        "/containers/web/json" => {
            // No local process has this pid.
            let pid = if asked < 3 { 2_000_000_000 } else { 2_000_000_001 };
            Reply::ok(format!(
                r#"{{"Id": "ab12", "Name": "/web", "State": {{"Status": "running", "Pid": {pid}}}}}"#
            ))
        }
        "/containers/web/top" => Reply::ok(
            r#"{"Titles": ["PID", "TID", "COMMAND"], "Processes": [["7", "7", "nginx"], ["7", "8", "nginx"], ["9", "9", "log writer"]]}"#,
        ),
        _ => dockerd(path).unwrap_or_else(Reply::none),
    };
    with_server(script, async |port, _| {
        let target = Target::parse("container:web").unwrap();
        let mut probes = start(&over_tcp(port), vec![target]).await.unwrap();
        let message = probes.found()[2].readable.to_string();
        assert!(
            message.starts_with("threads, as the daemon reports them; nothing else ("),
            "{message}"
        );
        let sample = read(&mut probes, 0.0).await;
        assert_eq!(figure(&sample, "target.web.threads"), Some(3.0));
        let missing: Vec<&str> = sample.unavailable.iter().map(|one| one.metric.as_str()).collect();
        assert_eq!(missing, ["target.web.fds", "target.web.memory_bytes"]);
        assert_eq!(read(&mut probes, 1.0).await.cuts, []);
        let cuts = read(&mut probes, 2.0).await.cuts;
        let why = "the container was started again (pid 2000000000 is now 2000000001)";
        assert_eq!(cuts[0].reason.to_string(), why);
        let groups = probes.groups(2.0, 0.0, &Census::default()).await;
        let threads = groups.iter().find(|groups| groups.metric == "target.web.threads").unwrap();
        let threads: Vec<_> =
            threads.groups.iter().map(|group| (group.key.as_str(), group.count)).collect();
        assert_eq!(threads, [("log writer", 1), ("nginx", 2)]);
        assert_eq!(probes.close().await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_container_that_ends_is_gone_until_it_runs_again() {
    let state = |state: &str, pid: u32| {
        let state = format!(r#"{{"Status": "{state}", "Pid": {pid}}}"#);
        Reply::ok(format!(r#"{{"Id": "ab12", "Name": "/web", "State": {state}}}"#))
    };
    let script = move |path: &str, asked| match path.split('?').next().unwrap() {
        "/containers/web/json" => match asked {
            // It is found at the start, and asked for with each reading.
            0 | 1 => state("running", 2_000_000_000),
            2 => state("exited", 0),
            3 => state("restarting", 0),
            4 => Reply::Is(404, br#"{"message":"No such container: web"}"#.to_vec()),
            _ => state("running", 2_000_000_001),
        },
        // Not reported yet when it runs again.
        "/containers/web/top" if asked == 2 => Reply::Is(500, b"{}".to_vec()),
        "/containers/web/top" => {
            Reply::ok(r#"{"Titles": ["PID", "TID", "COMMAND"], "Processes": [["7", "7", "x"]]}"#)
        }
        _ => dockerd(path).unwrap_or_else(Reply::none),
    };
    with_server(script, async |port, _| {
        let target = Target::parse("container:web").unwrap();
        let mut probes = start(&over_tcp(port), vec![target]).await.unwrap();
        let mut shown = Vec::new();
        for at in 0..6 {
            let sample = read(&mut probes, f64::from(at)).await;
            let failed = sample
                .failures
                .into_iter()
                .map(|one| (one.reason.is_gone(), one.reason.to_string()))
                .next();
            let cut = sample.cuts.into_iter().map(|cut| cut.reason.to_string()).next();
            shown.push((sample.values.get("target.web.threads").copied(), failed, cut));
        }
        let failed = |gone, why: &str| (None, Some((gone, why.to_owned())), None);
        assert_eq!(shown[0], (Some(1.0), None, None));
        assert_eq!(shown[1], failed(true, "container `web` does not run (exited)"));
        assert_eq!(shown[2], failed(false, "container `web` does not run (restarting)"));
        assert_eq!(shown[3], failed(true, "container `web` no longer exists"));
        assert!(matches!(&shown[4], (None, Some((false, _)), None)), "{:?}", shown[4]);
        // The restart is reported when it can be read again.
        let again = "the container was started again (pid 2000000000 is now 2000000001)";
        assert_eq!(shown[5], (Some(1.0), None, Some(again.to_owned())));
    })
    .await;
}

#[tokio::test]
async fn own_figures_are_the_engine_s_and_the_probes() {
    with_server(
        |_, _| Reply::ok("go_goroutines 1\n"),
        async |port, _| {
            let target = Target::parse(&format!("http://127.0.0.1:{port}/metrics")).unwrap();
            let options = Options { targets: vec![target], ..Options::default() };
            let mut probes = Probes::start(options).await.unwrap();
            let mut engine = Census { streams_open: 3, ..Census::default() };
            engine.tasks.insert(TaskKind::Reader, 3);
            engine.sites.insert((TaskKind::Reader, "src/engine/reader.rs", 7), 3);
            engine
                .connections
                .insert(Purpose::Stream, ConnectionCount { open: 3, ..Default::default() });
            let sample = probes.read(0.0, &engine).await;
            assert_eq!(figure(&sample, "own.streams"), Some(3.0));
            // The readers, and the task and the connection of the probe.
            assert_eq!(figure(&sample, "own.tasks"), Some(4.0));
            assert_eq!(figure(&sample, "own.connections"), Some(4.0));
            assert_eq!(
                figure(&sample, "own.tasks.other"),
                Some(0.0),
                "the readers are no real ones"
            );
            for metric in ["own.fds", "own.threads", "own.rss_bytes"] {
                assert!(0.0 < figure(&sample, metric).unwrap(), "{metric}");
            }
            let groups = probes.groups(0.0, 0.0, &engine).await;
            let keys = |metric: &str| -> Vec<(String, u64)> {
                let groups = groups.iter().find(|groups| groups.metric == metric).unwrap();
                groups.groups.iter().map(|group| (group.key.clone(), group.count)).collect()
            };
            // By kind and by the place that spawned them.
            let tasks = keys("own.tasks");
            let counts: Vec<u64> = tasks.iter().map(|(_, count)| *count).collect();
            assert_eq!(counts, [3, 1], "{tasks:?}");
            let (reader, connection) = (&tasks[0].0, &tasks[1].0);
            assert_eq!(reader, "reader;src/engine/reader.rs:7");
            assert!(connection.starts_with("connection;src/probe/get.rs:"), "{connection}");
            assert!(keys("own.fds").iter().any(|(class, _)| class == "socket tcp ESTABLISHED"));
            let threads: u64 = keys("own.threads").iter().map(|(_, count)| count).sum();
            assert!(0 < threads);
        },
    )
    .await;
}

#[tokio::test]
async fn a_task_outside_the_registry_counts_as_other() {
    let mut probes = Probes::start(Options::default()).await.unwrap();
    let before = figure(&read(&mut probes, 0.0).await, "own.tasks.other");
    // A second registry stands for tasks that a library spawns.
    let foreign = Registry::default();
    foreign.spawn(TaskKind::Request, "foreign", std::future::pending());
    let after = figure(&read(&mut probes, 0.0).await, "own.tasks.other");
    assert_eq!((before, after), (Some(0.0), Some(1.0)));
}

/// A separate process for one test, because all others share their descriptors.
const ALONE: &str = "CMON_TEST_ALONE";

#[test]
fn a_thousand_readings_add_no_task_no_connection_and_no_descriptor() {
    let name = "probe::tests::a_thousand_readings_add_no_task_no_connection_and_no_descriptor";
    if std::env::var_os(ALONE).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        return runtime.block_on(read_a_thousand_times());
    }
    let mut alone = std::process::Command::new(std::env::current_exe().unwrap());
    alone.args(["--exact", name, "--nocapture"]).env(ALONE, "1").env("RUST_BACKTRACE", "0");
    let done = alone.output().unwrap();
    // Its panic message is on stderr; it comes before what the test harness adds on stdout.
    let output = [done.stderr, done.stdout].concat();
    let output = String::from_utf8_lossy(&output);
    assert!(done.status.success() && output.contains("1 passed"), "{output}");
}

async fn read_a_thousand_times() {
    let script = |path: &str, _| match path {
        "/debug/pprof/goroutine?debug=1" => Reply::ok(include_str!("../fixtures/go1.19.txt")),
        "/debug/vars" => Reply::ok(include_str!("../fixtures/expvar.json")),
        _ => Reply::none(),
    };
    with_server(script, async |port, seen| {
        with_daemon(async |_, address| {
            let own = std::process::id();
            let targets = [format!("http://127.0.0.1:{port}"), format!("pid:{own}")];
            let targets = targets.map(|text| Target::parse(&text).unwrap()).to_vec();
            let mut probes = start(&address, targets).await.unwrap();
            let mut counts = BTreeMap::<String, BTreeSet<u64>>::new();
            for at in 0..1000 {
                if at % 100 == 0 {
                    assert!(4 < probes.groups(f64::from(at), 0.0, &Census::default()).await.len());
                }
                let sample = read(&mut probes, f64::from(at)).await;
                assert_eq!((sample.failures, sample.cuts), (Vec::new(), Vec::new()));
                // Processor time and memory depend on the machine and its load. Counts do not.
                let counted = |name: &str| !name.ends_with("_bytes") && !name.ends_with("_seconds");
                for (name, value) in sample.values.into_iter().filter(|(name, _)| counted(name)) {
                    #[expect(
                        clippy::cast_possible_truncation,
                        clippy::cast_sign_loss,
                        reason = "a count"
                    )]
                    counts.entry(name).or_default().insert(value as u64);
                }
            }
            // The embedded daemon closes after each answer, so one connection may be on its way out.
            for (metric, seen) in counts {
                let range = seen.last().unwrap() - seen.first().unwrap();
                assert!(range <= 2, "{metric} was {seen:?}");
            }
            assert_eq!((seen.accepted.get(), seen.open.get()), (1, 1));
        })
        .await;
    })
    .await;
}
