//! A Docker daemon for the tests: private directories, private socket, one image.
//!
//! A shell supervises it. The shell's stdin is a pipe held by this process. However the tests end, the pipe closes, and
//! the shell ends the daemon and removes its leftovers.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock};

use super::{PATIENCE, eventually};

/// Starts the daemon in `$1` with the further arguments, obeys commands from stdin, and ends it at the end of stdin.
const WATCH: &str = r#"
trap '' INT TERM
dir=$1
shift
begin() {
    rm -f "$dir/pid"
    (
        # `scripts/test.sh --half-core` limits the daemons apart from the tests. 0 is this process.
        [ -z "$CMON_TEST_DAEMONS" ] || echo 0 >"$CMON_TEST_DAEMONS/cgroup.procs"
        exec dockerd -D --data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/pid" \
            -H "unix://$dir/s" --bridge=none --iptables=false "$@"
    ) >>"$dir/log" 2>&1 &
    daemon=$!
}
begin "$@"
while read -r order; do
    case $order in
        start) begin "$@" ;;
        KILL | TERM)
            kill "-$order" "$daemon"
            wait "$daemon"
            # containerd ends with its daemon, a moment later; the next daemon must not find it.
            while kill -0 "$(cat "$dir/exec/containerd/containerd.pid")" 2>/dev/null; do
                sleep 0.05
            done
            ;;
        *) kill "-$order" "$daemon" ;;
    esac
    echo done
done
kill -CONT "$daemon"
kill "$daemon"
wait "$daemon"
set -- "$dir"
awk -v d="$1/" 'index($2, d) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r umount -l
rm -rf "$1"
"#;

/// Packs busybox with a link for each of its tools.
const IMAGE: &str = r#"
set -e
box=$(command -v busybox)
mkdir -p "$1/bin" "$1/tmp"
cp "$box" "$1/bin/busybox"
for tool in $("$box" --list); do [ "$tool" = busybox ] || ln -s busybox "$1/bin/$tool"; done
tar -C "$1" -c . | docker import - box >/dev/null
"#;

const INSTALL: &str =
    "install docker and a static busybox; on Debian: apt-get install docker.io busybox-static";

/// The running daemon.
pub(crate) struct Dockerd {
    dir: PathBuf,
    /// The supervising shell; its stdin is held open.
    watch: Mutex<Child>,
}

impl Dockerd {
    /// The daemon that all tests share, started by the first of them.
    pub(crate) fn shared() -> &'static Dockerd {
        static SHARED: OnceLock<Dockerd> = OnceLock::new();
        SHARED.get_or_init(|| Self::alone(&[]))
    }

    /// A separate daemon with these additional arguments, for a test that needs it alone.
    pub(crate) fn alone(args: &[&str]) -> Dockerd {
        let daemon = Self::start(args);
        daemon.import_image();
        daemon
    }

    fn start(args: &[&str]) -> Self {
        let dir = tempfile::Builder::new().prefix("cmon-it-").tempdir_in("/tmp").unwrap().keep();
        let found = Command::new("sh").args(["-c", "command -v dockerd"]).output().unwrap();
        assert!(found.status.success(), "these tests need a Docker daemon: {INSTALL}");
        let watch = Command::new("sh")
            .args(["-c", WATCH, "watch"])
            .arg(&dir)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let daemon = Self { dir, watch: Mutex::new(watch) };
        daemon.wait_until_it_answers();
        daemon
    }

    fn wait_until_it_answers(&self) {
        let log = self.dir.join("log");
        eventually(&format!("dockerd to answer; its log is {}", log.display()), || {
            let mut socket = UnixStream::connect(self.socket()).ok()?;
            socket.write_all(b"GET /_ping HTTP/1.0\r\n\r\n").ok()?;
            let mut answer = String::new();
            socket.read_to_string(&mut answer).ok()?;
            answer.ends_with("OK").then_some(())
        });
    }

    /// Sends it a signal: `KILL` and `TERM` wait for its end, `STOP` and `CONT` do not.
    pub(crate) fn signal(&self, signal: &str) {
        self.order(signal);
    }

    /// Starts it again.
    pub(crate) fn start_again(&self) {
        self.order("start");
        self.wait_until_it_answers();
    }

    /// Sends the shell a command and waits until it is done.
    fn order(&self, order: &str) {
        let mut watch = self.watch.lock().unwrap();
        writeln!(watch.stdin.as_mut().unwrap(), "{order}").unwrap();
        let mut answer = [0; 5];
        watch.stdout.as_mut().unwrap().read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"done\n");
    }

    fn import_image(&self) {
        let dir = tempfile::tempdir().unwrap();
        let made =
            self.command("sh").args(["-c", IMAGE, "image"]).arg(dir.path()).output().unwrap();
        let stderr = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "no image could be made: {stderr}; {INSTALL}");
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.join("s")
    }

    pub(crate) fn url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// A command that talks to this daemon.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("DOCKER_HOST", self.url());
        command
    }

    /// Runs `docker` and returns its stdout.
    #[track_caller]
    pub(crate) fn docker(&self, args: &[&str]) -> String {
        let done = self.command("docker").args(args).output().unwrap();
        let stderr = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "docker {args:?}: {stderr}");
        String::from_utf8(done.stdout).unwrap()
    }

    /// The daemon's information about itself.
    pub(crate) fn info(&self) -> serde_json::Value {
        serde_json::from_slice(&get(&self.socket(), "/info")).unwrap()
    }

    /// The daemon's goroutines that serve logs.
    pub(crate) fn followers(&self) -> usize {
        self.goroutines().iter().filter(|stack| stack.contains("ContainerLogs.func")).count()
    }

    /// The stack of each of the daemon's goroutines at one moment, those that serve this request included.
    pub(crate) fn goroutines(&self) -> Vec<String> {
        let stacks = get(&self.socket(), "/debug/pprof/goroutine?debug=2");
        String::from_utf8_lossy(&stacks).split("\n\n").map(str::to_owned).collect()
    }
}

/// The body of an answer; by HTTP/1.0, so that it ends with the connection.
pub(crate) fn get(socket: &Path, path: &str) -> Vec<u8> {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nHost: docker\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|part| part == b"\r\n\r\n").unwrap();
    answer.split_off(end + 4)
}
