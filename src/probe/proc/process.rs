//! Reads a process in `/proc`: descriptors, threads, memory, and start time.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::parse::{self, Sockets, Status};
use crate::probe::observed::Group;
use crate::probe::reasons::{ProcessError, ProcessPart};

/// Start time in ticks since boot. Together with the pid it identifies a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Born(pub u64);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Descriptor {
    /// Together with `inode` it identifies a descriptor.
    pub(crate) fd: u32,
    /// 0 if unknown.
    pub(crate) inode: u64,
    /// Its class: `socket tcp CLOSE_WAIT`, `pipe`, `file /var/log/*.log`.
    pub(crate) class: String,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Thread {
    /// Together with `born` it identifies a thread.
    pub(crate) tid: u32,
    /// Start time in ticks since boot.
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

    pub(crate) fn of(pid: u32) -> Self {
        Self { dir: Path::new("/proc").join(pid.to_string()), own: pid == std::process::id() }
    }

    /// The start time. A zombie counts as gone.
    pub(crate) fn born(&self) -> Result<Born, ProcessError> {
        let part = ProcessPart::State;
        let text = self.read("stat", part)?;
        let stat = parse::stat(&text).ok_or_else(|| self.malformed(part))?;
        match stat.ended {
            true => Err(ProcessError::Gone { pid: self.name() }),
            false => Ok(Born(stat.born)),
        }
    }

    /// Used processor time in seconds.
    pub(crate) fn cpu_seconds(&self) -> Result<f64, ProcessError> {
        let part = ProcessPart::ProcessorTime;
        let text = self.read("stat", part)?;
        let stat = parse::stat(&text).ok_or_else(|| self.malformed(part))?;
        Ok(stat.busy as f64 / rustix::param::clock_ticks_per_second().max(1) as f64)
    }

    pub(crate) fn comm(&self) -> Option<String> {
        Some(self.read("comm", ProcessPart::Name).ok()?.trim_end().to_owned())
    }

    /// The number of open descriptors.
    pub(crate) fn count_fds(&self) -> Result<u64, ProcessError> {
        let part = ProcessPart::Descriptors;
        let dir = self.dir.join("fd");
        // Since Linux 6.2 the size of the directory is their number.
        match fs::metadata(&dir).map_err(|error| self.failed(part, &error))?.len() {
            0 => {
                let entries = fs::read_dir(&dir).map_err(|error| self.failed(part, &error))?;
                Ok((entries.count() as u64).saturating_sub(u64::from(self.own)))
            }
            count => Ok(count),
        }
    }

    /// Threads and resident memory.
    pub(crate) fn status(&self) -> Result<Status, ProcessError> {
        let part = ProcessPart::Status;
        parse::status(&self.read("status", part)?).ok_or_else(|| self.malformed(part))
    }

    /// Its open descriptors. Takes several system calls for each, so it is too expensive for every reading.
    pub(crate) fn descriptors(&self) -> Result<Vec<Descriptor>, ProcessError> {
        let dir = self.dir.join("fd");
        let entries =
            fs::read_dir(&dir).map_err(|error| self.failed(ProcessPart::Descriptors, &error))?;
        let fds: Vec<u32> =
            entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
        let links: Vec<(u32, String)> = fds
            .into_iter()
            .filter_map(|fd| {
                // Skips a descriptor that was closed, like the one of `read_dir`.
                let link = fs::read_link(dir.join(fd.to_string())).ok()?;
                // Skips descriptors that concurrent readers of `/proc` use.
                let is_proc = self.own && link.starts_with("/proc");
                (!is_proc).then(|| (fd, link.to_string_lossy().into_owned()))
            })
            .collect();
        let sockets = match links.iter().any(|(_, link)| link.starts_with("socket:")) {
            true => self.sockets(),
            false => Sockets::default(),
        };
        let info = |fd: u32| fs::read_to_string(self.dir.join("fdinfo").join(fd.to_string())).ok();
        let describe = |(fd, link): (u32, String)| {
            // A `stat` of the file comes last, because its file system may hang.
            let inode = parse::inode(&link)
                .or_else(|| parse::ino(&info(fd)?))
                .or_else(|| Some(fs::metadata(dir.join(fd.to_string())).ok()?.ino()));
            Descriptor { fd, inode: inode.unwrap_or(0), class: parse::class(&link, &sockets) }
        };
        Ok(links.into_iter().map(describe).collect())
    }

    pub(crate) fn threads(&self) -> Result<Vec<Thread>, ProcessError> {
        let dir = self.dir.join("task");
        let entries =
            fs::read_dir(&dir).map_err(|error| self.failed(ProcessPart::Threads, &error))?;
        let thread = |entry: io::Result<fs::DirEntry>| {
            let entry = entry.ok()?;
            let tid = entry.file_name().to_str()?.parse().ok()?;
            let stat = parse::stat(&fs::read_to_string(entry.path().join("stat")).ok()?)?;
            Some(Thread { tid, born: stat.born, name: stat.name })
        };
        // Skips threads that ended.
        Ok(entries.filter_map(thread).collect())
    }

    pub(crate) fn cgroup(&self) -> Result<parse::Cgroup, ProcessError> {
        let part = ProcessPart::Cgroup;
        Ok(parse::cgroup(&self.read("cgroup", part)?))
    }

    fn sockets(&self) -> Sockets {
        let mut sockets = Sockets::default();
        for table in parse::Table::ALL {
            // Without a table its sockets have no state.
            let rows = fs::read(self.dir.join("net").join(table.file())).unwrap_or_default();
            sockets.add(table, &String::from_utf8_lossy(&rows));
        }
        sockets
    }

    fn read(&self, file: &str, part: ProcessPart) -> Result<String, ProcessError> {
        // Names of processes may be invalid UTF-8.
        let bytes = fs::read(self.dir.join(file)).map_err(|error| self.failed(part, &error))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn name(&self) -> String {
        self.dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    fn malformed(&self, part: ProcessPart) -> ProcessError {
        ProcessError::Malformed { pid: self.name(), part }
    }

    pub(super) fn failed(&self, part: ProcessPart, error: &io::Error) -> ProcessError {
        const ESRCH: i32 = 3;
        let pid = self.name();
        match error.kind() {
            io::ErrorKind::NotFound if self.own || !Path::new("/proc/self").exists() => {
                ProcessError::NoProc { pid, part }
            }
            io::ErrorKind::NotFound => ProcessError::Gone { pid },
            io::ErrorKind::PermissionDenied => ProcessError::Denied { pid, part },
            _ if error.raw_os_error() == Some(ESRCH) => ProcessError::Gone { pid },
            _ => ProcessError::Io { pid, part, message: error.to_string() },
        }
    }
}

/// Counts equal names: descriptors by class, threads by name.
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
