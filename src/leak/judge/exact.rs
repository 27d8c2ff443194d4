//! Judges cmon's own survivors after the drain. An exact count needs no statistics.

use serde::Serialize;

use super::Verdict;
use crate::sort::sort_by;

/// A task or connection that is alive after the drain.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Survivor {
    /// A kind of task, or a connection.
    pub(crate) kind: String,
    /// Seconds since it started.
    pub(crate) age: f64,
}

/// All survivors of a check.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Exact {
    /// CLEAN or LEAK; INVALID if no stream was opened.
    pub(crate) verdict: Verdict,
    /// Opened streams.
    pub(crate) opened: u64,
    /// The survivors by kind, most first.
    pub(crate) kinds: Vec<SurvivorKind>,
}

/// The survivors of one kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct SurvivorKind {
    pub(crate) kind: String,
    pub(crate) count: u64,
    /// The age of the oldest.
    pub(crate) oldest_seconds: f64,
}

/// Judges the survivors of `opened` streams.
pub(crate) fn judge(opened: u64, survivors: &[Survivor]) -> Exact {
    let mut kinds: Vec<SurvivorKind> = Vec::new();
    for survivor in survivors {
        match kinds.iter_mut().find(|known| known.kind == survivor.kind) {
            Some(known) => {
                known.count += 1;
                known.oldest_seconds = known.oldest_seconds.max(survivor.age);
            }
            None => kinds.push(SurvivorKind {
                kind: survivor.kind.clone(),
                count: 1,
                oldest_seconds: survivor.age,
            }),
        }
    }
    sort_by(&mut kinds, |a, b| b.count.cmp(&a.count).then_with(|| a.kind.cmp(&b.kind)));
    let verdict = match (survivors.len(), opened) {
        (0, 0) => Verdict::Invalid,
        (0, _) => Verdict::Clean,
        _ => Verdict::Leak,
    };
    Exact { verdict, opened, kinds }
}

impl Exact {
    /// Survivors of all kinds.
    pub(crate) fn survivors(&self) -> u64 {
        self.kinds.iter().map(|kind| kind.count).sum()
    }

    /// Survivors per opened stream; 0 without any.
    pub(crate) fn per_cycle(&self) -> f64 {
        if self.opened == 0 { 0.0 } else { self.survivors() as f64 / self.opened as f64 }
    }
}
