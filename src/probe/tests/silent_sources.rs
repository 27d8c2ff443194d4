//! Sources that never answer: their cost, and the absence of leftovers.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{dockerd, figure, over_tcp, read, start};
use crate::docker::Docker;
use crate::engine::census::Census;
use crate::engine::registry::Registry;
use crate::leak::record::{Drive, Header, Record, Rules, Unavailable, VERSION};
use crate::leak::session::{Load, Session};
use crate::probe::probes::*;
use crate::probe::reasons::UnavailableReason;
use crate::probe::target::Target;
use crate::probe::tests::fake::{Reply, Seen, with_server};

const TEXT: &str = "go_goroutines 7\nprocess_start_time_seconds 9\n";

/// Runs `test` with two targets of one server at `/a` and `/b`, of which `/a` hangs for as long as is set.
async fn with_two(test: impl AsyncFnOnce(Probes, &Cell<bool>, &Seen)) {
    let hangs = Cell::new(false);
    let script = |path: &str, _| match path {
        "/a" if hangs.get() => Reply::Never,
        _ => Reply::ok(TEXT),
    };
    with_server(script, async |port, seen| {
        let target = |path| Target::parse(&format!("http://127.0.0.1:{port}{path}")).unwrap();
        let options = Options { targets: vec![target("/a"), target("/b")], ..Options::default() };
        test(Probes::start(options).await.unwrap(), &hangs, seen).await;
    })
    .await;
}

/// The names of the two, by what `/a` and `/b` are called.
fn names(probes: &Probes) -> [String; 2] {
    let source = |at: usize| format!("{}.goroutines", probes.targets[at].source.source());
    [source(0), source(1)]
}

/// Waits until the tasks and connections of cancelled requests have ended.
async fn wait_for_cleanup(probes: &Probes, seen: &Seen, tasks: usize) {
    let cleanup = async {
        while probes.registry.live() != tasks || seen.open.get() != tasks {
            sleep(Duration::from_millis(1)).await;
        }
    };
    let left = (probes.registry.live(), seen.open.get());
    assert!(timeout(Duration::from_millis(100), cleanup).await.is_ok(), "{left:?} are left");
}

#[tokio::test(start_paused = true)]
async fn a_target_that_hangs_costs_one_reading_four_seconds_and_the_others_nothing() {
    with_two(async |mut probes, hangs, seen| {
        let [a, b] = names(&probes);
        wait_for_cleanup(&probes, seen, 2).await;
        hangs.set(true);
        let started = Instant::now();
        let sample = read(&mut probes, 1.0).await;
        assert_eq!(started.elapsed(), Duration::from_secs(4));
        assert_eq!((figure(&sample, &a), figure(&sample, &b)), (None, Some(7.0)));
        let failure = &sample.failures[0];
        let shown = (sample.failures.len(), failure.source.as_str(), failure.reason.is_gone());
        assert_eq!(shown, (1, a.strip_suffix(".goroutines").unwrap(), false));
        assert_eq!(failure.reason.to_string(), "it did not answer within 4s");
        assert_eq!(sample.unavailable, [], "it is the target that is silent, and no metric of it");
        // The cancelled request leaves nothing; `/b` keeps its connection.
        wait_for_cleanup(&probes, seen, 1).await;
        let own = read(&mut probes, 2.0).await;
        assert_eq!(figure(&own, "own.connections"), Some(1.0));
        assert_eq!(figure(&own, "own.tasks"), Some(1.0));
        // The backoff costs no time.
        let started = Instant::now();
        for _ in 0..4 {
            let sample = read(&mut probes, 3.0).await;
            assert_eq!((figure(&sample, &a), figure(&sample, &b)), (None, Some(7.0)));
            assert!(!sample.failures[0].reason.is_gone());
            let why = "it did not answer in time, and cmon waits before it asks again";
            assert_eq!(sample.failures[0].reason.to_string(), why);
        }
        assert_eq!(started.elapsed(), Duration::ZERO);
        // When it answers again, it is the same process.
        hangs.set(false);
        sleep(Duration::from_secs(5)).await;
        let sample = read(&mut probes, 9.0).await;
        assert_eq!((figure(&sample, &a), figure(&sample, &b)), (Some(7.0), Some(7.0)));
        assert_eq!((sample.failures, sample.cuts), (Vec::new(), Vec::new()));
        wait_for_cleanup(&probes, seen, 2).await;
        assert_eq!(probes.close().await, 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_thousand_readings_of_a_hanging_target_leave_no_task() {
    with_two(async |mut probes, hangs, seen| {
        let [a, b] = names(&probes);
        hangs.set(true);
        for at in 0..1000 {
            let sample = read(&mut probes, f64::from(at)).await;
            assert_eq!((figure(&sample, &a), figure(&sample, &b)), (None, Some(7.0)));
            sleep(Duration::from_secs(61)).await;
        }
        assert!(1000 < seen.accepted.get(), "it was asked each time");
        wait_for_cleanup(&probes, seen, 1).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn sources_that_hang_are_waited_for_side_by_side() {
    let hangs = Cell::new(false);
    let script = |path: &str, _| match path {
        _ if hangs.get() => Reply::Never,
        "/a" | "/b" => Reply::ok(TEXT),
        _ => dockerd(path).unwrap(),
    };
    with_server(script, async |port, seen| {
        let target = |path| Target::parse(&format!("http://127.0.0.1:{port}{path}")).unwrap();
        let targets = vec![target("/a"), target("/b")];
        let mut probes = start(&over_tcp(port), targets).await.unwrap();
        hangs.set(true);
        let started = Instant::now();
        let sample = read(&mut probes, 1.0).await;
        assert_eq!(started.elapsed(), Duration::from_secs(4));
        let sources: Vec<&str> =
            sample.failures.iter().map(|failure| failure.source.as_str()).collect();
        let expected = ["daemon", &format!("target.port{port}"), &format!("target.port{port}-2")];
        assert_eq!(sources, expected);
        let values: Vec<&String> = sample.values.keys().collect();
        assert!(values.iter().all(|name| name.starts_with("own.")), "{values:?}");
        wait_for_cleanup(&probes, seen, 0).await;
        // What takes them apart is bounded by itself.
        let started = Instant::now();
        probes.groups(2.0, 0.0, &Census::default()).await;
        assert_eq!(started.elapsed(), Duration::from_secs(5));
        wait_for_cleanup(&probes, seen, 0).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn targets_are_looked_for_side_by_side_and_not_for_ever() {
    let script = |path: &str, _| match path {
        "/a" | "/b" => Reply::ok(TEXT),
        _ => Reply::Never,
    };
    with_server(script, async |port, seen| {
        let target = |path: &str| format!("http://127.0.0.1:{port}{path}");
        let probing = async |paths: &[&str]| {
            let targets = paths.iter().map(|path| Target::parse(&target(path)).unwrap()).collect();
            Probes::start(Options { targets, ..Options::default() }).await
        };
        let found = probing(&["/b", "/a"]).await.unwrap();
        let message: Vec<String> =
            found.found()[1..].iter().map(|it| it.readable.to_string()).collect();
        assert_eq!(message, ["Prometheus figures at /b", "Prometheus figures at /a"]);
        drop(found);
        // Each of them has several paths to ask for, of which each hangs.
        let started = Instant::now();
        let error = probing(&["/a", "", "/"]).await.unwrap_err().to_string();
        assert_eq!(started.elapsed(), Duration::from_secs(15));
        assert_eq!(error, format!("target `{}`: it did not answer within 15s", target("")));
        assert_eq!(seen.asked.borrow()["/debug/pprof/goroutine?debug=1"], 2, "both were asked");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_container_whose_daemon_hangs_times_out() {
    let hangs = Cell::new(false);
    let script = |path: &str, _| match path.split('?').next().unwrap() {
        "/containers/web/json" if hangs.get() => Reply::Never,
        "/containers/web/json" => Reply::ok(
            r#"{"Id": "ab12", "Name": "/web", "State": {"Status": "running", "Pid": 2000000000}}"#,
        ),
        "/containers/web/top" => {
            Reply::ok(r#"{"Titles": ["PID", "TID", "COMMAND"], "Processes": [["7", "7", "x"]]}"#)
        }
        _ => dockerd(path).unwrap(),
    };
    with_server(script, async |port, seen| {
        let targets = vec![Target::parse("container:web").unwrap()];
        let mut probes = start(&over_tcp(port), targets).await.unwrap();
        assert_eq!(figure(&read(&mut probes, 0.0).await, "target.web.threads"), Some(1.0));
        hangs.set(true);
        let started = Instant::now();
        let sample = read(&mut probes, 1.0).await;
        assert_eq!(started.elapsed(), Duration::from_secs(4));
        assert_eq!(figure(&sample, "target.web.threads"), None);
        assert_eq!(figure(&sample, "daemon.fds"), Some(41.0));
        assert_eq!((sample.failures.len(), sample.failures[0].reason.is_gone()), (1, false));
        // The daemon's own connection is kept.
        wait_for_cleanup(&probes, seen, 1).await;
        hangs.set(false);
        sleep(Duration::from_secs(5)).await;
        let sample = read(&mut probes, 2.0).await;
        assert_eq!(figure(&sample, "target.web.threads"), Some(1.0));
        assert_eq!((sample.failures, sample.cuts), (Vec::new(), Vec::new()));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn parts_that_hang_do_not_keep_the_figures_from_being_read() {
    let script = |path: &str, asked| match path {
        "/metrics" => Reply::ok(TEXT),
        "/debug/pprof/goroutine?debug=1" if asked == 0 => Reply::ok("goroutine profile: total 5\n"),
        "/debug/pprof/goroutine?debug=1" => Reply::Never,
        _ => Reply::none(),
    };
    with_server(script, async |port, _| {
        let target = Target::parse(&format!("http://127.0.0.1:{port}")).unwrap();
        let options = Options { targets: vec![target], ..Options::default() };
        let mut probes = Probes::start(options).await.unwrap();
        let started = Instant::now();
        probes.groups(0.0, 0.0, &Census::default()).await;
        assert_eq!(started.elapsed(), Duration::from_secs(5));
        let sample = read(&mut probes, 1.0).await;
        assert_eq!(figure(&sample, &format!("target.port{port}.goroutines")), Some(7.0));
        assert_eq!(sample.failures, []);
        // It is reported once, though the groups are requested again.
        sleep(Duration::from_secs(5)).await;
        probes.groups(2.0, 0.0, &Census::default()).await;
        probes.proofs(3.0, 0.0).await;
        let reason = groups_late(5.0);
        let sentence = "its groups could not be read: it did not answer within 5s";
        assert_eq!(reason.to_string(), sentence);
        let metric = format!("target.port{port}");
        assert_eq!(probes.missed(), [Unavailable { metric, reason: reason.into() }]);
        assert_eq!(probes.missed(), []);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_shortens_hanging_proofs_and_reports_them_as_missing() {
    let script = |path: &str, _| match path {
        "/debug/pprof/goroutine?debug=1" => Reply::ok("goroutine profile: total 5\n"),
        "/debug/pprof/goroutineleak?debug=1" => Reply::Never,
        _ => Reply::none(),
    };
    with_server(script, async |port, _| {
        let target = Target::parse(&format!("http://127.0.0.1:{port}")).unwrap();
        let options = Options { targets: vec![target], ..Options::default() };
        let mut probes = Probes::start(options).await.unwrap();
        let stop = CancellationToken::new();
        probes.set_stop_token(stop.clone());
        let started = Instant::now();
        let stopping = async {
            sleep(Duration::from_secs(2)).await;
            stop.cancel();
        };
        let (proofs, ()) = tokio::join!(probes.proofs(0.0, 0.0), stopping);
        assert_eq!((proofs, started.elapsed()), (Vec::new(), Duration::from_secs(3)));
        let reason = groups_late(3.0);
        let sentence = "its groups could not be read: it did not answer within 3s";
        assert_eq!(reason.to_string(), sentence);
        let metric = format!("target.port{port}");
        assert_eq!(probes.missed(), [Unavailable { metric, reason: reason.into() }]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_check_reports_a_hanging_target_once_and_continues() {
    with_two(async |probes, hangs, _| {
        let [a, b] = names(&probes);
        let header = Header {
            v: VERSION,
            cmon: String::new(),
            started: String::new(),
            daemon: String::new(),
            daemon_version: String::new(),
            containers: Vec::new(),
            targets: vec!["a".to_owned(), "b".to_owned()],
            cycles_metric: String::new(),
            drive: Drive::Passive,
            duration: 200.0,
            stream_timeout: 0.0,
            seed: 1,
            rules: Rules::default(),
        };
        let load: Load<Docker> = Load::Passive { duration: Duration::from_secs(200) };
        let mut records = Vec::new();
        let write = |record: Record| {
            // It hangs for a minute.
            if let Record::Reading(reading) = &record {
                hangs.set((50.0..110.0).contains(&reading.at));
            }
            records.push(record);
        };
        let stop = CancellationToken::new();
        Box::pin(Session::new(load, Registry::default(), probes, write, stop).run(header)).await;
        let mut counts = [0, 0];
        let mut shown = Vec::new();
        for record in &records {
            match record {
                Record::Reading(reading) => {
                    for (count, name) in counts.iter_mut().zip([&a, &b]) {
                        let value = reading.values.get(name);
                        assert!(value.is_none_or(|value| (value - 7.0).abs() < 1e-9), "{record:?}");
                        *count += usize::from(value.is_some());
                    }
                }
                Record::Unavailable(one) => {
                    shown.push((one.metric.as_str(), one.reason.to_string()));
                }
                Record::Cut(cut) => panic!("{cut:?}"),
                Record::End(end) => {
                    assert_eq!((end.failure.as_ref(), end.at < 215.0), (None, true));
                }
                _ => {}
            }
        }
        let source = a.strip_suffix(".goroutines").unwrap();
        assert_eq!(shown, [(source, "it did not answer within 4s".to_owned())]);
        // Before and after.
        assert!(80 < counts[0] && counts[0] + 30 < counts[1], "{counts:?}");
    })
    .await;
}

/// Groups that did not come in time.
fn groups_late(seconds: f64) -> UnavailableReason {
    UnavailableReason::Groups { cause: Box::new(UnavailableReason::Timeout { seconds }) }
}
