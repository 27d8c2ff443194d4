//! Who does not answer, and since when: each is told once, and when nobody is left that a verdict needs, the
//! check is over. Apart because it decides and does nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::leak::probe::Failure;
use crate::leak::record::Header;

/// A process that has ended comes back so soon or never: containers are made anew sooner.
const GONE: Duration = Duration::from_secs(30);
/// What only does not answer may come back later.
const SILENT: Duration = Duration::from_secs(300);
/// A verdict takes silence for an end where it is more than a twentieth of the check.
const PART: u32 = 16;

/// The daemon's name among the sources.
const DAEMON: &str = "daemon";

/// Who does not answer.
#[derive(Debug, Default)]
pub(super) struct Silence {
    /// How many targets there are, and whether the verdict needs the daemon.
    targets: usize,
    daemon: bool,
    /// By source, since when, and whether it is known to have ended.
    since: BTreeMap<String, (Duration, bool)>,
    for_good: bool,
}

impl Silence {
    pub(super) fn new(header: &Header) -> Self {
        let targets = header.targets.len();
        let daemon = header.drive.opens_streams() || targets == 0;
        Self { targets, daemon, ..Self::default() }
    }

    /// Takes what failed in one reading, `now` after the check began; gives what has to be told: each once,
    /// and again when it has answered in between.
    pub(super) fn take(&mut self, now: Duration, failures: Vec<Failure>) -> Vec<Failure> {
        let before = std::mem::take(&mut self.since);
        for failure in &failures {
            let since = before.get(&failure.source).map_or(now, |(since, _)| *since);
            self.since.insert(failure.source.clone(), (since, failure.gone));
        }
        let lost = |(since, gone): &(Duration, bool)| {
            let patience = if *gone { GONE } else { SILENT };
            patience.max(now / PART) <= now.saturating_sub(*since)
        };
        let daemon = self.since.get(DAEMON).is_some_and(lost);
        let targets = self.since.iter().filter(|(source, since)| *source != DAEMON && lost(since));
        // Of several targets the others can still be heard to the end.
        self.for_good |=
            daemon && self.daemon || 0 < self.targets && targets.count() == self.targets;
        failures.into_iter().filter(|failure| !before.contains_key(&failure.source)).collect()
    }

    /// Whether nobody is left that a verdict needs, and none of them will be back.
    pub(super) fn is_for_good(&self) -> bool {
        self.for_good
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(source: &str, gone: bool) -> Failure {
        Failure { source: source.to_owned(), why: "why".to_owned(), gone }
    }

    /// The second at which it is over, with these failing from second 100 on.
    fn over(targets: usize, daemon: bool, failing: &[(&str, bool)]) -> Option<u64> {
        let mut silence = Silence { targets, daemon, ..Silence::default() };
        (0..2000).find(|second| {
            let failing = failing.iter().filter(|_| 100 <= *second);
            let failing = failing.map(|(source, gone)| failed(source, *gone)).collect();
            silence.take(Duration::from_secs(*second), failing);
            silence.is_for_good()
        })
    }

    #[test]
    fn it_is_over_when_nobody_is_left() {
        assert_eq!(over(1, false, &[("target.a", true)]), Some(130));
        assert_eq!(over(1, false, &[("target.a", false)]), Some(400), "it may be back");
        assert_eq!(over(2, false, &[("target.a", true)]), None, "the other is there");
        assert_eq!(over(2, false, &[("target.a", true), ("target.b", false)]), Some(400));
        assert_eq!(over(1, false, &[("daemon", false)]), None, "it is not needed");
        assert_eq!(over(1, true, &[("daemon", false)]), Some(400));
        assert_eq!(over(0, true, &[]), None);
    }

    #[test]
    fn who_comes_back_is_not_given_up_and_told_again() {
        let mut silence = Silence { targets: 1, ..Silence::default() };
        let mut told = Vec::new();
        for second in 0..600 {
            let away = (second % 100 < 29).then(|| failed("target.a", true));
            let tell = silence.take(Duration::from_secs(second), away.into_iter().collect());
            told.extend(tell.into_iter().map(|_| second));
        }
        assert_eq!(told, [0, 100, 200, 300, 400, 500]);
        assert!(!silence.is_for_good());
    }

    #[test]
    fn late_in_a_long_check_it_takes_longer() {
        let mut silence = Silence { targets: 1, ..Silence::default() };
        let hour = Duration::from_secs(3600);
        let over = (0..3600).find(|second| {
            let now = hour + Duration::from_secs(*second);
            silence.take(now, vec![failed("target.a", true)]);
            silence.is_for_good()
        });
        assert_eq!(over, Some(240), "a twentieth would be 192 s");
    }
}
