//! What the readers have delivered, added up over all containers.
//!
//! Counters that many tasks add to and the screen reads; none of them takes part in a decision.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::census::Census;
use super::event::Lines;
use super::resume::Counts;

/// Sums since the start.
#[derive(Debug, Default)]
pub struct Tally {
    lines: AtomicU64,
    bytes: AtomicU64,
    recovered: AtomicU64,
    replayed: AtomicU64,
    doubles: AtomicU64,
    gaps: AtomicU64,
    rotations: AtomicU64,
    reconnects: AtomicU64,
    stale: AtomicU64,
    probes: AtomicU64,
    containers: AtomicU64,
}

impl Tally {
    /// A batch was handed on.
    pub(super) fn delivered(&self, lines: &Lines) {
        self.lines.fetch_add(lines.whole() as u64, Relaxed);
        self.bytes.fetch_add(lines.raw().len() as u64, Relaxed);
    }

    /// What a container's resume has counted.
    pub(super) fn counted(&self, counts: Counts) {
        self.recovered.fetch_add(counts.recovered, Relaxed);
        self.replayed.fetch_add(counts.replayed, Relaxed);
        self.doubles.fetch_add(counts.doubles, Relaxed);
    }

    /// A gap was told.
    pub(super) fn gap(&self) {
        self.gaps.fetch_add(1, Relaxed);
    }

    /// A stream was closed because of its age.
    pub(super) fn rotation(&self) {
        self.rotations.fetch_add(1, Relaxed);
    }

    /// A stream was closed because it was stale.
    pub(super) fn stale(&self) {
        self.stale.fetch_add(1, Relaxed);
    }

    /// The daemon was asked about a quiet stream.
    pub(super) fn probe(&self) {
        self.probes.fetch_add(1, Relaxed);
    }

    /// A stream is opened again because the one before broke.
    pub(super) fn reconnect(&self) {
        self.reconnects.fetch_add(1, Relaxed);
    }

    /// So many containers are followed.
    pub(super) fn containers(&self, count: usize) {
        self.containers.store(count as u64, Relaxed);
    }

    /// Fills in what is counted here.
    pub(super) fn fill(&self, census: &mut Census) {
        census.lines = self.lines.load(Relaxed);
        census.bytes = self.bytes.load(Relaxed);
        census.recovered = self.recovered.load(Relaxed);
        census.replayed = self.replayed.load(Relaxed);
        census.doubles = self.doubles.load(Relaxed);
        census.containers = self.containers.load(Relaxed);
        census.gaps = self.gaps.load(Relaxed);
        census.rotations = self.rotations.load(Relaxed);
        census.stale = self.stale.load(Relaxed);
        census.probes = self.probes.load(Relaxed);
        census.reconnects = self.reconnects.load(Relaxed);
    }
}
