//! Appends and checkpoints.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use super::checkpoint::{Checkpoint, CheckpointId, Unsynced};
use super::disk::{Disk, DiskFile, FileId, write_all};
use super::error::{Error, Finding};
use super::name::{self, Role, parent};
use super::record::{FileKey, FileRecord};

/// The user's options.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Settings {
    /// A file that would exceed this many bytes is rotated. A new file may exceed it until a commit covers it: see
    /// [`Directory::awaits_rotation`].
    pub rotate_size: Option<u64>,
    /// The number of old files kept at a rotation.
    pub keep: usize,
    /// How to treat old files.
    pub compression: Compression,
    /// The number of files that stay open for the next append. A checkpoint in a sync holds as many again. If more
    /// containers than this write between two checkpoints, each append waits for an fsync.
    pub open_files_max: usize,
}

/// How to treat old files.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Compression {
    /// Keep them unchanged.
    None,
    /// Compress them with gzip.
    Gzip,
}

/// The output directory of this run. The cursor's lock excludes other runs.
pub(crate) struct Directory<D: Disk> {
    pub(super) disk: D,
    pub(super) settings: Settings,
    pub(super) entries: Vec<Entry<D::File>>,
    by_key: HashMap<FileKey, usize>,
    /// Used paths, in lower case.
    taken: HashSet<String>,
    /// Written files that no entry uses any more.
    pub(super) unsynced: Vec<Unsynced<D::File>>,
    /// Directories with names that may not be on disk.
    directories: BTreeSet<String>,
    pub(super) findings: Vec<Finding>,
    /// Counts uses, to find the least recently used file.
    pub(super) uses: u64,
    pub(super) open_files: usize,
    last_checkpoint: CheckpointId,
    /// Whether the last checkpoint is not committed yet.
    is_in_flight: bool,
    /// Whether a sync failed, so that no save is possible.
    pub(super) has_failed: bool,
    /// The last entry with a new file that is too large.
    full: Option<usize>,
    /// Entries with old files to compress.
    pub(super) to_compress: VecDeque<usize>,
    /// The running compression: the entry, and the number of its old file.
    pub(super) compressing: Option<(usize, u64)>,
}

/// A file and its state.
pub(super) struct Entry<F> {
    pub(super) key: FileKey,
    pub(super) record: FileRecord,
    /// The file for new lines: the new one, if there is one.
    pub(super) file: Option<Arc<F>>,
    /// Its identity, once it was open.
    pub(super) id: Option<FileId>,
    /// Written since the last checkpoint.
    pub(super) is_dirty: bool,
    /// Whether a failed write left bytes that could not be removed.
    pub(super) has_tail: bool,
    /// Whether the next line needs a new file.
    pub(super) is_closed: bool,
    pub(super) last_use: u64,
    /// The checkpoint that has the new file.
    pub(super) covered_by: Option<CheckpointId>,
}

impl<F> Entry<F> {
    pub(super) fn new(key: FileKey, record: FileRecord) -> Self {
        Self {
            key,
            record,
            file: None,
            id: None,
            is_dirty: false,
            has_tail: false,
            is_closed: false,
            last_use: 0,
            covered_by: None,
        }
    }

    /// The file for new lines, and its length.
    pub(super) fn target(&self) -> Option<(Role, u64)> {
        let new = self.record.next.map(|length| (Role::New(self.record.generation), length));
        new.or_else(|| self.record.length.map(|length| (Role::Current, length)))
    }

    pub(super) fn target_path(&self) -> String {
        self.target().map_or(Role::Current, |(role, _)| role).path(&self.record.path)
    }

    pub(super) fn set_length(&mut self, length: u64) {
        let field = match &mut self.record.next {
            Some(next) => next,
            None => self.record.length.get_or_insert_default(),
        };
        *field = length;
    }
}

impl<D: Disk> std::fmt::Debug for Directory<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Directory")
            .field("settings", &self.settings)
            .field("entries", &self.entries.len())
            .field("open_files", &self.open_files)
            .finish_non_exhaustive()
    }
}

impl<D: Disk> Directory<D> {
    /// An empty directory.
    pub(super) fn empty(disk: D, settings: Settings) -> Self {
        Self {
            disk,
            settings,
            entries: Vec::new(),
            by_key: HashMap::new(),
            taken: HashSet::new(),
            unsynced: Vec::new(),
            directories: BTreeSet::new(),
            findings: Vec::new(),
            uses: 0,
            open_files: 0,
            last_checkpoint: CheckpointId(0),
            is_in_flight: false,
            has_failed: false,
            full: None,
            to_compress: VecDeque::new(),
            compressing: None,
        }
    }

    /// Adds an entry; `None` if its path or its key exists.
    pub(super) fn add(&mut self, key: FileKey, record: FileRecord) -> Option<usize> {
        let index = self.entries.len();
        if self.by_key.contains_key(&key) || !self.taken.insert(name::folded(&record.path)) {
            return None;
        }
        self.by_key.insert(key.clone(), index);
        self.entries.push(Entry::new(key, record));
        Some(index)
    }

    /// Appends complete lines of one container; the last byte must be a newline. Blocks for the time of a write.
    /// The first lines of a container and those after a rotation are in `NAME.log.G.new` until the next commit.
    ///
    /// # Errors
    /// No byte of `bytes` counts as written. If [`Error::is_temporary`], the call can be repeated, and writes each byte
    /// once.
    pub(crate) fn append(&mut self, key: &FileKey, bytes: &[u8]) -> Result<(), Error> {
        if bytes.is_empty() {
            return Ok(());
        }
        let index = self.entry(key);
        self.inspect(index)?;
        let entry = &self.entries[index];
        let begins = match (entry.record.next, entry.record.length) {
            (Some(_), _) => false,
            (None, None) => true,
            (None, Some(length)) => entry.is_closed || self.is_full(length, bytes.len() as u64),
        };
        if begins {
            self.begin(index)?;
        }
        self.write(index, bytes)
    }

    /// A checkpoint of the current state; `None` while the last one is not committed, and after a failed sync.
    /// Reads the metadata of each written file.
    ///
    /// # Errors
    /// The metadata of a file cannot be read.
    pub(crate) fn checkpoint(&mut self) -> Result<Option<Checkpoint<D>>, Error> {
        if self.is_in_flight || self.has_failed {
            return Ok(None);
        }
        for index in 0..self.entries.len() {
            if self.entries[index].is_dirty {
                self.find_replaced(index)?;
            }
        }
        let id = CheckpointId(self.last_checkpoint.0 + 1);
        for entry in &mut self.entries {
            if let (true, Some(file)) = (std::mem::take(&mut entry.is_dirty), &entry.file) {
                self.unsynced.push(Unsynced { path: entry.target_path(), file: Arc::clone(file) });
            }
            if entry.record.next.is_some() {
                entry.covered_by.get_or_insert(id);
            }
        }
        self.last_checkpoint = id;
        self.is_in_flight = true;
        let records = self.entries.iter().filter(|entry| entry.record.has_file());
        Ok(Some(Checkpoint {
            id,
            records: records.map(|entry| (entry.key.clone(), entry.record.clone())).collect(),
            disk: self.disk.clone(),
            files: std::mem::take(&mut self.unsynced),
            directories: std::mem::take(&mut self.directories).into_iter().collect(),
        }))
    }

    /// Records that the cursor with this checkpoint is on disk. Does the steps of rotations that waited for it,
    /// with one fsync of the directory per step of all of them: at most two more than there are old files.
    ///
    /// # Errors
    /// A rotation could not be finished. If [`Error::is_temporary`], the next commit repeats it; appends continue.
    pub(crate) fn committed(&mut self, id: CheckpointId) -> Result<(), Error> {
        if id == self.last_checkpoint {
            self.is_in_flight = false;
        }
        let is_covered =
            |entry: &Entry<D::File>| entry.covered_by.is_some_and(|covered_by| covered_by <= id);
        let entries = self.entries.iter().enumerate();
        let covered: Vec<usize> =
            entries.filter(|(_, entry)| is_covered(entry)).map(|(index, _)| index).collect();
        self.rotate(&covered)
    }

    /// Whether a rotation or a new file waits for a commit.
    pub(crate) fn awaits_commit(&self) -> bool {
        self.entries.iter().any(|entry| entry.record.next.is_some())
    }

    /// Whether a new file exceeds the size at which it is rotated. Commit before the next append.
    pub(crate) fn awaits_rotation(&self) -> bool {
        self.full.is_some_and(|index| {
            self.entries[index].record.next.is_some_and(|length| self.is_full(length, 0))
        })
    }

    /// Changes by other programs since the last call.
    pub(crate) fn take_findings(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.findings)
    }

    /// The entry of a container, created if necessary.
    fn entry(&mut self, key: &FileKey) -> usize {
        if let Some(index) = self.by_key.get(key) {
            return *index;
        }
        let mut paths = (0..).map(|attempt| name::path(key, attempt));
        let free = paths.find(|path| !self.taken.contains(&name::folded(path)));
        let record = FileRecord { path: free.unwrap_or_default(), ..FileRecord::default() };
        self.taken.insert(name::folded(&record.path));
        self.by_key.insert(key.clone(), self.entries.len());
        self.entries.push(Entry::new(key.clone(), record));
        self.entries.len() - 1
    }

    fn is_full(&self, length: u64, more: u64) -> bool {
        self.settings.rotate_size.is_some_and(|size| 0 < length && size < length + more)
    }

    /// Begins the next file of an entry.
    fn begin(&mut self, index: usize) -> Result<(), Error> {
        self.make_room()?;
        let entry = &mut self.entries[index];
        entry.record.generation += 1;
        let base = entry.record.path.clone();
        let path = Role::New(entry.record.generation).path(&base);
        let directory = parent(&path);
        if !directory.is_empty()
            && self.disk.create_directory(directory).map_err(Error::of("create", directory))?
        {
            self.directories.insert(String::new());
        }
        let current = self.disk.metadata(&base).map_err(Error::of("read", &base))?;
        let file = self.disk.create(&path, Some(&base)).map_err(Error::of("create", &path))?;
        self.directories.insert(directory.to_owned());
        let id = file.metadata().map_err(Error::of("read", &path))?.id;
        self.close(index);
        let entry = &mut self.entries[index];
        entry.record.next = Some(0);
        (entry.file, entry.id) = (Some(Arc::new(file)), Some(id));
        (entry.is_closed, entry.covered_by) = (false, None);
        self.open_files += 1;
        if entry.record.length.is_none() && current.is_some() {
            self.findings.push(Finding::Unrecorded { path: base });
        }
        Ok(())
    }

    fn write(&mut self, index: usize, bytes: &[u8]) -> Result<(), Error> {
        let entry = &mut self.entries[index];
        let (Some(file), Some((_, length))) = (entry.file.clone(), entry.target()) else {
            return Ok(());
        };
        entry.is_dirty = true;
        match write_all(&*file, bytes, length) {
            Ok(()) => {
                entry.set_length(length + bytes.len() as u64);
                let is_new = entry.record.next.is_some();
                if is_new && self.is_full(length + bytes.len() as u64, 0) {
                    self.full = Some(index);
                }
                Ok(())
            }
            Err(error) => {
                entry.has_tail = file.truncate(length).is_err();
                Err(Error::of("write", &entry.target_path())(error))
            }
        }
    }
}
