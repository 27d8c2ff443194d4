//! A command of the user's that is one cycle: run again and again while a rung is driven.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

/// Cycles are at least this far apart.
const APART: Duration = Duration::from_millis(100);
/// How long one run may go on beyond its rung.
const BEYOND: Duration = Duration::from_secs(60);

/// How much of the end of its stderr is kept, for its last words.
const WORDS: usize = 4 << 10;
/// How long the last words of a command that has failed may take: what it left behind in the background
/// may hold its stderr open for ever.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Runs one command per cycle.
#[derive(Clone, Debug)]
pub struct Commands {
    line: String,
}

impl Commands {
    /// The command, as the shell reads it.
    pub fn new(line: String) -> Self {
        Self { line }
    }

    /// Runs it, one after the other, until this moment; tells how often.
    ///
    /// # Errors
    /// It cannot be started, fails, or does not end: in words.
    ///
    /// # Cancel safety
    /// Safe: a run that is going on is killed.
    pub async fn run(&mut self, until: Instant, stop: &CancellationToken) -> Result<u64, String> {
        let mut count = 0;
        while Instant::now() < until {
            let next = Instant::now() + APART;
            let run = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(count),
                run = timeout_at(until + BEYOND, self.once()) => run,
            };
            let (status, words) = run
                .map_err(|_| self.failed(&format!("did not end within {BEYOND:?} after its rung")))?
                .map_err(|error| self.failed(&error.to_string()))?;
            if !status.success() {
                let words = String::from_utf8_lossy(&words);
                let last = words.trim().lines().last().unwrap_or_default().to_owned();
                return Err(self.failed(&format!("{status}: {last}")));
            }
            count += 1;
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(count),
                () = sleep_until(next.min(until)) => {}
            }
        }
        Ok(count)
    }

    /// Runs it once, until the shell has ended; whatever it left in the background is none of the cycle.
    async fn once(&self) -> std::io::Result<(ExitStatus, Vec<u8>)> {
        let mut command = Command::new("sh");
        command.arg("-c").arg(&self.line).kill_on_drop(true).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let mut group = Group::of(child.id());
        let mut words = Vec::new();
        let Some(stderr) = child.stderr.take() else {
            return Ok((child.wait().await?, words));
        };
        let status = {
            let listening = listen(stderr, &mut words);
            tokio::pin!(listening);
            let status = tokio::select! {
                status = child.wait() => status?,
                () = &mut listening => child.wait().await?,
            };
            if !status.success() {
                // What was said by then is told.
                let _ = timeout(LAST_WORDS, listening).await;
            }
            status
        };
        group.release();
        Ok((status, words))
    }

    fn failed(&self, words: &str) -> String {
        format!(
            "the command of a cycle, `{}`, failed: {}",
            self.line,
            words.trim_end_matches([' ', ':'])
        )
    }
}

/// Reads to the end and keeps the last of it; what is not read would hold the command up.
async fn listen(mut from: impl AsyncRead + Unpin, into: &mut Vec<u8>) {
    let mut part = [0; 1024];
    while let Ok(count @ 1..) = from.read(&mut part).await {
        into.extend_from_slice(&part[..count]);
        into.drain(..into.len().saturating_sub(WORDS));
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

    async fn run(line: &str, millis: u64, stop: &CancellationToken) -> Result<u64, String> {
        let until = Instant::now() + Duration::from_millis(millis);
        let mut commands = Commands::new(line.to_owned());
        timeout(Duration::from_secs(20), commands.run(until, stop)).await.expect("it ends")
    }

    #[tokio::test]
    async fn what_a_command_leaves_behind_does_not_hold_it_up() {
        let stop = CancellationToken::new();
        assert!(1 <= run("sleep 40 & true", 50, &stop).await.unwrap());
        let words = run("sleep 40 & echo no such app >&2; exit 3", 50, &stop).await.unwrap_err();
        assert!(words.ends_with("exit status: 3: no such app"), "{words}");
    }

    #[tokio::test]
    async fn a_command_that_says_a_lot_is_heard_to_the_end() {
        let line = "head -c 300000 /dev/zero | tr '\\0' x >&2; echo >&2; echo the end >&2; exit 1";
        let words = run(line, 50, &CancellationToken::new()).await.unwrap_err();
        assert!(words.ends_with("exit status: 1: the end"), "{words}");
    }

    #[tokio::test]
    async fn what_a_stopped_command_has_started_is_killed_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let (pid, stop) = (dir.path().join("pid"), CancellationToken::new());
        let line =
            format!("sh -c 'echo $$ > {0}.new; mv {0}.new {0}; sleep 40; :'; true", pid.display());
        let stopping = async {
            while !pid.exists() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            stop.cancel();
        };
        let (ran, ()) = tokio::join!(run(&line, 30_000, &stop), stopping);
        assert_eq!(ran, Ok(0));
        let pid: u32 = std::fs::read_to_string(pid).unwrap().trim().parse().unwrap();
        let process = crate::leak::probe::proc::Process::of(pid);
        let ended = async {
            while process.born().is_ok() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        assert!(timeout(Duration::from_secs(10), ended).await.is_ok(), "{pid} lives on");
    }

    #[tokio::test]
    async fn it_runs_until_the_rung_ends() {
        let until = Instant::now() + Duration::from_millis(350);
        let ran = Commands::new("true".to_owned()).run(until, &CancellationToken::new()).await;
        let ran = ran.unwrap();
        assert!((1..=4).contains(&ran), "{ran}");
    }

    #[tokio::test]
    async fn a_failure_is_told_with_its_last_words() {
        let until = Instant::now() + Duration::from_secs(5);
        let line = "echo first >&2; echo no such app >&2; exit 3";
        let ran = Commands::new(line.to_owned()).run(until, &CancellationToken::new()).await;
        let words = ran.unwrap_err();
        assert!(words.contains("exit status: 3: no such app"), "{words}");
    }
}
