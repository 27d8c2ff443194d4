//! The plan: operations on the files of one container, decided from their names and lengths alone. Pure.

use std::collections::BTreeMap;

use super::disk::Kind;
use super::error::Finding;
use super::name::Role;
use super::record::FileRecord;

/// The existing files of one container.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Siblings(BTreeMap<Role, Kind>);

/// A change.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Operation {
    /// Truncates a file to this length.
    Cut(Role, u64),
    /// Renames a file; an fsync of the directory follows.
    Rename(Role, Role),
    /// Removes a file; an fsync of the directory follows.
    Remove(Role),
}

/// The comparison of a record with the existing files.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Examination {
    /// The updated record.
    pub(super) record: FileRecord,
    /// The operations that make the files match it.
    pub(super) operations: Vec<Operation>,
    /// Changes by other programs.
    pub(super) findings: Vec<Finding>,
    /// `NAME.log` became shorter, so no append is allowed before the cursor has its new length.
    pub(super) is_shortened: bool,
}

impl Siblings {
    pub(super) fn add(&mut self, role: Role, kind: Kind) {
        self.0.insert(role, kind);
    }

    pub(super) fn has(&self, role: Role) -> bool {
        self.0.contains_key(&role)
    }

    fn length(&self, role: Role) -> Option<u64> {
        match self.0.get(&role) {
            Some(Kind::File(length)) => Some(*length),
            _ => None,
        }
    }

    /// Applies an operation to the state.
    pub(super) fn apply(&mut self, operation: Operation) {
        match operation {
            Operation::Cut(role, length) => self.add(role, Kind::File(length)),
            Operation::Remove(role) => {
                self.0.remove(&role);
            }
            Operation::Rename(from, to) => {
                if let Some(kind) = self.0.remove(&from) {
                    self.add(to, kind);
                }
            }
        }
    }

    /// The next step of the rotation to the new file of this generation; `None` after the last. It continues
    /// wherever an earlier run stopped.
    pub(super) fn next_rotation_step(&self, generation: u64) -> Option<Operation> {
        if !self.has(Role::New(generation)) {
            return None;
        }
        if let Some(operation) = self.duplicates().next() {
            return Some(operation);
        }
        match self.0.get(&Role::Current) {
            None => return Some(Operation::Rename(Role::New(generation), Role::Current)),
            Some(Kind::File(0)) => return Some(Operation::Remove(Role::Current)),
            Some(_) => {}
        }
        let is_free =
            |number: &u64| !self.has(Role::Old(*number)) && !self.has(Role::OldCompressed(*number));
        let free = (1..=u64::MAX).find(is_free)?;
        let below = free - 1;
        Some(match below {
            0 => Operation::Rename(Role::Current, Role::Old(1)),
            _ if self.has(Role::Old(below)) => Operation::Rename(Role::Old(below), Role::Old(free)),
            _ => Operation::Rename(Role::OldCompressed(below), Role::OldCompressed(free)),
        })
    }

    /// Removes compressed files if their original still exists.
    fn duplicates(&self) -> impl Iterator<Item = Operation> {
        self.0.keys().filter_map(|role| match *role {
            Role::Old(number) if self.has(Role::OldCompressed(number)) => {
                Some(Operation::Remove(Role::OldCompressed(number)))
            }
            _ => None,
        })
    }

    /// Removes an old file beyond the kept ones.
    pub(super) fn next_excess(&self, keep: usize) -> Option<Operation> {
        self.0.iter().find_map(|(role, kind)| match (role, kind) {
            (Role::Old(number) | Role::OldCompressed(number), Kind::File(_))
                if usize::try_from(*number).is_ok_and(|number| keep < number) =>
            {
                Some(Operation::Remove(*role))
            }
            _ => None,
        })
    }

    /// The oldest file that can be compressed, and whether there are more.
    pub(super) fn uncompressed(&self) -> Option<(u64, bool)> {
        let mut numbers = self.0.iter().rev().filter_map(|(role, kind)| match (role, kind) {
            (Role::Old(number), Kind::File(_)) => Some(*number),
            _ => None,
        });
        Some((numbers.next()?, numbers.next().is_some()))
    }

    /// Removes the leftovers of a run without a known cursor: new files that no cursor covers.
    pub(super) fn leftovers(&self) -> impl Iterator<Item = Operation> {
        let roles = self.0.keys().copied();
        roles.filter(|role| matches!(role, Role::New(_) | Role::Compressing)).map(Operation::Remove)
    }

    /// Compares the record of an earlier run with the existing files.
    pub(super) fn examine(&self, record: &FileRecord) -> Examination {
        let mut record = record.clone();
        let new = Role::New(record.generation);
        if record.next.is_some() && self.length(new).is_none() {
            // The last step of the rotation was done.
            record.length = record.next.take();
        }
        let committed = record.next.map(|_| new);
        let mut operations: Vec<Operation> = self
            .leftovers()
            .filter(|operation| Some(*operation) != committed.map(Operation::Remove))
            .collect();
        operations.extend(self.duplicates());
        let mut examination =
            Examination { record, operations, findings: Vec::new(), is_shortened: false };
        let is_rotating = examination.record.next.is_some();
        let absence = if is_rotating { Absence::Rotation } else { Absence::Loss };
        examination.record.length = examination.record.length.and_then(|recorded| {
            let length = examination.compare(self, Role::Current, recorded, absence);
            examination.is_shortened &= !is_rotating;
            length
        });
        if let Some(recorded) = examination.record.next {
            examination.record.next = examination.compare(self, new, recorded, Absence::Loss);
        }
        examination
    }
}

/// The meaning of a missing file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Absence {
    /// A step of the rotation moved it.
    Rotation,
    /// Another program removed it.
    Loss,
}

impl Examination {
    /// The new length of a file. `absence`: whether a step of a rotation can have moved it.
    fn compare(
        &mut self,
        siblings: &Siblings,
        role: Role,
        recorded: u64,
        absence: Absence,
    ) -> Option<u64> {
        let path = role.path(&self.record.path);
        match siblings.length(role) {
            Some(found) if found < recorded => {
                self.findings.push(Finding::Shortened { path, recorded, found });
                self.is_shortened = true;
                Some(found)
            }
            Some(found) => {
                if recorded < found {
                    self.operations.push(Operation::Cut(role, recorded));
                }
                Some(recorded)
            }
            None => {
                if absence == Absence::Loss && 0 < recorded {
                    self.findings.push(Finding::Removed { path, recorded });
                }
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn siblings(roles: &[Role]) -> Siblings {
        Siblings(roles.iter().map(|role| (*role, Kind::File(1))).collect())
    }

    /// The steps until the rotation is done, or this many.
    fn rotate(siblings: &mut Siblings, at_most: usize) -> Vec<Operation> {
        let next = || {
            let operation = siblings.next_rotation_step(7)?;
            siblings.apply(operation);
            Some(operation)
        };
        std::iter::from_fn(next).take(at_most).collect()
    }

    #[test]
    fn a_rotation_moves_old_files_up_and_the_new_file_last() {
        use Role::{Current, New, Old, OldCompressed};
        let mut files = siblings(&[Current, New(7), Old(1), OldCompressed(2), Old(4)]);
        let expected = [
            (OldCompressed(2), OldCompressed(3)),
            (Old(1), Old(2)),
            (Current, Old(1)),
            (New(7), Current),
        ];
        let expected = expected.map(|(from, to)| Operation::Rename(from, to));
        assert_eq!(rotate(&mut files, 9), expected);
        assert_eq!(files, siblings(&[Current, Old(1), Old(2), OldCompressed(3), Old(4)]));
    }

    #[test]
    fn a_rotation_resumes_after_any_step() {
        use Role::{Current, New, Old, OldCompressed};
        let begin = siblings(&[Current, New(7), Old(1), OldCompressed(1), OldCompressed(2)]);
        let mut expected = begin.clone();
        let steps = rotate(&mut expected, 9);
        for done in 0..=steps.len() {
            let mut files = begin.clone();
            rotate(&mut files, done);
            assert_eq!(rotate(&mut files, 9), steps[done..]);
            assert_eq!(files, expected);
        }
    }

    #[test]
    fn a_directory_is_never_removed_as_an_old_file() {
        let mut files = siblings(&[Role::Old(1), Role::OldCompressed(2)]);
        files.add(Role::Old(3), Kind::Directory);
        assert_eq!(files.next_excess(1), Some(Operation::Remove(Role::OldCompressed(2))));
        files.apply(Operation::Remove(Role::OldCompressed(2)));
        assert_eq!(files.next_excess(1), None);
    }

    #[test]
    fn a_new_file_counts_only_where_the_cursor_has_its_generation() {
        let path = "web.log".to_owned();
        let files = siblings(&[Role::Current, Role::New(7), Role::New(8)]);
        let record = FileRecord { path, length: Some(1), generation: 7, next: Some(1) };
        let examination = files.examine(&record);
        assert_eq!(examination.record, record);
        assert_eq!(examination.operations, [Operation::Remove(Role::New(8))]);
        let rotated = FileRecord { generation: 6, next: Some(1), length: Some(5), ..record };
        let examination = files.examine(&rotated);
        let expected = FileRecord { length: Some(1), next: None, ..rotated };
        assert_eq!(examination.record, expected);
        assert_eq!(examination.operations.len(), 2);
        assert_eq!(examination.findings, []);
    }
}
