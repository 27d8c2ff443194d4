//! Targets that are read from outside, by `/proc`: a process, or all processes of a container.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::outcome::{Lost, News, Refused};
use crate::docker;
use crate::docker::api::Api;
use crate::engine::source::ErrorKind;
use crate::leak::probe::Sample;
use crate::leak::probe::own_process::{groups_of, ids_of};
use crate::leak::probe::proc::parse::{self, Cgroup};
use crate::leak::probe::proc::{Born, ProcError, Process, tally};
use crate::leak::record::Group;

type Parts = Vec<(String, Vec<Group>)>;

/// One process.
#[derive(Debug)]
pub(super) struct Single {
    pid: u32,
    process: Process,
    born: Born,
}

impl Single {
    pub(super) fn start(pid: u32) -> Result<(Self, String), Refused> {
        let process = Process::of(pid);
        let born = process.born().map_err(|error| {
            let hint = match error {
                ProcError::Gone(_) => Some(
                    "`ps -e` lists the processes; for one in a container, write container:NAME",
                ),
                ProcError::Denied { .. } => Some("run cmon as the user of the process, or as root"),
                ProcError::Other { .. } => None,
            };
            Refused::with(error, hint)
        })?;
        let words = available(&process);
        Ok((Self { pid, process, born }, words))
    }

    pub(super) fn read(&self, source: &str, into: &mut Sample) -> Result<News, Lost> {
        let pid = self.pid;
        match self.process.born() {
            Ok(born) if born == self.born => {}
            Ok(_) => {
                let why = format!("process {pid} has ended, and another one has its number now");
                return Err(Lost::gone(why));
            }
            Err(error @ ProcError::Gone(_)) => return Err(Lost::gone(error)),
            Err(error) => return Err(Lost::away(error)),
        }
        figures(source, std::slice::from_ref(&self.process), Memory::Rss, into);
        Ok(News { same: true, ..News::default() })
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
    /// It was started again, which is kept until it is reported, if the reading breaks off.
    restarted: Option<String>,
}

/// One run of a container.
#[derive(Debug)]
enum Run {
    /// Its processes can be seen from here.
    Here(Main),
    /// They cannot; its first one has this number there.
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

/// The process that a run of a container began with.
#[derive(Debug)]
struct Main {
    pid: u32,
    process: Process,
    born: Born,
    cgroup: Cgroup,
}

/// Why a container's descriptors and memory cannot be had.
const NOT_ON_THIS_MACHINE: &str = "the container's processes cannot be seen from here: the daemon runs on \
                         another machine, or cmon in a container";

impl Container {
    pub(super) async fn start(api: Arc<Api>, container: &str) -> Result<(Self, String), Refused> {
        let found = api.process(container).await.map_err(|error| {
            let gone = error.kind == ErrorKind::Gone;
            Refused::with(error, gone.then_some("`docker ps` lists the containers that run"))
        })?;
        let run = Run::of(&found).map_err(|lost| {
            let hint = "start it with `docker start`; `docker ps` lists the containers that run";
            Refused::with(lost.why, lost.gone.then_some(hint))
        })?;
        let words = match &run {
            Run::Elsewhere(_) => {
                api.threads(&found.name)
                    .await
                    .map_err(|error| format!("{NOT_ON_THIS_MACHINE}; {error}"))?;
                format!("threads, as the daemon reports them; nothing else ({NOT_ON_THIS_MACHINE})")
            }
            Run::Here(main) => main.words(),
        };
        Ok((Self { api, name: found.name, run, restarted: None }, words))
    }

    pub(super) async fn read(&mut self, source: &str, into: &mut Sample) -> Result<News, Lost> {
        let goes_on = match &self.run {
            Run::Here(main) => main.process.born() == Ok(main.born),
            Run::Elsewhere(_) => false,
        };
        let old = self.run.pid();
        if !goes_on {
            self.run = self.find().await?;
        }
        let new = self.run.pid();
        let same = goes_on || (matches!(self.run, Run::Elsewhere(_)) && old == new);
        if !same {
            let why = format!("the container was started again (pid {old} is now {new})");
            self.restarted = Some(why);
        }
        match &self.run {
            Run::Here(main) => main.read(source, into),
            Run::Elsewhere(_) => {
                let threads = self.api.threads(&self.name).await.map_err(Lost::away)?;
                into.value(&format!("{source}.threads"), threads.len() as u64);
                for figure in ["fds", "memory_bytes"] {
                    into.unavailable(&format!("{source}.{figure}"), &NOT_ON_THIS_MACHINE);
                }
            }
        }
        let cut = self.restarted.take();
        Ok(News { same: same && cut.is_none(), cut, several: None })
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

    /// The run that is there now.
    async fn find(&self) -> Result<Run, Lost> {
        match self.api.process(&self.name).await {
            Ok(found) => Run::of(&found),
            Err(error) if error.kind == ErrorKind::Gone => {
                Err(Lost::gone(format!("container `{}` no longer exists", self.name)))
            }
            Err(error) => Err(Lost::away(error)),
        }
    }
}

impl Run {
    fn of(found: &docker::Process) -> Result<Self, Lost> {
        let Some(pid) = found.pid else {
            let (name, state) = (&found.name, &found.state);
            if state == "running" {
                let why = "runs, but the daemon reports no pid for it, so that its processes cannot be found";
                return Err(Lost::away(format!("container `{name}` {why}")));
            }
            let why = format!("container `{name}` does not run ({state})");
            // One that is being started again is there in a moment.
            return Err(if state == "restarting" { Lost::away(why) } else { Lost::gone(why) });
        };
        let process = Process::of(pid);
        // The number means something where the daemon runs; here it may be anybody's.
        match (process.born(), process.cgroup()) {
            (Ok(born), Ok(cgroup)) if cgroup.holds(&found.id) => {
                Ok(Run::Here(Main { pid, process, born, cgroup }))
            }
            _ => Ok(Run::Elsewhere(pid)),
        }
    }
}

impl Main {
    fn words(&self) -> String {
        let memory = if self.memory().is_some() { ", memory by its cgroup" } else { "" };
        let processes = self.members().len();
        match available(&self.process) {
            words if processes == 1 => format!("{words}{memory}"),
            words => format!("{words} of {processes} processes{memory}"),
        }
    }

    fn read(&self, source: &str, into: &mut Sample) {
        let members = self.members();
        let memory = self.memory();
        let rss = if memory.is_none() { Memory::Rss } else { Memory::Elsewhere };
        figures(source, &members, rss, into);
        into.value(&format!("{source}.processes"), members.len() as u64);
        if let Some(memory) = memory {
            into.value(&format!("{source}.memory_bytes"), memory);
        }
    }

    /// The directory of its cgroup.
    fn dir(&self) -> Option<PathBuf> {
        let root = Path::new("/sys/fs/cgroup");
        let under = |root: PathBuf, path: &Option<String>| {
            Some(root.join(path.as_ref()?.trim_start_matches('/'))).filter(|dir| dir.is_dir())
        };
        under(root.join("memory"), &self.cgroup.memory)
            .or_else(|| under(root.to_owned(), &self.cgroup.unified))
    }

    /// All processes of the container; the first one alone where the others cannot be found.
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

/// Where the memory of processes is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Memory {
    /// From each of them.
    Rss,
    /// Elsewhere.
    Elsewhere,
}

/// The sums over these processes; one that has just ended counts no more.
fn figures(source: &str, all: &[Process], memory: Memory, into: &mut Sample) {
    let sum = |figure: &dyn Fn(&Process) -> Result<u64, ProcError>| {
        all.iter().map(figure).try_fold(0, |sum, figure| match figure {
            Ok(figure) => Ok(sum + figure),
            Err(ProcError::Gone(_)) => Ok(sum),
            Err(error) => Err(error),
        })
    };
    into.value_or_why(&format!("{source}.fds"), sum(&Process::count_fds));
    let threads = sum(&|process| Ok(process.status()?.threads));
    into.value_or_why(&format!("{source}.threads"), threads);
    if memory == Memory::Rss {
        let bytes = sum(&|process| Ok(process.status()?.rss_bytes));
        into.value_or_why(&format!("{source}.rss_bytes"), bytes);
    }
}

/// What may be read, in words.
fn available(process: &Process) -> String {
    let comm = process.comm().map(|comm| format!(" of `{comm}`")).unwrap_or_default();
    match (process.count_fds(), process.descriptors()) {
        (Ok(_), Ok(_)) => format!("descriptors, threads, memory{comm}"),
        (Ok(_), Err(error)) => {
            format!("descriptors (not by class: {error}), threads, memory{comm}")
        }
        (Err(error), _) => format!("threads, memory{comm}; no descriptors ({error})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_process_under_the_same_number_is_not_the_target() {
        let pid = std::process::id();
        let (mut single, _) = Single::start(pid).unwrap();
        let mut sample = Sample::default();
        assert!(single.read("target.x", &mut sample).unwrap().same);
        assert!(sample.values.contains_key("target.x.fds"));
        single.born = Born(single.born.0 + 1);
        let mut sample = Sample::default();
        let lost = single.read("target.x", &mut sample).unwrap_err();
        let why = format!("process {pid} has ended, and another one has its number now");
        assert_eq!((lost.gone, lost.why), (true, why));
        assert_eq!(sample, Sample::default(), "its figures are somebody else's");
    }
}
