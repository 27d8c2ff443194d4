//! A command of the user's that is one cycle: run again and again while a rung is driven.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

/// Cycles are at least this far apart.
const APART: Duration = Duration::from_millis(100);
/// How long one run may go on beyond its rung.
const BEYOND: Duration = Duration::from_secs(60);

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
            let mut command = Command::new("sh");
            command.arg("-c").arg(&self.line).kill_on_drop(true);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
            let child = command.spawn().map_err(|error| self.failed(&error.to_string()))?;
            let output = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(count),
                output = timeout_at(until + BEYOND, child.wait_with_output()) => output,
            };
            let output = output
                .map_err(|_| self.failed(&format!("did not end within {BEYOND:?} after its rung")))?
                .map_err(|error| self.failed(&error.to_string()))?;
            if !output.status.success() {
                let words = String::from_utf8_lossy(&output.stderr);
                let last = words.trim().lines().last().unwrap_or_default().to_owned();
                return Err(self.failed(&format!("{}: {last}", output.status)));
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

    fn failed(&self, words: &str) -> String {
        format!(
            "the command of a cycle, `{}`, failed: {}",
            self.line,
            words.trim_end_matches([' ', ':'])
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
