//! cmon as a process: started, watched, signalled; a failure shows all that it wrote.

use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};

use super::{Dockerd, PATIENCE, eventually, within};

/// A running cmon.
pub(crate) struct Cmon {
    child: Child,
    what: String,
    stdout: Option<Collected>,
    stderr: Collected,
}

/// The received bytes of one output, and its end.
struct Collected {
    bytes: Arc<Mutex<Vec<u8>>>,
    end: Receiver<()>,
}

/// An ended cmon.
pub(crate) struct Done {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
    what: String,
}

/// A line from `-o json`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) container: String,
    pub(crate) stream: String,
    pub(crate) msg: String,
}

impl Cmon {
    /// Starts cmon against the tests' daemon.
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::start_with(args, |_| {})
    }

    /// Starts it, after a change to the command.
    pub(crate) fn start_with(args: &[&str], change: impl FnOnce(&mut Command)) -> Self {
        let mut command = Dockerd::shared().command(env!("CARGO_BIN_EXE_cmon"));
        command.args(args).stdout(Stdio::piped());
        change(&mut command);
        Self::of(command)
    }

    /// Starts a command that is cmon or becomes it.
    pub(crate) fn of(mut command: Command) -> Self {
        // A panic's message is enough; a backtrace would bury it.
        command.env("RUST_BACKTRACE", "0").stdin(Stdio::null()).stderr(Stdio::piped());
        // The configuration of the test's environment does not count.
        if !command.get_envs().any(|(name, _)| name == "XDG_CONFIG_HOME") {
            command.env("XDG_CONFIG_HOME", "/nowhere");
        }
        let mut child = command.spawn().unwrap();
        let stderr = Collected::of(child.stderr.take().unwrap());
        let args: Vec<_> = command.get_args().map(|arg| arg.to_string_lossy()).collect();
        Self { what: format!("cmon {}", args.join(" ")), child, stdout: None, stderr }
    }

    /// Runs cmon to its end.
    #[track_caller]
    pub(crate) fn run(args: &[&str]) -> Done {
        Self::start(args).done()
    }

    /// Starts to read its stdout.
    pub(crate) fn read(mut self) -> Self {
        self.read_now();
        self
    }

    fn read_now(&mut self) {
        if let Some(stdout) = self.child.stdout.take() {
            self.stdout = Some(Collected::of(stdout));
        }
    }

    /// Its stdout, to be read or closed by the test.
    pub(crate) fn take_stdout(&mut self) -> std::process::ChildStdout {
        self.child.stdout.take().unwrap()
    }

    /// Waits until its stderr holds this text.
    #[track_caller]
    pub(crate) fn wait_for_err(&self, text: &str) {
        self.wait_for_err_times(text, 1);
    }

    /// Waits until its stderr holds this text at least `times` times.
    #[track_caller]
    pub(crate) fn wait_for_err_times(&self, text: &str, times: usize) {
        let mut search = Search::default();
        eventually(&format!("`{text}` in the stderr of {}", self.what), || {
            (times <= self.stderr.count(text, &mut search)).then_some(())
        });
    }

    /// Waits until its stdout, which must be read, holds this text.
    #[track_caller]
    pub(crate) fn wait_for_out(&self, text: &str) {
        let stdout = self.stdout.as_ref().unwrap();
        let mut search = Search::default();
        eventually(&format!("`{text}` in the stdout of {}", self.what), || {
            (1 <= stdout.count(text, &mut search)).then_some(())
        });
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Its maximum resident memory in KiB, including peaks between the test's looks.
    pub(crate) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Waits until its stdout pipe is full, and cmon waits in a write for its reader. A full pipe alone does not
    /// show that there is more to write.
    #[track_caller]
    pub(crate) fn wait_for_a_full_pipe(&self) {
        let path = format!("/proc/{}/fd/1", self.child.id());
        let pipe = std::fs::File::options().write(true).open(path).unwrap();
        eventually("a full pipe", || {
            let mut pipe = [PollFd::new(&pipe, PollFlags::OUT)];
            let writable = poll(&mut pipe, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap();
            (writable == 0 && self.waits_in_a_write()).then_some(())
        });
    }

    /// Whether one of its threads sleeps in a write to a pipe. Linux names the function of the kernel that a thread
    /// sleeps in; a kernel without symbols names none, which counts too.
    fn waits_in_a_write(&self) -> bool {
        let threads = format!("/proc/{}/task", self.child.id());
        let threads = std::fs::read_dir(threads).unwrap().filter_map(Result::ok);
        let waits = threads.filter_map(|thread| {
            std::fs::read_to_string(thread.path().join("wchan")).ok().filter(|at| !at.is_empty())
        });
        let waits: Vec<String> = waits.collect();
        let none = waits.iter().all(|at| at == "0");
        none || waits.iter().any(|at| at.contains("pipe_write"))
    }

    /// Open descriptors.
    pub(crate) fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    /// Interrupts it and waits for its end.
    #[track_caller]
    pub(crate) fn interrupt(self) -> Done {
        self.signal(Signal::INT);
        self.done()
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn done(self) -> Done {
        self.done_within(PATIENCE)
    }

    /// Waits for its end, up to this limit.
    #[track_caller]
    pub(crate) fn done_within(mut self, patience: Duration) -> Done {
        self.read_now();
        let what = format!("the end of {}", self.what);
        let status = within(patience, &what, || self.child.try_wait().unwrap());
        let stdout = self.stdout.take().unwrap().finish();
        let stderr = String::from_utf8_lossy(&self.stderr.finish_ref()).into_owned();
        Done { status, stdout, stderr, what: self.what.clone() }
    }

    /// Waits for its end after the test has read its stdout, which is this.
    #[track_caller]
    pub(crate) fn done_with(mut self, stdout: Vec<u8>) -> Done {
        let status = self.status();
        let stderr = String::from_utf8_lossy(&self.stderr.finish_ref()).into_owned();
        Done { status, stdout, stderr, what: self.what.clone() }
    }

    /// Its stdout up to now, which must be read.
    pub(crate) fn out(&self) -> String {
        self.stdout.as_ref().unwrap().text()
    }

    /// Its stderr up to now.
    pub(crate) fn err(&self) -> String {
        self.stderr.text()
    }

    /// The address of its metrics, once it has printed it.
    pub(crate) fn metrics(&self) -> Option<String> {
        let err = self.err();
        Some(err.split_once("http://")?.1.split_once("/metrics")?.0.to_owned())
    }

    /// Its exit status, if it has ended.
    pub(crate) fn try_status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Waits for its end without reading its stdout.
    #[track_caller]
    pub(crate) fn status(&mut self) -> ExitStatus {
        eventually(&format!("the end of {}", self.what), || self.child.try_wait().unwrap())
    }
}

impl Drop for Cmon {
    fn drop(&mut self) {
        // It has ended already unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The progress of a search in an output, and the number of matches.
#[derive(Default)]
struct Search {
    done: usize,
    found: usize,
}

impl Collected {
    fn of(mut from: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let (ended, end) = channel();
        let into = Arc::clone(&bytes);
        thread::spawn(move || {
            let mut buffer = vec![0; 1 << 16];
            while let Ok(count @ 1..) = from.read(&mut buffer) {
                into.lock().unwrap().extend_from_slice(&buffer[..count]);
            }
            let _ = ended.send(());
        });
        Self { bytes, end }
    }

    /// How often this text is in it, not overlapping. Searches only bytes since the last search.
    fn count(&self, text: &str, search: &mut Search) -> usize {
        let bytes = self.bytes.lock().unwrap();
        let mut rest = &bytes[search.done..];
        while let Some(at) = position(rest, text.as_bytes()) {
            search.found += 1;
            rest = &rest[at + text.len()..];
        }
        // The last bytes may be the beginning of the text.
        let kept = rest.len().min(text.len() - 1);
        search.done = bytes.len() - kept;
        search.found
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap()).into_owned()
    }

    fn finish(self) -> Vec<u8> {
        self.finish_ref()
    }

    fn finish_ref(&self) -> Vec<u8> {
        self.end.recv_timeout(PATIENCE).unwrap();
        std::mem::take(&mut self.bytes.lock().unwrap())
    }
}

/// The index of `text` in `bytes`.
fn position(bytes: &[u8], text: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        from += bytes[from..].iter().position(|byte| *byte == text[0])?;
        if bytes[from..].starts_with(text) {
            return Some(from);
        }
        from += 1;
    }
}

impl Done {
    /// Asserts its exit code.
    #[track_caller]
    pub(crate) fn code(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "{self}");
        self
    }

    /// Asserts that its stderr contains this text.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "no `{text}` in {self}");
        self
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// The objects of `-o json` of one type.
    #[track_caller]
    pub(crate) fn objects(&self, of_type: &str) -> Vec<serde_json::Value> {
        let objects = self.all_objects().into_iter();
        objects.filter(|object| object["type"] == of_type).collect()
    }

    /// All objects of `-o json`, in order.
    #[track_caller]
    pub(crate) fn all_objects(&self) -> Vec<serde_json::Value> {
        let lines = BufReader::new(self.stdout.as_slice()).lines();
        let objects = lines.map(|line| {
            let line = line.unwrap();
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
        });
        objects.collect()
    }

    /// The lines of `-o json`.
    #[track_caller]
    pub(crate) fn lines(&self) -> Vec<Line> {
        let field =
            |object: &serde_json::Value, name: &str| object[name].as_str().unwrap().to_owned();
        let line = |object: serde_json::Value| Line {
            container: field(&object, "container"),
            stream: field(&object, "stream"),
            msg: field(&object, "msg"),
        };
        self.objects("line").into_iter().map(line).collect()
    }

    /// The messages of one output of one container.
    #[track_caller]
    pub(crate) fn messages(&self, container: &str, stream: &str) -> Vec<String> {
        let lines = self.lines().into_iter();
        let wanted = lines.filter(|line| line.container == container && line.stream == stream);
        wanted.map(|line| line.msg).collect()
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let out = self.text();
        let shown: String = out.chars().take(2000).collect();
        writeln!(f, "{} ended with {}", self.what, self.status)?;
        writeln!(f, "stdout ({} bytes):\n{shown}", out.len())?;
        writeln!(f, "stderr:\n{}", self.stderr)
    }
}
