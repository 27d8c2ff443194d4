//! Targets: syntax, names, and readings of each kind.

mod addresses;
mod json_answers;
mod lineage;
mod restarts;

use std::path::PathBuf;

use super::given::Kind;
use super::url::{Choice, Scheme, Url};
use super::{Target, names};
use crate::docker::endpoint::Address;
use crate::engine::census::Census;
use crate::leak::record::{Rules, Unavailable};
use crate::leak::verdict::is_gated;
use crate::probe::counter::Counter;
use crate::probe::get::{MAX_BODY, MAX_DUMP};
use crate::probe::metrics::Selector;
use crate::probe::reasons::UnavailableReason;
use crate::probe::tests::fake::{Reply, with_server, with_the_clock_stopped};
use crate::probe::{Options, Probes, Sample, StartError};

const PROFILE: &str = include_str!("../../fixtures/go1.19.txt");
const LEAKED: &str = include_str!("../../fixtures/go1.27-goroutineleak.txt");
const PROMETHEUS: &str = include_str!("../../fixtures/prometheus.txt");
const EXPVAR: &str = include_str!("../../fixtures/expvar.json");

fn parsed(texts: &[&str]) -> Vec<Target> {
    texts.iter().map(|text| Target::parse(text).unwrap()).collect()
}

pub(super) async fn start(texts: &[String], cycles: Option<&str>) -> Result<Probes, StartError> {
    let targets = texts.iter().map(|text| Target::parse(text).unwrap()).collect();
    let cycles_metric = cycles.map(|text| Counter::parse(text).unwrap());
    let probes = Probes::start(Options { targets, cycles_metric, ..Options::default() }).await?;
    let pointed = texts.iter().filter_map(|text| Target::parse(text).ok()?.figure()).collect();
    let rules = Rules { pointed, ..Rules::default() };
    probes.check_gated(|metric| is_gated(metric, &rules))?;
    Ok(probes)
}

pub(super) async fn read(probes: &mut Probes, at: f64) -> Sample {
    probes.read(at, &Census::default()).await
}

/// The figures of targets.
pub(super) fn figures(sample: &Sample) -> Vec<(&str, f64)> {
    sample
        .values
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix("target.")?, *value)))
        .collect()
}

#[test]
fn every_form_of_a_target_is_read() {
    let http = |host: &str, port, path: Option<&str>, choice: Option<&str>| {
        let address = Address::Tcp { host: host.to_owned(), port };
        let path = path.map(str::to_owned);
        let choice = choice.map(|text| match text.strip_prefix('/') {
            Some(_) => Choice::Pointer(text.to_owned()),
            None => Choice::Metric(Selector::parse(text).unwrap()),
        });
        Kind::Http(Box::new(Url { address, scheme: Scheme::Http, login: None, path, choice }))
    };
    let unix = Url {
        address: Address::Unix(PathBuf::from("/run/x.sock")),
        scheme: Scheme::Http,
        login: None,
        path: None,
        choice: None,
    };
    let cases = [
        ("pid:12", Kind::Pid(12)),
        ("container:web.1", Kind::Container("web.1".to_owned())),
        ("http://h:6060", http("h", 6060, None, None)),
        ("http://h/", http("h", 80, None, None)),
        ("http://[::1]:80/m?a=b", http("::1", 80, Some("/m?a=b"), None)),
        ("http://h:1/v#/pools/0", http("h", 1, Some("/v"), Some("/pools/0"))),
        ("http://h:1#/pools/0", http("h", 1, Some("/"), Some("/pools/0"))),
        ("http://h:1/#/pools/0", http("h", 1, Some("/"), Some("/pools/0"))),
        ("http://h:1#a{b=\"c\"}", http("h", 1, None, Some("a{b=\"c\"}"))),
        ("http://h:1/m#a", http("h", 1, Some("/m"), Some("a"))),
        ("unix:///run/x.sock", Kind::Http(Box::new(unix))),
    ];
    for (text, kind) in cases {
        assert_eq!(Target::parse(text).unwrap().kind, kind, "{text}");
    }
}

#[test]
fn invalid_targets_are_refused() {
    let form = " is not a target: write pid:N, container:NAME, http://HOST:PORT[/path], \
                URL#NAME, URL#/json/pointer or unix:///path";
    let pid = " names no process: pid: takes a number above 0";
    let port = ": the port is not a number from 1 to 65535; write http://HOST:PORT";
    let host = ": it names no host; write http://HOST:PORT";
    let cases = [
        ("", form),
        ("unix:///", form),
        ("pid:", pid),
        ("pid:0", pid),
        ("pid:-1", pid),
        ("pid:me", pid),
        ("container:", " names no container: write container:NAME"),
        ("http://", host),
        ("http://:80", host),
        ("http://h:0", port),
        ("http://h:99999", port),
        ("http://h:+8", port),
        ("http://h:", port),
        ("http://[::1:80", ": a bracket is not closed; write http://HOST:PORT"),
    ];
    for (text, message) in cases {
        let error = Target::parse(text).unwrap_err().to_string();
        assert_eq!(error, format!("`{text}`{message}"));
    }
}

#[test]
fn names_are_short_and_no_two_are_equal() {
    let targets = parsed(&[
        "container:web",
        "container:my.app",
        "http://web:80",
        "http://collector.example:6060/metrics",
        "http://127.0.0.1:6060",
        "http://localhost:6060",
        "http://[::1]:9",
        "pid:12",
        "unix:///run/docker.sock",
        "container:...",
    ]);
    let expected = [
        "web",
        "my-app",
        "web-2",
        "collector",
        "port6060",
        "port6060-2",
        "port9",
        "pid12",
        "docker",
        "target",
    ];
    assert_eq!(names(&targets), expected);
}

#[tokio::test]
async fn the_metrics_of_a_server_are_discovered_and_described() {
    let script = |path: &str, _| match path {
        "/debug/pprof/goroutine?debug=1" => Reply::ok(PROFILE),
        "/debug/vars" => Reply::ok(EXPVAR),
        _ => Reply::none(),
    };
    with_server(script, async |port, seen| {
        let mut probes = start(&[format!("http://127.0.0.1:{port}")], None).await.unwrap();
        let expected = "goroutines by the profile at /debug/pprof/goroutine?debug=1; \
                        Go's expvar at /debug/vars; \
                        not: /metrics, /actuator/prometheus, /debug/metrics, /q/metrics, \
                        /api/metrics, /prometheus (status 404: 404 page not found)";
        assert_eq!(probes.found()[1].readable.to_string(), expected);
        let name = format!("port{port}");
        let sample = read(&mut probes, 0.0).await;
        let (goroutines, heap) = (format!("{name}.goroutines"), format!("{name}.heap_bytes"));
        assert_eq!(figures(&sample), [(goroutines.as_str(), 21.0), (heap.as_str(), 408_520.0)]);
        let groups = probes.groups(0.0, 0.0, &Census::default()).await;
        let goroutines =
            groups.iter().find(|groups| groups.metric == format!("target.{name}.goroutines"));
        assert_eq!(
            goroutines.unwrap().groups[0].title,
            "main.(*follower).follow collector/main.go:22"
        );
        assert_eq!(probes.proofs(0.0, 0.0).await, []);
        assert_eq!(seen.accepted.get(), 1, "one connection for all");
    })
    .await;
}

#[tokio::test]
async fn prometheus_shows_all_in_one_question() {
    let script = |path: &str, _| match path {
        "/metrics" => Reply::ok(PROMETHEUS),
        "/debug/pprof/goroutine?debug=1" => Reply::ok(PROFILE),
        "/debug/pprof/goroutineleak?debug=1" => Reply::ok(LEAKED),
        _ => Reply::none(),
    };
    with_server(script, async |port, seen| {
        let mut probes = start(&[format!("http://127.0.0.1:{port}")], None).await.unwrap();
        seen.asked.borrow_mut().clear();
        let sample = read(&mut probes, 0.0).await;
        let values: Vec<f64> = figures(&sample).into_iter().map(|(_, value)| value).collect();
        assert_eq!(values, [11.0, 42.0, 17_854_464.0, 9.0]);
        assert_eq!(seen.asked.borrow().keys().collect::<Vec<_>>(), ["/metrics"]);
        let proofs = probes.proofs(1.0, 2.0).await;
        assert_eq!(proofs[0].metric, format!("target.port{port}.goroutineleak"));
        assert_eq!((proofs[0].groups[0].count, proofs[0].cycles), (28, 2.0));
    })
    .await;
}

#[tokio::test]
async fn a_path_is_tried_as_each_form() {
    let script = |path: &str, _| match path {
        "/prof/goroutine?debug=1" | "/x/debug/pprof/goroutine?debug=1" => Reply::ok(PROFILE),
        "/prof/goroutine" => Reply::ok(b"\x1f\x8b\x08\0binary"),
        "/x/debug/pprof/" => Reply::ok("<html>"),
        "/m" => Reply::ok(PROMETHEUS),
        "/v" => Reply::ok(EXPVAR),
        "/j" => Reply::ok("{\"a\": 1}"),
        "/html" => Reply::ok("<!doctype html>"),
        "/empty" => Reply::ok(""),
        _ => Reply::none(),
    };
    with_server(script, async |port, _| {
        let message = async |path: &str| match start(&[format!("http://127.0.0.1:{port}{path}")], None).await {
            Ok(probes) => probes.found()[1].readable.to_string(),
            Err(StartError::Target { error, .. }) => error.to_string(),
            Err(error) => panic!("{error}"),
        };
        let profile = "goroutines by the profile at /prof/goroutine?debug=1";
        assert_eq!(message("/prof/goroutine?debug=1").await, profile);
        assert_eq!(message("/prof/goroutine").await, profile);
        let index = "goroutines by the profile at /x/debug/pprof/goroutine?debug=1";
        assert_eq!(message("/x/debug/pprof/").await, index);
        assert_eq!(message("/m").await, "Prometheus figures at /m");
        assert_eq!(message("/v").await, "Go's expvar at /v");
        assert_eq!(
            message("/j").await,
            format!(
                "`/j`: the answer is JSON, but not Go's expvar: it has no `memstats`; name a figure by \
                 its JSON pointer, like http://127.0.0.1:{port}/j#/a"
            )
        );
        assert_eq!(message("/html").await, "`/html`: the answer is an HTML page, not a goroutine profile");
        assert_eq!(message("/empty").await, "`/empty`: the answer is empty");
        assert_eq!(message("/no").await, "`/no` was answered with status 404: 404 page not found");
        assert!(message("").await.starts_with("nothing to measure at the usual paths: /debug"));
        assert_eq!(message("/j#/a").await, "the figure `/a` at /j");
        assert_eq!(message("/j#/b").await, "`/j`: there is nothing at `/b`; the answer has `a`");
    })
    .await;
}

#[tokio::test]
async fn an_answer_of_which_only_the_beginning_is_read_is_no_figure() {
    let long = |start: &str, end: &str, most: usize| {
        Reply::ok([start, " ".repeat(most).as_str(), end].concat())
    };
    let script = |path: &str, asked| match (path, asked) {
        ("/p", _) => long("goroutine profile: total 5\n", "\n", MAX_DUMP),
        ("/j" | "/v", 0) => Reply::ok("{\"open\": 1, \"goroutines\": 3, \"memstats\": {}}"),
        ("/j", _) => long("{\"open\": 1", "}", MAX_BODY),
        ("/v", _) => long("{\"open\": 1", "}", MAX_DUMP),
        ("/m", 0) => Reply::ok("go_goroutines 5\n"),
        ("/m", _) => long("go_goroutines 5\n", "\n", MAX_DUMP),
        _ => long("a 5\n", "\n", MAX_DUMP),
    };
    // A loaded machine does not send 64 MiB within the deadline of a reading.
    with_the_clock_stopped(with_server(script, async |port, _| {
        let url = |path: &str| format!("http://127.0.0.1:{port}{path}");
        let too_long = |path: &str, most: usize| {
            format!(
                "nothing can be read any more: `{path}`: the answer is longer than {most} MiB, and cmon \
                 reads no more of it"
            )
        };
        for (path, most) in [("/j#/open", 8), ("/v", 64), ("/m", 64)] {
            let mut probes = start(&[url(path)], None).await.unwrap();
            let sample = read(&mut probes, 0.0).await;
            let why: Vec<String> =
                sample.failures.iter().map(|one| one.reason.to_string()).collect();
            assert_eq!(why, [too_long(path.trim_end_matches("#/open"), most)]);
            assert_eq!(figures(&sample), []);
        }
        // The count of goroutines stands in the first line.
        let sample = read(&mut start(&[url("/p")], None).await.unwrap(), 0.0).await;
        assert_eq!(sample.failures, []);
        assert_eq!(figures(&sample), [(format!("port{port}.goroutines").as_str(), 5.0)]);
        let error = start(&[url("/other")], None).await.unwrap_err().to_string();
        assert!(error.ends_with("`/other`: the answer is longer than 64 MiB, and cmon reads no more of it"));
    }))
    .await;
}

#[tokio::test]
async fn a_metric_that_disappears_is_reported_once() {
    let script = |_: &str, asked| match asked {
        0 | 1 => Reply::ok("go_goroutines 5\nprocess_open_fds 7\n"),
        2 => Reply::ok("process_open_fds 7\n"),
        3 => Reply::ok("go_goroutines NaN\nprocess_open_fds 7\n"),
        _ => Reply::ok("foo 7\n"),
    };
    with_server(script, async |port, _| {
        let url = format!("http://127.0.0.1:{port}/m");
        let mut probes = start(&[url], None).await.unwrap();
        assert_eq!(read(&mut probes, 0.0).await.unavailable, []);
        let metric = format!("target.port{port}.goroutines");
        let gone = Unavailable { metric, reason: UnavailableReason::NoLongerShown.into() };
        assert_eq!(read(&mut probes, 1.0).await.unavailable, [gone]);
        assert_eq!(read(&mut probes, 2.0).await.unavailable, []);
        let failures = read(&mut probes, 3.0).await.failures;
        let why = "nothing can be read any more: it no longer shows its figures";
        assert_eq!(failures.iter().map(|one| one.reason.to_string()).collect::<Vec<_>>(), [why]);
    })
    .await;
}

#[tokio::test]
async fn a_pointer_gives_one_figure_under_its_own_name() {
    let script = |_: &str, asked| {
        Reply::ok(if asked < 2 { "{\"pool\":{\"open\":5}}" } else { "{\"pool\":{}}" })
    };
    with_server(script, async |port, _| {
        let mut probes =
            start(&[format!("http://127.0.0.1:{port}/s#/pool/open")], None).await.unwrap();
        let sample = read(&mut probes, 0.0).await;
        assert_eq!(figures(&sample), [(format!("port{port}.open").as_str(), 5.0)]);
        let sample = read(&mut probes, 1.0).await;
        let why = "nothing can be read any more: `/s`: there is nothing at `/pool/open`";
        assert_eq!(
            (figures(&sample), sample.failures[0].reason.to_string().as_str()),
            (vec![], why)
        );
        assert!(!sample.failures[0].reason.is_gone());
    })
    .await;
}

#[tokio::test]
async fn a_pointer_may_lead_into_the_answer_at_the_root() {
    let script = |path: &str, _| match path {
        "/" => Reply::ok("{\"pool\":{\"size\":7}}"),
        _ => Reply::none(),
    };
    with_server(script, async |port, _| {
        for root in ["", "/"] {
            let target = format!("http://127.0.0.1:{port}{root}#/pool/size");
            let mut probes = start(&[target], None).await.unwrap();
            assert_eq!(probes.found()[1].readable.to_string(), "the figure `/pool/size` at /");
            let sample = read(&mut probes, 0.0).await;
            assert_eq!(figures(&sample), [(format!("port{port}.size").as_str(), 7.0)]);
        }
    })
    .await;
}

#[tokio::test]
async fn an_error_has_one_working_example_of_a_selection() {
    let script = |_: &str, _| Reply::ok("{\"pool\":{\"name\":\"a\",\"size\":7}}");
    with_server(script, async |port, _| {
        let url = format!("http://127.0.0.1:{port}");
        let error = start(std::slice::from_ref(&url), None).await.unwrap_err().to_string();
        assert_eq!(error.matches("it has no `memstats`").count(), 1, "{error}");
        assert_eq!(error.matches("name a figure").count(), 1, "{error}");
        let (_, example) = error.split_once("JSON pointer, like ").unwrap();
        assert!(example.starts_with(&url), "{error}");
        let mut probes = start(&[example.to_owned()], None).await.unwrap();
        let sample = read(&mut probes, 0.0).await;
        assert_eq!(figures(&sample), [(format!("port{port}.size").as_str(), 7.0)]);
    })
    .await;
}

#[tokio::test]
async fn an_unavailable_metric_is_reported_once_and_never_0() {
    let script = |path: &str, _| match path {
        "/metrics" => Reply::ok("go_goroutines -1\nprocess_open_fds 4\nprocess_threads NaN\n"),
        _ => Reply::none(),
    };
    with_server(script, async |port, _| {
        let mut probes = start(&[format!("http://127.0.0.1:{port}")], None).await.unwrap();
        // A look at the names before the check begins says nothing to anybody.
        assert!(probes.names().await.contains(&format!("target.port{port}.fds")));
        let sample = read(&mut probes, 0.0).await;
        assert_eq!(figures(&sample), [(format!("port{port}.fds").as_str(), 4.0)]);
        assert_eq!(sample.unavailable[0].metric, format!("target.port{port}.goroutines"));
        assert_eq!(
            sample.unavailable[0].reason.to_string(),
            "`go_goroutines` is -1: a count is never negative"
        );
        assert_eq!(read(&mut probes, 0.0).await.unavailable, []);
    })
    .await;
}

#[tokio::test]
async fn a_server_that_goes_away_fails_each_reading_and_its_return_is_a_cut() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    for at in ["", "/p", "/p#/a"] {
        let error = start(&[format!("http://127.0.0.1:{port}{at}")], None).await.unwrap_err();
        assert!(error.to_string().ends_with("connection refused"), "{error}");
        assert!(hint(&error).contains("`ss -ltn`"), "{error:?}");
    }
    let script = |_: &str, asked| match asked {
        1 | 2 => Reply::Raw(b"not HTTP\r\n\r\n"),
        _ => Reply::ok(PROFILE),
    };
    with_server(script, async |port, _| {
        let mut probes = start(&[format!("http://127.0.0.1:{port}/p")], None).await.unwrap();
        let sample = read(&mut probes, 1.0).await;
        assert!(figures(&sample).is_empty() && !sample.failures[0].reason.is_gone(), "{sample:?}");
        let sample = read(&mut probes, 2.0).await;
        assert_eq!((sample.failures.len(), figures(&sample).len()), (0, 1));
        assert_eq!(
            sample.cuts[0].reason.to_string(),
            "the target did not answer for a while, and answers again"
        );
    })
    .await;
}

#[tokio::test]
async fn a_process_is_watched_until_it_is_gone() {
    use std::process::{Command, Stdio};
    let mut child =
        Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let pid = child.id();
    let mut probes = start(&[format!("pid:{pid}")], None).await.unwrap();
    let sample = read(&mut probes, 0.0).await;
    let names: Vec<&str> = figures(&sample).into_iter().map(|(name, _)| name).collect();
    let expected = ["fds", "rss_bytes", "threads"].map(|figure| format!("pid{pid}.{figure}"));
    assert_eq!(names, expected);
    assert!(figures(&sample).iter().all(|(_, value)| 0.0 < *value), "{sample:?}");
    let parts = probes.groups(0.0, 0.0, &Census::default()).await;
    let threads = parts.iter().find(|groups| groups.metric == format!("target.pid{pid}.threads"));
    assert_eq!(threads.unwrap().groups.len(), 1);
    child.kill().unwrap();
    child.wait().unwrap();
    let sample = read(&mut probes, 1.0).await;
    assert_eq!(figures(&sample), []);
    assert!(sample.failures[0].reason.is_gone());
    assert_eq!(sample.failures[0].reason.to_string(), format!("process {pid} does not exist"));
    let error = start(&[format!("pid:{pid}")], None).await.unwrap_err();
    assert_eq!(error.to_string(), format!("target `pid:{pid}`: process {pid} does not exist"));
    assert!(hint(&error).contains("`ps -e`"), "{error:?}");
}

/// What to do about a target that is refused; nothing where that is not known.
pub(super) fn hint(error: &StartError) -> String {
    match error {
        StartError::Target { error, .. } => error.hint().unwrap_or_default(),
        _ => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_container_takes_a_daemon() {
    let error = start(&["container:web".to_owned()], None).await.unwrap_err();
    assert!(hint(&error).contains("--host"), "{error:?}");
    assert_eq!(
        error.to_string(),
        "target `container:web`: a container target needs a Docker daemon, and there is none"
    );
}
