//! The embedded daemon through cmon's own source, on a paused clock.

use std::time::Duration;

use tokio::time::sleep;

use super::*;
use crate::docker::endpoint::{Address, Endpoint, Origin};
use crate::docker::{Docker, RequestOptions};
use crate::engine::source::{
    ContainerEventKind, ErrorKind, EventStream, Frames, ListFilters, LogEnd, LogRequest, LogStream,
    OutputKind, Phase, Read, ReadMode, Source, SourceError, StdStream, Stored, Tail,
};
use tokio::net::UnixListener;

/// Runs `test` against a daemon in the same runtime.
async fn with_world(test: impl AsyncFnOnce(&FakeDaemon, &Docker)) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let fake = FakeDaemon::default();
    let listener = UnixListener::bind(&path).unwrap();
    let endpoint = Endpoint::new(Address::Unix(path), Origin::Demo);
    let docker = Docker::new(endpoint, RequestOptions::default());
    tokio::select! {
        () = serve(fake.clone(), listener) => unreachable!("the server never ends"),
        () = test(&fake, &docker) => {}
    }
}

async fn key(docker: &Docker) -> crate::engine::source::ContainerKey {
    docker.list(&ListFilters::default()).await.unwrap()[0].key.clone()
}

async fn open(
    docker: &Docker,
    mode: ReadMode,
    tail: Tail,
) -> Result<crate::docker::logs::Logs, SourceError> {
    let key = key(docker).await;
    let output = docker.inspect(&key).await.unwrap().output;
    docker
        .logs(&LogRequest {
            key,
            output,
            mode,
            tail,
            stored: Stored::Something,
            end: LogEnd::Served,
        })
        .await
}

/// Reads to the end: payloads, and the end.
async fn rest(mut logs: crate::docker::logs::Logs) -> (String, Result<(), ErrorKind>) {
    let mut frames = Frames::default();
    let end = loop {
        match logs.read(&mut frames).await {
            Ok(Read::Some) => {}
            Ok(Read::End) => break Ok(()),
            Err(error) => break Err(error.kind),
        }
    };
    let payloads: Vec<u8> = frames.iter().flat_map(|(_, payload)| payload.to_vec()).collect();
    (String::from_utf8(payloads).unwrap(), end)
}

#[tokio::test(start_paused = true)]
async fn the_list_and_inspect_show_a_container_s_life() {
    with_world(async |fake, docker| {
        fake.create("web");
        let listed = docker.list(&ListFilters::default()).await.unwrap();
        assert_eq!((&*listed[0].name, listed[0].phase), ("web", Phase::Created));
        fake.start("web");
        fake.kill_for_memory("web");
        let container = docker.inspect(&listed[0].key).await.unwrap();
        let exit = container.exit.unwrap();
        assert_eq!((container.phase, exit.code, exit.oom), (Phase::Exited, 137, true));
        fake.remove("web");
        let error = docker.inspect(&listed[0].key).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Gone);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_follow_sends_stored_then_new_lines_and_ends_with_the_run() {
    with_world(async |fake, docker| {
        fake.create("web");
        fake.start("web");
        fake.write("web", StdStream::Stdout, "one\ntwo\n");
        let logs = open(docker, ReadMode::Follow, Tail::Last(1)).await.unwrap();
        let script = async {
            sleep(Duration::from_secs(3600)).await;
            assert_eq!(fake.followers("web"), 1);
            fake.write("web", StdStream::Stderr, "three\n");
            fake.exit("web", 0);
        };
        let ((text, end), ()) = tokio::join!(rest(logs), script);
        assert_eq!((text.as_str(), end), ("two\nthree\n", Ok(())));
        let again = open(docker, ReadMode::Follow, Tail::All).await.unwrap();
        assert_eq!(rest(again).await.0, "one\ntwo\nthree\n", "no follow of what does not run");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn version_and_info_are_answered_and_requests_have_deadlines() {
    with_world(async |fake, docker| {
        fake.create("web");
        fake.start("web");
        docker.api().ping().await.unwrap();
        assert_eq!(docker.api().version().await.unwrap().api, "1.43");
        let idle = docker.api().info().await.unwrap().goroutines.unwrap();
        let _open = open(docker, ReadMode::Follow, Tail::All).await.unwrap();
        let busy = docker.api().info().await.unwrap();
        assert!(idle < busy.goroutines.unwrap() && busy.descriptors.is_some());
        for route in [Route::Ping, Route::Version, Route::Info] {
            fake.fail(route, 1, Fault::Never);
        }
        assert_eq!(docker.api().ping().await.unwrap_err().kind, ErrorKind::Timeout);
        assert_eq!(docker.api().version().await.unwrap_err().kind, ErrorKind::Timeout);
        assert_eq!(docker.api().info().await.unwrap_err().kind, ErrorKind::Timeout);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_terminal_has_no_frames() {
    with_world(async |fake, docker| {
        fake.create_with("tty", OutputKind::Terminal, "json-file");
        fake.start("tty");
        fake.write("tty", StdStream::Stdout, format!("hi\r\n{}\r\n", "x".repeat(40_000)));
        let logs = open(docker, ReadMode::Once, Tail::All).await.unwrap();
        let (text, end) = rest(logs).await;
        assert_eq!((text.len(), end), (40_006, Ok(())));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn events_report_starts_and_ends() {
    with_world(async |fake, docker| {
        fake.create("web");
        let mut events = docker.events().await.unwrap();
        fake.start("web");
        fake.pause("web");
        fake.unpause("web");
        fake.drop_event();
        fake.exit("web", 1);
        fake.kill_for_memory("web");
        let mut kinds = Vec::new();
        for _ in 0..5 {
            kinds.push(events.next().await.unwrap().kind);
        }
        let ended = [ContainerEventKind::OutOfMemory, ContainerEventKind::Died(137)];
        assert_eq!(
            kinds[..3],
            [ContainerEventKind::Started, ContainerEventKind::Paused, ContainerEventKind::Unpaused]
        );
        assert_eq!(kinds[3..], ended);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn each_fault_has_its_effect() {
    let long = format!("{}\n", "x".repeat(1000));
    let whole = format!("one\n{long}");
    let raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".to_vec();
    let cases = [
        (Fault::Refuse, Err(ErrorKind::Cut)),
        (Fault::Never, Err(ErrorKind::Timeout)),
        (Fault::Status(409, "busy".to_owned()), Err(ErrorKind::Refused)),
        (
            Fault::Status(501, "the driver does not support reading".to_owned()),
            Err(ErrorKind::Unreadable),
        ),
        (Fault::Status(501, "no such path".to_owned()), Err(ErrorKind::Forbidden)),
        (Fault::HeadersLate(Duration::from_secs(3)), Ok((whole.as_str(), Ok(())))),
        (Fault::RawBytes(raw), Ok(("", Err(ErrorKind::Protocol)))),
        (Fault::CutAfter(500), Ok(("one\n", Err(ErrorKind::Cut)))),
        (Fault::EndAfter(1), Ok(("one\n", Ok(())))),
        (Fault::Slow(Duration::from_millis(5)), Ok((whole.as_str(), Ok(())))),
    ];
    for (fault, expected) in cases {
        with_world(async |fake, docker| {
            fake.create("web");
            fake.start("web");
            fake.write("web", StdStream::Stdout, &whole);
            fake.fail(Route::Logs, 1, fault.clone());
            let found = match open(docker, ReadMode::Once, Tail::All).await {
                Ok(logs) => Ok(rest(logs).await),
                Err(error) => Err(error.kind),
            };
            let found =
                found.as_ref().map(|(text, end)| (text.as_str(), *end)).map_err(|kind| *kind);
            assert_eq!(found, expected, "{fault:?}");
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_log_stays_open_without_lines() {
    with_world(async |fake, docker| {
        fake.create("web");
        fake.start("web");
        fake.write("web", StdStream::Stdout, "one\n");
        fake.fail(Route::Logs, 1, Fault::SilentAfter(300));
        let logs = open(docker, ReadMode::Follow, Tail::All).await.unwrap();
        let hour = Duration::from_secs(3600);
        assert!(tokio::time::timeout(hour, rest(logs)).await.is_err());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn everything_can_be_cut_at_once() {
    with_world(async |fake, docker| {
        fake.create("web");
        fake.start("web");
        let logs = open(docker, ReadMode::Follow, Tail::All).await.unwrap();
        let cut = async {
            sleep(Duration::from_secs(1)).await;
            fake.cut_all();
        };
        let ((_, end), ()) = tokio::join!(rest(logs), cut);
        assert_eq!(end, Err(ErrorKind::Cut));
        assert_eq!(fake.followers("web"), 0);
    })
    .await;
}

#[test]
fn the_handle_ends_the_daemon_and_removes_its_socket() {
    let handle = start().unwrap();
    let socket = handle.socket().to_owned();
    let connected = std::os::unix::net::UnixStream::connect(&socket);
    assert!(connected.is_ok());
    drop(handle);
    assert!(!socket.exists());
}

/// All eight have written something within five seconds, and one has restarted.
#[tokio::test(start_paused = true)]
async fn the_first_five_seconds_show_each_container_and_a_restart() {
    let fake = FakeDaemon::default();
    let mut cast = scenes::enter(&fake);
    let names = ["web", "api", "db", "cache", "worker", "cron", "mail", "console"];
    let history = names.map(|name| fake.messages(name).len());
    let five = Duration::from_secs(5);
    let _ = tokio::time::timeout(five, scenes::play(&fake, &mut cast)).await;
    for (name, before) in names.iter().zip(history) {
        assert!(before < fake.messages(name).len(), "{name} has written nothing");
    }
    let messages = fake.messages("worker");
    let starts = messages[history[4]..].iter();
    let starts = starts.filter(|message| message.payload == b"worker is starting\n").count();
    assert_eq!(starts, 1, "the worker has crashed and come back");
}

/// The times of a history lie in the three hours before the start, and those of a container in order. Two
/// daemons have the same history.
#[tokio::test(start_paused = true)]
async fn the_history_is_in_order_bounded_and_always_the_same() {
    let (fake, again) = (FakeDaemon::default(), FakeDaemon::default());
    let begun = fake.clock().as_nanos();
    scenes::enter(&fake);
    scenes::enter(&again);
    let hours = 3600 * 1_000_000_000;
    let mut total = 0;
    for name in ["web", "api", "db", "cache", "worker", "cron", "mail", "console"] {
        let messages = fake.messages(name);
        assert_eq!(messages, again.messages(name), "{name}");
        total += messages.len();
        let times: Vec<i128> = messages.iter().map(|message| message.time.as_nanos()).collect();
        assert!(times.is_sorted(), "{name}");
        let (first, last) = (times[0], times[times.len() - 1]);
        assert!(begun - 3 * hours <= first && first < begun - 2 * hours, "{name}");
        assert!(begun - hours / 4 < last && last < begun, "{name}: {}", begun - last);
    }
    assert!((1000..5000).contains(&total), "{total}");
    assert!(fake.messages("db").iter().any(|message| message.payload.len() == 16 * 1024));
    assert_eq!(
        fake.lock()
            .containers
            .values()
            .filter(|container| container.phase == Phase::Running)
            .count(),
        8
    );
}
