//! What each judge must say, on numbers computed elsewhere, on simulated targets, on the series of a
//! real program, and on any input.

mod cohorts;
mod courses;
mod family;
mod golden;
mod lumps;
mod measured;
mod planned;
mod properties;
mod rules;
mod simulator;
mod table;
mod timed;

use crate::leak::facts::TimeReason;
use crate::leak::judge::driven::Driven;
use crate::leak::judge::new_growth::{Against, Part};
use crate::leak::judge::passive::Passive;
use crate::leak::report::explain;

/// A result as a report puts it into words.
trait Summary {
    fn summary(&self) -> String;
}

impl Summary for Driven {
    fn summary(&self) -> String {
        let by_time = TimeReason::of(&self.idle);
        explain::driven(self.reason, self.per_cycle, &by_time, self.idle.per_minute)
    }
}

impl Summary for Passive {
    fn summary(&self) -> String {
        TimeReason::of(self).summary(&self.shape, self.per_minute)
    }
}

impl Summary for Against {
    fn summary(&self) -> String {
        explain::all(&self.parts, Part::summary)
    }
}
