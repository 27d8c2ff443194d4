//! What the readers have delivered, added up over all containers.
//!
//! Counters that many tasks add to and the screen reads; none of them takes part in a decision.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::census::{Away, Census};
use super::event::{EndReason, Gap, Label, Lines};
use super::resume::Counts;
use super::rows::{LastNotice, Row, RowState};
use super::source::ContainerKey;
use super::timestamp::Timestamp;

/// Sums since the start.
#[derive(Debug, Default)]
pub struct Tally {
    lines: AtomicU64,
    bytes: AtomicU64,
    recovered: AtomicU64,
    replayed: AtomicU64,
    doubles: AtomicU64,
    rotations: AtomicU64,
    reconnects: AtomicU64,
    stale: AtomicU64,
    probes: AtomicU64,
    containers: AtomicU64,
    forms: Mutex<Forms>,
}

/// What is counted by name, or is no count.
#[derive(Debug, Default)]
struct Forms {
    reopens: BTreeMap<&'static str, u64>,
    gaps: BTreeMap<&'static str, u64>,
    /// Of the containers that are followed; of those that are gone, sums remain.
    row_states: BTreeMap<ContainerKey, Arc<RowState>>,
    gone: u64,
    cycles_of_gone: u64,
    max_lag: Duration,
    /// Since when the daemon is away, and when it is tried next.
    away: Option<(Instant, Instant)>,
}

impl Tally {
    /// A batch was handed on.
    pub(super) fn delivered(&self, row_state: &RowState, lines: &Lines) {
        row_state.delivered(lines);
        self.lines.fetch_add(lines.whole() as u64, Relaxed);
        self.bytes.fetch_add(lines.raw().len() as u64, Relaxed);
    }

    /// What a container's resume has counted.
    pub(super) fn counted(&self, counts: Counts) {
        self.recovered.fetch_add(counts.recovered, Relaxed);
        self.replayed.fetch_add(counts.replayed, Relaxed);
        self.doubles.fetch_add(counts.doubles, Relaxed);
    }

    /// A gap was reported.
    pub(super) fn gap(&self, row_state: &RowState, gap: &Gap) {
        row_state.noted(LastNotice::Gap(gap.clone()));
        self.gap_of_unfollowed(gap);
    }

    /// A gap was reported of a container that is not followed.
    pub(super) fn gap_of_unfollowed(&self, gap: &Gap) {
        *self.forms().gaps.entry(gap.cause.word()).or_default() += 1;
    }

    /// A stream is opened because the one before ended so.
    pub(super) fn reopen(&self, after: &EndReason) {
        *self.forms().reopens.entry(after.word()).or_default() += 1;
    }

    /// The row state of a container, which is shown until it is forgotten.
    pub(super) fn row_state(&self, label: &Arc<Label>, timeout: Duration) -> Arc<RowState> {
        let row_state = Arc::new(RowState::new(Arc::clone(label), timeout));
        self.forms().row_states.insert(label.key.clone(), Arc::clone(&row_state));
        row_state
    }

    /// A row for each container.
    pub(super) fn rows(&self) -> Vec<Row> {
        let (now, clock) = (Instant::now(), Timestamp::now());
        self.forms().row_states.values().map(|row_state| row_state.row(now, clock)).collect()
    }

    /// The names of the containers that are followed, as they are shown.
    pub(super) fn names(&self) -> Vec<Arc<str>> {
        self.forms().row_states.values().map(|row_state| row_state.title()).collect()
    }

    /// A container is followed no more: all that is kept of it is what it adds to the sums.
    pub(super) fn forget(&self, key: &ContainerKey) {
        let mut forms = self.forms();
        if let Some(row_state) = forms.row_states.remove(key) {
            forms.gone += 1;
            forms.cycles_of_gone += row_state.cycles();
        }
    }

    /// A line with this timestamp was handed on.
    pub(super) fn line(&self, row_state: &RowState, time: Timestamp) {
        let now = Timestamp::now();
        row_state.lag.delivered(time, now);
        let lag = row_state.lag.get(now);
        let mut forms = self.forms();
        forms.max_lag = forms.max_lag.max(lag);
    }

    /// The daemon is away and will be tried at this moment; or it is back.
    pub(super) fn daemon_away(&self, next: Option<Instant>) {
        let mut forms = self.forms();
        let since = forms.away.map_or_else(Instant::now, |(since, _)| since);
        forms.away = next.map(|next| (since, next));
    }

    fn forms(&self) -> MutexGuard<'_, Forms> {
        self.forms.lock().unwrap_or_else(PoisonError::into_inner)
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
        let mut forms = self.forms();
        census.gaps_by_cause.clone_from(&forms.gaps);
        census.gaps = forms.gaps.values().sum();
        census.reopens.clone_from(&forms.reopens);
        (census.gone, census.cycles_of_gone) = (forms.gone, forms.cycles_of_gone);
        for row_state in forms.row_states.values() {
            let cycles = row_state.cycles();
            if 0 < cycles {
                *census.cycles.entry(row_state.title().to_string()).or_default() += cycles;
            }
        }
        let clock = Timestamp::now();
        let lags = forms.row_states.values().map(|row_state| (row_state, row_state.lag.get(clock)));
        let behind = lags.filter(|(_, lag)| !lag.is_zero());
        census.lags = behind.map(|(row_state, lag)| (row_state.title().to_string(), lag)).collect();
        let worst = census.worst_lag().map_or(Duration::ZERO, |(_, lag)| lag);
        forms.max_lag = forms.max_lag.max(worst);
        census.max_lag = forms.max_lag;
        let now = Instant::now();
        let away = |(since, next): (Instant, Instant)| Away {
            host: None,
            since: now - since,
            next: next.saturating_duration_since(now),
        };
        census.away = forms.away.map(away).into_iter().collect();
        drop(forms);
        census.rotations = self.rotations.load(Relaxed);
        census.stale = self.stale.load(Relaxed);
        census.probes = self.probes.load(Relaxed);
        census.reconnects = self.reconnects.load(Relaxed);
    }
}
