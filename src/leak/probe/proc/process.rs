//! A process as `/proc` shows it: descriptors, threads, memory, and when it began.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::parse::{self, Sockets, Status};
use crate::leak::record::Group;

/// Why a process cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProcError {
    #[error("process {0} does not exist")]
    Gone(String),
    /// It is another user's.
    #[error("not permitted to read the {what} of process {pid}: that takes its user or root")]
    Denied { pid: String, what: &'static str },
    /// There is no `/proc`, or it is not Linux'.
    #[error("could not read the {what} of process {pid}: {why}")]
    Other { pid: String, what: &'static str, why: String },
}

/// When a process began, in ticks since the machine did: with the pid, it is one process for sure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Born(pub u64);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Descriptor {
    /// Its number; with `inode` it is one descriptor for sure.
    pub(crate) fd: u32,
    /// What it is open on; 0 where that has none.
    pub(crate) inode: u64,
    /// What makes it like others: `socket tcp CLOSE_WAIT`, `pipe`, `file /var/log/*.log`.
    pub(crate) class: String,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Thread {
    /// Its number; with `born` it is one thread for sure.
    pub(crate) tid: u32,
    /// When it began, in ticks since the machine did.
    pub(crate) born: u64,
    pub(crate) name: String,
}

/// A process to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pub(super) dir: PathBuf,
    pub(super) own: bool,
}

impl Process {
    pub(crate) fn own() -> Self {
        Self { dir: "/proc/self".into(), own: true }
    }

    /// The one with this pid.
    pub(crate) fn of(pid: u32) -> Self {
        Self { dir: Path::new("/proc").join(pid.to_string()), own: pid == std::process::id() }
    }

    /// When it began; an error when it has ended, even if its parent has not noticed yet.
    pub(crate) fn born(&self) -> Result<Born, ProcError> {
        let what = "state";
        let text = self.read("stat", what)?;
        let stat = parse::stat(&text).ok_or_else(|| self.odd(what))?;
        match stat.ended {
            true => Err(ProcError::Gone(self.name())),
            false => Ok(Born(stat.born)),
        }
    }

    /// Processor time that it has used, in seconds.
    pub(crate) fn cpu_seconds(&self) -> Result<f64, ProcError> {
        let what = "processor time";
        let text = self.read("stat", what)?;
        let stat = parse::stat(&text).ok_or_else(|| self.odd(what))?;
        Ok(stat.busy as f64 / rustix::param::clock_ticks_per_second().max(1) as f64)
    }

    pub(crate) fn comm(&self) -> Option<String> {
        Some(self.read("comm", "name").ok()?.trim_end().to_owned())
    }

    /// How many descriptors it has open.
    pub(crate) fn count_fds(&self) -> Result<u64, ProcError> {
        let what = "descriptors";
        let dir = self.dir.join("fd");
        // Since Linux 6.2 the directory's size is their count, which opens nothing.
        match fs::metadata(&dir).map_err(|error| self.failed(what, &error))?.len() {
            0 => {
                let entries = fs::read_dir(&dir).map_err(|error| self.failed(what, &error))?;
                Ok((entries.count() as u64).saturating_sub(u64::from(self.own)))
            }
            count => Ok(count),
        }
    }

    /// Threads and resident memory.
    pub(crate) fn status(&self) -> Result<Status, ProcError> {
        let what = "status";
        parse::status(&self.read("status", what)?).ok_or_else(|| self.odd(what))
    }

    /// Its open descriptors. It takes a look at each: for now and then, not for every reading.
    pub(crate) fn descriptors(&self) -> Result<Vec<Descriptor>, ProcError> {
        let dir = self.dir.join("fd");
        let entries = fs::read_dir(&dir).map_err(|error| self.failed("descriptors", &error))?;
        let fds: Vec<u32> =
            entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
        let links: Vec<(u32, String)> = fds
            .into_iter()
            .filter_map(|fd| {
                // Closed meanwhile, or the one that the directory itself was read with.
                let link = fs::read_link(dir.join(fd.to_string())).ok()?;
                // Or one that another look takes at this moment.
                let looks = self.own && link.starts_with("/proc");
                (!looks).then(|| (fd, link.to_string_lossy().into_owned()))
            })
            .collect();
        let sockets = match links.iter().any(|(_, link)| link.starts_with("socket:")) {
            true => self.sockets(),
            false => Sockets::default(),
        };
        let info = |fd: u32| fs::read_to_string(self.dir.join("fdinfo").join(fd.to_string())).ok();
        let describe = |(fd, link): (u32, String)| {
            // A question to the file itself would be a question to its file system, which may hang.
            let inode = parse::inode(&link)
                .or_else(|| parse::ino(&info(fd)?))
                .or_else(|| Some(fs::metadata(dir.join(fd.to_string())).ok()?.ino()));
            Descriptor { fd, inode: inode.unwrap_or(0), class: parse::class(&link, &sockets) }
        };
        Ok(links.into_iter().map(describe).collect())
    }

    pub(crate) fn threads(&self) -> Result<Vec<Thread>, ProcError> {
        let dir = self.dir.join("task");
        let entries = fs::read_dir(&dir).map_err(|error| self.failed("threads", &error))?;
        let thread = |entry: io::Result<fs::DirEntry>| {
            let entry = entry.ok()?;
            let tid = entry.file_name().to_str()?.parse().ok()?;
            let stat = parse::stat(&fs::read_to_string(entry.path().join("stat")).ok()?)?;
            Some(Thread { tid, born: stat.born, name: stat.name })
        };
        // A thread that ends meanwhile is not there any more.
        Ok(entries.filter_map(thread).collect())
    }

    /// The cgroup that holds it.
    pub(crate) fn cgroup(&self) -> Result<parse::Cgroup, ProcError> {
        let what = "cgroup";
        Ok(parse::cgroup(&self.read("cgroup", what)?))
    }

    fn sockets(&self) -> Sockets {
        let mut sockets = Sockets::default();
        for table in parse::Table::ALL {
            // A table that cannot be read leaves its sockets without a state.
            let rows = fs::read(self.dir.join("net").join(table.file())).unwrap_or_default();
            sockets.learn(table, &String::from_utf8_lossy(&rows));
        }
        sockets
    }

    fn read(&self, file: &str, what: &'static str) -> Result<String, ProcError> {
        // Names of processes are bytes.
        let bytes = fs::read(self.dir.join(file)).map_err(|error| self.failed(what, &error))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn name(&self) -> String {
        self.dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    fn odd(&self, what: &'static str) -> ProcError {
        let why = "it is not in the form that Linux gives".to_owned();
        ProcError::Other { pid: self.name(), what, why }
    }

    pub(super) fn failed(&self, what: &'static str, error: &io::Error) -> ProcError {
        const ESRCH: i32 = 3;
        let pid = self.name();
        match error.kind() {
            io::ErrorKind::NotFound if self.own || !Path::new("/proc/self").exists() => {
                ProcError::Other { pid, what, why: "there is no /proc here".to_owned() }
            }
            io::ErrorKind::NotFound => ProcError::Gone(pid),
            io::ErrorKind::PermissionDenied => ProcError::Denied { pid, what },
            _ if error.raw_os_error() == Some(ESRCH) => ProcError::Gone(pid),
            _ => ProcError::Other { pid, what, why: error.to_string() },
        }
    }
}

/// Counts what is alike: descriptors by class, threads by name.
pub(crate) fn tally<'a>(names: impl Iterator<Item = &'a str>) -> Vec<Group> {
    let mut counts = BTreeMap::<&str, u64>::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    counts
        .into_iter()
        .map(|(name, count)| Group {
            key: name.to_owned(),
            title: name.to_owned(),
            count,
            ..Group::default()
        })
        .collect()
}
