//! The embedded daemon beside the real one: the same questions, the same answers.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;

use cmon::demo::{World, serve};
use cmon::engine::source::StdStream::{Stderr, Stdout};

use super::support::{Container, Dockerd, PATIENCE, get};

/// What of an answer is compared.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: String,
    content_type: Option<String>,
    chunked: bool,
    body: String,
}

fn ask(socket: &Path, target: &str) -> Answer {
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
        body: without_times(&body),
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

/// Bytes as text, every timestamp replaced.
fn without_times(body: &[u8]) -> String {
    let text = body.escape_ascii().to_string();
    let time = regex::Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z").unwrap();
    time.replace_all(&text, "TIME").into_owned()
}

/// Plays what the real containers did, on a daemon of this version.
fn embedded(version: &'static str, then: impl FnOnce(&Path)) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let socket = path.clone();
    let (up, is_up) = std::sync::mpsc::channel();
    let (done, is_done) = tokio::sync::oneshot::channel::<()>();
    let server = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::default();
            world.set_version(version);
            for (name, tty, driver) in [
                ("plain", false, "json-file"),
                ("term", true, "json-file"),
                ("mute", false, "none"),
            ] {
                world.create_with(name, tty, driver);
                world.start(name);
            }
            world.write("plain", Stdout, format!("one\n{}\n", "x".repeat(40_000)));
            world.write("plain", Stderr, "two\n");
            world.write("plain", Stdout, "open");
            world.write("term", Stdout, "one\r\n");
            ["plain", "term", "mute"].iter().for_each(|name| world.exit(name, 3));
            let listener = tokio::net::UnixListener::bind(&socket).unwrap();
            up.send(()).unwrap();
            tokio::select! {
                () = serve(world.clone(), listener) => {}
                _ = is_done => {}
            }
        });
    });
    is_up.recv().unwrap();
    then(&path);
    drop(done);
    server.join().unwrap();
}

/// The fields that cmon reads, of an inspected container.
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
fn the_embedded_daemon_answers_as_the_real_one() {
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
    embedded(version, |demo| {
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
