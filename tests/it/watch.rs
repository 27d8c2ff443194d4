//! `cmon watch` for scripts: a table, JSON, lines of totals, and the end of each.

use std::process::Stdio;

use rustix::process::Signal;
use serde_json::Value;

use super::support::{Cmon, Container, Dockerd, eventually};

/// Writes ten times a second.
const TALK: &str = "i=0; while :; do i=$((i+1)); echo line $i; usleep 100000; done";

#[test]
fn watch_once_prints_one_table() {
    let talks = Container::run(TALK);
    let ended = Container::run("exit 3");
    ended.wait();
    let done = Cmon::run(&["watch", "--once", &talks.name, &ended.name]).code(0);
    let text = done.text();
    let row = |name: &str| {
        let is = |line: &&str| line.trim_start_matches(['!', '~', ' ']).starts_with(name);
        let line = text.lines().find(is).unwrap_or_else(|| panic!("no {name} in {done}"));
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert!(row(&talks.name).contains("running streaming"), "{done}");
    assert!(row(&ended.name).starts_with(&format!("~ {}", ended.name)), "{done}");
    assert!(row(&ended.name).contains("exited 3 ended: exit 3"), "{done}");
    assert!(text.contains("1 reader = 1 stream"), "{done}");
    assert!(text.lines().next().unwrap().starts_with("daemon "), "{done}");
    assert!(!done.stderr.contains("error"), "{done}");
}

#[test]
fn snapshots_are_objects_with_the_fields_of_tail() {
    let talks = Container::run(TALK);
    let args = ["watch", &talks.name, "-o", "json", "--interval", "500ms"];
    let begun = std::time::SystemTime::now();
    let cmon = Cmon::start(&[&args[..], &["--stream-timeout", "1s"]].concat()).read();
    let is_enough = |line: &str| {
        let snapshot: Value = serde_json::from_str(line).unwrap_or_default();
        let row = &snapshot["rows"][0];
        let goroutines = snapshot["daemon"]["goroutines"].as_u64();
        (2 <= row["cycles"].as_u64()? && goroutines.is_some()).then_some(())
    };
    eventually("two cycles", || is_enough(cmon.out().lines().last()?));
    let done = cmon.interrupt().code(130);
    let snapshots = done.objects("watch");
    // A loaded machine takes fewer of them, never more: one each half second, the first and the last.
    let most = begun.elapsed().unwrap().as_millis() / 500 + 2;
    assert!(2 < snapshots.len() && snapshots.len() as u128 <= most, "at most {most}: {done}");
    assert_eq!(done.text().lines().count(), snapshots.len(), "nothing else: {done}");
    let last = snapshots.last().unwrap();
    let row = &last["rows"][0];
    assert_eq!(
        (&row["container"], &row["state"]),
        (&talks.name.as_str().into(), &"running".into())
    );
    assert!(
        2 <= row["cycles"].as_u64().unwrap() && 0.0 < row["lines_per_second"].as_f64().unwrap()
    );
    assert_eq!(row["reopens"]["rotated"], row["cycles"], "{row}");
    assert_eq!(last["readers"], last["streams_open"]);
    let opened = last["streams_opened"].as_u64().unwrap();
    let closed = last["streams_closed"].as_u64().unwrap();
    assert_eq!(opened, closed + last["streams_open"].as_u64().unwrap());
    for figure in ["goroutines", "descriptors"] {
        assert!(10 < last["daemon"][figure].as_u64().unwrap(), "{last}");
    }
    assert!(0 < last["own"]["memory_bytes"].as_u64().unwrap());
    // Every field of `tail`'s summary is there, under its name.
    let tail = Cmon::run(&["tail", &talks.name, "--no-follow", "-o", "json", "--summary"]).code(0);
    let Value::Object(summary) = tail.objects("summary").remove(0) else { panic!("{tail}") };
    for field in summary.keys() {
        assert!(!last[field].is_null(), "no `{field}` in {last}");
    }
}

#[test]
fn without_a_terminal_watch_prints_totals() {
    let talks = Container::run(TALK);
    let cmon = Cmon::start(&["watch", "--interval", "200ms", &talks.name]).read();
    cmon.wait_for_out("1 reader = 1 stream");
    talks.docker("kill");
    cmon.wait_for_err(&format!("- {} exited 137", talks.name));
    cmon.wait_for_out("0 readers = 0 streams");
    cmon.interrupt().code(130);
}

#[test]
fn each_end_has_its_code() {
    let talks = Container::run(TALK);
    let cmon = Cmon::start(&["watch", "-o", "json", &talks.name]).read();
    cmon.wait_for_out("\"type\":\"watch\"");
    cmon.signal(Signal::TERM);
    cmon.done().code(143);
    let cmon = Cmon::start(&["watch", &talks.name]).read();
    cmon.wait_for_out("1 reader = 1 stream");
    cmon.signal(Signal::HUP);
    cmon.done().code(129);
    // The reader of the pipe goes away.
    let mut cmon = Cmon::start(&["watch", "-o", "json", "--interval", "100ms", &talks.name]);
    drop(cmon.take_stdout());
    assert_eq!(cmon.status().code(), Some(0));
    Cmon::run(&["watch", "nobody"]).code(1).says("no container matches `nobody`");
    Cmon::run(&["watch", "--metrics", "web"]).code(2).says("not an address");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let done = Cmon::run(&["watch", "--metrics", &port, &talks.name]).code(1);
    done.says("could not listen on 127.0.0.1").says("in use");
    let mute = Container::run_with(&["--log-driver", "none"], "sleep 600");
    Cmon::run(&["watch", "-o", "json", &mute.name]).code(1).says(&mute.name);
}

#[test]
fn a_short_duration_has_a_last_snapshot() {
    let talks = Container::run(TALK);
    // Shorter than the interval, and long enough for the daemon of a loaded machine to answer.
    let short = ["--interval", "1h", "--duration", "8s", &talks.name];
    let done = Cmon::run(&[&["watch", "-o", "json"], &short[..]].concat()).code(0);
    let snapshots = done.objects("watch");
    let last = snapshots.last().unwrap();
    assert!(8.0 <= last["seconds"].as_f64().unwrap(), "taken at the end: {done}");
    assert_eq!(last["rows"][0]["state"], "running", "as it was before the end: {done}");
    let done = Cmon::run(&["watch", "--once", "--duration", "8s", &talks.name]).code(0);
    assert!(done.text().contains(&talks.name), "{done}");
    let long = ["watch", "--interval", "1h", "--duration", "8s", &talks.name];
    assert_eq!(Cmon::run(&long).code(0).text().lines().count(), 2, "the first and the last");
}

#[test]
fn an_awaited_daemon_is_shown_as_away() {
    let dir = tempfile::tempdir().unwrap();
    let host = format!("unix://{}/none.sock", dir.path().display());
    let watch = |args: &[&str]| {
        let args = [&["watch", "--wait", "--host", &host], args].concat();
        Cmon::start_with(&args, |_| {})
    };
    let cmon = watch(&["-o", "json", "--interval", "500ms", "--metrics", "0"]).read();
    cmon.wait_for_out("away_seconds");
    let page = eventually("metrics", || super::metrics::get(&cmon.metrics()?, "/metrics"));
    assert!(page.contains("\ncmon_daemon_up 0\n"), "{page}");
    let done = watch(&["--once", "--duration", "4s"]).done().code(0);
    assert!(done.text().contains("the daemon has not answered for"), "{done}");
    // Their time is over for both, although no daemon has ever answered.
    let done = watch(&["-o", "json", "--duration", "4s"]).done().code(0);
    assert!(!done.objects("watch").is_empty(), "{done}");
    eventually("snapshots", || (3 < cmon.out().lines().count()).then_some(()));
    cmon.interrupt().code(130);
}

#[test]
fn an_ignored_sighup_stays_ignored() {
    let talks = Container::run(TALK);
    // As nohup does.
    let script = format!("trap '' HUP; exec {} \"$@\"", env!("CARGO_BIN_EXE_cmon"));
    let mut command = Dockerd::shared().command("sh");
    command.args(["-c", &script, "sh", "watch", "-o", "json", "--interval", "100ms", &talks.name]);
    command.stdout(Stdio::piped());
    let cmon = Cmon::of(command).read();
    cmon.wait_for_out("\"type\":\"watch\"");
    cmon.signal(Signal::HUP);
    let seen = cmon.out().lines().count();
    eventually("it goes on", || (seen + 5 < cmon.out().lines().count()).then_some(()));
    cmon.signal(Signal::TERM);
    cmon.done().code(143);
}

#[test]
fn without_a_selection_watch_shows_running_containers() {
    let daemon = Dockerd::alone(&[]);
    let run = ["run", "-d", "--network", "none", "--name"];
    daemon.docker(&[&run[..], &["stopped", "box", "true"]].concat());
    daemon.docker(&["wait", "stopped"]);
    let watch = |args: &[&str]| {
        Cmon::start_with(&[&["watch"], args].concat(), |command| {
            command.env("DOCKER_HOST", daemon.url());
        })
    };
    let names = |snapshot: &Value| -> Vec<String> {
        let rows = snapshot["rows"].as_array().unwrap().iter();
        rows.map(|row| row["container"].as_str().unwrap().to_owned()).collect()
    };
    let once = watch(&["--once", "-o", "json"]).done().code(0);
    assert!(names(&once.objects("watch")[0]).is_empty(), "{once}");
    let all = watch(&["-a", "--once", "-o", "json"]).done().code(0);
    assert_eq!(names(&all.objects("watch")[0]), ["stopped"]);
    let cmon = watch(&["-o", "json", "--interval", "200ms"]).read();
    cmon.wait_for_out("\"rows\":[]");
    daemon.docker(&[&run[..], &["late", "box", "sleep", "600"]].concat());
    cmon.wait_for_out("\"container\":\"late\"");
    daemon.docker(&["start", "stopped"]);
    cmon.wait_for_out("\"container\":\"stopped\"");
    cmon.interrupt().code(130);
}

#[test]
fn an_interrupted_watch_leaves_no_follower_behind() {
    let daemon = Dockerd::alone(&[]);
    let run = ["run", "-d", "--network", "none", "box", "sleep", "600"];
    (0..3).for_each(|_| drop(daemon.docker(&run)));
    let cmon = Cmon::start_with(&["watch", "-o", "json", "--interval", "100ms"], |command| {
        command.env("DOCKER_HOST", daemon.url());
    });
    let cmon = cmon.read();
    cmon.wait_for_out("\"streams_open\":3");
    eventually("three followers", || (daemon.followers() == 3).then_some(()));
    cmon.interrupt().code(130);
    eventually("no follower", || (daemon.followers() == 0).then_some(()));
}
