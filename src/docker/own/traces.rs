//! Traces of the container that cmon runs in, and their comparison with those of a candidate.

use std::path::Path;

use super::{Evidence, Identity, Traces};
use crate::engine::source::{ContainerKey, Listed};

/// Files that the daemon mounts into every container, from a directory with the container's id.
const GIVEN: [&str; 4] = ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf", "/run/.containerenv"];

impl Traces {
    /// Reads the traces of this process.
    pub(in crate::docker) fn read() -> Self {
        // Unreadable files (not Linux, a hidden /proc) name no container.
        let text = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        Self::of(
            &text("/proc/self/mountinfo"),
            &text("/proc/self/cgroup"),
            &text("/proc/sys/kernel/hostname"),
        )
    }

    /// Takes the texts of `mountinfo`, `cgroup` (proc(5), cgroups(7)) and the hostname.
    pub(super) fn of(mountinfo: &str, cgroup: &str, hostname: &str) -> Self {
        let mut traces = Self { hostname: hostname.trim().to_owned(), ..Self::default() };
        // The innermost group is this process's own; outer ones may be another container's.
        let groups = cgroup.lines().filter_map(|line| line.splitn(3, ':').nth(2));
        for id in groups.filter_map(|path| path.rsplit('/').find_map(id_of_group)) {
            traces.add(Evidence::Cgroup, id);
        }
        for line in mountinfo.lines() {
            let Some((mount, file_system)) = line.split_once(" - ") else {
                continue;
            };
            let mut fields = mount.split(' ').skip(3);
            let (Some(root), Some(point)) = (fields.next(), fields.next()) else {
                continue;
            };
            let point = unescaped(point);
            if GIVEN.contains(&point.as_str())
                && let Some(id) = root.rsplit('/').find(|part| is_id(part))
            {
                traces.add(Evidence::Files, id);
            }
            if point == "/" {
                let options = file_system.rsplit(' ').next().unwrap_or_default();
                let upper = options.split(',').find_map(|option| option.strip_prefix("upperdir="));
                traces.upper_dir = upper.map(unescaped);
            }
            traces.mount_points.insert(point.into());
        }
        traces
    }

    fn add(&mut self, evidence: Evidence, id: &str) {
        if !self.ids.iter().any(|(_, known)| known == id) {
            self.ids.push((evidence, id.to_owned()));
        }
    }

    /// The candidate containers, the best evidence first.
    pub(in crate::docker) fn candidates(&self, listed: &[Listed]) -> Vec<(Evidence, ContainerKey)> {
        let by_id = |(evidence, id): &(Evidence, String)| {
            let found = listed.iter().find(|one| one.key.id.as_str() == id)?;
            Some((*evidence, found.key.clone()))
        };
        let mut candidates: Vec<(Evidence, ContainerKey)> =
            self.ids.iter().filter_map(by_id).collect();
        if 12 <= self.hostname.len() && is_hex(&self.hostname) {
            let named = listed.iter().filter(|one| one.key.id.as_str().starts_with(&self.hostname));
            let named: Vec<&ContainerKey> = named.map(|one| &one.key).collect();
            for key in named {
                if !candidates.iter().any(|(_, known)| known == key) {
                    candidates.push((Evidence::Hostname, key.clone()));
                }
            }
        }
        candidates
    }

    /// Whether this process runs in this container; `socket` is its route to the daemon.
    pub(in crate::docker) fn fit(
        &self,
        evidence: Evidence,
        other: &Identity,
        socket: Option<&Path>,
    ) -> bool {
        if !other.running {
            return false;
        }
        if evidence == Evidence::Cgroup {
            return true;
        }
        if let Some(same) = self.has_root_of(other) {
            return same;
        }
        // A mounted socket distinguishes this container from one that shares the network.
        let mounted = socket.filter(|socket| self.mount_points.contains(*socket));
        let reaches = mounted.is_none_or(|socket| other.destinations.iter().any(|at| at == socket));
        reaches && (evidence == Evidence::Files || other.hostname == self.hostname)
    }

    /// Whether both have one root file system; `None` if unknown.
    pub(in crate::docker) fn has_root_of(&self, other: &Identity) -> Option<bool> {
        let (own, theirs) = (Path::new(self.upper_dir.as_ref()?), other.upper_dir.as_ref()?);
        // With many layers, the daemon mounts by paths within its own directory.
        Some(own.ends_with(theirs) || Path::new(theirs).ends_with(own))
    }
}

/// The id in one part of a control group's path: `ID`, `docker-ID.scope`, `libpod-ID.scope`.
fn id_of_group(part: &str) -> Option<&str> {
    let part = part.strip_suffix(".scope").unwrap_or(part);
    let id = part.rsplit(['-', ':']).next()?;
    // The monitor of a container has its own group next to it.
    (is_id(id) && !part.contains("conmon")).then_some(id)
}

fn is_id(text: &str) -> bool {
    text.len() == 64 && is_hex(text)
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A path of `mountinfo`, in which space, tab, newline and backslash are octal.
fn unescaped(path: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(path.to_owned(), |path, (code, character)| path.replace(code, character))
}
