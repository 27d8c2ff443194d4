//! A command of the user's that is one cycle: run again and again while a phase is driven.

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

use super::reasons::{CommandFailure, FailureReason};

/// Cycles are at least this far apart.
const CYCLE_MIN_INTERVAL: Duration = Duration::from_millis(100);
/// How long one run may go on beyond its phase.
const OVERRUN_TIMEOUT: Duration = Duration::from_secs(60);

/// How much of the end of its stderr is kept, for its last line.
const STDERR_TAIL_MAX_BYTES: usize = 4 << 10;
/// How long the last line of a command that has failed may take: what it left behind in the background
/// may hold its stderr open for ever.
const STDERR_TIMEOUT: Duration = Duration::from_millis(200);

/// Runs one command per cycle. Clones count together.
#[derive(Clone, Debug)]
pub(crate) struct Commands {
    line: String,
    ran: Arc<AtomicU64>,
    /// Of the runs so far, in milliseconds.
    longest: Arc<AtomicU64>,
}

impl Commands {
    /// The command, as the shell reads it.
    pub(crate) fn new(line: String) -> Self {
        Self { line, ran: Arc::default(), longest: Arc::default() }
    }

    /// How often it has run to a good end so far.
    pub(crate) fn ran(&self) -> u64 {
        self.ran.load(Relaxed)
    }

    /// How long the longest run has taken so far.
    pub(crate) fn longest(&self) -> Duration {
        Duration::from_millis(self.longest.load(Relaxed))
    }

    /// Runs it, one after the other, until this moment: at least once, and again where it can be expected to end
    /// by then.
    ///
    /// # Errors
    /// It cannot be started, fails, or does not end.
    ///
    /// # Cancel safety
    /// Safe: a run that is going on is killed.
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

    /// Runs it once, until the shell has ended; whatever it left in the background is none of the cycle.
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
            let listening = listen(stderr, &mut last);
            tokio::pin!(listening);
            let status = tokio::select! {
                status = child.wait() => status?,
                () = &mut listening => child.wait().await?,
            };
            if !status.success() {
                // What was written by then is shown.
                let _ = timeout(STDERR_TIMEOUT, listening).await;
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

/// Reads to the end and keeps the last of it; what is not read would hold the command up.
async fn listen(mut from: impl AsyncRead + Unpin, into: &mut Vec<u8>) {
    let mut part = [0; 1024];
    while let Ok(count @ 1..) = from.read(&mut part).await {
        into.extend_from_slice(&part[..count]);
        into.drain(..into.len().saturating_sub(STDERR_TAIL_MAX_BYTES));
    }
    // The future may be asked once more.
    std::future::pending::<()>().await;
}

/// The process group of a run, killed when it is dropped before the run has ended.
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
            // It may have ended at this very moment.
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
    async fn what_a_command_leaves_behind_does_not_hold_it_up() {
        let stop = CancellationToken::new();
        assert!(1 <= run("sleep 300 & true", 1000, &stop).await.unwrap());
        let error = run("sleep 300 & echo no such app >&2; exit 3", 5000, &stop)
            .await
            .unwrap_err()
            .to_string();
        assert!(error.ends_with("exit status: 3: no such app"), "{error}");
    }

    #[tokio::test]
    async fn a_command_that_says_a_lot_is_heard_to_the_end() {
        let line = "head -c 300000 /dev/zero | tr '\\0' x >&2; echo >&2; echo the end >&2; exit 1";
        let error = run(line, 5000, &CancellationToken::new()).await.unwrap_err().to_string();
        assert!(error.ends_with("exit status: 1: the end"), "{error}");
    }

    /// A command that does not end: the shell, and what it has started.
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

        /// Waits until it runs.
        async fn runs(&self) {
            while !self.dir.path().join("pids").exists() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }

        /// What it has started must be killed, and the shell, which is a child of cmon's, reaped as well.
        async fn is_ended(&self) {
            let pids = std::fs::read_to_string(self.dir.path().join("pids")).unwrap();
            let (shell, started) = pids.trim().split_once(' ').unwrap();
            let started = crate::leak::probe::proc::Process::of(started.parse().unwrap());
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
    async fn what_a_stopped_command_has_started_is_killed_with_it() {
        let (endless, stop) = (Endless::new(), CancellationToken::new());
        let stopping = async {
            endless.runs().await;
            stop.cancel();
        };
        let line = endless.line();
        let (ran, ()) = tokio::join!(run(&line, 30_000, &stop), stopping);
        assert_eq!(ran, Ok(0));
        endless.is_ended().await;
    }

    #[tokio::test]
    async fn what_outlives_its_phase_by_a_minute_is_killed_with_what_it_has_started() {
        let endless = Endless::new();
        let waiting = async {
            endless.runs().await;
            // Nothing else waits now but for the clock.
            tokio::time::pause();
        };
        let (commands, started) = (Commands::new(endless.line()), Instant::now());
        let (stop, until) = (CancellationToken::new(), started + Duration::from_secs(5));
        let (ran, ()) = tokio::join!(commands.run(until, &stop), waiting);
        let error = ran.unwrap_err().to_string();
        assert!(error.ends_with("did not end within 1m after its phase"), "{error}");
        assert_eq!(started.elapsed().as_secs(), 65);
        tokio::time::resume();
        endless.is_ended().await;
    }

    #[tokio::test]
    async fn it_runs_until_the_phase_ends() {
        let ran = run("true", 350, &CancellationToken::new()).await.unwrap();
        assert!((1..=4).contains(&ran), "{ran}");
    }

    #[tokio::test]
    async fn a_failure_is_reported_with_its_last_words() {
        let line = "echo first >&2; echo no such app >&2; exit 3";
        let error = run(line, 5000, &CancellationToken::new()).await.unwrap_err().to_string();
        assert!(error.contains("exit status: 3: no such app"), "{error}");
    }
}
