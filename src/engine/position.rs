//! A container's position in its log, from which a later run of cmon continues behind the last line.
//!
//! A [`Position`] is the anchor at the oldest line that is still open, so that the later run joins that line
//! from its first piece. It also lists the delivered frames behind the anchor, which the later run skips.
//! It contains hashes, never the text of a line.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::anchor::Key;
use super::source::ContainerId;
use super::timestamp::Timestamp;

/// How a later run finds the position in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Nothing was delivered: all of the log is new.
    Beginning,
    /// The position is behind the keys.
    Behind,
    /// The log no longer held the keys, and the gap was reported: all of the log except the keys is new.
    Rest,
}

/// A position in a container's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// How to find it.
    pub place: Place,
    /// The last frames that were delivered before it, oldest first.
    pub keys: Vec<Key>,
    /// Whether the keys are all delivered frames since the beginning of the log.
    pub complete: bool,
    /// Delivered frames behind the position, in order.
    pub beyond: Vec<Key>,
    /// The line of each output that began before the position.
    pub begun: [Option<BegunLine>; 2],
}

/// A line that was delivered in part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BegunLine {
    /// The timestamp of its first byte.
    pub time: Timestamp,
    /// The number of delivered bytes.
    pub delivered: u64,
    /// The number of delivered bytes that the next frame repeats.
    pub skip: u32,
}

impl Position {
    /// The position before the first line: all of the log is wanted.
    pub fn beginning() -> Self {
        Self {
            place: Place::Beginning,
            keys: Vec::new(),
            complete: true,
            beyond: Vec::new(),
            begun: [None; 2],
        }
    }

    /// The timestamp of the last frame delivered.
    pub fn last(&self) -> Option<Timestamp> {
        let keys = self.keys.last().into_iter().chain(self.beyond.last());
        keys.map(Key::time).max()
    }
}

/// The saved positions of earlier runs: a section per daemon.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saved(pub Vec<SavedDaemon>);

/// One daemon's section of the cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SavedDaemon {
    /// The endpoint's address.
    pub address: String,
    /// The daemon's own id, if it has one.
    pub identity: Option<Arc<str>>,
    /// Its containers.
    pub containers: HashMap<ContainerId, SavedContainer>,
}

/// One container's entry in the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedContainer {
    /// Its last name.
    pub name: Arc<str>,
    /// Whether it was removed, as far as cmon knows.
    pub presence: Presence,
    /// Its position in the log.
    pub position: Position,
}

/// Whether a container exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It existed at the end of the last run.
    There,
    /// It was removed, and that run reported it.
    Removed(Timestamp),
}

/// The daemon at this address is not the one in the cursor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the daemon at {address} is not the one that the cursor was made with: its ID is {found}, and the cursor has {saved}"
)]
pub struct OtherDaemon {
    /// The address.
    pub address: String,
    /// The id in the cursor.
    pub saved: Arc<str>,
    /// The daemon's own id.
    pub found: Arc<str>,
}

impl Saved {
    /// The index of a daemon's section: by address, or by the daemon's own id if its address has changed.
    /// Daemons on one machine, and on clones of one, can have the same id.
    ///
    /// # Errors
    /// The cursor has another daemon at this address.
    pub fn section(
        &self,
        address: &str,
        identity: Option<&Arc<str>>,
    ) -> Result<Option<usize>, OtherDaemon> {
        let at = self.0.iter().position(|section| section.address == address);
        let other = match (at.and_then(|at| self.0[at].identity.as_ref()), identity) {
            (Some(saved), Some(found)) if saved != found => Some((saved, found)),
            _ if at.is_some() => return Ok(at),
            _ => None,
        };
        let same = |section: &SavedDaemon| section.identity.as_ref() == identity;
        let mut same = (0..self.0.len()).filter(|at| identity.is_some() && same(&self.0[*at]));
        match (same.next(), same.next(), other) {
            (Some(only), None, _) => Ok(Some(only)),
            (_, _, None) => Ok(None),
            (_, _, Some((saved, found))) => Err(OtherDaemon {
                address: address.to_owned(),
                saved: Arc::clone(saved),
                found: Arc::clone(found),
            }),
        }
    }
}

impl SavedDaemon {
    /// Takes the saved position of a container.
    pub(super) fn take(&mut self, id: &ContainerId) -> Option<Position> {
        Some(self.containers.remove(id)?.position)
    }

    /// Whether a container that is not in the cursor has the name of one that is.
    pub(super) fn is_recreated(&self, id: &ContainerId, name: &str) -> bool {
        !self.containers.contains_key(id)
            && self.containers.values().any(|saved| &*saved.name == name)
    }

    /// The containers in the cursor that no longer exist.
    pub(super) fn missing(
        &self,
        there: &HashSet<&ContainerId>,
    ) -> Vec<(ContainerId, SavedContainer)> {
        let is_missing = |(id, saved): &(&ContainerId, &SavedContainer)| {
            saved.presence == Presence::There && !there.contains(id)
        };
        let missing = self.containers.iter().filter(is_missing);
        missing.map(|(id, saved)| (id.clone(), saved.clone())).collect()
    }
}
