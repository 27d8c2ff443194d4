//! The tally: totals of the readers over all containers.
//!
//! Many tasks add to these counters, and the screen reads them. No decision depends on them.

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

/// Totals by name, and values that are not counts.
#[derive(Debug, Default)]
struct Forms {
    reopens: BTreeMap<&'static str, u64>,
    gaps: BTreeMap<&'static str, u64>,
    /// The rows of followed containers; removed ones remain only in the totals.
    row_states: BTreeMap<ContainerKey, Arc<RowState>>,
    gone: u64,
    cycles_of_gone: u64,
    max_lag: Duration,
    /// Since when the daemon is away, and the time of the next try.
    away: Option<(Instant, Instant)>,
}

impl Tally {
    /// Records that a batch was sent.
    pub(super) fn delivered(&self, row_state: &RowState, lines: &Lines) {
        row_state.delivered(lines);
        self.lines.fetch_add(lines.whole() as u64, Relaxed);
        self.bytes.fetch_add(lines.raw().len() as u64, Relaxed);
    }

    /// Adds the counts of a container's resume.
    pub(super) fn counted(&self, counts: Counts) {
        self.recovered.fetch_add(counts.recovered, Relaxed);
        self.replayed.fetch_add(counts.replayed, Relaxed);
        self.doubles.fetch_add(counts.doubles, Relaxed);
    }

    /// Records a reported gap.
    pub(super) fn gap(&self, row_state: &RowState, gap: &Gap) {
        row_state.noted(LastNotice::Gap(gap.clone()));
        self.gap_of_unfollowed(gap);
    }

    /// Records a reported gap of a container that is not followed.
    pub(super) fn gap_of_unfollowed(&self, gap: &Gap) {
        *self.forms().gaps.entry(gap.cause.word()).or_default() += 1;
    }

    /// Records a reopened stream, by the end reason of the one before.
    pub(super) fn reopen(&self, after: &EndReason) {
        *self.forms().reopens.entry(after.word()).or_default() += 1;
    }

    /// Adds the row state of a container, which is shown until it is removed.
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

    /// Removes a container that is no longer followed, and adds its counts to the totals.
    pub(super) fn forget(&self, key: &ContainerKey) {
        let mut forms = self.forms();
        if let Some(row_state) = forms.row_states.remove(key) {
            forms.gone += 1;
            forms.cycles_of_gone += row_state.cycles();
        }
    }

    /// Records that a line with this timestamp was sent.
    pub(super) fn line(&self, row_state: &RowState, time: Timestamp) {
        let now = Timestamp::now();
        row_state.lag.delivered(time, now);
        let lag = row_state.lag.get(now);
        let mut forms = self.forms();
        forms.max_lag = forms.max_lag.max(lag);
    }

    /// Records that the daemon is away and the time of the next try, or that it is back.
    pub(super) fn daemon_away(&self, next: Option<Instant>) {
        let mut forms = self.forms();
        let since = forms.away.map_or_else(Instant::now, |(since, _)| since);
        forms.away = next.map(|next| (since, next));
    }

    fn forms(&self) -> MutexGuard<'_, Forms> {
        self.forms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that a stream was closed because of its age.
    pub(super) fn rotation(&self) {
        self.rotations.fetch_add(1, Relaxed);
    }

    /// Records that a stream was closed because it was stale.
    pub(super) fn stale(&self) {
        self.stale.fetch_add(1, Relaxed);
    }

    /// Records a probe of a quiet stream.
    pub(super) fn probe(&self) {
        self.probes.fetch_add(1, Relaxed);
    }

    /// Records a stream that is reopened because the one before broke.
    pub(super) fn reconnect(&self) {
        self.reconnects.fetch_add(1, Relaxed);
    }

    /// Sets the number of followed containers.
    pub(super) fn containers(&self, count: usize) {
        self.containers.store(count as u64, Relaxed);
    }

    /// Adds these counts to a census.
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
