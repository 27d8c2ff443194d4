//! Tracks unresponsive sources: reports each once, and ends the check when no source is left that a verdict needs.
//! Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::leak::probe::Failure;
use crate::leak::record::Header;

/// A process that has ended comes back within this time or never: containers are recreated sooner.
const GONE_TIMEOUT: Duration = Duration::from_secs(30);
/// A source that only does not answer may come back later.
const SILENT_TIMEOUT: Duration = Duration::from_secs(300);
/// In a long check a source has this part of the time so far. It is more than the twentieth after which a verdict
/// counts a source as gone, so that the records of an ended check say so too.
const SILENT_PART: u32 = 16;

/// The daemon's name among the sources.
const DAEMON: &str = "daemon";

/// The sources that do not answer.
#[derive(Debug, Default)]
pub(super) struct UnresponsiveSources {
    /// How many targets there are, and whether the verdict needs the daemon.
    targets: usize,
    daemon: bool,
    /// By source, since when, and whether it is known to have ended.
    since: BTreeMap<String, (Duration, bool)>,
    for_good: bool,
}

impl UnresponsiveSources {
    pub(super) fn new(header: &Header) -> Self {
        let targets = header.targets.len();
        let daemon = header.drive.opens_streams() || targets == 0;
        Self { targets, daemon, ..Self::default() }
    }

    /// Takes the failures of one reading, `now` after the check started. Returns those to report: each once, and
    /// again when the source has answered in between.
    pub(super) fn take(&mut self, now: Duration, failures: Vec<Failure>) -> Vec<Failure> {
        let before = std::mem::take(&mut self.since);
        for failure in &failures {
            let since = before.get(&failure.source).map_or(now, |(since, _)| *since);
            self.since.insert(failure.source.clone(), (since, failure.reason.is_gone()));
        }
        let lost = |(since, gone): &(Duration, bool)| {
            let timeout = if *gone { GONE_TIMEOUT } else { SILENT_TIMEOUT };
            timeout.max(now / SILENT_PART) <= now.saturating_sub(*since)
        };
        let daemon = self.since.get(DAEMON).is_some_and(lost);
        let targets = self.since.iter().filter(|(source, since)| *source != DAEMON && lost(since));
        // The other targets can still be read to the end.
        self.for_good |=
            daemon && self.daemon || 0 < self.targets && targets.count() == self.targets;
        failures.into_iter().filter(|failure| !before.contains_key(&failure.source)).collect()
    }

    /// Whether no source is left that a verdict needs, and none of them will come back.
    pub(super) fn is_for_good(&self) -> bool {
        self.for_good
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leak::reasons::UnavailableReason;

    fn failed(source: &str, gone: bool) -> Failure {
        let reason = match gone {
            true => UnavailableReason::ProcessReplaced { pid: 7 },
            false => UnavailableReason::Backoff,
        };
        Failure { source: source.to_owned(), reason }
    }

    /// The second at which it is over, with these failing from second 100 on.
    fn over(targets: usize, daemon: bool, failing: &[(&str, bool)]) -> Option<u64> {
        let mut silence = UnresponsiveSources { targets, daemon, ..UnresponsiveSources::default() };
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
    fn who_comes_back_is_not_given_up_and_reported_again() {
        let mut silence = UnresponsiveSources { targets: 1, ..UnresponsiveSources::default() };
        let mut shown = Vec::new();
        for second in 0..600 {
            let away = (second % 100 < 29).then(|| failed("target.a", true));
            let show = silence.take(Duration::from_secs(second), away.into_iter().collect());
            shown.extend(show.into_iter().map(|_| second));
        }
        assert_eq!(shown, [0, 100, 200, 300, 400, 500]);
        assert!(!silence.is_for_good());
    }

    #[test]
    fn late_in_a_long_check_it_takes_longer() {
        let mut silence = UnresponsiveSources { targets: 1, ..UnresponsiveSources::default() };
        let hour = Duration::from_secs(3600);
        let over = (0..3600).find(|second| {
            let now = hour + Duration::from_secs(*second);
            silence.take(now, vec![failed("target.a", true)]);
            silence.is_for_good()
        });
        assert_eq!(over, Some(240), "a twentieth would be 192 s");
    }
}
