//! `--cursor`: runs that end normally, are killed, or are started by cron, on real daemons.

use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::process::Command;

use rustix::process::Signal;

use super::support::{Cmon, Container, Dockerd, Done, SmallDisk, eventually};

/// A cursor for one test.
struct Cursor {
    dir: tempfile::TempDir,
}

impl Cursor {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("cursor")
    }

    /// The arguments of a run with it.
    fn args(&self, more: &[&str]) -> Vec<String> {
        let path = self.path().display().to_string();
        let args = ["tail", "-o", "json", "--cursor", &path];
        args.iter().chain(more).map(|arg| (*arg).to_owned()).collect()
    }

    fn start(&self, more: &[&str]) -> Cmon {
        let args = self.args(more);
        Cmon::start(&args.iter().map(String::as_str).collect::<Vec<_>>()).read()
    }

    /// Runs it without the shared daemon.
    fn start_alone(&self, more: &[&str]) -> Cmon {
        let args = self.args(more);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        Cmon::start_with(&args, |command: &mut Command| {
            command.env_remove("DOCKER_HOST");
        })
        .read()
    }

    fn run(&self, more: &[&str]) -> Done {
        self.start(more).done()
    }

    /// The saved time of a container's last line, in nanoseconds since 1970.
    fn saved(&self, id: &str) -> Option<i128> {
        let text = fs::read_to_string(self.path()).unwrap();
        let body: serde_json::Value = serde_json::from_str(text.lines().nth(1).unwrap()).unwrap();
        let keys = body["daemons"][0]["containers"][id]["keys"].as_str()?.to_owned();
        keys.rsplit(' ').next()?.split(':').next()?.parse().ok()
    }
}

/// The lines of a run, which may have been killed in a write: name, time and message.
fn lines(stdout: &[u8]) -> Vec<(String, i128, String)> {
    let whole = stdout.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let text = String::from_utf8(stdout[..whole].to_vec()).unwrap();
    let objects = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let line = |object: serde_json::Value| {
        let text = |field: &str| object[field].as_str().unwrap().to_owned();
        let time: jiff::Timestamp = text("time").parse().unwrap();
        (text("container"), time.as_nanosecond(), text("msg"))
    };
    objects.filter(|object| object["type"] == "line").map(line).collect()
}

fn of<'a>(lines: &'a [(String, i128, String)], name: &str) -> Vec<&'a str> {
    lines.iter().filter(|(of, ..)| of == name).map(|(.., text)| text.as_str()).collect()
}

fn id(container: &Container) -> String {
    container.daemon.docker(&["inspect", "-f", "{{.Id}}", &container.name]).trim().to_owned()
}

fn numbers(from: usize, to: usize) -> Vec<String> {
    (from..=to).map(|number| number.to_string()).collect()
}

#[test]
fn runs_that_are_interrupted_show_each_line_once() {
    let cursor = Cursor::new();
    let container = Container::run("hold; count 4000; hold");
    let mut all = Vec::new();
    let first = cursor.start(&["-n", "all", &container.name]);
    container.go();
    first.wait_for_out("\"300\"");
    all.extend(lines(&first.interrupt().code(130).stdout));
    while of(&all, &container.name).last() != Some(&"4000") {
        let run = cursor.start(&["-n", "0", &container.name]);
        let next = of(&all, &container.name).len() + 1;
        run.wait_for_out(&format!("\"{next}\""));
        all.extend(lines(&run.interrupt().code(130).stdout));
    }
    assert_eq!(of(&all, &container.name), numbers(1, 4000));
}

#[test]
fn only_written_lines_are_saved() {
    let cursor = Cursor::new();
    let container = Container::run("seq 50000");
    container.wait();
    let args = cursor.args(&["-n", "all", "--stop-timeout", "3s", &container.name]);
    let mut cmon = Cmon::start(&args.iter().map(String::as_str).collect::<Vec<_>>());
    cmon.wait_for_a_full_pipe();
    // It waits three seconds for its reader, and the cursor is saved every second.
    cmon.signal(Signal::INT);
    assert_eq!(cmon.status().code(), Some(130));
    let mut stdout = Vec::new();
    cmon.take_stdout().read_to_end(&mut stdout).unwrap();
    let first = lines(&stdout);
    let second = lines(&cursor.run(&["--no-follow", &container.name]).code(0).stdout);
    let [first, second] = [&first, &second].map(|lines| of(lines, &container.name));
    let begin: usize = second[0].parse().unwrap();
    assert!(begin <= first.len() + 1, "lost {} to {begin}", first.len() + 1);
    assert_eq!(second, numbers(begin, 50_000));
}

/// Kills cmon again and again while containers of several drivers write; `between_runs` acts on the daemon after
/// each kill.
fn killed_again_and_again(
    daemon: &'static Dockerd,
    kills: usize,
    mut between_runs: impl FnMut(usize),
) {
    let cursor = Cursor::new();
    let rotated = ["--log-opt", "max-size=64k", "--log-opt", "max-file=100"];
    let local = [&["--log-driver", "local"][..], &rotated].concat();
    let options: [(&str, &[&str]); 4] = [
        ("kill-json", &[]),
        ("kill-rotated", &rotated),
        ("kill-local", &["--log-driver", "local"]),
        ("kill-local-rotated", &local),
    ];
    let script = "hold; slowly 5000; hold";
    let containers = options.map(|(name, options)| Container::of(daemon, name, options, script));
    let ids: Vec<String> = containers.iter().map(id).collect();
    let url = daemon.url();
    let args = ["-n", "all", "--host", &url, "kill-*"];
    let mut random = fastrand::Rng::with_seed(7);
    containers.iter().for_each(Container::go);
    let mut runs = Vec::new();
    for kill in 0..kills {
        let saved: Vec<Option<i128>> = match kill {
            0 => vec![None; ids.len()],
            _ => ids.iter().map(|id| cursor.saved(id)).collect(),
        };
        let run = cursor.start_alone(&args);
        // N lines of all containers, or all lines.
        let wanted = random.usize(1..1200);
        eventually("lines", || {
            let out = run.out();
            let lines = out.matches("\"type\":\"line\"").count();
            let is_over = 4 <= out.matches("\"msg\":\"5000\"").count();
            let all_before = 4 <= ended(&runs, &options);
            (wanted <= lines || is_over || all_before).then_some(())
        });
        run.signal(Signal::KILL);
        runs.push((saved, lines(&run.done().stdout)));
        between_runs(kill);
    }
    containers.iter().for_each(|container| container.wait_for_log("5000"));
    let saved = ids.iter().map(|id| cursor.saved(id)).collect();
    let done = cursor.start_alone(&[&["--no-follow"], &args[..]].concat()).done().code(0);
    runs.push((saved, lines(&done.stdout)));
    for (at, container) in containers.iter().enumerate() {
        let truth = String::from_utf8(container.logs().stdout).unwrap();
        let truth: Vec<&str> = truth.lines().collect();
        let name = container.name.as_str();
        let mut shown = 0;
        for (saved, lines) in &runs {
            let of = of(lines, name);
            let Some(first) = of.first() else {
                continue;
            };
            let begin = truth.iter().position(|text| text == first).unwrap();
            assert!(begin <= shown, "{name}: lost {:?}", &truth[shown..begin]);
            assert_eq!(of, truth[begin..begin + of.len()], "{name}");
            // The run begins exactly behind the saved position.
            let time = lines.iter().find(|(of, ..)| of == name).unwrap().1;
            match saved[at] {
                Some(saved) => assert!(saved < time, "{name}: {first} was saved"),
                None => assert_eq!(begin, 0, "{name}"),
            }
            shown = shown.max(begin + of.len());
        }
        assert_eq!(shown, truth.len(), "{name}");
        assert!(4000 < truth.len(), "{name} holds {} lines", truth.len());
    }
}

type Run = (Vec<Option<i128>>, Vec<(String, i128, String)>);

/// The number of containers with their last line shown.
fn ended(runs: &[Run], containers: &[(&str, &[&str])]) -> usize {
    let is_last = |name: &str, (_, lines): &Run| of(lines, name).last() == Some(&"5000");
    containers.iter().filter(|(name, _)| runs.iter().any(|run| is_last(name, run))).count()
}

#[test]
fn runs_that_are_killed_lose_nothing_and_repeat_only_what_was_not_saved() {
    killed_again_and_again(Dockerd::shared(), 30, |_| {});
}

#[test]
fn runs_that_are_killed_while_the_daemon_is_killed_too() {
    let daemon: &'static Dockerd = Box::leak(Box::new(Dockerd::alone(&["--live-restore"])));
    killed_again_and_again(daemon, 12, |kill| {
        if kill % 3 == 1 {
            daemon.signal("KILL");
            daemon.start_again();
        }
    });
}

#[test]
fn a_cron_job_shows_new_lines_since_its_last_run() {
    let cursor = Cursor::new();
    let container = Container::run("for i in $(seq 100); do hold; echo $i; done; hold");
    for number in 1..=100 {
        container.go();
        container.wait_for_log(&number.to_string());
        let done = cursor.run(&["--no-follow", &container.name]).code(0);
        assert_eq!(of(&lines(&done.stdout), &container.name), [number.to_string()]);
    }
    let done = cursor.run(&["--no-follow", &container.name]).code(0);
    assert_eq!(lines(&done.stdout), []);
}

#[test]
fn a_match_ends_one_run_and_not_the_next() {
    let cursor = Cursor::new();
    let container = Container::run("seq 20; echo ready; seq 21 40; echo panic; seq 41 60");
    container.wait();
    let run = |flags: &[&str]| {
        let all = ["--no-follow", &container.name];
        cursor.run(&[flags, &all].concat())
    };
    // Lines read together with the match are shown too, so that the next run need not show them.
    let first = run(&["--until-match", "ready"]).code(0);
    let second = run(&["--until-match", "ready"]).code(4);
    let shown = [&first, &second].map(|done| lines(&done.stdout)).concat();
    let truth = String::from_utf8(container.logs().stdout).unwrap();
    assert_eq!(of(&shown, &container.name), truth.lines().collect::<Vec<_>>());
    run(&["--until-match", "ready"]).code(4);
    let _: Done = run(&["--fail-on", "panic", "--cursor-reset"]).code(3);
    run(&["--fail-on", "panic"]).code(0);
}

#[test]
fn a_line_that_waits_for_its_event_is_not_saved_before_it_is_written() {
    let cursor = Cursor::new();
    let script =
        "echo ERROR one; hold; for i in $(seq 200); do echo '  at' $i; usleep 10000; done; hold";
    let container = Container::run(script);
    container.wait_for_log("one");
    let flags = ["-n", "all", "--join", "^  at", "-i", "ERROR", &container.name];
    let mut all = Vec::new();
    let first = cursor.start(&flags);
    first.wait_for_out("ERROR one");
    container.go();
    first.wait_for_out("at 60");
    first.signal(Signal::KILL);
    all.push(lines(&first.done().stdout));
    container.wait_for_log("at 200");
    // Alone, these lines are no matching event.
    let flags = ["-n", "all", &container.name];
    all.push(lines(&cursor.run(&[&["--no-follow"], &flags[..]].concat()).code(0).stdout));
    let [first, second] = [&all[0], &all[1]].map(|lines| of(lines, &container.name));
    let begin: usize =
        second.first().map_or(201, |text| text.trim_start_matches("  at ").parse().unwrap());
    assert!(begin <= first.len(), "lost lines before {begin}: {first:?}");
    assert_eq!(second.len(), 201 - begin);
}

#[test]
fn containers_that_are_renamed_recreated_or_removed_between_runs() {
    let cursor = Cursor::new();
    let [renamed, recreated, removed] = ["cursor-a", "cursor-b", "cursor-c"]
        .map(|name| Container::named(name, &[], "seq 3; hold; seq 4 6; hold"));
    let all = ["--no-follow", "cursor-*"];
    let wait = |container: &Container, text: &str| container.wait_for_log(text);
    [&renamed, &recreated, &removed].into_iter().for_each(|one| wait(one, "3"));
    let done = cursor.run(&all).code(0);
    assert_eq!(lines(&done.stdout).len(), 9);
    let daemon = renamed.daemon;
    daemon.docker(&["rename", "cursor-a", "cursor-new"]);
    renamed_goes_on(daemon);
    drop((recreated, removed));
    let again = Container::named("cursor-b", &[], "seq 20");
    again.wait();
    let done = cursor.run(&[&["-n", "2"], &all[..]].concat()).code(0);
    let shown = lines(&done.stdout);
    // The renamed one continues, and the new one is shown from its first line, whatever -n says.
    assert_eq!(of(&shown, "cursor-new"), numbers(4, 6));
    assert_eq!(of(&shown, "cursor-b"), numbers(1, 20));
    let gaps = done.objects("gap");
    let mut gone: Vec<&str> = gaps.iter().map(|gap| gap["container"].as_str().unwrap()).collect();
    gone.sort_unstable();
    assert_eq!(gone, ["cursor-b", "cursor-c"]);
    assert!(
        gaps.iter().all(|gap| gap["cause"] == "removed" && gap["from"].is_string()),
        "{gaps:?}"
    );
    // It is reported once.
    let done = cursor.run(&all).code(0);
    assert_eq!((lines(&done.stdout), done.objects("gap")), (vec![], vec![]));
    daemon.docker(&["rename", "cursor-new", "cursor-a"]);
}

fn renamed_goes_on(daemon: &Dockerd) {
    daemon.docker(&["kill", "-s", "USR1", "cursor-new"]);
    eventually("the next lines", || {
        daemon.docker(&["logs", "cursor-new"]).contains('6').then_some(())
    });
}

#[test]
fn lines_dropped_between_runs_are_a_gap() {
    let cursor = Cursor::new();
    let small = ["--log-opt", "max-size=2k", "--log-opt", "max-file=2"];
    let container = Container::run_with(&small, "seq 5; hold; count 2000; hold");
    container.wait_for_log("5");
    cursor.run(&["--no-follow", &container.name]).code(0);
    container.go();
    container.wait_for_log("2000");
    let done = cursor.run(&["--no-follow", &container.name]).code(0);
    let shown = lines(&done.stdout);
    let shown = of(&shown, &container.name);
    let first: usize = shown[0].parse().unwrap();
    assert_eq!(
        (shown, done.objects("gap").len()),
        (numbers(first, 2000).iter().map(String::as_str).collect(), 1)
    );
}

#[test]
fn a_cursor_is_for_one_run_at_a_time() {
    let cursor = Cursor::new();
    let container = Container::run("echo here; hold");
    let first = cursor.start(&[&container.name]);
    first.wait_for_out("here");
    let second = cursor.run(&[&container.name]).code(1);
    assert_eq!(second.text(), "");
    let _: Done = second.says("is in use by another cmon (process ").says("its own cursor");
    first.interrupt().code(130);
    cursor.run(&["--no-follow", &container.name]).code(0);
}

#[test]
fn a_file_that_is_not_a_cursor_is_not_changed() {
    let cursor = Cursor::new();
    let container = Container::run("echo here; hold");
    for (text, message) in [
        ("{\"cmon_cursor\":99,\"xxh3\":\"\"}\n{}\n", "it has version 99"),
        ("somebody's notes\n", "it is not a cursor of cmon"),
        ("{\"cmon_cursor\":1,\"xxh3\":\"00\"}\n{\"daemons\":[]}\n", "it is damaged or cut off"),
        ("", "it is damaged or cut off"),
    ] {
        fs::write(cursor.path(), text).unwrap();
        let _: Done = cursor.run(&["--no-follow", &container.name]).code(1).says(message);
        assert_eq!(fs::read_to_string(cursor.path()).unwrap(), text);
    }
    // The last one is a truncated cursor, which may be reset.
    let done = cursor.run(&["--no-follow", "--cursor-reset", &container.name]).code(0);
    assert_eq!(of(&lines(&done.stdout), &container.name), ["here"]);
    for path in ["/sys/cursor", "/nowhere/at/all", "/dev/null", "/"] {
        let args = ["tail", "--no-follow", "--cursor", path, &container.name];
        let done = Cmon::run(&args).code(1).says("the cursor /");
        assert_eq!(done.text(), "");
    }
}

#[test]
fn another_daemon_at_the_same_address_is_refused() {
    let cursor = Cursor::new();
    let container = Container::run("echo here; hold");
    container.wait_for_log("here");
    let run = |more: &[&str]| cursor.run(&[&["--no-follow", &container.name], more].concat());
    assert_eq!(lines(&run(&[]).code(0).stdout).len(), 1);
    // Daemons of one machine share their id, so this test changes the id in the cursor.
    let text = fs::read_to_string(cursor.path()).unwrap();
    let info = container.daemon.info();
    let id = info["ID"].as_str().unwrap();
    let body = text.lines().nth(1).unwrap();
    assert!(body.contains(id), "{body}");
    let rewrite = |body: &str| {
        let hash = twox_hash::XxHash3_64::oneshot(body.as_bytes());
        let head = format!("{{\"cmon_cursor\":1,\"xxh3\":\"{hash:016x}\"}}");
        fs::write(cursor.path(), format!("{head}\n{body}\n")).unwrap();
    };
    rewrite(&body.replace(id, "AN:OTHER"));
    let refused = run(&[]).code(1);
    assert_eq!(refused.text(), "");
    let message = "is not the one that the cursor was made with: its ID is ";
    let _: Done = refused.says(message).says("--cursor-reset");
    // The same daemon at another address goes on.
    rewrite(&body.replace("unix://", "tcp://"));
    assert_eq!(lines(&run(&[]).code(0).stdout), []);
    rewrite(&body.replace(id, "AN:OTHER"));
    assert_eq!(lines(&run(&["--cursor-reset"]).code(0).stdout).len(), 1);
}

#[test]
fn a_full_disk_is_reported_and_saving_is_tried_again() {
    let disk = SmallDisk::new("64k");
    let path = disk.path().join("cursor").display().to_string();
    let container = Container::run("seq 5; hold; seq 6 10; hold; seq 11 15; hold");
    let args = ["tail", "-n", "all", "--cursor", &path, &container.name];
    let cmon = Cmon::start(&args).read();
    cmon.wait_for_out("5\n");
    let filler = disk.path().join("filler");
    // The free space of the disk.
    let _ = fs::write(&filler, vec![0; 1 << 20]);
    container.go();
    cmon.wait_for_err("the cursor cannot be saved (No space left on device");
    cmon.wait_for_out("10\n");
    fs::remove_file(&filler).unwrap();
    cmon.wait_for_err("the cursor is saved again");
    cmon.interrupt().code(130);
    container.go();
    container.wait_for_log("15");
    let done = Cmon::run(&["tail", "--no-follow", "--cursor", &path, &container.name]).code(0);
    assert_eq!(done.text(), "11\n12\n13\n14\n15\n");
    // A disk that stays full is an error at the end.
    let _ = fs::write(&filler, vec![0; 1 << 20]);
    let done = Cmon::run(&["tail", "--no-follow", "--cursor", &path, &container.name]).code(1);
    let _: Done = done.says("No space left on device");
}

#[test]
fn joined_and_ordered_lines_come_once() {
    let containers = ["seq 3; hold; seq 4 6", "seq 7 9; hold; seq 10 12"].map(Container::run);
    containers[0].wait_for_log("3");
    containers[1].wait_for_log("9");
    let names: Vec<&str> = containers.iter().map(|container| container.name.as_str()).collect();
    let cursor = Cursor::new();
    let run = |more: &[&str]| {
        let done = cursor.run(&[&["--no-follow", "--join-stacks"], more, &names[..]].concat());
        [0, 1].map(|at| done.messages(names[at], "stdout"))
    };
    let all = |from: usize| numbers(from, from + 2);
    assert_eq!(run(&["-n", "all"]), [all(1), all(7)]);
    let nothing: [Vec<String>; 2] = Default::default();
    assert_eq!(run(&[]), nothing, "each line is shown once over all runs");
    for container in &containers {
        container.go();
        container.wait();
    }
    assert_eq!(run(&[]), [all(4), all(10)]);
    assert_eq!(run(&["--until-match", "x"]), nothing);
}
