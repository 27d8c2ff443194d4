//! A disk for tests. A power cut loses a part of the unsynced data; a kill of cmon loses none.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::directory::disk::{Disk, DiskFile, FileId, Kind, Metadata, write_all};
use crate::directory::name::parent;

/// Which unsynced operations survive.
#[derive(Clone, Copy, Debug)]
pub(super) enum PowerCut {
    /// The oldest operations of each file and each directory.
    Journal,
    /// Any operations.
    Anything,
}

#[derive(Clone, Debug)]
enum FileChange {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

#[derive(Clone, Debug, Default)]
struct Inode {
    durable: Vec<u8>,
    live: Vec<u8>,
    changes: Vec<FileChange>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Node {
    File(usize),
    Directory,
}

#[derive(Clone, Debug)]
enum NameChange {
    Add(String, Node),
    Remove(String),
    Rename(String, String, Node),
}

#[derive(Clone, Debug, Default)]
struct Names {
    durable: BTreeMap<String, Node>,
    live: BTreeMap<String, Node>,
    changes: Vec<NameChange>,
}

#[derive(Debug, Default)]
struct State {
    inodes: Vec<Inode>,
    directories: BTreeMap<String, Names>,
    /// The number of operations before the end.
    changes_left: Option<u64>,
    /// The free space in bytes.
    space: Option<usize>,
    /// Truncating fails.
    keeps_tails: bool,
    syncs_fail: bool,
    changes_made: u64,
    open_files: usize,
    open_files_max: usize,
}

/// The disk; a clone is the same disk.
#[derive(Clone, Debug, Default)]
pub(super) struct FakeDisk(Arc<Mutex<State>>);

#[derive(Debug)]
pub(super) struct FakeFile {
    disk: FakeDisk,
    inode: usize,
}

impl Drop for FakeFile {
    fn drop(&mut self) {
        self.disk.state().open_files -= 1;
    }
}

/// splitmix64.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % limit.max(1) as u64).unwrap()
    }
}

fn not_found() -> io::Error {
    io::ErrorKind::NotFound.into()
}

fn leaf(path: &str) -> String {
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

impl FileChange {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            FileChange::Write(offset, written) => {
                let end = offset + written.len();
                bytes.resize(bytes.len().max(end), 0);
                bytes[*offset..end].copy_from_slice(written);
            }
            FileChange::Truncate(length) => bytes.resize(*length, 0),
        }
    }

    /// The state after a power cut in the middle of it.
    fn damage(&self, random: &mut Random) -> Self {
        match self {
            FileChange::Write(offset, written) if random.below(2) == 0 => {
                FileChange::Write(*offset, written[..random.below(written.len() + 1)].to_vec())
            }
            FileChange::Write(offset, written) => {
                FileChange::Write(*offset, vec![0; written.len()])
            }
            FileChange::Truncate(length) => FileChange::Truncate(*length),
        }
    }
}

impl Names {
    fn change(&mut self, change: NameChange) {
        change.apply(&mut self.live);
        self.changes.push(change);
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, Node>) {
        match self {
            NameChange::Add(name, node) => {
                names.insert(name.clone(), *node);
            }
            NameChange::Remove(name) => {
                names.remove(name);
            }
            NameChange::Rename(from, to, node) => {
                if names.get(from) == Some(node) {
                    names.remove(from);
                    names.insert(to.clone(), *node);
                }
            }
        }
    }
}

/// Which of `count` operations survive.
fn survivors(cut: PowerCut, count: usize, random: &mut Random) -> Vec<bool> {
    match cut {
        PowerCut::Journal => {
            let kept = random.below(count + 1);
            (0..count).map(|index| index < kept).collect()
        }
        PowerCut::Anything => (0..count).map(|_| random.below(2) == 0).collect(),
    }
}

impl State {
    fn change(&mut self) -> io::Result<()> {
        match &mut self.changes_left {
            Some(0) => return Err(io::Error::other("killed")),
            Some(left) => *left -= 1,
            None => {}
        }
        self.changes_made += 1;
        Ok(())
    }

    fn node(&self, path: &str) -> Option<Node> {
        self.directories.get(parent(path))?.live.get(&leaf(path)).copied()
    }

    fn names(&mut self, path: &str) -> io::Result<&mut Names> {
        if path.is_empty() {
            return Ok(self.directories.entry(String::new()).or_default());
        }
        match self.node(path) {
            Some(Node::Directory) => Ok(self.directories.entry(path.to_owned()).or_default()),
            _ => Err(not_found()),
        }
    }

    fn kind(&self, node: Node) -> Kind {
        match node {
            Node::File(inode) => Kind::File(self.inodes[inode].live.len() as u64),
            Node::Directory => Kind::Directory,
        }
    }
}

impl FakeDisk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Allows this number of operations, after which every operation fails.
    pub(super) fn die_after(&self, changes: u64) {
        self.state().changes_left = Some(changes);
    }

    pub(super) fn is_dead(&self) -> bool {
        self.state().changes_left == Some(0)
    }

    pub(super) fn changes_made(&self) -> u64 {
        self.state().changes_made
    }

    pub(super) fn set_space(&self, space: Option<usize>) {
        self.state().space = space;
    }

    pub(super) fn keep_tails(&self, keeps_tails: bool) {
        self.state().keeps_tails = keeps_tails;
    }

    pub(super) fn fail_syncs(&self) {
        self.state().syncs_fail = true;
    }

    /// The highest number of open files.
    pub(super) fn open_files_max(&self) -> usize {
        self.state().open_files_max
    }

    /// cmon was killed: its operations are complete.
    pub(super) fn revive(&self) {
        let mut state = self.state();
        (state.changes_left, state.space, state.keeps_tails) = (None, None, false);
    }

    /// The machine lost power.
    pub(super) fn cut_power(&self, cut: PowerCut, random: &mut Random) {
        self.revive();
        let mut state = self.state();
        for inode in &mut state.inodes {
            let mut bytes = std::mem::take(&mut inode.durable);
            let survivors = survivors(cut, inode.changes.len(), random);
            let torn = survivors.iter().position(|survives| !survives);
            for (index, change) in std::mem::take(&mut inode.changes).into_iter().enumerate() {
                if survivors[index] {
                    change.apply(&mut bytes);
                } else if torn == Some(index) {
                    change.damage(random).apply(&mut bytes);
                }
            }
            inode.durable.clone_from(&bytes);
            inode.live = bytes;
        }
        for names in state.directories.values_mut() {
            let survivors = survivors(cut, names.changes.len(), random);
            for (index, change) in std::mem::take(&mut names.changes).into_iter().enumerate() {
                if survivors[index] {
                    change.apply(&mut names.durable);
                }
            }
            names.live.clone_from(&names.durable);
        }
        let root = state.directories.get("").map(|names| names.live.clone()).unwrap_or_default();
        state.directories.retain(|path, _| path.is_empty() || root.contains_key(path));
    }

    /// The content of a file.
    pub(super) fn read(&self, path: &str) -> Option<Vec<u8>> {
        let state = self.state();
        match state.node(path)? {
            Node::File(inode) => Some(state.inodes[inode].live.clone()),
            Node::Directory => None,
        }
    }

    /// Another program writes a file.
    pub(super) fn write(&self, path: &str, bytes: &[u8]) {
        let file = match self.open(path) {
            Ok(file) => file,
            Err(_) => self.create(path, None).unwrap(),
        };
        file.truncate(0).unwrap();
        file.write_at(bytes, 0).unwrap();
    }

    /// All files, as `name` or `directory/name`.
    pub(super) fn files(&self) -> Vec<String> {
        let state = self.state();
        let mut files = Vec::new();
        for (directory, names) in &state.directories {
            for (name, node) in &names.live {
                if matches!(node, Node::File(_)) {
                    let is_root = directory.is_empty();
                    files.push(if is_root { name.clone() } else { format!("{directory}/{name}") });
                }
            }
        }
        files
    }

    /// Replaces a file in the way the cursor is saved.
    pub(super) fn save(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let new_path = format!("{path}.new");
        self.remove(&new_path)?;
        let file = self.create(&new_path, None)?;
        write_all(&file, bytes, 0)?;
        file.sync()?;
        {
            let mut state = self.state();
            state.change()?;
            let node = state.node(&new_path).ok_or_else(not_found)?;
            state.names("")?.change(NameChange::Rename(new_path, path.to_owned(), node));
        }
        self.sync_directory("")
    }

    fn file(&self, inode: usize) -> FakeFile {
        let mut state = self.state();
        state.open_files += 1;
        state.open_files_max = state.open_files_max.max(state.open_files);
        drop(state);
        FakeFile { disk: self.clone(), inode }
    }
}

impl Disk for FakeDisk {
    type File = FakeFile;

    fn list(&self, directory: &str) -> io::Result<Vec<(String, Kind)>> {
        let state = self.state();
        if !directory.is_empty() && state.node(directory).is_none() {
            return Ok(Vec::new());
        }
        let Some(names) = state.directories.get(directory) else { return Ok(Vec::new()) };
        Ok(names.live.iter().map(|(name, node)| (name.clone(), state.kind(*node))).collect())
    }

    fn metadata(&self, path: &str) -> io::Result<Option<Metadata>> {
        let state = self.state();
        Ok(state.node(path).map(|node| {
            let id = if let Node::File(inode) = node { inode as u64 } else { u64::MAX };
            Metadata { kind: state.kind(node), id: FileId(0, id), is_linked: true }
        }))
    }

    fn open(&self, path: &str) -> io::Result<FakeFile> {
        let node = self.state().node(path);
        match node {
            Some(Node::File(inode)) => Ok(self.file(inode)),
            _ => Err(not_found()),
        }
    }

    fn create(&self, path: &str, _like: Option<&str>) -> io::Result<FakeFile> {
        let mut state = self.state();
        if state.node(path).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.change()?;
        let inode = state.inodes.len();
        state.names(parent(path))?.change(NameChange::Add(leaf(path), Node::File(inode)));
        state.inodes.push(Inode::default());
        drop(state);
        Ok(self.file(inode))
    }

    fn create_directory(&self, path: &str) -> io::Result<bool> {
        let mut state = self.state();
        if state.node(path).is_some() {
            return Ok(false);
        }
        state.change()?;
        state.names("")?.change(NameChange::Add(path.to_owned(), Node::Directory));
        // A lost or removed one of this name had other files.
        state.directories.insert(path.to_owned(), Names::default());
        Ok(true)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        let node = state.node(from).ok_or_else(not_found)?;
        if state.node(to).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.change()?;
        state.names(parent(from))?.change(NameChange::Rename(leaf(from), leaf(to), node));
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let mut state = self.state();
        if state.node(path).is_none() {
            return Ok(());
        }
        state.change()?;
        state.names(parent(path))?.change(NameChange::Remove(leaf(path)));
        Ok(())
    }

    fn sync_directory(&self, path: &str) -> io::Result<()> {
        let mut state = self.state();
        state.change()?;
        if state.syncs_fail {
            return Err(io::Error::other("input/output error"));
        }
        let names = state.names(path)?;
        names.changes.clear();
        names.durable.clone_from(&names.live);
        Ok(())
    }
}

impl DiskFile for FakeFile {
    fn metadata(&self) -> io::Result<Metadata> {
        let state = self.disk.state();
        let node = Node::File(self.inode);
        let is_linked =
            state.directories.values().any(|names| names.live.values().any(|found| *found == node));
        Ok(Metadata { kind: state.kind(node), id: FileId(0, self.inode as u64), is_linked })
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.disk.state();
        let bytes = &state.inodes[self.inode].live;
        let rest = bytes.get(usize::try_from(offset).unwrap()..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut state = self.disk.state();
        // The end comes in the middle of a write.
        let is_last = state.changes_left == Some(1);
        state.change()?;
        let offset = usize::try_from(offset).unwrap();
        let mut count = if is_last { bytes.len() / 2 } else { bytes.len() };
        let length = state.inodes[self.inode].live.len();
        if let Some(space) = &mut state.space {
            count = count.min((length + *space).saturating_sub(offset));
            *space -= (offset + count).saturating_sub(length);
            if count == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
        }
        let change = FileChange::Write(offset, bytes[..count].to_vec());
        let inode = &mut state.inodes[self.inode];
        change.apply(&mut inode.live);
        inode.changes.push(change);
        if is_last { Err(io::Error::other("killed")) } else { Ok(count) }
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        if state.keeps_tails {
            return Err(io::Error::other("input/output error"));
        }
        state.change()?;
        let length = usize::try_from(length).unwrap();
        let inode = &mut state.inodes[self.inode];
        if let Some(freed) = inode.live.len().checked_sub(length)
            && let Some(space) = &mut state.space
        {
            *space += freed;
        }
        let change = FileChange::Truncate(length);
        let inode = &mut state.inodes[self.inode];
        change.apply(&mut inode.live);
        inode.changes.push(change);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        state.change()?;
        if state.syncs_fail {
            return Err(io::Error::other("input/output error"));
        }
        let inode = &mut state.inodes[self.inode];
        inode.changes.clear();
        inode.durable.clone_from(&inode.live);
        Ok(())
    }
}
