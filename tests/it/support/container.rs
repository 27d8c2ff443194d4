//! A container of one test, removed with it.

use std::process::Output;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Dockerd, eventually};

/// `count N` writes the numbers 1 to N, 100 of them every twentieth of a second, and `slowly N` 25 of them every tenth.
/// `hold` waits until the test calls `go`.
pub(crate) const COUNT: &str = r#"
go=
trap 'go=1' USR1
hold() {
    while [ -z "$go" ]; do usleep 20000; done
    go=
}
count() {
    i=0
    while [ $i -lt $1 ]; do
        seq $((i + 1)) $((i + 100))
        i=$((i + 100))
        usleep 50000
    done
}
slowly() {
    i=0
    while [ $i -lt $1 ]; do
        seq $((i + 1)) $((i + 25))
        i=$((i + 25))
        usleep 100000
    done
}
"#;

pub(crate) struct Container {
    pub(crate) daemon: &'static Dockerd,
    pub(crate) name: String,
}

fn next_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("it{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

impl Container {
    /// Starts a container that runs this shell script.
    #[track_caller]
    pub(crate) fn run(script: &str) -> Self {
        Self::run_with(&[], script)
    }

    /// Starts it with more arguments for `docker run`.
    #[track_caller]
    pub(crate) fn run_with(args: &[&str], script: &str) -> Self {
        Self::named(&next_name(), args, script)
    }

    /// Starts it on another daemon than the shared one.
    #[track_caller]
    pub(crate) fn on(daemon: &'static Dockerd, script: &str) -> Self {
        Self::of(daemon, &next_name(), &[], script)
    }

    /// Starts it with a name.
    #[track_caller]
    pub(crate) fn named_on(daemon: &'static Dockerd, name: &str, script: &str) -> Self {
        Self::of(daemon, name, &[], script)
    }

    #[track_caller]
    pub(crate) fn named(name: &str, args: &[&str], script: &str) -> Self {
        Self::of(Dockerd::shared(), name, args, script)
    }

    /// Starts it with a name on another daemon.
    #[track_caller]
    pub(crate) fn of(daemon: &'static Dockerd, name: &str, args: &[&str], script: &str) -> Self {
        let script = format!("{COUNT}\n{script}");
        let run = ["run", "-d", "--network", "none", "--name", name];
        daemon.docker(&[&run, args, &["box", "sh", "-c", &script]].concat());
        Self { daemon, name: name.to_owned() }
    }

    /// Waits for the end of its run.
    pub(crate) fn wait(&self) -> &Self {
        self.daemon.docker(&["wait", &self.name]);
        self
    }

    pub(crate) fn docker(&self, verb: &str) {
        self.daemon.docker(&[verb, &self.name]);
    }

    /// Lets its script continue from `hold`.
    pub(crate) fn go(&self) {
        self.daemon.docker(&["kill", "-s", "USR1", &self.name]);
    }

    /// The stdout and stderr of `docker logs`.
    pub(crate) fn logs(&self) -> Output {
        self.daemon.command("docker").args(["logs", &self.name]).output().unwrap()
    }

    /// Waits until the last lines of its log contain this text.
    #[track_caller]
    pub(crate) fn wait_for_log(&self, text: &str) {
        eventually(text, || {
            let end = ["logs", "--tail", "20", &self.name];
            let logs = self.daemon.command("docker").args(end).output().unwrap();
            let logs = [logs.stdout, logs.stderr].concat();
            String::from_utf8_lossy(&logs).contains(text).then_some(())
        });
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let remove = self.daemon.command("docker").args(["rm", "-f", &self.name]).output();
        drop(remove);
    }
}
