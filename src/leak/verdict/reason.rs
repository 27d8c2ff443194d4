//! Which of the known reasons a metric without a clear verdict has.

use crate::leak::judge::driven::Driven;
use crate::leak::judge::passive::Passive;
use crate::leak::judge::{Options, Verdict};
use crate::leak::report::Reason;

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
        () if options.warmup_cycles < crate::leak::judge::plan::WARM_CYCLES => Reason::ShortWarmUp,
        () => Reason::MayBeChance,
    }
}

/// Of a target on its own load.
pub(super) fn passive(found: &Passive) -> Reason {
    found.undecided.map_or(Reason::GrowsByTime, Reason::ByTime)
}
