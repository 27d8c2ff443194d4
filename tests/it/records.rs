//! Records that no daemon writes by itself: with any time, and such that the daemon cannot decode them.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::support::{Cmon, Container};

/// A container that writes as `first` says, ends, is damaged, and writes as `second` says.
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
