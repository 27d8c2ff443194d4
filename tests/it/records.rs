//! Records that no daemon writes by itself: with any time, and ones that the daemon cannot decode.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::support::{Cmon, Container, Done, Proxy, eventually};

/// A container that writes by `first`, ends, has its log damaged, and writes by `second`.
fn damaged(options: &[&str], first: &str, damage: impl Fn(&Path), second: &str) -> Container {
    let script = format!("if [ -e /f ]; then {second}; else touch /f; {first}; fi");
    let container = Container::run_with(options, &script);
    container.wait();
    damage(&log_file(&container));
    container.docker("start");
    container
}

/// The file that the container's log driver writes.
fn log_file(container: &Container) -> PathBuf {
    let inspect = |format| container.daemon.docker(&["inspect", "-f", format, &container.name]);
    let path = inspect("{{.LogPath}}");
    if !path.trim().is_empty() {
        return PathBuf::from(path.trim());
    }
    let [hosts, id] = [inspect("{{.HostsPath}}"), inspect("{{.Id}}")];
    let file = Path::new(hosts.trim()).parent().unwrap().join("local-logs/container.log");
    assert!(file.exists(), "{id} {}", file.display());
    file
}

fn append(path: &Path, bytes: &[u8]) {
    File::options().append(true).open(path).unwrap().write_all(bytes).unwrap();
}

#[test]
fn a_record_may_hold_any_time() {
    let times = [
        "0001-01-01T00:00:00Z",
        "0000-12-31T23:59:59.999999999Z",
        "1677-01-01T00:00:00Z",
        "1969-12-31T23:59:59.5Z",
        "2262-04-12T00:00:00Z",
        "2026-11-24T03:07:04+05:45",
        "9999-12-31T23:59:59.999999999Z",
        "9999-12-31T23:59:59-23:59",
    ];
    let damage = |path: &Path| {
        append(path, b"{\"log\":\"none\\n\",\"stream\":\"stdout\"}\n");
        for time in times {
            let record =
                format!("{{\"log\":\"{time}\\n\",\"stream\":\"stdout\",\"time\":\"{time}\"}}\n");
            append(path, record.as_bytes());
        }
    };
    let container = damaged(&[], "echo first", damage, "seq 3; sleep 3; seq 4 6; sleep 3");
    let expected: Vec<&str> =
        ["first", "none"].into_iter().chain(times).chain(["1", "2", "3", "4", "5", "6"]).collect();
    let args = ["tail", "-n", "all", "-o", "json", "--summary", &container.name];
    let follow = [&args[..], &["--stream-timeout", "1s", "--exit-on-stop"]].concat();
    let done = Cmon::start(&follow).read().done().code(0);
    assert_eq!(done.messages(&container.name, "stdout"), expected, "{}", done.stderr);
    assert!(done.objects("gap").is_empty(), "{}", done.stderr);
    let lag = done.objects("summary")[0]["max_lag_seconds"].as_f64().unwrap();
    assert!((0.0..3600.0).contains(&lag), "{lag} s");
    let done = Cmon::run(&[&args[..], &["--no-follow"]].concat()).code(0);
    assert_eq!(done.messages(&container.name, "stdout"), expected, "{}", done.stderr);
    assert_eq!(done.objects("line")[1]["time"], "0001-01-01T00:00:00.000000000Z");
    let args = ["tail", "-n", "all", "-t", "--no-follow", "--no-prefix", &container.name];
    let done = Cmon::run(&args).code(0);
    let text = String::from_utf8(done.stdout).unwrap();
    assert!(
        text.contains("9999-12-31T23:59:59.999999999Z 9999-12-31T23:59:59.999999999Z\n"),
        "{text}"
    );
}

/// The numbers in the daemon's answer to some size of a tail; of a long log some sizes show all.
fn readable(container: &Container, to: u32) -> Vec<u32> {
    let tails = (1..=to + 10).filter(|tail| to < 400 || !(50..to - 30).contains(tail));
    let tails = tails.map(|tail| tail.to_string()).chain(["all".to_owned()]);
    let mut numbers: Vec<u32> = tails
        .flat_map(|tail| {
            let mut docker = container.daemon.command("docker");
            let logs = docker.args(["logs", "-n", &tail, &container.name]).output().unwrap();
            let text = String::from_utf8(logs.stdout).unwrap();
            text.lines().filter_map(|line| line.trim().parse().ok()).collect::<Vec<u32>>()
        })
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// Each of these numbers once and in order, with a gap if some are missing or before this one, and no other gap.
#[track_caller]
fn exact(container: &Container, done: &Done, expected: &[u32], gap_before: Option<u32>) {
    let what = &container.name;
    let shown: Vec<u32> =
        done.messages(what, "stdout").iter().map(|line| line.trim().parse().unwrap()).collect();
    assert_eq!(shown, expected, "{what}\n{}", done.stderr);
    let mut before = None;
    let mut gap = false;
    for object in done.all_objects() {
        match object["type"].as_str() {
            Some("gap") => {
                assert_eq!(object["cause"], "unreadable", "{object}");
                let [from, to] = ["from", "to"].map(|edge| object[edge].as_str());
                assert!(from.is_none_or(|from| to.is_some_and(|to| from < to)), "{object}");
                assert!(!gap, "{what}: two gaps in a row\n{}", done.stderr);
                gap = true;
            }
            Some("line") => {
                let number: u32 = object["msg"].as_str().unwrap().trim().parse().unwrap();
                let missing =
                    before.is_some_and(|before| before + 1 < number) || gap_before == Some(number);
                assert_eq!(gap, missing, "{what}: before {number}\n{}", done.stderr);
                (before, gap) = (Some(number), false);
            }
            _ => {}
        }
    }
}

type Damage = fn(&Path);

/// The state of a file after a power loss before its last blocks were written.
fn nul(path: &Path) {
    append(path, &[0; 2000]);
}

fn torn(path: &Path) {
    let file = File::options().write(true).open(path).unwrap();
    file.set_len(file.metadata().unwrap().len() - 25).unwrap();
}

fn garbage(path: &Path) {
    append(path, b"not a record\n");
}

const JSON: [&str; 2] = ["--log-driver", "json-file"];
const LOCAL: [&str; 2] = ["--log-driver", "local"];
/// Lines 21 to 68, four a second.
const SLOWLY: &str = "i=21; while [ $i -lt 69 ]; do echo $i; i=$((i+1)); usleep 250000; done";

#[test]
fn the_newest_lines_behind_a_bad_record_are_followed() {
    let cases: [(&[&str], Damage); 4] =
        [(&JSON, nul), (&JSON, torn), (&JSON, garbage), (&LOCAL, torn)];
    let start = |(options, damage): (&[&str], Damage)| {
        let container = damaged(options, "seq 20", damage, SLOWLY);
        eventually("line 26", || {
            let mut docker = container.daemon.command("docker");
            let logs = docker.args(["logs", "-n", "3", &container.name]).output().unwrap();
            String::from_utf8_lossy(&logs.stdout).contains("26").then_some(())
        });
        let args = ["tail", "-n", "3", "-o", "json", "--exit-on-stop", "--stream-timeout", "3s"];
        let cmon = Cmon::start(&[&args[..], &[&container.name]].concat()).read();
        (container, cmon)
    };
    for (container, cmon) in cases.map(start) {
        let done = cmon.done().code(0);
        let shown = done.messages(&container.name, "stdout");
        let first: u32 = shown[0].parse().unwrap();
        assert!((24..60).contains(&first), "{shown:?}");
        exact(&container, &done, &(first..69).collect::<Vec<u32>>(), None);
        assert!(done.objects("gap").is_empty(), "{}", done.stderr);
    }
}

#[test]
fn a_cut_connection_loses_no_line_behind_a_bad_record() {
    let cases: [(&[&str], Damage, u32); 3] =
        [(&JSON, nul, 22), (&JSON, torn, 22), (&LOCAL, torn, 21)];
    let start = |(options, damage, first): (&'static [&str], Damage, u32)| {
        let begin = format!("echo 21; echo 22; hold; {}", SLOWLY.replacen("i=21", "i=23", 1));
        let container = damaged(options, "seq 20", damage, &begin);
        let proxy = Proxy::before(&container.daemon.socket());
        let args = ["tail", "-n", "0", "-o", "json", "--exit-on-stop", "--host"];
        let cmon = Cmon::start(&[&args[..], &[&proxy.url(), &container.name]].concat()).read();
        (container, proxy, cmon, first)
    };
    for (container, proxy, cmon, first) in cases.map(start) {
        let follows = |logs: &[String]| logs.iter().any(|query| query.contains("follow=1"));
        eventually("a follow", || follows(&proxy.logs()).then_some(()));
        container.go();
        cmon.wait_for_out("\"30\"");
        proxy.cut();
        let done = cmon.done().code(0);
        let shown: Vec<u32> = done
            .messages(&container.name, "stdout")
            .iter()
            .map(|line| line.parse().unwrap())
            .collect();
        assert!((first - 1..24).contains(&shown[0]), "{shown:?}");
        // A line that the follow skipped at its beginning comes late.
        let mut shown = shown;
        shown.sort_unstable();
        assert_eq!(shown, (shown[0]..69).collect::<Vec<u32>>(), "{}", done.stderr);
        // The bad record takes line 21 with it, which cmon may have been there to miss.
        let gaps = done.objects("gap");
        let may_miss = usize::from(first == 22 && shown[0] == 22);
        assert!(gaps.len() <= may_miss, "{gaps:?}");
        assert!(gaps.iter().all(|gap| gap["cause"] == "unreadable"), "{gaps:?}");
    }
}

#[test]
fn readable_lines_are_shown_once_with_a_gap_between() {
    let files = ["--log-opt", "max-size=1k", "--log-opt", "max-file=5"];
    let json_files = [&JSON[..], &files].concat();
    let tty = [&JSON[..], &["-t"]].concat();
    let cases: [(&[&str], Damage, u32, Option<u32>); 9] = [
        (&JSON, nul, 60, None),
        (&JSON, torn, 60, None),
        // Garbage between records takes no number with it.
        (&JSON, garbage, 60, Some(21)),
        (&JSON, nul, 1500, None),
        (&JSON, torn, 1500, None),
        (&json_files, nul, 50, None),
        (&json_files, torn, 50, None),
        (&tty, nul, 60, None),
        (&tty, torn, 300, None),
    ];
    for (options, damage, to, gap_before) in cases {
        let container = damaged(options, "seq 20", damage, &format!("seq 21 {to}"));
        container.wait();
        let expected = readable(&container, to);
        let args = ["tail", "-n", "all", "-o", "json", &container.name];
        let done = Cmon::run(&[&args[..], &["--no-follow"]].concat()).code(0);
        exact(&container, &done, &expected, gap_before);
        let done = Cmon::run(&[&args[..], &["--exit-on-stop"]].concat()).code(0);
        exact(&container, &done, &expected, gap_before);
    }
}

#[test]
fn several_bad_records_are_a_gap_each() {
    let container =
        damaged(&JSON, "seq 20", nul, "if [ -e /g ]; then seq 41 60; else touch /g; seq 21 40; fi");
    container.wait();
    torn(&log_file(&container));
    container.docker("start");
    container.wait();
    let expected = readable(&container, 60);
    let args = ["tail", "--no-follow", "-o", "json", &container.name, "-n"];
    let done = Cmon::run(&[&args[..], &["all"]].concat()).code(0);
    exact(&container, &done, &expected, None);
    assert_eq!(done.objects("gap").len(), 2, "{}", done.stderr);
    let done = Cmon::run(&[&args[..], &["30"]].concat()).code(0);
    exact(&container, &done, &expected[expected.len() - 30..], None);
}

#[test]
fn a_readable_log_costs_one_request_more_at_most() {
    let files = ["--log-opt", "max-size=1k", "--log-opt", "max-file=5"];
    let cases: [(&[&str], u32); 4] = [
        (&JSON, 20),
        (&JSON, 300),
        (&[&JSON[..], &files].concat(), 300),
        (&[&LOCAL[..], &files].concat(), 300),
    ];
    for (options, to) in cases {
        let container = Container::run_with(options, &format!("seq {to}"));
        container.wait();
        let proxy = Proxy::before(&container.daemon.socket());
        let args = ["tail", "-n", "10", "--no-follow", "-o", "json", "--host", &proxy.url()];
        let done = Cmon::run(&[&args[..], &[&container.name]].concat()).code(0);
        exact(&container, &done, &(to - 9..=to).collect::<Vec<u32>>(), None);
        // cmon also requests the window that the stream needs behind the first lines.
        assert!(proxy.logs().len() <= 3, "{options:?}: {:?}", proxy.logs());
    }
}

#[test]
fn a_long_read_shows_skipped_lines_late() {
    let cases = [(nul as Damage, 4001..4002, "--no-follow"), (torn, 4000..4002, "--exit-on-stop")];
    for (damage, lost, ends) in cases {
        // 2.4 MB in all, more than cmon holds before the check.
        let numbers = |from: u32, to: u32| {
            let text = "x".repeat(300);
            format!("i={from}; while [ $i -le {to} ]; do echo \"$i {text}\"; i=$((i+1)); done")
        };
        let container = damaged(&JSON, &numbers(1, 4000), damage, &numbers(4001, 8000));
        container.wait();
        let expected: Vec<u32> = (1..=8000).filter(|number| !lost.contains(number)).collect();
        let args = ["tail", "-n", "all", "-o", "json", ends, &container.name];
        let done = Cmon::run(&args).code(0);
        let lines = done.messages(&container.name, "stdout");
        let number = |line: &String| line.split(' ').next().unwrap().parse().unwrap();
        let mut shown: Vec<u32> = lines.iter().map(number).collect();
        shown.sort_unstable();
        let differs = shown.iter().zip(&expected).find(|(shown, expected)| shown != expected);
        assert_eq!((differs, shown.len()), (None, expected.len()), "{ends} {}", done.stderr);
        let gaps = done.objects("gap");
        assert_eq!(gaps.len(), 1, "{gaps:?}");
        assert_eq!(gaps[0]["cause"], "unreadable");
    }
}

/// dockerd 20.10 refuses every window of such a log. Only live lines are available.
#[test]
fn a_stream_is_kept_if_the_daemon_refuses_the_log() {
    let files = ["--log-opt", "max-size=20k", "--log-opt", "max-file=5"];
    let torn_archive = |path: &Path| torn(&path.with_extension("log.1.gz"));
    let slowly = "i=1001; while [ $i -lt 1041 ]; do echo $i; i=$((i+1)); usleep 250000; done";
    let options = [&LOCAL[..], &files].concat();
    let container = damaged(&options, "seq 1000", torn_archive, slowly);
    let args = ["tail", "-n", "5", "-o", "json", "--exit-on-stop", "--stream-timeout", "1s"];
    let done = Cmon::start(&[&args[..], &[&container.name]].concat()).read().done().code(0);
    let shown: Vec<u32> =
        done.messages(&container.name, "stdout").iter().map(|line| line.parse().unwrap()).collect();
    assert!((1001..1030).contains(&shown[0]), "{shown:?}");
    assert_eq!(shown, (shown[0]..1041).collect::<Vec<u32>>(), "{}", done.stderr);
    // One for the lines unreadable at first, and one for lines that may have come at the very end.
    let gaps = done.objects("gap");
    assert!(gaps.iter().all(|gap| gap["cause"] == "unreadable"), "{gaps:?}");
    assert!(gaps[0].get("from").is_none() && gaps[1].get("to").is_none(), "{gaps:?}");
    assert_eq!(gaps.len(), 2);
}
