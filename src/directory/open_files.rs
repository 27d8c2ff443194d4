//! The open files: changes by other programs, and the limit on their number.

use std::sync::Arc;

use super::checkpoint::Unsynced;
use super::disk::{Disk, DiskFile, Kind};
use super::error::{Error, Finding};
use super::file_writer::{Directory, Entry};

impl<D: Disk> Directory<D> {
    /// Detects changes by other programs, and restores the recorded length.
    pub(super) fn inspect(&mut self, index: usize) -> Result<(), Error> {
        while let Some((_, recorded)) = self.entries[index].target() {
            let path = self.entries[index].target_path();
            let Some(file) = self.open_target(index, &path)? else {
                self.forget_target(index);
                continue;
            };
            let metadata = file.metadata().map_err(Error::of("read", &path))?;
            let Kind::File(found) = metadata.kind else { return Ok(()) };
            if !metadata.is_linked {
                self.forget_target(index);
                continue;
            }
            let entry = &mut self.entries[index];
            if recorded < found {
                file.truncate(recorded).map_err(Error::of("truncate", &path))?;
                entry.is_dirty = true;
                if !std::mem::take(&mut entry.has_tail) {
                    self.findings.push(Finding::Extended { path, recorded, found });
                }
            } else if found < recorded {
                entry.set_length(found);
                entry.is_closed = true;
                self.findings.push(Finding::Shortened { path, recorded, found });
            }
            return Ok(());
        }
        Ok(())
    }

    /// The file for new lines; `None` if it is gone or replaced.
    fn open_target(&mut self, index: usize, path: &str) -> Result<Option<Arc<D::File>>, Error> {
        self.uses += 1;
        self.entries[index].last_use = self.uses;
        if let Some(file) = &self.entries[index].file {
            return Ok(Some(Arc::clone(file)));
        }
        let found = self.disk.metadata(path).map_err(Error::of("read", path))?;
        let id = self.entries[index].id;
        let Some(found) = found.filter(|found| {
            matches!(found.kind, Kind::File(_)) && id.is_none_or(|id| id == found.id)
        }) else {
            return Ok(None);
        };
        self.make_room()?;
        let file = Arc::new(self.disk.open(path).map_err(Error::of("open", path))?);
        let entry = &mut self.entries[index];
        // A file that another program shortened may end within a line.
        if let (Kind::File(length @ 1..), Some((_, recorded))) = (found.kind, entry.target()) {
            let mut last = [b'\n'];
            let offset = length.min(recorded).saturating_sub(1);
            file.read_at(&mut last, offset).map_err(Error::of("read", path))?;
            entry.is_closed |= last != [b'\n'];
        }
        // The run that removed its tail, perhaps this one, may not have synced that.
        entry.is_dirty |= entry.id.is_none();
        entry.id = Some(found.id);
        entry.file = Some(Arc::clone(&file));
        self.open_files += 1;
        Ok(Some(file))
    }

    /// Handles a missing file for new lines.
    pub(super) fn forget_target(&mut self, index: usize) {
        self.close(index);
        let entry = &mut self.entries[index];
        let Some((role, recorded)) = entry.target() else { return };
        let path = role.path(&entry.record.path);
        if entry.record.next.take().is_none() {
            entry.record.length = None;
        }
        (entry.id, entry.covered_by, entry.has_tail) = (None, None, false);
        if 0 < recorded {
            self.findings.push(Finding::Removed { path, recorded });
        }
    }

    /// Checks whether the name still leads to the written file.
    pub(super) fn find_replaced(&mut self, index: usize) -> Result<(), Error> {
        let entry = &self.entries[index];
        let path = entry.target_path();
        let found = self.disk.metadata(&path).map_err(Error::of("read", &path))?;
        if found.map(|found| found.id) != entry.id {
            self.forget_target(index);
        }
        Ok(())
    }

    /// Closes the file of an entry; one with unsynced bytes stays open for the next checkpoint.
    pub(super) fn close(&mut self, index: usize) {
        let entry = &mut self.entries[index];
        let path = entry.target_path();
        if let Some(file) = entry.file.take() {
            self.open_files -= 1;
            if std::mem::take(&mut entry.is_dirty) {
                self.unsynced.push(Unsynced { path, file });
            }
        }
    }

    /// Closes the least recently used files to free a descriptor. Unwritten ones go first. The others must be
    /// synced before: an error of a later sync would be lost with the descriptor.
    pub(super) fn make_room(&mut self) -> Result<(), Error> {
        while self.settings.open_files_max.max(1) <= self.open_files + self.unsynced.len() {
            if let Some(clean) = self.least_recently_used(|entry| !entry.is_dirty) {
                self.close(clean);
            } else if let Some(file) = self.unsynced.pop() {
                self.sync_now(&file)?;
            } else if let Some(dirty) = self.least_recently_used(|entry| entry.is_dirty) {
                self.close(dirty);
            } else {
                break;
            }
        }
        Ok(())
    }

    fn sync_now(&mut self, file: &Unsynced<D::File>) -> Result<(), Error> {
        let result = file.sync();
        self.has_failed |= result.is_err();
        result
    }

    fn least_recently_used(&self, wanted: impl Fn(&Entry<D::File>) -> bool) -> Option<usize> {
        let entries = self.entries.iter().enumerate();
        let open = entries.filter(|(_, entry)| entry.file.is_some() && wanted(entry));
        open.min_by_key(|(_, entry)| entry.last_use).map(|(index, _)| index)
    }
}
