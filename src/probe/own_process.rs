//! The metrics of cmon itself: tasks, streams, connections, descriptors, threads, memory.

use tokio::runtime::Handle;

use super::proc::{Descriptor, Process, Thread, tally};
use super::sample::Sample;
use crate::engine::census::{Census, TaskKind};
use crate::probe::observed::Group;

#[derive(Debug)]
pub(super) struct Own {
    process: Process,
}

impl Own {
    pub(super) fn new() -> Self {
        Self { process: Process::own() }
    }

    /// `census` must include the tasks and connections of the probes.
    pub(super) fn read(&self, census: &Census, into: &mut Sample) {
        let known = census.live_tasks();
        // tokio counts an ended task for up to about 13 ms more.
        let alive = Handle::current().metrics().num_alive_tasks() as u64;
        into.value("own.tasks", known);
        into.value("own.tasks.other", alive.saturating_sub(known));
        into.value("own.streams", census.streams_open);
        into.value("own.connections", census.open_connections());
        into.value_or("own.fds", self.process.count_fds());
        if let Ok(seconds) = self.process.cpu_seconds() {
            into.figure("own.cpu_seconds", seconds);
        }
        match self.process.status() {
            Ok(status) => {
                into.value("own.threads", status.threads);
                into.value("own.rss_bytes", status.rss_bytes);
            }
            Err(error) => {
                into.unavailable("own.threads", error.clone());
                into.unavailable("own.rss_bytes", error);
            }
        }
    }

    /// The ids of its descriptors and threads.
    pub(super) fn ids(&self) -> Vec<(String, Vec<u64>)> {
        ids_of("own", std::slice::from_ref(&self.process))
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
        found.extend(groups_of("own", std::slice::from_ref(&self.process)));
        found
    }
}

/// Descriptors by class and threads by name, as far as they are readable.
pub(super) fn groups_of(source: &str, all: &[Process]) -> Vec<(String, Vec<Group>)> {
    let classes = |fds: &[Descriptor]| tally(fds.iter().map(|fd| fd.class.as_str()));
    let names = |threads: &[Thread]| tally(threads.iter().map(|thread| thread.name.as_str()));
    parts(source, all, classes, names)
}

/// The ids of the descriptors and threads, as far as they are readable.
pub(super) fn ids_of(source: &str, all: &[Process]) -> Vec<(String, Vec<u64>)> {
    // Two descriptors may share the number or the inode, but not both. Thread ids are reused.
    let id = |number: u32, other: u64| u64::from(number).rotate_left(40) ^ other;
    let fds = |fds: &[Descriptor]| fds.iter().map(|fd| id(fd.fd, fd.inode)).collect();
    let threads = |threads: &[Thread]| threads.iter().map(|t| id(t.tid, t.born)).collect();
    parts(source, all, fds, threads)
}

/// Applies one function to all descriptors, and one to all threads.
fn parts<T>(
    source: &str,
    all: &[Process],
    map_fds: impl Fn(&[Descriptor]) -> T,
    map_threads: impl Fn(&[Thread]) -> T,
) -> Vec<(String, T)> {
    let fds: Result<Vec<_>, _> = all.iter().map(Process::descriptors).collect();
    let fds = fds.ok().map(|fds| (format!("{source}.fds"), map_fds(&fds.concat())));
    let threads: Result<Vec<_>, _> = all.iter().map(Process::threads).collect();
    let threads =
        threads.ok().map(|threads| (format!("{source}.threads"), map_threads(&threads.concat())));
    fds.into_iter().chain(threads).collect()
}

/// The sum of both censuses.
pub(super) fn sum(census: &Census, more: Census) -> Census {
    let mut all = census.clone();
    for (kind, count) in more.tasks {
        *all.tasks.entry(kind).or_default() += count;
    }
    for (site, count) in more.sites {
        *all.sites.entry(site).or_default() += count;
    }
    for (purpose, count) in more.connections {
        let entry = all.connections.entry(purpose).or_default();
        entry.open += count.open;
        entry.opened += count.opened;
        entry.forced += count.forced;
    }
    all
}
