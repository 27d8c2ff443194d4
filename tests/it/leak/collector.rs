//! The Go program under `tests/it/leak/collector`, which leaks in ways that are known, as a process.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Where `scripts/test.sh` puts it, and from what.
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools/collector");
const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/leak/collector/main.go");

/// A running program.
pub(super) struct Collector {
    child: Child,
    address: String,
}

impl Collector {
    /// Starts it in this mode, and waits until it listens.
    #[track_caller]
    pub(super) fn start(mode: &str, args: &[&str]) -> Self {
        let changed = |path: &str| Path::new(path).metadata().and_then(|meta| meta.modified());
        let built = changed(PROGRAM).is_ok_and(|built| changed(SOURCE).unwrap() <= built);
        assert!(
            built,
            "{PROGRAM} is missing or older than its source: ./scripts/test.sh builds it, with Go \
             (on Debian: apt-get install golang-go)"
        );
        let mut child = Command::new(PROGRAM)
            .args(["-mode", mode])
            .args(args)
            // It ends with its stdin, however this process ends.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
        let address = address.trim().to_owned();
        assert!(!address.is_empty(), "{mode} {args:?}: it ended before it listened");
        Self { child, address }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The name of one of its metrics.
    pub(super) fn metric(&self, kind: &str) -> String {
        format!("target.port{}.{kind}", self.port())
    }

    fn port(&self) -> &str {
        self.address.rsplit(':').next().unwrap()
    }

    /// A command that asks it for one rotation.
    pub(super) fn rotate(&self) -> String {
        format!(
            "exec bash -c 'exec 3<>/dev/tcp/127.0.0.1/{} && \
             printf \"GET /rotate HTTP/1.0\\r\\n\\r\\n\" >&3 && \
             read -r -u 3 answer && [[ $answer == *200* ]]'",
            self.port()
        )
    }

    /// Ends it at once, as a crash does.
    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        // It has ended already where the test has killed it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
