//! Targets that are read through `/proc`: a process, or all processes of a container.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::outcome::{ReadOutcome, TargetStartError};
use super::readable::{Members, ProcessReadable, TargetReadable};
use crate::docker;
use crate::docker::api::Api;
use crate::engine::source::ErrorKind;
use crate::probe::Sample;
use crate::probe::observed::Group;
use crate::probe::own_process::{groups_of, ids_of};
use crate::probe::proc::parse::{self, Cgroup};
use crate::probe::proc::{Born, Process, tally};
use crate::probe::reasons::{CutReason, ProcessError, UnavailableReason};

type Parts = Vec<(String, Vec<Group>)>;

/// One process.
#[derive(Debug)]
pub(super) struct Single {
    pid: u32,
    process: Process,
    born: Born,
}

impl Single {
    pub(super) fn start(pid: u32) -> Result<(Self, TargetReadable), TargetStartError> {
        let process = Process::of(pid);
        let born = process.born()?;
        let readable = TargetReadable::Process(readable(&process));
        Ok((Self { pid, process, born }, readable))
    }

    pub(super) fn read(
        &self,
        source: &str,
        into: &mut Sample,
    ) -> Result<ReadOutcome, UnavailableReason> {
        if self.process.born()? != self.born {
            return Err(UnavailableReason::ProcessReplaced { pid: self.pid });
        }
        figures(source, std::slice::from_ref(&self.process), Memory::Rss, into);
        Ok(ReadOutcome { same: true, ..ReadOutcome::default() })
    }

    pub(super) fn groups(&self, source: &str) -> Parts {
        groups_of(source, std::slice::from_ref(&self.process))
    }

    pub(super) fn ids(&self, source: &str) -> Vec<(String, Vec<u64>)> {
        ids_of(source, std::slice::from_ref(&self.process))
    }
}

/// All processes of a container.
#[derive(Debug)]
pub(super) struct Container {
    api: Arc<Api>,
    name: String,
    run: Run,
    /// A restart that is not reported yet.
    restarted: Option<CutReason>,
}

/// One run of a container.
#[derive(Debug)]
enum Run {
    /// Its processes are on this machine.
    Here(Main),
    /// They are on another machine, where the first one has this pid.
    Elsewhere(u32),
}

impl Run {
    fn pid(&self) -> u32 {
        match self {
            Run::Here(main) => main.pid,
            Run::Elsewhere(pid) => *pid,
        }
    }
}

/// The first process of a container.
#[derive(Debug)]
struct Main {
    pid: u32,
    process: Process,
    born: Born,
    cgroup: Cgroup,
}

impl Container {
    pub(super) async fn start(
        api: Arc<Api>,
        container: &str,
    ) -> Result<(Self, TargetReadable), TargetStartError> {
        let found = api.process(container).await?;
        let run = Run::of(&found).map_err(TargetStartError::NotRunning)?;
        let readable = match &run {
            Run::Elsewhere(_) => {
                api.threads(&found.name)
                    .await
                    .map_err(|error| TargetStartError::NoThreads { error })?;
                TargetReadable::Threads
            }
            Run::Here(main) => main.readable(),
        };
        Ok((Self { api, name: found.name, run, restarted: None }, readable))
    }

    pub(super) async fn read(
        &mut self,
        source: &str,
        into: &mut Sample,
    ) -> Result<ReadOutcome, UnavailableReason> {
        let is_running = match &self.run {
            Run::Here(main) => main.process.born() == Ok(main.born),
            Run::Elsewhere(_) => false,
        };
        let old_pid = self.run.pid();
        if !is_running {
            self.run = self.find().await?;
        }
        let new_pid = self.run.pid();
        let same = is_running || (matches!(self.run, Run::Elsewhere(_)) && old_pid == new_pid);
        if !same {
            self.restarted = Some(CutReason::ContainerRestarted { old_pid, new_pid });
        }
        match &self.run {
            Run::Here(main) => main.read(source, into),
            Run::Elsewhere(_) => {
                let threads = self.api.threads(&self.name).await?;
                into.value(&format!("{source}.threads"), threads.len() as u64);
                for figure in ["fds", "memory_bytes"] {
                    let metric = format!("{source}.{figure}");
                    into.unavailable(&metric, UnavailableReason::NotOnThisMachine);
                }
            }
        }
        let restart = self.restarted.take();
        Ok(ReadOutcome { same: same && restart.is_none(), restart, several: None })
    }

    pub(super) fn ids(&self, source: &str) -> Vec<(String, Vec<u64>)> {
        match &self.run {
            Run::Here(main) => ids_of(source, &main.members()),
            Run::Elsewhere(_) => Vec::new(),
        }
    }

    pub(super) async fn groups(&self, source: &str) -> Parts {
        match &self.run {
            Run::Here(main) => groups_of(source, &main.members()),
            Run::Elsewhere(_) => {
                let threads = self.api.threads(&self.name).await.unwrap_or_default();
                vec![(format!("{source}.threads"), tally(threads.iter().map(String::as_str)))]
            }
        }
    }

    /// The current run.
    async fn find(&self) -> Result<Run, UnavailableReason> {
        match self.api.process(&self.name).await {
            Ok(found) => Run::of(&found),
            Err(error) if error.kind == ErrorKind::Gone => {
                Err(UnavailableReason::ContainerRemoved { container: self.name.clone() })
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl Run {
    fn of(found: &docker::Process) -> Result<Self, UnavailableReason> {
        let Some(pid) = found.pid else {
            let (container, state) = (found.name.clone(), found.state.clone());
            return Err(match state.as_str() {
                "running" => UnavailableReason::ContainerWithoutPid { container },
                _ => UnavailableReason::ContainerNotRunning { container, state },
            });
        };
        let process = Process::of(pid);
        // If the daemon runs on another machine, the pid belongs to another process here.
        match (process.born(), process.cgroup()) {
            (Ok(born), Ok(cgroup)) if cgroup.holds(&found.id) => {
                Ok(Run::Here(Main { pid, process, born, cgroup }))
            }
            _ => Ok(Run::Elsewhere(pid)),
        }
    }
}

impl Main {
    fn readable(&self) -> TargetReadable {
        let (count, by_cgroup) = (self.members().len(), self.memory().is_some());
        let members = Members { count, by_cgroup };
        TargetReadable::Container { first: readable(&self.process), members }
    }

    fn read(&self, source: &str, into: &mut Sample) {
        let members = self.members();
        let memory = self.memory();
        let rss = if memory.is_none() { Memory::Rss } else { Memory::Cgroup };
        figures(source, &members, rss, into);
        into.value(&format!("{source}.processes"), members.len() as u64);
        if let Some(memory) = memory {
            into.value(&format!("{source}.memory_bytes"), memory);
        }
    }

    fn dir(&self) -> Option<PathBuf> {
        let root = Path::new("/sys/fs/cgroup");
        let under = |root: PathBuf, path: &Option<String>| {
            Some(root.join(path.as_ref()?.trim_start_matches('/'))).filter(|dir| dir.is_dir())
        };
        under(root.join("memory"), &self.cgroup.memory)
            .or_else(|| under(root.to_owned(), &self.cgroup.unified))
    }

    /// All processes of the container, or the first one alone if the cgroup is not readable.
    fn members(&self) -> Vec<Process> {
        let read = |dir: PathBuf| std::fs::read_to_string(dir.join("cgroup.procs")).ok();
        let pids = self.dir().and_then(read).unwrap_or_default();
        let all: Vec<Process> =
            pids.lines().filter_map(|pid| pid.parse().ok()).map(Process::of).collect();
        match all.contains(&self.process) {
            true => all,
            false => vec![self.process.clone()],
        }
    }

    fn memory(&self) -> Option<u64> {
        parse::anonymous(&std::fs::read_to_string(self.dir()?.join("memory.stat")).ok()?)
    }
}

/// How to read memory.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Memory {
    /// From each process.
    Rss,
    /// From the cgroup.
    Cgroup,
}

/// The sums over these processes, without those that have ended.
fn figures(source: &str, all: &[Process], memory: Memory, into: &mut Sample) {
    let sum = |figure: &dyn Fn(&Process) -> Result<u64, ProcessError>| {
        all.iter().map(figure).try_fold(0, |sum, figure| match figure {
            Ok(figure) => Ok(sum + figure),
            Err(ProcessError::Gone { .. }) => Ok(sum),
            Err(error) => Err(error),
        })
    };
    into.value_or(&format!("{source}.fds"), sum(&Process::count_fds));
    let threads = sum(&|process| Ok(process.status()?.threads));
    into.value_or(&format!("{source}.threads"), threads);
    if memory == Memory::Rss {
        let bytes = sum(&|process| Ok(process.status()?.rss_bytes));
        into.value_or(&format!("{source}.rss_bytes"), bytes);
    }
}

fn readable(process: &Process) -> ProcessReadable {
    ProcessReadable {
        name: process.comm(),
        fds: process.count_fds().map(drop),
        classes: process.descriptors().map(drop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_process_with_the_same_pid_is_not_the_target() {
        let pid = std::process::id();
        let (mut single, _) = Single::start(pid).unwrap();
        let mut sample = Sample::default();
        assert!(single.read("target.x", &mut sample).unwrap().same);
        assert!(sample.values.contains_key("target.x.fds"));
        single.born = Born(single.born.0 + 1);
        let mut sample = Sample::default();
        let reason = single.read("target.x", &mut sample).unwrap_err();
        let sentence = format!("process {pid} has ended, and another one has its number now");
        assert_eq!((reason.is_gone(), reason.to_string()), (true, sentence));
        assert_eq!(sample, Sample::default(), "no values of another process");
    }
}
