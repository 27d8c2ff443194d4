//! Where a container's log was read to: what a later run of cmon needs to go on exactly behind it.
//!
//! A [`Position`] is the anchor at the oldest line that is still open, so that the later run joins that line
//! from its first piece. Frames behind it that were delivered are listed, and are skipped then. No line's content is
//! in it, only hashes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::anchor::Key;
use super::source::ContainerId;
use super::timestamp::Timestamp;

/// How a later run finds its place in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Nothing was delivered: all that the log holds is new.
    Beginning,
    /// Behind the keys.
    Behind,
    /// The keys were no longer in the log, and the gap was reported: all that the log holds is new but for the keys.
    Rest,
}

/// Where a container's log was read to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// How to find the place.
    pub place: Place,
    /// The last frames that were delivered before it, oldest first.
    pub keys: Vec<Key>,
    /// The keys are all that was delivered, from the beginning of the log.
    pub complete: bool,
    /// Frames behind the place that were delivered all the same, in order.
    pub beyond: Vec<Key>,
    /// Of each output, the line that was begun before the place.
    pub begun: [Option<BegunLine>; 2],
}

/// A line of which a part was handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BegunLine {
    /// The timestamp of its first byte.
    pub time: Timestamp,
    /// Bytes that were handed on.
    pub delivered: u64,
    /// How many of these bytes the next frame begins with.
    pub skip: u32,
}

impl Position {
    /// A log of which nothing was read, and all is wanted.
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

/// What earlier runs have saved: a section per daemon.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saved(pub Vec<SavedDaemon>);

/// What earlier runs have saved of one daemon.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SavedDaemon {
    /// The endpoint's address.
    pub address: String,
    /// What the daemon calls itself, where it does.
    pub identity: Option<Arc<str>>,
    /// Its containers.
    pub containers: HashMap<ContainerId, SavedContainer>,
}

/// What earlier runs have saved of one container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedContainer {
    /// Its last name.
    pub name: Arc<str>,
    /// Whether it was removed, as far as is known.
    pub presence: Presence,
    /// Where its log was read to.
    pub position: Position,
}

/// Whether a container is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It was at the end of the last run.
    There,
    /// It was removed, and that was reported then.
    Removed(Timestamp),
}

/// The daemon at an address is not the one that was there before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the daemon at {address} is not the one that the cursor was made with: its ID is {found}, and the cursor has {saved}"
)]
pub struct OtherDaemon {
    /// The address.
    pub address: String,
    /// What the cursor has.
    pub saved: Arc<str>,
    /// What the daemon says.
    pub found: Arc<str>,
}

impl Saved {
    /// The place of a daemon's section: by its address, or by what it calls itself where it has another address now.
    /// Daemons of one machine, or of copies of one, may call themselves the same.
    ///
    /// # Errors
    /// Another daemon was at this address.
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
    /// Takes the position of a container.
    pub(super) fn take(&mut self, id: &ContainerId) -> Option<Position> {
        Some(self.containers.remove(id)?.position)
    }

    /// Whether a container that is not in the cursor has the name of one that is.
    pub(super) fn is_recreated(&self, id: &ContainerId, name: &str) -> bool {
        !self.containers.contains_key(id)
            && self.containers.values().any(|saved| &*saved.name == name)
    }

    /// The containers that were there and are no more.
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
