//! Rotation: renames step by step, and recovery from an earlier run.

use std::collections::{BTreeSet, HashMap};

use super::disk::{Disk, DiskFile, Kind};
use super::error::Error;
use super::file_writer::{Compression, Directory, Settings};
use super::name::{self, Role, parent};
use super::plan::{Operation, Siblings};
use super::record::{FileKey, FileRecord};

impl<D: Disk> Directory<D> {
    /// Continues from the saved state of an earlier run: removes unsaved tails, finishes begun rotations, and
    /// compares each file with its record. [`Directory::take_findings`] returns other programs' changes. Lists the
    /// directory.
    ///
    /// # Errors
    /// An operation on the disk failed, or the records are not cmon's.
    pub(crate) fn open(
        disk: D,
        settings: Settings,
        records: Vec<(FileKey, FileRecord)>,
    ) -> Result<Self, Error> {
        let mut found = find_all(&disk, &records)?;
        let mut directory = Self::empty(disk, settings);
        // The cursor and the names may be from a run that was killed before its fsync. Decisions that depend on
        // them must not reach the disk before them.
        let mut directories: BTreeSet<&str> = found.keys().map(|path| parent(path)).collect();
        directories.insert("");
        for path in directories {
            directory.disk.sync_directory(path).map_err(Error::of_sync(path))?;
        }
        let mut changed = BTreeSet::new();
        let mut rotating = Vec::new();
        for (key, record) in records {
            let path = record.path.clone();
            let siblings = found.remove(&path).unwrap_or_default();
            if !name::is_valid(&path) {
                return Err(Error::Record { path });
            }
            let was_rotating = record.next.is_some();
            let index = directory.add(key, record).ok_or(Error::Record { path })?;
            let siblings = directory.recover(index, siblings, &mut changed)?;
            if was_rotating {
                rotating.push((index, siblings));
            } else {
                directory.queue_for_compression(index, &siblings);
            }
        }
        for (path, mut siblings) in found {
            let leftovers: Vec<Operation> = siblings.leftovers().collect();
            for operation in leftovers {
                directory.change(&path, &mut siblings, operation, &mut changed)?;
            }
        }
        directory.sync(&changed)?;
        directory.finish_rotations(rotating)?;
        Ok(directory)
    }

    /// Makes the files of an entry match its record.
    fn recover(
        &mut self,
        index: usize,
        mut siblings: Siblings,
        changed: &mut BTreeSet<String>,
    ) -> Result<Siblings, Error> {
        let examination = siblings.examine(&self.entries[index].record);
        let path = examination.record.path.clone();
        self.findings.extend(examination.findings);
        self.entries[index].record = examination.record;
        self.entries[index].is_closed = examination.is_shortened;
        for operation in examination.operations {
            self.change(&path, &mut siblings, operation, changed)?;
        }
        Ok(siblings)
    }

    /// Does the steps of rotations with committed lengths.
    pub(super) fn rotate(&mut self, indices: &[usize]) -> Result<(), Error> {
        let mut found = HashMap::new();
        let paths = indices.iter().map(|index| self.entries[*index].record.path.as_str());
        for directory in paths.map(parent).collect::<BTreeSet<&str>>() {
            find(&self.disk, directory, &mut found)?;
        }
        let mut rotating = Vec::new();
        for &index in indices {
            let record = &self.entries[index].record;
            let siblings = found.remove(&record.path).unwrap_or_default();
            if siblings.has(Role::New(record.generation)) {
                rotating.push((index, siblings));
            } else {
                self.forget_target(index);
            }
        }
        self.finish_rotations(rotating)
    }

    /// Does one step of each rotation at a time, so that one fsync of the directory serves all.
    fn finish_rotations(&mut self, mut rotating: Vec<(usize, Siblings)>) -> Result<(), Error> {
        let mut result = Ok(());
        let mut finished = Vec::new();
        while !rotating.is_empty() {
            let mut changed = BTreeSet::new();
            for (index, mut siblings) in std::mem::take(&mut rotating) {
                let FileRecord { path, generation, .. } = self.entries[index].record.clone();
                let Some(operation) = siblings.next_rotation_step(generation) else {
                    finished.push((index, siblings));
                    continue;
                };
                match self.change(&path, &mut siblings, operation, &mut changed) {
                    Ok(()) => {
                        self.follow_compression(index, operation);
                        rotating.push((index, siblings));
                    }
                    // The next commit repeats it.
                    Err(error) => result = result.and(Err(error)),
                }
            }
            self.sync(&changed)?;
        }
        let mut changed = BTreeSet::new();
        for (index, mut siblings) in finished {
            let entry = &mut self.entries[index];
            if let Some(length) = entry.record.next.take() {
                entry.record.length = Some(length);
            }
            entry.covered_by = None;
            let path = entry.record.path.clone();
            while let Some(operation) = siblings.next_excess(self.settings.keep) {
                if let Err(error) = self.change(&path, &mut siblings, operation, &mut changed) {
                    result = result.and(Err(error));
                    break;
                }
            }
            self.queue_for_compression(index, &siblings);
        }
        self.sync(&changed)?;
        result
    }

    /// Whether an old file in compression may get another number.
    fn follow_compression(&mut self, index: usize, operation: Operation) {
        if let Operation::Rename(Role::Old(from), Role::Old(to)) = operation
            && self.compressing == Some((index, from))
        {
            self.compressing = Some((index, to));
        }
    }

    fn queue_for_compression(&mut self, index: usize, siblings: &Siblings) {
        let is_wanted = self.settings.compression == Compression::Gzip;
        if is_wanted && siblings.uncompressed().is_some() && !self.to_compress.contains(&index) {
            self.to_compress.push_back(index);
        }
    }

    /// Does one operation, and returns when a changed name is on disk.
    pub(super) fn change_now(
        &mut self,
        base: &str,
        siblings: &mut Siblings,
        operation: Operation,
    ) -> Result<(), Error> {
        let mut changed = BTreeSet::new();
        self.change(base, siblings, operation, &mut changed)?;
        self.sync(&changed)
    }

    /// Does one operation, and adds the directory of a changed name.
    fn change(
        &self,
        base: &str,
        siblings: &mut Siblings,
        operation: Operation,
        changed: &mut BTreeSet<String>,
    ) -> Result<(), Error> {
        match operation {
            Operation::Cut(role, length) => {
                let path = role.path(base);
                let file = self.disk.open(&path);
                let cut = file.and_then(|file| file.truncate(length));
                cut.map_err(Error::of("truncate", &path))?;
            }
            Operation::Rename(from, to) => {
                let (from, to) = (from.path(base), to.path(base));
                self.disk.rename(&from, &to).map_err(Error::of("rename", &from))?;
                changed.insert(parent(base).to_owned());
            }
            Operation::Remove(role) => {
                let path = role.path(base);
                self.disk.remove(&path).map_err(Error::of("remove", &path))?;
                changed.insert(parent(base).to_owned());
            }
        }
        siblings.apply(operation);
        Ok(())
    }

    fn sync(&mut self, directories: &BTreeSet<String>) -> Result<(), Error> {
        for path in directories {
            let result = self.disk.sync_directory(path).map_err(Error::of_sync(path));
            self.has_failed |= result.is_err();
            result?;
        }
        Ok(())
    }

    /// The files of one container.
    pub(super) fn siblings(&self, base: &str) -> Result<Siblings, Error> {
        let mut found = HashMap::new();
        find(&self.disk, parent(base), &mut found)?;
        Ok(found.remove(base).unwrap_or_default())
    }
}

/// The files of all containers, by the path of their `NAME.log`.
fn find_all<D: Disk>(
    disk: &D,
    records: &[(FileKey, FileRecord)],
) -> Result<HashMap<String, Siblings>, Error> {
    let is_recorded =
        |directory: &str| records.iter().any(|(_, record)| parent(&record.path) == directory);
    let mut found = HashMap::new();
    for directory in find(disk, "", &mut found)? {
        match find(disk, &directory, &mut found) {
            // Another program's, such as lost+found.
            Err(_) if !is_recorded(&directory) => {}
            result => _ = result?,
        }
    }
    Ok(found)
}

/// Adds the files in a directory, and returns its possible subdirectories.
fn find<D: Disk>(
    disk: &D,
    directory: &str,
    found: &mut HashMap<String, Siblings>,
) -> Result<Vec<String>, Error> {
    let mut directories = Vec::new();
    for (name, kind) in disk.list(directory).map_err(Error::of("list", directory))? {
        let path = if directory.is_empty() { name } else { format!("{directory}/{name}") };
        if let Some((base, role)) = Role::parse(&path) {
            found.entry(base.to_owned()).or_default().add(role, kind);
        } else if matches!(kind, Kind::Directory | Kind::Link) {
            directories.push(path);
        }
    }
    Ok(directories)
}
