//! Restarts of targets, and events that only resemble one.

use super::{read, start};
use crate::engine::census::Census;
use crate::probe::Probes;
use crate::probe::observed::Cut;
use crate::probe::reasons::{CutReason, RestartSign};
use crate::probe::tests::fake::{Reply, with_server, with_server_at};

#[tokio::test]
async fn a_target_that_restarts_cuts_its_series_and_its_cycles_go_on() {
    let script = |path: &str, asked| match path {
        "/metrics" => {
            let (count, started) = match asked {
                0 | 1 => (100, 1),
                2 => (130, 1),
                3 => (5, 2),
                _ => (9, 2),
            };
            let text = format!(
                "go_goroutines 7\nprocess_start_time_seconds {started}\nrotations{{c=\"a\"}} {count}\n"
            );
            Reply::ok(text)
        }
        _ => Reply::none(),
    };
    with_server(script, async |port, _| {
        let url = format!("http://127.0.0.1:{port}");
        let error = start(std::slice::from_ref(&url), Some("turns")).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "no target has a counter `turns` for its cycles: target `{url}`: `/metrics`: there is no \
                 metric `turns`"
            )
        );
    })
    .await;
    with_server(script, async |port, _| {
        let url = format!("http://127.0.0.1:{port}");
        let mut probes = start(&[url], Some("rotations")).await.unwrap();
        let mut cycles = Vec::new();
        let mut cuts = Vec::new();
        for at in [1.0, 2.0, 3.0] {
            let sample = read(&mut probes, at).await;
            cycles.extend(sample.cycles);
            cuts.extend(sample.cuts);
        }
        assert_eq!(cycles, [30.0, 35.0, 39.0]);
        assert_eq!((cuts.len(), cuts[0].at_ms), (1, 2000));
        assert_eq!(cuts[0].source, format!("target.port{port}"));
        assert_eq!(
            cuts[0].reason.to_string(),
            "the target was started again (`rotations` fell from 130 to 5)"
        );
    })
    .await;
}

#[tokio::test]
async fn a_lost_connection_is_a_restart_only_if_the_goroutines_halved() {
    let script = |path: &str, asked| match (path, asked) {
        ("/debug/pprof/goroutine?debug=1", 0 | 1) => Reply::ok("goroutine profile: total 50\n"),
        ("/debug/pprof/goroutine?debug=1", 2 | 3) => {
            Reply::ThenClose("goroutine profile: total 52\n")
        }
        ("/debug/pprof/goroutine?debug=1", 4) => Reply::ok("goroutine profile: total 5\n"),
        ("/debug/pprof/goroutine?debug=1", _) => Reply::ok("goroutine profile: total 4\n"),
        _ => Reply::none(),
    };
    with_server(script, async |port, seen| {
        let mut probes = start(&[format!("http://127.0.0.1:{port}")], None).await.unwrap();
        let mut cuts = Vec::new();
        for at in [1.0, 2.0, 3.0, 4.0, 5.0] {
            cuts.extend(read(&mut probes, at).await.cuts);
        }
        assert_eq!(seen.accepted.get(), 3);
        let reason = CutReason::TargetRestarted { sign: RestartSign::GoroutinesHalved };
        assert_eq!(
            cuts,
            [Cut { at_ms: 4000, source: format!("target.port{port}"), reason: reason.into() }]
        );
    })
    .await;
}

/// The cuts of a target at this path that closes each connection that was idle, and whose goroutines go
/// up and down by a few; its figures are these lines more, with `N` for the number of the question.
async fn cuts_of_an_idle_timeout(path: &str, more: &'static str) -> Vec<Cut> {
    let script = |path: &str, asked: usize| {
        let count = [56, 50, 53][asked % 3];
        let text = match path {
            "/metrics" => format!("go_goroutines {count}\n{more}"),
            _ => format!("goroutine profile: total {count}\n"),
        };
        let text = text.replace('N', &asked.to_string());
        Reply::ThenClose(Box::leak(text.into_boxed_str()))
    };
    let mut cuts = Vec::new();
    with_server(script, async |port, seen| {
        let url = format!("http://127.0.0.1:{port}{path}");
        let cycles = more.contains("turns").then_some("turns");
        let mut probes = start(&[url], cycles).await.unwrap();
        for at in 0..9 {
            let sample = read(&mut probes, f64::from(at)).await;
            assert_eq!(sample.failures, []);
            cuts.extend(sample.cuts);
        }
        assert!(9 <= seen.accepted.get(), "each reading has lost its connection");
    })
    .await;
    cuts
}

#[tokio::test]
async fn closing_idle_connections_is_no_restart() {
    assert_eq!(cuts_of_an_idle_timeout("/metrics", "process_start_time_seconds 9\n").await, []);
    assert_eq!(cuts_of_an_idle_timeout("/metrics", "turns N\n").await, []);
    assert_eq!(cuts_of_an_idle_timeout("/metrics", "").await, []);
    assert_eq!(cuts_of_an_idle_timeout("/profile", "").await, []);
}

/// The reasons of the cuts of a target with these answers before and after a silence.
async fn cuts_of_a_silence(before: &'static str, after: &'static str) -> Vec<String> {
    let script = |_: &str, asked| match asked {
        // What it serves, and where its counter is.
        0 | 1 => Reply::ok(before),
        // A kept connection that breaks is tried twice.
        2 | 3 => Reply::Raw(b"not HTTP\r\n\r\n"),
        _ => Reply::ok(after),
    };
    let mut cuts = Vec::new();
    with_server(script, async |port, _| {
        let mut probes =
            start(&[format!("http://127.0.0.1:{port}/m")], Some("turns")).await.unwrap();
        assert_eq!(read(&mut probes, 1.0).await.failures.len(), 1);
        let sample = read(&mut probes, 2.0).await;
        assert_eq!(sample.failures, Vec::new());
        cuts.extend(sample.cuts.into_iter().map(|cut| cut.reason.to_string()));
    })
    .await;
    cuts
}

#[tokio::test]
async fn a_silent_target_is_the_same_if_its_identity_shows_it() {
    let back = ["the target did not answer for a while, and answers again"];
    let same = cuts_of_a_silence("go_goroutines 7\nturns 1\n", "go_goroutines 7\nturns 1\n").await;
    assert_eq!(same, back, "nothing shows it");
    let started = "go_goroutines 7\nturns 1\nprocess_start_time_seconds 9\n";
    assert!(cuts_of_a_silence(started, started).await.is_empty());
    let rose = cuts_of_a_silence("go_goroutines 7\nturns 1\n", "go_goroutines 7\nturns 2\n").await;
    assert!(rose.is_empty(), "{rose:?}");
    let vars = |allocated: u32| -> &'static str {
        let text = format!(
            r#"{{"memstats": {{"TotalAlloc": {allocated}}}, "goroutines": 7, "turns": 1}}"#
        );
        Box::leak(text.into_boxed_str())
    };
    assert!(cuts_of_a_silence(vars(5), vars(6)).await.is_empty());
    let less = cuts_of_a_silence(vars(5), vars(4)).await;
    assert_eq!(less, ["the target was started again (`memstats.TotalAlloc` fell from 5 to 4)"]);
}

#[tokio::test]
async fn a_restart_during_a_failed_reading_is_reported_by_the_next() {
    let script = |path: &str, asked| match path {
        "/metrics" => {
            let started = if asked < 2 { 1 } else { 301 };
            Reply::ok(format!("process_open_fds 7\nprocess_start_time_seconds {started}\n"))
        }
        // Not yet served when the figures are already; a kept connection that breaks is tried twice.
        "/debug/pprof/goroutine?debug=1" if (2..4).contains(&asked) => {
            Reply::Raw(b"not HTTP\r\n\r\n")
        }
        "/debug/pprof/goroutine?debug=1" => Reply::ok("goroutine profile: total 5\n"),
        _ => Reply::none(),
    };
    with_server(script, async |port, _| {
        let mut probes = start(&[format!("http://127.0.0.1:{port}")], None).await.unwrap();
        assert_eq!(read(&mut probes, 1.0).await.cuts, []);
        let broken = read(&mut probes, 2.0).await;
        assert_eq!((broken.failures.len(), broken.cuts), (1, Vec::new()));
        let sign = RestartSign::StartTimeMoved { seconds: 300.0, fell: None };
        let reason = CutReason::TargetRestarted { sign };
        let cut = Cut { at_ms: 3000, source: format!("target.port{port}"), reason: reason.into() };
        assert_eq!(read(&mut probes, 3.0).await.cuts, [cut]);
        assert_eq!(read(&mut probes, 4.0).await.cuts, []);
    })
    .await;
}

/// Reads a target that answers with these pages in turn. Returns the restarts and the failure.
async fn in_turn(pages: &[String], readings: u32) -> (usize, Option<String>) {
    let script = |_: &str, asked: usize| Reply::ok(&pages[asked % pages.len()]);
    let (mut cuts, mut invalid) = (0, None);
    with_server(script, async |port, _| {
        let url = format!("http://127.0.0.1:{port}/metrics");
        let mut probes = start(&[url], None).await.unwrap();
        for at in 0..readings {
            let sample = read(&mut probes, f64::from(at)).await;
            cuts += sample.cuts.len();
            invalid = invalid.take().or(sample.invalid.map(|reason| reason.to_string()));
        }
    })
    .await;
    (cuts, invalid)
}

#[tokio::test]
async fn several_processes_behind_one_address_are_a_failure_and_no_restarts() {
    let page = |started: f64, goroutines: u32| {
        format!("go_goroutines {goroutines}\nprocess_start_time_seconds {started}\n")
    };
    let replicas =
        [page(1e9, 50), page(1e9 + 300.0, 80), page(1e9 + 100.0, 20), page(1e9 + 900.0, 61)];
    let (_, invalid) = in_turn(&replicas, 9).await;
    let failure = invalid.unwrap();
    assert!(failure.starts_with("target.port"), "{failure}");
    let message = ": several processes answer here (4 start times come back in turn): name one of them, by \
                 the address of one replica or worker, or as pid:N";
    assert!(failure.ends_with(message), "{failure}");
    // Clock jitter is no restart.
    let wavers = [page(1e9, 50), page(1e9 + 0.01, 50)];
    assert_eq!(in_turn(&wavers, 40).await, (0, None));
}

/// At which readings, counted from 1, the series of a target start anew that shows these goroutines,
/// and closes the connection after an answer or does not; the first pair is what is found at the start.
async fn cuts_at(path: &str, more: &str, answers: &[(u32, bool)]) -> Vec<u64> {
    let script = |path: &str, asked: usize| {
        let (count, closes) = answers[asked.min(answers.len() - 1)];
        let text = match path {
            "/metrics" => format!("go_goroutines {count}\n{more}"),
            "/debug/pprof/goroutine?debug=1" => format!("goroutine profile: total {count}\n"),
            _ => return Reply::none(),
        };
        match closes {
            true => Reply::ThenClose(Box::leak(text.into_boxed_str())),
            false => Reply::ok(text),
        }
    };
    let mut cuts = Vec::new();
    with_server(script, async |port, _| {
        let mut probes = start(&[format!("http://127.0.0.1:{port}{path}")], None).await.unwrap();
        for at in 1..answers.len() {
            cuts.extend(read(&mut probes, at as f64).await.cuts);
        }
    })
    .await;
    cuts.into_iter().map(|cut| cut.at_ms / 1000).collect()
}

#[tokio::test]
async fn fewer_goroutines_are_a_restart_only_right_after_a_lost_connection() {
    let profile = "/debug/pprof/goroutine?debug=1";
    assert!(cuts_at(profile, "", &[(50, false), (50, false), (5, false)]).await.is_empty());
    assert_eq!(cuts_at(profile, "", &[(50, false), (50, true), (5, false)]).await, [2]);
    // Once: what falls later is another matter.
    let later = [(50, false), (50, true), (20, false), (5, false)];
    assert_eq!(cuts_at(profile, "", &later).await, [2]);
    // A connection that was lost while it was looked at before the check says nothing of later.
    assert!(cuts_at("", "", &[(50, true), (50, false), (5, false)]).await.is_empty());
    let by_metrics = [(50, false), (50, true), (5, false)];
    assert_eq!(cuts_at("/metrics", "", &by_metrics).await, [2]);
    let same = "process_start_time_seconds 9\n";
    assert!(cuts_at("/metrics", same, &by_metrics).await.is_empty(), "it says that it is the same");
}

#[tokio::test]
async fn a_connection_lost_with_the_request_counts_once() {
    let script = |_: &str, asked| match asked {
        0 | 1 => Reply::ok("goroutine profile: total 50\n"),
        2 => Reply::Raw(b""),
        3 => Reply::ok("goroutine profile: total 20\n"),
        _ => Reply::ok("goroutine profile: total 5\n"),
    };
    with_server(script, async |port, _| {
        let mut probes = start(&[format!("http://127.0.0.1:{port}/p")], None).await.unwrap();
        let mut cuts = Vec::new();
        for at in [1.0, 2.0, 3.0] {
            cuts.extend(read(&mut probes, at).await.cuts.into_iter().map(|cut| cut.at_ms));
        }
        assert_eq!(cuts, [2000]);
    })
    .await;
}

/// The cuts of a target that refuses connections between two readings, while its groups are read.
async fn cuts_of_a_refusal(text: &'static str) -> Vec<String> {
    let script = |path: &str, _| match path {
        "/metrics" => Reply::ok(text),
        "/debug/pprof/goroutine?debug=1" => Reply::ok("goroutine profile: total 7\n"),
        _ => Reply::none(),
    };
    let mut started: Option<(Probes, u16)> = None;
    with_server(script, async |port, _| {
        let mut probes = start(&[format!("http://127.0.0.1:{port}")], None).await.unwrap();
        assert_eq!(read(&mut probes, 1.0).await.cuts, []);
        started = Some((probes, port));
    })
    .await;
    let (mut probes, port) = started.unwrap();
    probes.groups(2.0, 0.0, &Census::default()).await;
    let mut cuts = Vec::new();
    with_server_at(port, script, async |_, _| {
        for at in [3.0, 4.0] {
            let sample = read(&mut probes, at).await;
            assert_eq!(sample.failures, []);
            cuts.extend(sample.cuts.into_iter().map(|cut| cut.reason.to_string()));
        }
    })
    .await;
    cuts
}

#[tokio::test]
async fn refused_connections_are_a_restart_unless_the_process_is_the_same() {
    let failure =
        "the target closed its connection and accepted no other for a while: it was started again";
    assert_eq!(cuts_of_a_refusal("go_goroutines 7\n").await, [failure]);
    let same = "go_goroutines 7\nprocess_start_time_seconds 9\n";
    assert!(cuts_of_a_refusal(same).await.is_empty());
}
