//! The embedded daemon compared with the real one: equal requests, equal answers.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;

use cmon::demo::{FakeDaemon, serve};
use cmon::engine::source::StdStream::{self, Stderr, Stdout};
use cmon::engine::timestamp::Timestamp;

use super::support::{Container, Dockerd, PATIENCE, get};
use cmon::engine::source::OutputKind;

/// The compared part of an answer.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: String,
    content_type: Option<String>,
    chunked: bool,
    body: String,
}

fn ask(socket: &Path, target: &str) -> Answer {
    let answer = answer_of(socket, target);
    Answer { body: without_times(&answer.body), ..answer }
}

/// An answer with its timestamps.
fn answer_of(socket: &Path, target: &str) -> Answer {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {target} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|part| part == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let header = |name: &str| {
        let line = head.lines().find(|line| line.to_lowercase().starts_with(name))?;
        Some(line.split_once(':').unwrap().1.trim().to_owned())
    };
    let chunked = header("transfer-encoding").is_some();
    let body = if chunked { unchunked(&answer[end + 4..]) } else { answer[end + 4..].to_vec() };
    Answer {
        status: head.lines().next().unwrap().to_owned(),
        content_type: header("content-type"),
        chunked,
        body: body.escape_ascii().to_string(),
    }
}

fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|part| part == b"\r\n").unwrap();
        let length = std::str::from_utf8(&rest[..line]).unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        if length == 0 {
            return body;
        }
        body.extend_from_slice(&rest[line + 2..line + 2 + length]);
        rest = &rest[line + 4 + length..];
    }
}

/// Text with every timestamp replaced.
fn without_times(text: &str) -> String {
    let time = regex::Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z").unwrap();
    time.replace_all(text, "TIME").into_owned()
}

/// Runs a daemon of this version after `play` has created its containers.
fn embedded(
    version: &'static str,
    play: impl FnOnce(&FakeDaemon) + Send + 'static,
    then: impl FnOnce(&Path),
) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let socket = path.clone();
    let (up, is_up) = std::sync::mpsc::channel();
    let (done, is_done) = tokio::sync::oneshot::channel::<()>();
    let server = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let fake = FakeDaemon::default();
            fake.set_version(version);
            play(&fake);
            let listener = tokio::net::UnixListener::bind(&socket).unwrap();
            up.send(()).unwrap();
            tokio::select! {
                () = serve(fake.clone(), listener) => {}
                _ = is_done => {}
            }
        });
    });
    is_up.recv().unwrap();
    then(&path);
    drop(done);
    server.join().unwrap();
}

/// Repeats what the real containers did.
fn three_containers(fake: &FakeDaemon) {
    for (name, tty, driver) in
        [("plain", false, "json-file"), ("term", true, "json-file"), ("mute", false, "none")]
    {
        fake.create_with(name, OutputKind::of(tty), driver);
        fake.start(name);
    }
    fake.write("plain", Stdout, format!("one\n{}\n", "x".repeat(40_000)));
    fake.write("plain", Stderr, "two\n");
    fake.write("plain", Stdout, "open");
    fake.write("term", Stdout, "one\r\n");
    ["plain", "term", "mute"].iter().for_each(|name| fake.exit(name, 3));
}

/// The fields of an inspection that cmon reads.
fn inspected(body: &[u8]) -> serde_json::Value {
    let all: serde_json::Value = serde_json::from_slice(body).unwrap();
    let state = &all["State"];
    serde_json::json!([
        all["Name"],
        all["RestartCount"],
        state["Status"],
        state["Running"],
        state["Paused"],
        state["Restarting"],
        state["OOMKilled"],
        state["ExitCode"],
        all["Config"]["Tty"],
        all["HostConfig"]["LogConfig"]["Type"],
    ])
}

#[test]
fn the_embedded_daemon_answers_like_the_real_one() {
    let long = "head -c 40000 /dev/zero | tr '\\0' x; echo";
    let pause = "usleep 200000";
    let script = format!("echo one; {long}; {pause}; echo two >&2; {pause}; printf open; exit 3");
    let plain = Container::named("plain", &[], &script);
    let term = Container::named("term", &["-t"], "echo one; exit 3");
    let mute = Container::named("mute", &["--log-driver", "none"], "exit 3");
    for container in [&plain, &term, &mute] {
        container.wait();
    }
    let real = Dockerd::shared().socket();
    let version: serde_json::Value = serde_json::from_slice(&get(&real, "/version")).unwrap();
    let version = version["Version"].as_str().unwrap().to_owned().leak();
    embedded(version, three_containers, |demo| {
        let logs = [
            "",
            "stdout=1",
            "stderr=1",
            "stdout=1&stderr=1",
            "stdout=0&stderr=true",
            "stdout=1&stderr=1&tail=1",
            "stdout=1&stderr=1&tail=2",
            "stdout=1&tail=2",
            "stdout=1&stderr=1&tail=0",
            "stdout=1&stderr=1&tail=all",
            "stdout=1&stderr=1&tail=x",
            "stdout=1&stderr=1&timestamps=1",
            "stdout=1&timestamps=true&tail=3",
            "stdout=1&since=99999999999",
            "stdout=1&stderr=1&since=1.5",
            "stdout=1&until=1.5",
            "stdout=1&stderr=1&follow=1",
        ];
        let mut targets = vec![
            "/_ping".to_owned(),
            "/v1.41/_ping".to_owned(),
            "/containers/nope/json".to_owned(),
            "/containers/nope/logs?stdout=1".to_owned(),
            "/containers/mute/logs?stdout=1".to_owned(),
            "/containers/term/logs?stdout=1&stderr=1&timestamps=1".to_owned(),
            "/nowhere".to_owned(),
        ];
        targets.extend(logs.iter().map(|query| format!("/containers/plain/logs?{query}")));
        for target in targets {
            assert_eq!(ask(demo, &target), ask(&real, &target), "{target}");
        }
        for name in ["plain", "term", "mute"] {
            let target = format!("/containers/{name}/json");
            let (demo, real) = (get(demo, &target), get(&real, &target));
            // The embedded daemon streams nothing here, so HTTP/1.0 does not matter.
            assert_eq!(inspected(&demo), inspected(&real), "{name}");
        }
    });
}

/// A log with timestamps: time, stream and payload of each message.
fn stored(socket: &Path, name: &str) -> Vec<(i64, StdStream, Vec<u8>)> {
    let log = get(socket, &format!("/containers/{name}/logs?stdout=1&stderr=1&timestamps=1"));
    let mut rest = log.as_slice();
    let mut messages = Vec::new();
    while let [stream, _, _, _, a, b, c, d, behind @ ..] = rest {
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        let (time, taken) = Timestamp::strip(&behind[..length]).unwrap();
        let stream = if *stream == 1 { Stdout } else { Stderr };
        messages.push((time.saturating_nanos(), stream, behind[taken..length].to_vec()));
        rest = &behind[length..];
    }
    messages
}

#[test]
fn times_tails_and_details_select_as_on_the_real_daemon() {
    let container = Container::run(
        "for i in 1 2 3 4 5 6; do echo out $i; usleep 20000; echo err $i >&2; usleep 20000; done",
    );
    container.wait();
    let real = Dockerd::shared().socket();
    let messages = stored(&real, &container.name);
    assert_eq!(messages.len(), 12);
    let second = 1_000_000_000;
    let at = |nanos: i64| format!("{}.{:09}", nanos / second, nanos % second);
    let (third, eighth) = (messages[2].0, messages[7].0);
    let mut queries = vec![
        format!("since={}", at(third)),
        format!("since={}", at(third + 1)),
        format!("until={}", at(eighth)),
        format!("until={}", at(eighth - 1)),
        format!("since={}&until={}", at(third), at(eighth)),
        format!("since={}&until={}", at(eighth), at(third)),
        // The daemon applies the tail first.
        format!("since={}&tail=3", at(third)),
        format!("since={}&tail=11", at(third)),
        format!("until={}&tail=6", at(eighth)),
        format!("until={}&tail=2", at(third)),
        format!("since={}&follow=1", at(eighth)),
        format!("until={}&follow=1", at(third)),
        format!("since={}&details=1", at(eighth)),
    ];
    // Fewer digits: a tenth is a hundred million nanoseconds.
    let (whole, tenths) = (third / second, third % second / 100_000_000);
    queries.extend((1..=9).map(|digits| format!("since={whole}.{tenths:0<digits$}")));
    queries.push(format!("since={}", eighth / second + 1));
    queries.extend(
        ["since=x", "until=1.x", "since=0", "until=0", "since=", "since=-5"].map(str::to_owned),
    );
    let name = container.name.clone();
    let play = move |fake: &FakeDaemon| {
        fake.create(&name);
        fake.start(&name);
        for (time, stream, payload) in &messages {
            fake.write_at(&name, *stream, Timestamp::from_nanos(*time), payload);
        }
        fake.exit(&name, 0);
    };
    embedded("20.10.24", play, |demo| {
        for query in &queries {
            for more in ["&timestamps=1", "&stdout=0"] {
                let both = format!("/containers/{}/logs?{query}&stderr=1{more}", container.name);
                let target = if more == "&stdout=0" { both } else { both + "&stdout=1" };
                let (demo, real) = (answer_of(demo, &target), answer_of(&real, &target));
                assert_eq!(demo, real, "{target}");
            }
        }
    });
}
