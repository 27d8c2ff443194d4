//! What cmon itself opened needs no statistics: after draining, survivors are the leak.

use serde::Serialize;

use super::Verdict;
use super::words::span;

/// Something that outlived the drain.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Survivor {
    /// What it is: a kind of task, a stream, a class of descriptors.
    pub kind: String,
    /// Which one.
    pub id: String,
    /// Seconds since it began.
    pub age: f64,
}

/// The survivors of a drain.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Exact {
    /// CLEAN or LEAK; INVALID when nothing was ever opened.
    pub verdict: Verdict,
    /// How many were opened and how many survive.
    pub opened: u64,
    /// Of each kind how many survive and the age of the oldest, most first.
    pub kinds: Vec<(String, u64, f64)>,
}

/// Judges what survived after `opened` were opened.
pub fn judge(opened: u64, survivors: &[Survivor]) -> Exact {
    let mut kinds: Vec<(String, u64, f64)> = Vec::new();
    for survivor in survivors {
        match kinds.iter_mut().find(|(kind, ..)| *kind == survivor.kind) {
            Some((_, number, age)) => {
                *number += 1;
                *age = age.max(survivor.age);
            }
            None => kinds.push((survivor.kind.clone(), 1, survivor.age)),
        }
    }
    kinds.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let verdict = match (survivors.len(), opened) {
        (0, 0) => Verdict::Invalid,
        (0, _) => Verdict::Clean,
        _ => Verdict::Leak,
    };
    Exact { verdict, opened, kinds }
}

impl Exact {
    /// Survivors of all kinds.
    pub fn survivors(&self) -> u64 {
        self.kinds.iter().map(|(_, number, _)| number).sum()
    }

    /// It in words: "0 of 8600 survived the drain".
    pub fn words(&self) -> String {
        if self.verdict == Verdict::Invalid {
            return "nothing was opened".to_owned();
        }
        let sum = format!("{} of {} survived the drain", self.survivors(), self.opened);
        let kinds: Vec<String> = self
            .kinds
            .iter()
            .map(|(kind, number, age)| format!("{number} {kind} (oldest {})", span(*age)))
            .collect();
        if kinds.is_empty() { sum } else { format!("{sum}: {}", kinds.join(", ")) }
    }

    /// Survivors per opened, or 0 when nothing was.
    pub fn per_cycle(&self) -> f64 {
        if self.opened == 0 { 0.0 } else { self.survivors() as f64 / self.opened as f64 }
    }
}
