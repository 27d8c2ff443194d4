//! `--output-dir`: a file per container that holds each line once, over kills, rotations and a full disk.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;

use super::support::{Cmon, Container, Dockerd, Done, SmallDisk, eventually};

fn start(dir: &Path, more: &[&str]) -> Cmon {
    let dir = dir.display().to_string();
    Cmon::start(&[&["tail", "-n", "all", "--output-dir", &dir], more].concat()).read()
}

/// Runs it without the shared daemon.
fn start_alone(dir: &Path, more: &[&str]) -> Cmon {
    let dir = dir.display().to_string();
    let args = [&["tail", "-n", "all", "--output-dir", &dir], more].concat();
    Cmon::start_with(&args, |command: &mut Command| {
        command.env_remove("DOCKER_HOST");
    })
    .read()
}

/// The content of a container's files, the oldest first, and the names of all files in the directory.
fn copy(dir: &Path, name: &str) -> String {
    let mut all = String::new();
    for number in (1..200).rev() {
        let old = dir.join(format!("{name}.log.{number}"));
        all += &fs::read_to_string(&old).unwrap_or_default();
        let compressed = dir.join(format!("{name}.log.{number}.gz"));
        if let Ok(file) = fs::File::open(compressed) {
            flate2::read::GzDecoder::new(file).read_to_string(&mut all).unwrap();
        }
    }
    all + &fs::read_to_string(dir.join(format!("{name}.log"))).unwrap_or_default()
}

/// The bytes of all files.
fn size(dir: &Path) -> u64 {
    let files = fs::read_dir(dir).unwrap().filter_map(Result::ok);
    files.filter_map(|file| file.metadata().ok()).map(|data| data.len()).sum()
}

fn cursor(dir: &Path) -> String {
    fs::read_to_string(dir.join("cursor.json")).unwrap_or_default()
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn two_runs_write_each_line_once_and_nothing_to_stdout() {
    let dir = tempfile::tempdir().unwrap();
    let container = Container::run("seq 100; hold; seq 101 200");
    container.wait_for_log("100");
    let flags = ["--no-follow", &*container.name];
    let done = start(dir.path(), &flags).done().code(0);
    assert_eq!(done.text(), "");
    let path = dir.path().join(format!("{}.log", container.name));
    assert_eq!(fs::read_to_string(path).unwrap().lines().count(), 100);
    container.go();
    container.wait();
    start(dir.path(), &flags).done().code(0);
    let truth = String::from_utf8(container.logs().stdout).unwrap();
    assert_eq!(copy(dir.path(), &container.name), truth);
    let mut names = names(dir.path());
    names.sort();
    let log = format!("{}.log", container.name);
    assert_eq!(names, ["cursor.json", "cursor.json.lock", &log]);
}

#[test]
fn runs_that_are_killed_write_each_line_once() {
    let rotated = ["--log-opt", "max-size=64k", "--log-opt", "max-file=100"];
    let local = [&["--log-driver", "local"][..], &rotated].concat();
    let options: [(&str, &[&str]); 4] = [
        ("dir-json", &[]),
        ("dir-rotated", &rotated),
        ("dir-local", &["--log-driver", "local"]),
        ("dir-local-rotated", &local),
    ];
    let daemon = Dockerd::shared();
    let script = "hold; slowly 5000; hold";
    let containers = options.map(|(name, options)| Container::of(daemon, name, options, script));
    let plain: &[&str] = &["--rotate-size", "0"];
    let rotating: &[&str] = &["--rotate-size", "2k", "--rotate-keep", "150", "--compress"];
    let copies = [plain, rotating].map(|flags| (tempfile::tempdir().unwrap(), flags));
    let mut random = fastrand::Rng::with_seed(7);
    containers.iter().for_each(Container::go);
    for kill in 0..24 {
        let running: Vec<(Cmon, u64, String)> = copies
            .iter()
            .map(|(dir, flags)| {
                let wanted = size(dir.path()) + random.u64(1..4000);
                let saved = cursor(dir.path());
                (start(dir.path(), &[*flags, &["dir-*"]].concat()), wanted, saved)
            })
            .collect();
        for ((dir, _), (cmon, wanted, saved)) in copies.iter().zip(running) {
            let is_over = |name: &str| copy(dir.path(), name).ends_with("\n5000\n");
            // Some runs are killed before their first save, and others some time after it.
            eventually("lines", || {
                let is_saved = kill % 3 == 0 || cursor(dir.path()) != saved;
                let all = || containers.iter().all(|container| is_over(&container.name));
                (is_saved && wanted <= size(dir.path()) || all()).then_some(())
            });
            cmon.signal(Signal::KILL);
            cmon.done();
        }
    }
    containers.iter().for_each(|container| container.wait_for_log("5000"));
    for (dir, flags) in &copies {
        let flags = [&["--no-follow"], *flags, &["dir-*"]].concat();
        start(dir.path(), &flags).done().code(0);
        for container in &containers {
            let truth = String::from_utf8(container.logs().stdout).unwrap();
            let copy = copy(dir.path(), &container.name);
            assert_eq!(copy.lines().count(), 5000, "{} {flags:?}", container.name);
            assert!(copy == truth, "{} {flags:?}", container.name);
        }
        let names = names(dir.path());
        assert!(!names.iter().any(|name| name.contains(".new")), "{names:?}");
    }
}

#[test]
fn runs_that_are_killed_while_the_daemon_is_killed_too() {
    let daemon: &'static Dockerd = Box::leak(Box::new(Dockerd::alone(&["--live-restore"])));
    let small = ["--log-opt", "max-size=64k", "--log-opt", "max-file=100"];
    let container = Container::of(daemon, "dir-shaky", &small, "hold; slowly 5000; hold");
    let dir = tempfile::tempdir().unwrap();
    let url = daemon.url();
    let flags = ["--rotate-size", "4k", "--rotate-keep", "150", "--host", &*url, "dir-shaky"];
    container.go();
    for kill in 0..8 {
        let cmon = start_alone(dir.path(), &flags);
        let (before, saved) = (size(dir.path()), cursor(dir.path()));
        eventually("lines", || {
            let is_saved = cursor(dir.path()) != saved && before + 500 < size(dir.path());
            let is_over = || copy(dir.path(), "dir-shaky").ends_with("\n5000\n");
            (is_saved || is_over()).then_some(())
        });
        cmon.signal(Signal::KILL);
        cmon.done();
        if kill % 3 == 1 {
            daemon.signal("KILL");
            daemon.start_again();
        }
    }
    container.wait_for_log("5000");
    start_alone(dir.path(), &[&["--no-follow"], &flags[..]].concat()).done().code(0);
    // A killed daemon can lose lines that it had read and not stored.
    let truth = String::from_utf8(container.logs().stdout).unwrap();
    assert!(copy(dir.path(), "dir-shaky") == truth);
    assert!(4000 < truth.lines().count());
}

#[test]
fn each_of_several_daemons_has_a_directory() {
    let far: &'static Dockerd = Box::leak(Box::new(Dockerd::alone(&[])));
    let daemons = [("near", Dockerd::shared()), ("far", far)];
    let containers = daemons.map(|(_, daemon)| Container::of(daemon, "dir-twin", &[], "seq 50"));
    for container in &containers {
        container.wait();
    }
    let dir = tempfile::tempdir().unwrap();
    let hosts = daemons.map(|(name, daemon)| format!("{name}={}", daemon.url()));
    let flags = ["--no-follow", "--host", &*hosts[0], "--host", &*hosts[1], "dir-twin"];
    // The second run has nothing to add.
    for _ in 0..2 {
        start_alone(dir.path(), &flags).done().code(0);
        for ((name, _), container) in daemons.iter().zip(&containers) {
            let truth = String::from_utf8(container.logs().stdout).unwrap();
            assert_eq!(copy(&dir.path().join(name), "dir-twin"), truth, "{name}");
        }
    }
}

#[test]
fn a_full_disk_delays_and_loses_no_line() {
    let disk = SmallDisk::new("256k");
    let container = Container::run("seq 5; hold; seq 6 3000; hold");
    let cmon = start(disk.path(), &[&container.name]);
    container.wait_for_log("5");
    eventually("the first lines", || {
        copy(disk.path(), &container.name).contains("5\n").then_some(())
    });
    let filler = disk.path().join("filler");
    let _ = fs::write(&filler, vec![0; 1 << 20]);
    container.go();
    cmon.wait_for_err("No space left on device");
    fs::remove_file(&filler).unwrap();
    eventually("the last line", || {
        copy(disk.path(), &container.name).ends_with("\n3000\n").then_some(())
    });
    cmon.interrupt().code(130);
    let truth = String::from_utf8(container.logs().stdout).unwrap();
    assert_eq!(copy(disk.path(), &container.name), truth);
}

#[test]
fn a_file_that_was_removed_or_shortened_is_reported_and_begun_anew() {
    let dir = tempfile::tempdir().unwrap();
    let [removed, shortened] = ["dir-removed", "dir-shortened"]
        .map(|name| Container::named(name, &[], "seq 10; hold; seq 11 20; hold"));
    let both = [&removed, &shortened];
    both.into_iter().for_each(|one| one.wait_for_log("10"));
    let flags = ["--no-follow", "dir-removed", "dir-shortened"];
    start(dir.path(), &flags).done().code(0);
    fs::remove_file(dir.path().join("dir-removed.log")).unwrap();
    fs::write(dir.path().join("dir-shortened.log"), "1\n2\n").unwrap();
    both.into_iter().for_each(Container::go);
    both.into_iter().for_each(|one| one.wait_for_log("20"));
    let done = start(dir.path(), &flags).done().code(0);
    let _: Done = done
        .says("`dir-removed.log` was removed: 21 bytes of the copy are missing")
        .says("`dir-shortened.log` was shortened from 21 to 4 bytes: 17 bytes of the copy are missing");
    let rest = "11\n12\n13\n14\n15\n16\n17\n18\n19\n20\n";
    assert_eq!(copy(dir.path(), "dir-removed"), rest);
    assert_eq!(copy(dir.path(), "dir-shortened"), "1\n2\n".to_owned() + rest);
}

#[test]
fn a_directory_is_for_one_run_at_a_time_and_must_be_writable() {
    let dir = tempfile::tempdir().unwrap();
    let container = Container::run("echo here; hold");
    let first = start(dir.path(), &[&container.name]);
    eventually("the line", || copy(dir.path(), &container.name).contains("here").then_some(()));
    let _: Done =
        start(dir.path(), &[&container.name]).done().code(1).says("is in use by another cmon");
    first.interrupt().code(130);
    let _: Done = start(Path::new("/sys/logs"), &[&container.name])
        .done()
        .code(1)
        .says("could not create the directory /sys/logs");
}

#[test]
fn old_files_have_the_size_of_a_rotation_and_are_compressed_at_the_end() {
    let line = "x".repeat(100);
    let script = format!("yes {line} | head -n 20000");
    let container = Container::run(&script);
    let dir = tempfile::tempdir().unwrap();
    let rotated = ["--rotate-size", "256KiB", "--rotate-keep", "99", "--compress"];
    let args = [
        &["tail", "--no-follow", &container.name, "--output-dir", dir.path().to_str().unwrap()][..],
        &rotated,
    ];
    Cmon::run(&args.concat()).code(0);
    let (mut old, mut all) = (0, 0);
    for name in names(dir.path()) {
        let path = dir.path().join(&name);
        let mut text = Vec::new();
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("gz") => {
                old += 1;
                let file = fs::File::open(&path).unwrap();
                flate2::read::GzDecoder::new(file).read_to_end(&mut text).unwrap();
            }
            Some("log") => text = fs::read(&path).unwrap(),
            _ => assert!(name.starts_with("cursor.json"), "{name} is left"),
        }
        // A file ends with the read that fills it.
        assert!(text.len() < (256 + 2 * 64) * 1024, "{name} has {} bytes", text.len());
        all += text.len();
    }
    assert_eq!(all, 20_000 * 101);
    assert!(5 <= old, "{old} old files");
}
