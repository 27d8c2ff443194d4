//! Runs the user's command, once per cycle, during drive phases.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::failure::{CommandFailure, FailureReason};

/// The minimum interval between the starts of two cycles.
const CYCLE_MIN_INTERVAL: Duration = Duration::from_millis(100);
/// A run may exceed its phase by this time.
const OVERRUN_TIMEOUT: Duration = Duration::from_secs(60);

/// The end of stderr that is kept for its last line.
const STDERR_TAIL_MAX_BYTES: usize = 4 << 10;
/// The time to read the last line of a failed command. Its background processes may keep stderr open.
const STDERR_TIMEOUT: Duration = Duration::from_millis(200);

/// Runs one command per cycle. Clones share their counts.
#[derive(Clone, Debug)]
pub(crate) struct Commands {
    line: String,
    ran: Arc<AtomicU64>,
    /// In milliseconds.
    longest: Arc<AtomicU64>,
}

impl Commands {
    /// `line` is a shell command.
    pub(crate) fn new(line: String) -> Self {
        Self { line, ran: Arc::default(), longest: Arc::default() }
    }

    /// The number of successful runs.
    pub(crate) fn ran(&self) -> u64 {
        self.ran.load(Relaxed)
    }

    /// The duration of the longest run.
    pub(crate) fn longest(&self) -> Duration {
        Duration::from_millis(self.longest.load(Relaxed))
    }

    /// Runs the command repeatedly until this time: at least once, and again if a run of the longest duration would fit.
    ///
    /// # Errors
    /// The command cannot be started, fails, or does not end.
    ///
    /// # Cancel safety
    /// Safe: kills a running command.
    pub(crate) async fn run(
        &self,
        until: Instant,
        stop: &CancellationToken,
    ) -> Result<(), FailureReason> {
        let mut last = Duration::from_millis(1);
        while Instant::now() + last <= until {
            let started = Instant::now();
            let next = started + CYCLE_MIN_INTERVAL;
            let run = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                run = timeout_at(until + OVERRUN_TIMEOUT, self.once()) => run,
            };
            let late = |_| CommandFailure::Timeout { seconds: OVERRUN_TIMEOUT.as_secs() };
            let not_run = |error: io::Error| CommandFailure::NotRun { message: error.to_string() };
            let ran = run.map_err(late).and_then(|run| run.map_err(not_run));
            let (status, stderr) = ran.map_err(|failure| self.failed(failure))?;
            if !status.success() {
                let stderr = String::from_utf8_lossy(&stderr);
                let stderr = stderr.trim().lines().last().unwrap_or_default().to_owned();
                let wait_status = status.into_raw();
                return Err(self.failed(CommandFailure::Exit { wait_status, stderr }));
            }
            self.ran.fetch_add(1, Relaxed);
            let took = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.longest.fetch_max(took, Relaxed);
            last = self.longest();
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                () = sleep_until(next.min(until)) => {}
            }
        }
        Ok(())
    }

    /// Runs the command until the shell has ended. Background processes do not belong to the cycle.
    async fn once(&self) -> io::Result<(ExitStatus, Vec<u8>)> {
        let mut command = Command::new("sh");
        command.arg("-c").arg(&self.line).kill_on_drop(true).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let mut group = Group::of(child.id());
        let mut last = Vec::new();
        let Some(stderr) = child.stderr.take() else {
            return Ok((child.wait().await?, last));
        };
        let status = {
            let reading = read_tail(stderr, &mut last);
            tokio::pin!(reading);
            let status = tokio::select! {
                status = child.wait() => status?,
                () = &mut reading => child.wait().await?,
            };
            if !status.success() {
                let _ = timeout(STDERR_TIMEOUT, reading).await;
            }
            status
        };
        group.release();
        Ok((status, last))
    }

    fn failed(&self, failure: CommandFailure) -> FailureReason {
        FailureReason::Command { command: self.line.clone(), failure }
    }
}

/// Reads to the end and keeps the last bytes. A full pipe would block the command.
async fn read_tail(mut from: impl AsyncRead + Unpin, into: &mut Vec<u8>) {
    let mut part = [0; 1024];
    while let Ok(count @ 1..) = from.read(&mut part).await {
        into.extend_from_slice(&part[..count]);
        into.drain(..into.len().saturating_sub(STDERR_TAIL_MAX_BYTES));
    }
    // `select` may poll this future again.
    std::future::pending::<()>().await;
}

/// The process group of a run. Drop kills it, unless the run has ended.
#[derive(Debug)]
struct Group(Option<Pid>);

impl Group {
    fn of(pid: Option<u32>) -> Self {
        Self(pid.and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?)))
    }

    fn release(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It may have ended already.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn run(line: &str, millis: u64, stop: &CancellationToken) -> Result<u64, FailureReason> {
        let until = Instant::now() + Duration::from_millis(millis);
        let commands = Commands::new(line.to_owned());
        let ran = timeout(Duration::from_secs(120), commands.run(until, stop)).await;
        ran.expect("it ends").map(|()| commands.ran())
    }

    #[tokio::test]
    async fn background_processes_do_not_delay_a_command() {
        let stop = CancellationToken::new();
        assert!(1 <= run("sleep 300 & true", 1000, &stop).await.unwrap());
        let error = run("sleep 300 & echo no such app >&2; exit 3", 5000, &stop)
            .await
            .unwrap_err()
            .to_string();
        assert!(error.ends_with("exit status: 3: no such app"), "{error}");
    }

    #[tokio::test]
    async fn a_failure_with_long_stderr_has_its_last_line() {
        let line = "head -c 300000 /dev/zero | tr '\\0' x >&2; echo >&2; echo the end >&2; exit 1";
        let error = run(line, 5000, &CancellationToken::new()).await.unwrap_err().to_string();
        assert!(error.ends_with("exit status: 1: the end"), "{error}");
    }

    /// A command that does not end: a shell with a child process.
    struct Endless {
        dir: tempfile::TempDir,
    }

    impl Endless {
        fn new() -> Self {
            Self { dir: tempfile::tempdir().unwrap() }
        }

        fn line(&self) -> String {
            let pids = self.dir.path().join("pids");
            let write = format!("echo $0 $$ > {0}.new; mv {0}.new {0}", pids.display());
            format!("sh -c '{write}; sleep 300; :' $$; true")
        }

        async fn wait_until_running(&self) {
            while !self.dir.path().join("pids").exists() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }

        /// The child must be killed, and the shell reaped.
        async fn assert_ended(&self) {
            let pids = std::fs::read_to_string(self.dir.path().join("pids")).unwrap();
            let (shell, started) = pids.trim().split_once(' ').unwrap();
            let started = crate::probe::proc::Process::of(started.parse().unwrap());
            let shell = std::path::Path::new("/proc").join(shell);
            let ended = async {
                while started.born().is_ok() || shell.exists() {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            };
            let ended = timeout(Duration::from_secs(120), ended).await;
            let left = (started.born(), std::fs::read_to_string(shell.join("stat")));
            assert!(ended.is_ok(), "{left:?} are left");
        }
    }

    #[tokio::test]
    async fn stopping_a_command_kills_its_children() {
        let (endless, stop) = (Endless::new(), CancellationToken::new());
        let stopping = async {
            endless.wait_until_running().await;
            stop.cancel();
        };
        let line = endless.line();
        let (ran, ()) = tokio::join!(run(&line, 30_000, &stop), stopping);
        assert_eq!(ran, Ok(0));
        endless.assert_ended().await;
    }

    #[tokio::test]
    async fn a_command_that_exceeds_its_phase_by_a_minute_is_killed_with_its_children() {
        let endless = Endless::new();
        let waiting = async {
            endless.wait_until_running().await;
            tokio::time::pause();
        };
        let (commands, started) = (Commands::new(endless.line()), Instant::now());
        let (stop, until) = (CancellationToken::new(), started + Duration::from_secs(5));
        let (ran, ()) = tokio::join!(commands.run(until, &stop), waiting);
        let error = ran.unwrap_err().to_string();
        assert!(error.ends_with("did not end within 1m after its phase"), "{error}");
        assert_eq!(started.elapsed().as_secs(), 65);
        tokio::time::resume();
        endless.assert_ended().await;
    }

    #[tokio::test]
    async fn a_command_repeats_until_the_phase_ends() {
        let ran = run("true", 350, &CancellationToken::new()).await.unwrap();
        assert!((1..=4).contains(&ran), "{ran}");
    }

    #[tokio::test]
    async fn a_failure_has_the_last_line_of_stderr() {
        let line = "echo first >&2; echo no such app >&2; exit 3";
        let error = run(line, 5000, &CancellationToken::new()).await.unwrap_err().to_string();
        assert!(error.contains("exit status: 3: no such app"), "{error}");
    }
}
