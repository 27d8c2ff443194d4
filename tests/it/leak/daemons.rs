//! A daemon with containers for a check that must be alone with it.

use std::time::Duration;

use super::super::support::{Dockerd, eventually};

/// A few lines a second.
const TALK: &str = "trap exit TERM; while :; do echo a line of some length; usleep 250000; done";

/// A daemon of its own and its containers.
pub(super) struct Crowd {
    pub(super) daemon: Dockerd,
    names: Vec<String>,
}

impl Crowd {
    /// Starts this number of containers that talk, `talker1` and so on.
    pub(super) fn start(count: usize) -> Self {
        Self::start_with(&[], count)
    }

    /// The same, with these arguments for the daemon.
    pub(super) fn start_with(args: &[&str], count: usize) -> Self {
        let daemon = Dockerd::alone(args);
        let names: Vec<String> = (1..=count).map(|number| format!("talker{number}")).collect();
        for name in &names {
            let run = ["run", "-d", "--network", "none", "--name", name, "box", "sh", "-c", TALK];
            daemon.docker(&run);
        }
        let crowd = Self { daemon, names };
        crowd.wait_until_still();
        crowd
    }

    /// Waits until the daemon does nothing more than serve what is open.
    pub(super) fn wait_until_still(&self) -> u64 {
        let mut same = 0;
        let mut before = 0;
        eventually("the daemon to be still", || {
            let now = self.goroutines();
            same = if now == before { same + 1 } else { 0 };
            before = now;
            std::thread::sleep(Duration::from_millis(50));
            (10 <= same).then_some(now)
        })
    }

    pub(super) fn goroutines(&self) -> u64 {
        self.daemon.info()["NGoroutines"].as_u64().unwrap()
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        // They would otherwise outlive the daemon.
        let remove =
            [&["rm", "-f"][..], &self.names.iter().map(String::as_str).collect::<Vec<_>>()];
        drop(self.daemon.command("docker").args(remove.concat()).output());
    }
}
