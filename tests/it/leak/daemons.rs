//! A daemon with containers for a check that must be alone with it.

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

    /// Waits until the daemon has no connection but the one that asks, copies both outputs of each container, and has
    /// handled containerd's events of them. Returns how many goroutines it has then.
    pub(super) fn wait_until_still(&self) -> usize {
        eventually("the daemon to be still", || {
            let stacks = self.daemon.goroutines();
            let count = |part: &str| stacks.iter().filter(|stack| stack.contains(part)).count();
            let is_still = count("net/http.(*conn).serve(") == 1
                && count("logger.(*Copier).copySrc(") == 2 * self.names.len()
                && count("libcontainerd/queue.(*Queue)") == 0;
            is_still.then_some(stacks.len())
        })
    }

    pub(super) fn goroutines(&self) -> usize {
        self.daemon.goroutines().len()
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
