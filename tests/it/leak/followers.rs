//! A program that forgets its log streams, which shows in the daemon.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use super::check::{Check, Report};
use super::daemons::Crowd;
use super::{is_long, length, until_sure};
use crate::support::PATIENCE;

/// Opens a follow stream for whoever connects, reads from it, and closes or forgets it.
struct Forgetful {
    port: u16,
    over: Arc<AtomicBool>,
    kept: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl Forgetful {
    /// Forgets one of `every` streams.
    fn start(socket: PathBuf, container: &str, every: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (over, kept) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (ends, keeps) = (Arc::clone(&over), Arc::clone(&kept));
        let container = container.to_owned();
        let thread = std::thread::spawn(move || {
            let mut forgotten = Vec::new();
            for (number, caller) in listener.incoming().enumerate() {
                if ends.load(Ordering::Relaxed) {
                    return;
                }
                let stream = follow(&socket, &container);
                if (number + 1) % every == 0 {
                    forgotten.push(stream);
                    keeps.store(forgotten.len(), Ordering::Relaxed);
                }
                caller.unwrap().write_all(b"done\n").unwrap();
            }
        });
        Self { port, over, kept, thread: Some(thread) }
    }

    /// The command that makes it open one stream.
    fn cycle(&self) -> String {
        format!(
            "exec bash -c 'exec 3<>/dev/tcp/127.0.0.1/{} && read -r -u 3 word && [[ $word == done ]]'",
            self.port
        )
    }

    fn kept(&self) -> usize {
        self.kept.load(Ordering::Relaxed)
    }
}

impl Drop for Forgetful {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Wakes it up.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        if let Some(thread) = self.thread.take() {
            // What failed in it has failed the check as well.
            drop(thread.join());
        }
    }
}

/// A follow stream that has given its first line.
fn follow(socket: &Path, container: &str) -> UnixStream {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let path = format!("/containers/{container}/logs?follow=1&stdout=1&tail=1");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: docker\r\n\r\n").unwrap();
    let mut begin = Vec::new();
    let mut piece = [0; 512];
    while !begin.ends_with(b"length\n\r\n") {
        let count = stream.read(&mut piece).unwrap();
        assert_ne!(count, 0, "the daemon closed it: {}", String::from_utf8_lossy(&begin));
        begin.extend_from_slice(&piece[..count]);
    }
    assert!(begin.starts_with(b"HTTP/1.1 200 OK\r\n"), "{}", String::from_utf8_lossy(&begin));
    stream
}

/// What a cycle leaves of the stack that names a follower: one of the five goroutines that each has.
#[track_caller]
fn of_follower(report: &Report) -> f64 {
    let groups = report.metric("daemon.goroutines")["groups"].as_array().unwrap();
    let follower = groups
        .iter()
        .find(|group| group["key"].as_str().unwrap().contains("Daemon).ContainerLogs.func"))
        .unwrap_or_else(|| panic!("no stack of a follower: {report}"));
    follower["per_cycle"].as_f64().unwrap()
}

#[test]
fn every_stream_is_forgotten() {
    let crowd = Crowd::start(1);
    let program = Forgetful::start(crowd.daemon.socket(), "talker1", 1);
    let args = ["--gate", "daemon", "--drive-cmd", &program.cycle()];
    let report = Check::run(&crowd.daemon.url(), until_sure(), &args);
    assert_eq!(report.verdict(), "LEAK", "{report}");
    report.says("daemon.followers", "LEAK").grows("daemon.followers", "per_cycle", 1.0, 0.05);
    report.says("daemon.goroutines", "LEAK").grows("daemon.goroutines", "per_cycle", 5.0, 0.25);
    report.says("daemon.fds", "LEAK");
    report.means("1 follower in the daemon per cycle: streams that are not closed");
    let each = of_follower(&report);
    assert!((each - 1.0).abs() < 0.05, "{each}: {report}");
    // cmon counts what is really there.
    let counted = &report.metric("daemon.followers")["last"];
    assert_eq!(counted.to_string(), format!("{}.0", program.kept()), "{report}");
    assert_eq!(crowd.daemon.followers(), program.kept());
}

#[test]
fn few_of_the_streams_are_forgotten() {
    // How small a leak can be proven depends on how many cycles the machine makes in the time.
    let every = if is_long() { 33 } else { 10 };
    let each_forgets = 1.0 / every as f64;
    let crowd = Crowd::start(1);
    let program = Forgetful::start(crowd.daemon.socket(), "talker1", every);
    let args = ["--max-per-cycle", "0.01", "--drive-cmd", &program.cycle()];
    let report = Check::run(&crowd.daemon.url(), length(240, 600), &args);
    assert_eq!(report.verdict(), "LEAK", "{report}");
    report.says("daemon.followers", "LEAK");
    report.grows("daemon.followers", "per_cycle", each_forgets, 0.02);
    report.says("daemon.goroutines", "LEAK");
    report.grows("daemon.goroutines", "per_cycle", 5.0 * each_forgets, 0.1);
    let each = of_follower(&report);
    assert!((each - each_forgets).abs() < 0.02, "{each}: {report}");
}
