//! What cmon itself holds: tasks, streams, connections, descriptors, threads, memory.

use std::collections::BTreeMap;

use tokio::runtime::Handle;

use super::Sample;
use super::proc::{Process, tally};
use crate::engine::census::{Census, TaskKind};
use crate::leak::record::Group;

#[derive(Debug)]
pub(super) struct Own {
    process: Process,
}

impl Own {
    pub(super) fn new() -> Self {
        Self { process: Process::own() }
    }

    /// `census` holds all tasks and connections that cmon knows of, the probes' own included.
    pub(super) fn read(&self, census: &Census, into: &mut Sample) {
        let known = census.live_tasks();
        // It lags: a task that has ended is counted for up to some 13 ms more.
        let alive = Handle::current().metrics().num_alive_tasks() as u64;
        into.value("own.tasks", known);
        into.value("own.tasks.other", alive.saturating_sub(known));
        into.value("own.streams", census.streams_open);
        into.value("own.connections", census.open_connections());
        into.value_or_why("own.fds", self.process.count_fds());
        if let Ok(seconds) = self.process.cpu_seconds() {
            into.figure("own.cpu_seconds", seconds);
        }
        match self.process.status() {
            Ok(status) => {
                into.value("own.threads", status.threads);
                into.value("own.rss_bytes", status.rss_bytes);
            }
            Err(error) => {
                into.unavailable("own.threads", &error);
                into.unavailable("own.rss_bytes", &error);
            }
        }
    }

    /// Who its descriptors and threads are.
    pub(super) fn ids(&self) -> Vec<(String, Vec<u64>)> {
        ids_of_processes("own", std::slice::from_ref(&self.process))
    }

    /// Tasks by kind, descriptors by class, threads by name.
    pub(super) fn groups(&self, census: &Census) -> Vec<(String, Vec<Group>)> {
        let tasks = |(&(kind, file, line), count): (&(TaskKind, &str, u32), &u64)| Group {
            key: format!("{kind};{file}:{line}"),
            title: format!("{kind}, spawned at {file}:{line}"),
            count: *count,
            ..Group::default()
        };
        let tasks: Vec<Group> = census.sites.iter().map(tasks).collect();
        let mut found = vec![("own.tasks".to_owned(), tasks)];
        found.extend(of_process("own", &self.process));
        found
    }
}

/// Descriptors by class and threads by name, as far as they may be read.
pub(super) fn of_process(source: &str, process: &Process) -> Vec<(String, Vec<Group>)> {
    of_processes(source, std::slice::from_ref(process))
}

/// The same over several processes.
pub(super) fn of_processes(source: &str, all: &[Process]) -> Vec<(String, Vec<Group>)> {
    let mut found = Vec::new();
    let descriptors: Result<Vec<_>, _> = all.iter().map(Process::descriptors).collect();
    if let Ok(descriptors) = descriptors {
        let classes = descriptors.iter().flatten().map(|one| one.class.as_str());
        found.push((format!("{source}.fds"), tally(classes)));
    }
    let threads: Result<Vec<_>, _> = all.iter().map(Process::threads).collect();
    if let Ok(threads) = threads {
        let names = threads.iter().flatten().map(|one| one.name.as_str());
        found.push((format!("{source}.threads"), tally(names)));
    }
    found
}

/// Who the descriptors and threads are, as far as they may be read.
pub(super) fn ids_of_processes(source: &str, all: &[Process]) -> Vec<(String, Vec<u64>)> {
    let mut found = Vec::new();
    // Descriptors share numbers and inodes, never both at once; thread ids come back, later.
    let pair = |one: u64, other: u64| one.rotate_left(40) ^ other;
    let descriptors: Result<Vec<_>, _> = all.iter().map(Process::descriptors).collect();
    if let Ok(descriptors) = descriptors {
        let ids = descriptors.iter().flatten().map(|one| pair(u64::from(one.fd), one.inode));
        found.push((format!("{source}.fds"), ids.collect()));
    }
    let threads: Result<Vec<_>, _> = all.iter().map(Process::threads).collect();
    if let Ok(threads) = threads {
        let ids = threads.iter().flatten().map(|one| pair(u64::from(one.tid), one.born));
        found.push((format!("{source}.threads"), ids.collect()));
    }
    found
}

/// Adds the tasks and connections of `more` to those of `census`.
pub(super) fn together(census: &Census, more: Census) -> Census {
    let mut all = census.clone();
    for (kind, count) in more.tasks {
        *all.tasks.entry(kind).or_default() += count;
    }
    for (site, count) in more.sites {
        *all.sites.entry(site).or_default() += count;
    }
    let mut connections = BTreeMap::new();
    std::mem::swap(&mut connections, &mut all.connections);
    for (purpose, count) in more.connections {
        let entry: &mut crate::engine::census::ConnectionCount =
            connections.entry(purpose).or_default();
        entry.open += count.open;
        entry.opened += count.opened;
        entry.forced += count.forced;
    }
    all.connections = connections;
    all
}
