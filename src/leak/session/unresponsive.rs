//! Tracks unresponsive sources: reports each once, and ends the check when all required sources are lost. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::leak::record::Header;
use crate::probe::Failure;

/// A process that has ended comes back within this time or never: containers are recreated sooner.
const GONE_TIMEOUT: Duration = Duration::from_secs(30);
/// A source that still exists but does not answer may come back later.
const SILENT_TIMEOUT: Duration = Duration::from_secs(300);
/// In a long check the timeout is 1/16 of the elapsed time. A verdict counts a source as gone after 1/20, so it also
/// does so when this timeout ended the check.
const SILENT_PART: u32 = 16;

/// The daemon's name among the sources.
const DAEMON: &str = "daemon";

#[derive(Debug, Default)]
pub(super) struct UnresponsiveSources {
    targets: usize,
    needs_daemon: bool,
    /// For each source: the time of its first failure, and whether it has ended.
    since: BTreeMap<String, (Duration, bool)>,
    is_final: bool,
}

impl UnresponsiveSources {
    pub(super) fn new(header: &Header) -> Self {
        let targets = header.targets.len();
        let needs_daemon = header.drive.opens_streams() || targets == 0;
        Self { targets, needs_daemon, ..Self::default() }
    }

    /// Takes the failures of one reading, `now` after the start of the check. Returns those to report: each once, and
    /// again after the source has answered in between.
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
        self.is_final |=
            daemon && self.needs_daemon || 0 < self.targets && targets.count() == self.targets;
        failures.into_iter().filter(|failure| !before.contains_key(&failure.source)).collect()
    }

    /// Whether all required sources are lost.
    pub(super) fn is_final(&self) -> bool {
        self.is_final
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::reasons::UnavailableReason;

    fn failed(source: &str, gone: bool) -> Failure {
        let reason = match gone {
            true => UnavailableReason::ProcessReplaced { pid: 7 },
            false => UnavailableReason::Backoff,
        };
        Failure { source: source.to_owned(), reason }
    }

    /// The second at which the check ends, with these failing from second 100 on.
    fn over(targets: usize, needs_daemon: bool, failing: &[(&str, bool)]) -> Option<u64> {
        let mut sources =
            UnresponsiveSources { targets, needs_daemon, ..UnresponsiveSources::default() };
        (0..2000).find(|second| {
            let failing = failing.iter().filter(|_| 100 <= *second);
            let failing = failing.map(|(source, gone)| failed(source, *gone)).collect();
            sources.take(Duration::from_secs(*second), failing);
            sources.is_final()
        })
    }

    #[test]
    fn a_check_ends_when_all_required_sources_are_lost() {
        assert_eq!(over(1, false, &[("target.a", true)]), Some(130));
        assert_eq!(over(1, false, &[("target.a", false)]), Some(400), "it may be back");
        assert_eq!(over(2, false, &[("target.a", true)]), None, "the other is there");
        assert_eq!(over(2, false, &[("target.a", true), ("target.b", false)]), Some(400));
        assert_eq!(over(1, false, &[("daemon", false)]), None, "it is not needed");
        assert_eq!(over(1, true, &[("daemon", false)]), Some(400));
        assert_eq!(over(0, true, &[]), None);
    }

    #[test]
    fn a_source_that_comes_back_keeps_the_check_alive_and_is_reported_again() {
        let mut sources = UnresponsiveSources { targets: 1, ..UnresponsiveSources::default() };
        let mut shown = Vec::new();
        for second in 0..600 {
            let away = (second % 100 < 29).then(|| failed("target.a", true));
            let show = sources.take(Duration::from_secs(second), away.into_iter().collect());
            shown.extend(show.into_iter().map(|_| second));
        }
        assert_eq!(shown, [0, 100, 200, 300, 400, 500]);
        assert!(!sources.is_final());
    }

    #[test]
    fn the_timeout_grows_with_the_length_of_the_check() {
        let mut sources = UnresponsiveSources { targets: 1, ..UnresponsiveSources::default() };
        let hour = Duration::from_secs(3600);
        let over = (0..3600).find(|second| {
            let now = hour + Duration::from_secs(*second);
            sources.take(now, vec![failed("target.a", true)]);
            sources.is_final()
        });
        assert_eq!(over, Some(240), "a twentieth would be 192 s");
    }
}
