//! Which of the known reasons a metric without a clear verdict has.

use super::super::judge::driven::Driven;
use super::super::judge::passive::Passive;
use super::super::judge::{Options, Verdict};
use super::super::report::Reason;

/// Of a driven check: what the cycles left comes before what time did.
pub(super) fn driven(found: &Driven, options: &Options) -> Reason {
    if found.verdict != Verdict::Inconclusive {
        return match found.idle.may_grow(options) || found.idle.rising(options) {
            true => Reason::GrowsByTime,
            false => passive(&found.idle),
        };
    }
    let Some(rate) = found.per_cycle else { return Reason::FewPairs };
    match () {
        () if found.lingers => Reason::EndsByItself,
        () if found.smallest.is_none() => Reason::FewPairs,
        () if rate.low <= 0.0 => Reason::MayBeChance,
        () if rate.estimate <= options.max_per_cycle => Reason::NearTolerance,
        () if found.fades => Reason::Fades,
        () if options.warmup_cycles < super::super::judge::plan::WARM_CYCLES => Reason::ShortWarmUp,
        () => Reason::MayBeChance,
    }
}

/// Of a target on its own load.
pub(super) fn passive(found: &Passive) -> Reason {
    found.undecided.map_or(Reason::GrowsByTime, Reason::ByTime)
}
