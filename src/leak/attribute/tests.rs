//! Attribution on the numbers of a real collector and a real dockerd.
//!
//! The collector held one follow stream for each of 8 containers. Its health check opened a client for each of them
//! every 30 s and never closed it: 16 goroutines and 8 descriptors each time. The daemon kept 24 streams that their
//! client had forgotten.

use super::*;
use crate::leak::facts::{Connections, GroupGrowth, Interval, Metric, Signature, Verdict};
use crate::leak::judge::combine::Mode;
use crate::leak::judge::shape::{Growth, Shape, Stairs};
use crate::leak::record::{Cut, Drive, Group, Groups, Survivor};
use crate::probe::metric::Source;
use crate::probe::reasons::CutReason;

/// Ten streams a second while driven.
const STREAMS: Run =
    Run { drive: Drive::Streams, cycles_per_minute: 600.0, max_per_min: 1.0, max_per_cycle: 0.03 };
const COMMAND: Run = Run { drive: Drive::Command, ..STREAMS };
const PASSIVE: Run = Run { drive: Drive::Passive, ..STREAMS };

const IDLE: &str = "internal/poll.runtime_pollWait;net.(*conn).Read;net/http.(*persistConn).Read;\
                    bufio.(*Reader).fill;bufio.(*Reader).Peek;net/http.(*persistConn).readLoop";
const BUSY: &str = "runtime.selectgo;net/http.(*persistConn).readLoop";
const WRITE: &str = "runtime.selectgo;net/http.(*persistConn).writeLoop";
const READ: &str =
    "runtime.gopark;net/http.(*body).Read;docker.(*ContainerMonitor).readContainerLogs.func1";

fn dump(at: f64, cycles: f64, metric: &str, groups: &[(&str, u64)]) -> Groups {
    let group = |(key, count): &(&str, u64)| Group {
        key: (*key).to_owned(),
        title: key.rsplit(';').next().unwrap().to_owned(),
        count: *count,
        ..Group::default()
    };
    let groups = groups.iter().map(group).collect();
    Groups { at, cycles, metric: metric.to_owned(), groups, truncated: false }
}

/// Goroutines of the collector: idle connections, writers, readers of logs.
fn collector(at: f64, idle: u64, writers: u64) -> Groups {
    let groups = [(IDLE, idle), (WRITE, writers), (BUSY, 8), (READ, 8), ("main.main", 1)];
    dump(at, 0.0, "target.collector.goroutines", &groups)
}

fn interval(estimate: f64) -> Interval {
    Interval { estimate, low: estimate - 0.1, high: estimate + 0.1, confidence: 0.99 }
}

fn metric(name: &str, groups: Vec<GroupGrowth>) -> Metric {
    Metric {
        gated: true,
        verdict: Verdict::Leak,
        mode: Mode::Driven,
        per_minute: Some(interval(32.0)),
        p: Some(0.0001),
        groups,
        ..Metric::named(name)
    }
}

/// The signatures as sentences.
fn sentences(metrics: &[Metric], survivors: &[Survivor], run: Run) -> Vec<String> {
    let found = signatures(metrics, survivors, &other_sides(metrics), run);
    found.iter().map(ToString::to_string).collect()
}

fn summary(groups: &[GroupGrowth]) -> Vec<(&str, u64, u64, f64)> {
    groups
        .iter()
        .map(|group| (group.title.as_str(), group.first, group.last, group.share))
        .collect()
}

#[test]
fn both_goroutines_of_idle_connections_share_the_growth() {
    let dumps = [collector(50.0, 8, 17), collector(60.0, 8, 17), collector(635.0, 168, 177)];
    let grown = growth(&dumps, "target.collector.goroutines", &[], &[], Known::Nothing);
    let (read, write) = ("net/http.(*persistConn).readLoop", "net/http.(*persistConn).writeLoop");
    assert_eq!(summary(&grown), [(read, 8, 168, 0.5), (write, 17, 177, 0.5)]);
    assert!((grown[0].per_minute - 16.41).abs() < 0.01);
    assert_eq!(grown[0].per_cycle, None);
}

#[test]
fn groups_with_a_large_share_of_a_leak_are_reported() {
    // 14 forgotten streams, in addition to 30 from the warm-up.
    let follower = [("read", 30, 44), ("write", 30, 44), ("idle", 100, 108), ("timer", 0, 2)];
    let at = |seconds, last: bool| {
        let counts = follower.map(|(key, before, after)| (key, if last { after } else { before }));
        dump(seconds, seconds, "m", &counts)
    };
    let dumps = [at(0.0, false), at(60.0, true)];
    assert_eq!(growth(&dumps, "m", &[], &[], Known::Nothing), []);
    let grown = growth(&dumps, "m", &[], &[], Known::Leaks);
    let shares = (14.0 / 38.0, 14.0 / 38.0);
    assert_eq!(summary(&grown), [("read", 30, 44, shares.0), ("write", 30, 44, shares.1)]);
    // A group with a small share is left out.
    let dumps = [("rest", 100), ("part", 0)];
    let dumps = [dumps, [("rest", 400), ("part", 8)]];
    let dumps = [dump(0.0, 0.0, "m", &dumps[0]), dump(60.0, 0.0, "m", &dumps[1])];
    assert_eq!(summary(&growth(&dumps, "m", &[], &[], Known::Leaks)).len(), 1);
}

#[test]
fn insignificant_groups_leave_growth_unexplained() {
    let first = dump(0.0, 0.0, "m", &[("a", 0), ("b", 50), ("c", 9)]);
    let last = dump(60.0, 100.0, "m", &[("a", 36), ("b", 53), ("c", 10), ("d", 0)]);
    let grown = growth(&[first, last], "m", &[], &[], Known::Nothing);
    assert_eq!(summary(&grown), [("a", 0, 36, 0.9)]);
    assert_eq!((grown[0].per_cycle, grown[0].per_minute), (Some(0.36), 36.0));
}

#[test]
fn a_pool_that_fills_once_a_blip_and_a_fall_are_no_growth() {
    let series =
        [("blip", [0, 90, 40]), ("dip", [40, 0, 80]), ("fall", [40, 30, 20]), ("still", [8, 8, 8])];
    let at = |which: usize| {
        let groups: Vec<_> = series.iter().map(|(key, counts)| (*key, counts[which])).collect();
        dump(which as f64 * 60.0, 0.0, "m", &groups)
    };
    assert_eq!(growth(&[at(0), at(1), at(2)], "m", &[], &[], Known::Nothing), []);
    assert_eq!(growth(&[at(0), at(2)], "m", &[], &[], Known::Nothing).len(), 1 + 1);
    assert_eq!(growth(&[at(0)], "m", &[], &[], Known::Nothing), []);
    assert_eq!(growth(&[], "m", &[], &[], Known::Nothing), []);
    assert_eq!(growth(&[at(0), at(0)], "m", &[], &[], Known::Nothing), []);
}

#[test]
fn a_group_absent_from_a_truncated_dump_is_unknown() {
    let mut first = dump(0.0, 0.0, "m", &[("a", 10)]);
    first.truncated = true;
    let last = dump(60.0, 0.0, "m", &[("a", 50), ("b", 90)]);
    let series = [(0.0, 0.0, 500.0), (60.0, 0.0, 580.0)];
    let grown = growth(&[first.clone(), last.clone()], "m", &[], &series, Known::Nothing);
    assert_eq!(summary(&grown), [("a", 10, 50, 0.5)]);
    // With two complete dumps, the truncated one is not used.
    let second = dump(10.0, 0.0, "m", &[("a", 10), ("b", 90)]);
    let grown = growth(&[first, second, last], "m", &[], &series, Known::Nothing);
    assert_eq!(summary(&grown), [("a", 10, 50, 1.0)]);
}

#[test]
fn labels_never_split_one_stack() {
    let stack = "io.ReadAll;main.(*job).run";
    let labelled = |at: f64, count: u64, key: &dyn Fn(u64) -> String| Groups {
        groups: (0..count)
            .map(|id| Group {
                key: key(id),
                title: "main.(*job).run".to_owned(),
                count: 1,
                labels: format!("id={id}"),
                label_values: Vec::new(),
            })
            .collect(),
        ..dump(at, 0.0, "m", &[])
    };
    // As this version writes them, and as older recordings hold them.
    let keys: [&dyn Fn(u64) -> String; 2] =
        [&|_| stack.to_owned(), &|id| format!(r#"{stack} labels {{"id":"{id}"}}"#)];
    for key in keys {
        let dumps = [labelled(0.0, 2, key), labelled(60.0, 42, key)];
        let grown = growth(&dumps, "m", &[], &[], Known::Leaks);
        assert_eq!(summary(&grown), [("main.(*job).run", 2, 42, 1.0)]);
        assert_eq!((grown[0].key.as_str(), grown[0].labels.text()), (stack, "id=0".to_owned()));
    }
}

#[test]
fn dumps_from_before_a_restart_are_not_compared_with_later_ones() {
    let counts = [(0.0, 400), (50.0, 5), (100.0, 30)];
    let dumps: Vec<_> = counts
        .iter()
        .map(|(at, count)| dump(*at, 0.0, "target.web.fds", &[("a", *count)]))
        .collect();
    let cut = |source: &str| Cut {
        at_ms: 40_000,
        source: source.to_owned(),
        reason: CutReason::DaemonBack.into(),
    };
    assert_eq!(growth(&dumps, "target.web.fds", &[], &[], Known::Nothing), []);
    assert_eq!(growth(&dumps, "target.web.fds", &[cut("target.we")], &[], Known::Nothing), []);
    let grown = growth(&dumps, "target.web.fds", &[cut("target.web")], &[], Known::Nothing);
    assert_eq!(summary(&grown), [("a", 5, 30, 1.0)]);
}

/// The collector after 10 minutes, under any stream timeout.
fn leaking_collector(per_cycle: Option<Interval>, shape: Shape) -> [Metric; 2] {
    let name = "target.collector.goroutines";
    let dumps = [collector(50.0, 8, 17), collector(635.0, 168, 177)];
    let goroutines =
        Metric { per_cycle, shape, ..metric(name, growth(&dumps, name, &[], &[], Known::Leaks)) };
    let series = vec![(0.0, 0.0, 20.0), (600.0, 0.0, 180.0)];
    let fds = Metric { per_cycle, series, ..metric("target.collector.fds", Vec::new()) };
    [goroutines, fds]
}

/// +16 every 30 s, until this time or to the end.
fn stairs(until: Option<f64>) -> Shape {
    let stairs = Stairs { size: 16.0, period: 30.0, steps: 19 };
    let per_minute = crate::leak::judge::Interval { estimate: 32.0, low: 31.9, high: 32.1 };
    match until {
        None => Shape::Staircase(stairs),
        Some(at) => Shape::Stopped {
            since: None,
            at,
            growth: Growth { per_minute, stairs: Some(stairs) },
            lifetime: 297.0,
        },
    }
}

#[test]
fn unclosed_idle_connections_and_their_timer_are_recognized() {
    let none = Interval { low: -0.02, high: 0.02, ..interval(0.0) };
    let driven = leaking_collector(Some(none), stairs(None));
    assert_eq!(
        sentences(&driven, &[], STREAMS),
        [
            "2 goroutines and 1 descriptor each: idle HTTP connections of clients that are never closed \
         (160 more in target collector)",
            "every 30s: a timer, not the streams (target.collector.goroutines +16)",
            "does not depend on the stream timeout: target.collector.goroutines, target.collector.fds \
         grow while no stream is opened or closed",
        ]
    );
    let watched = leaking_collector(None, stairs(None));
    assert_eq!(
        sentences(&watched, &[], PASSIVE)[1],
        "every 30s: a timer (target.collector.goroutines +16), or cycles: this check counts none"
    );
    let bounded = leaking_collector(None, stairs(Some(305.0)));
    let found = sentences(&bounded, &[], PASSIVE);
    let expected = "target.collector.goroutines grew until 5m05s: the server drops idle connections after about \
                  5m; on a server that does not, this grows without a bound";
    assert_eq!(found[1], expected);
    assert!(found[2].starts_with("every 30s: a timer ("), "{found:?}");
    // The same for an inconclusive metric, and without connections.
    let open = bounded.clone().map(|metric| Metric { verdict: Verdict::Inconclusive, ..metric });
    assert!(sentences(&open, &[], PASSIVE).contains(&expected.to_owned()));
    let other = bounded.map(|metric| Metric { groups: Vec::new(), ..metric });
    assert!(
        sentences(&other, &[], PASSIVE)[0].contains("as if something ended each after about 5m")
    );
}

/// The signatures of a client with this growth of idle connections, open ones, writers and body readers.
fn client(idle: u64, open: u64, writers: u64, readers: &[(&str, u64)], fds: f64) -> Vec<String> {
    let name = "target.web.goroutines";
    let mut last = vec![(IDLE, idle), (BUSY, open), (WRITE, writers)];
    last.extend(readers);
    let groups = growth(
        &[dump(0.0, 0.0, name, &[]), dump(600.0, 0.0, name, &last)],
        name,
        &[],
        &[],
        Known::Leaks,
    );
    let series = vec![(0.0, 0.0, 20.0), (600.0, 0.0, 20.0 + fds)];
    let fds = Metric { series, ..metric("target.web.fds", Vec::new()) };
    let found = signatures(&[metric(name, groups), fds], &[], &[], PASSIVE);
    let found = found.iter().filter(|found| matches!(found, Signature::Connections { .. }));
    found.map(ToString::to_string).collect()
}

#[test]
fn unclosed_bodies_are_recognized_and_have_a_remedy() {
    let expected = "2 goroutines and 1 descriptor each: HTTP responses with a body that is never closed \
                  (80 more in target web)";
    assert_eq!(client(0, 80, 80, &[], 80.0), [expected]);
    // A goroutine that waits for something else is no body reader.
    assert_eq!(
        client(0, 80, 80, &[("sync.(*WaitGroup).Wait;main.(*job).run", 80)], 80.0),
        [expected]
    );
    let both = client(30, 80, 110, &[], 110.0);
    assert!(both[0].contains("never closed (80 more") && both[1].contains("idle HTTP"), "{both:?}");
    let signature = Signature::Connections {
        are: Connections::Unclosed,
        count: 80.0,
        descriptor: true,
        source: Source::Target("web".to_owned()),
    };
    assert!(signature.remedy().is_some_and(|remedy| remedy.contains("Body.Close()")));
}

#[test]
fn responses_being_read_are_logs_only_if_the_stack_shows_it() {
    let feed = "net/http.(*body).Read;bufio.(*Scanner).Scan;main.(*feed).listen";
    let expected = "3 goroutines and 1 descriptor each: responses that are still being read (24 more in \
                  target web)";
    assert_eq!(client(0, 24, 24, &[(feed, 24)], 24.0), [expected]);
    for log in [
        READ,
        "net/http.(*bodyEOFSignal).Read;io.ReadAtLeast;github.com/docker/docker/pkg/stdcopy.StdCopy;main.copy",
    ] {
        let found = client(0, 24, 24, &[(log, 24)], 24.0);
        assert!(found[0].contains(": log streams that are still being read (24 more"), "{found:?}");
    }
    let found = client(0, 60, 60, &[(feed, 24)], 60.0);
    assert!(
        found[0].contains("never closed (36 more") && found[1].contains("read (24 more"),
        "{found:?}"
    );
    // A few that just started or ended do not count as unclosed bodies.
    let found = client(0, 80, 80, &[(feed, 72)], 80.0);
    assert!(found.len() == 1 && found[0].contains("being read (72 more"), "{found:?}");
}

#[test]
fn readers_and_writers_may_differ_by_chance() {
    for (readers, writers) in [(77, 69), (69, 77), (12, 8), (168, 150), (3, 5)] {
        assert_eq!(
            client(readers, 0, writers, &[], readers as f64).len(),
            1,
            "{readers} and {writers}"
        );
    }
    for (readers, writers) in [(32, 91), (80, 40), (200, 150)] {
        assert_eq!(client(readers, 0, writers, &[], readers as f64), Vec::<String>::new());
    }
}

#[test]
fn without_descriptors_the_signature_mentions_goroutines_alone() {
    let [goroutines, _] = leaking_collector(None, Shape::Unknown);
    assert!(sentences(&[goroutines], &[], STREAMS)[0].starts_with("2 goroutines each: idle HTTP"));
}

#[test]
fn writers_without_readers_are_no_idle_connections() {
    let dumps = [collector(0.0, 8, 8), collector(60.0, 40, 99)];
    let groups = growth(&dumps, "target.collector.goroutines", &[], &[], Known::Nothing);
    assert_eq!(groups.len(), 2);
    let found = sentences(&[metric("target.collector.goroutines", groups)], &[], STREAMS);
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn open_log_streams_are_distinguished_from_idle_connections() {
    let at = |at, count| {
        let groups = [(BUSY, count), (WRITE, count), (READ, count), (IDLE, 8)];
        dump(at, 0.0, "target.collector.goroutines", &groups)
    };
    let groups = growth(
        &[at(0.0, 8), at(60.0, 32)],
        "target.collector.goroutines",
        &[],
        &[],
        Known::Nothing,
    );
    let series = vec![(0.0, 0.0, 20.0), (60.0, 0.0, 44.0)];
    let fds = Metric { series, ..metric("target.collector.fds", Vec::new()) };
    let found = sentences(&[metric("target.collector.goroutines", groups), fds], &[], STREAMS);
    let expected = "3 goroutines and 1 descriptor each: log streams that are still being read (24 more in target \
         collector)";
    assert_eq!(found, [expected]);
}

/// dockerd with 24 forgotten streams after this many cycles.
fn daemon(cycles: f64) -> [Metric; 2] {
    const STACKS: [(&str, u64); 5] = [
        ("net/http.(*connReader).backgroundRead", 25),
        ("httputils.WriteLogStream", 24),
        ("loggerutils.(*follow).waitRead", 24),
        ("daemon.(*Daemon).ContainerLogs.func2", 24),
        ("fsnotify.(*Watcher).readEvents", 24),
    ];
    let (name, kinds) =
        ("daemon.goroutines", [("inotify", 24), ("socket", 24), ("file json.log", 24)]);
    let stacks = [dump(0.0, 0.0, name, &[]), dump(60.0, cycles, name, &STACKS)];
    let classes = [dump(0.0, 0.0, "daemon.fds", &[]), dump(60.0, cycles, "daemon.fds", &kinds)];
    let per_minute = Some(interval(0.0));
    let goroutines = metric(name, growth(&stacks, name, &[], &[], Known::Leaks));
    let fds = metric("daemon.fds", growth(&classes, "daemon.fds", &[], &[], Known::Leaks));
    [
        Metric { per_cycle: Some(interval(121.0 / cycles)), per_minute, ..goroutines },
        Metric { per_cycle: Some(interval(72.0 / cycles)), per_minute, ..fds },
    ]
}

#[test]
fn followers_in_the_daemon_are_counted_by_cycle() {
    assert_eq!(
        sentences(&daemon(24.0), &[], STREAMS),
        [
            "1 follower in the daemon per cycle: streams that are not closed \
         (5 goroutines and 3 descriptors each)",
            "only cycles make daemon.goroutines, daemon.fds grow: a longer stream timeout slows that \
         down and does not end it",
        ]
    );
    let rare = &sentences(&daemon(860.0), &[], STREAMS)[0];
    assert!(rare.starts_with("0.028 followers in the daemon per cycle: "), "{rare}");
}

#[test]
fn followers_without_stacks_are_recognized_by_their_numbers() {
    let stackless = daemon(24.0).map(|metric| Metric { groups: Vec::new(), ..metric });
    let found = &sentences(&stackless, &[], STREAMS)[0];
    assert_eq!(
        found,
        "1 follower in the daemon per cycle: streams that are not closed (by their 5 goroutines and 3 \
         descriptors each)"
    );
}

#[test]
fn leaks_of_cmon_itself_come_first() {
    let sockets = dump(60.0, 0.0, "own.fds", &[("socket unix CLOSE_WAIT", 12)]);
    let fds = growth(&[dump(0.0, 0.0, "own.fds", &[]), sockets], "own.fds", &[], &[], Known::Leaks);
    let tasks = [dump(0.0, 0.0, "own.tasks", &[]), dump(60.0, 0.0, "own.tasks", &[("reader", 12)])];
    let tasks = growth(&tasks, "own.tasks", &[], &[], Known::Leaks);
    let survivor = |name: &str| Survivor { kind: "reader".into(), name: name.into(), age: 31.0 };
    let metrics = [metric("own.fds", fds), metric("own.tasks", tasks)];
    assert_eq!(
        sentences(&metrics, &[survivor("web"), survivor("db")], STREAMS),
        [
            "2 readers of cmon itself still alive after the end: a leak in cmon",
            "12 tasks more in cmon itself: reader",
            "12 sockets in CLOSE_WAIT: the other side has closed them, and cmon has not",
        ]
    );
}

#[test]
fn clean_metrics_have_no_signatures() {
    let clean = leaking_collector(Some(interval(0.0)), stairs(None))
        .map(|metric| Metric { verdict: Verdict::Clean, ..metric });
    assert_eq!(sentences(&clean, &[], STREAMS), Vec::<String>::new());
    assert_eq!(sentences(&[], &[], STREAMS), Vec::<String>::new());
}

/// Goroutines of a target: growth per cycle and per minute, each from its low to its high end.
fn bounded(per_cycle: (f64, f64), per_minute: (f64, f64)) -> [Metric; 1] {
    let interval = |(low, high): (f64, f64)| {
        Some(Interval { estimate: f64::midpoint(low, high), low, high, confidence: 0.99 })
    };
    let (per_cycle, per_minute) = (interval(per_cycle), interval(per_minute));
    [Metric { per_cycle, per_minute, ..metric("target.web.goroutines", Vec::new()) }]
}

#[test]
fn growth_depends_on_cycles_alone_only_if_growth_by_time_is_small() {
    let text = |metrics: &[Metric], run| sentences(metrics, &[], run).join("; ");
    let only = "only cycles make target.web.goroutines grow: a longer stream timeout slows that down \
                and does not end it";
    let unknown = "cycles make target.web.goroutines grow; whether time does too is not known";
    // A short run does not rule out growth by time.
    assert_eq!(text(&bounded((0.9, 1.1), (-200.0, 260.0)), STREAMS), unknown);
    // The cycles cause at least 540 per minute. Time adds less than a tenth of that, or more.
    assert_eq!(text(&bounded((0.9, 1.1), (-30.0, 53.0)), STREAMS), only);
    assert_eq!(text(&bounded((0.9, 1.1), (-30.0, 55.0)), STREAMS), unknown);
    let slow = Run { cycles_per_minute: 60.0, ..STREAMS };
    assert_eq!(text(&bounded((0.9, 1.1), (-30.0, 53.0)), slow), unknown);
    // Growth by time below the tolerance does not count.
    assert_eq!(text(&bounded((0.001, 0.002), (-1.0, 1.0)), STREAMS), only);
    assert_eq!(text(&bounded((0.001, 0.002), (-1.0, 1.1)), STREAMS), unknown);
    let strict = Run { max_per_min: 0.5, ..STREAMS };
    assert_eq!(text(&bounded((0.001, 0.002), (-1.0, 1.0)), strict), unknown);
    // Growth by cycles and by time.
    assert_eq!(text(&bounded((0.9, 1.1), (0.5, 0.9)), STREAMS), "");
}

#[test]
fn signatures_mention_streams_only_if_cmon_opens_them() {
    let text = |metrics: &[Metric], run| sentences(metrics, &[], run).join("; ");
    let by_cycles = bounded((0.9, 1.1), (-0.5, 0.5));
    assert_eq!(
        text(&by_cycles, COMMAND),
        "only cycles make target.web.goroutines grow: a cycle is one run of the command"
    );
    let own = "a cycle is one of the target's own: while they go on, it is not known whether cycles \
               or time make target.web.goroutines grow";
    assert_eq!(text(&bounded((0.9, 1.1), (9.0, 11.0)), PASSIVE), own);
    let mut by_time = bounded((-0.001, 0.001), (31.0, 33.0));
    assert_eq!(
        text(&by_time, COMMAND),
        "does not depend on the cycles: target.web.goroutines grows while the command does not run"
    );
    // A wide interval does not rule out growth by cycles.
    let unknown = "target.web.goroutines grows while the command does not run; whether cycles add to it \
                   is not known";
    assert_eq!(text(&bounded((-0.1, 0.1), (31.0, 33.0)), COMMAND), unknown);
    let slow = Run { cycles_per_minute: 30.0, ..COMMAND };
    assert!(text(&bounded((-0.1, 0.1), (31.0, 33.0)), slow).starts_with("does not depend"));
    by_time[0].shape = stairs(None);
    let timer = text(&by_time, COMMAND);
    let expected = "every 30s: a timer, not the cycles (target.web.goroutines +16)";
    assert!(timer.starts_with(expected), "{timer}");
}
