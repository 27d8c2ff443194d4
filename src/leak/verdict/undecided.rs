//! Selects the reason why a metric has no clear verdict.

use crate::leak::facts::Reason;
use crate::leak::judge::driven::{CycleReason, Driven};
use crate::leak::judge::passive::Passive;
use crate::leak::judge::{Options, Verdict};

/// For a driven check. The reason per cycle comes before the one per minute.
pub(super) fn driven(found: &Driven, options: &Options) -> Reason {
    if found.verdict != Verdict::Inconclusive {
        return match found.idle.may_grow(options) || found.idle.rising(options) {
            true => Reason::GrowsByTime,
            false => passive(&found.idle),
        };
    }
    match found.reason {
        // Without enough pairs for the test, its other conditions do not matter.
        reason if found.smallest.is_none() && reason != CycleReason::SelfClearing => {
            Reason::FewPairs
        }
        CycleReason::FewPairs | CycleReason::NoCycles => Reason::FewPairs,
        CycleReason::SelfClearing => Reason::SelfClearing,
        CycleReason::NearTolerance { .. } => Reason::NearTolerance,
        CycleReason::Decelerating => Reason::Decelerating,
        CycleReason::ShortWarmUp => Reason::ShortWarmUp,
        CycleReason::MayBeChance
        | CycleReason::BelowTolerance { .. }
        | CycleReason::Significant { .. } => Reason::MayBeChance,
    }
}

/// For a target with its own load.
pub(super) fn passive(found: &Passive) -> Reason {
    found.undecided.map_or(Reason::GrowsByTime, |missing| Reason::ByTime { missing })
}
