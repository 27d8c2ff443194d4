//! Any answer of a server under test: its profile, its Prometheus text, its JSON are read or refused,
//! and what is read adds up.
//!
//!     cargo +stable fuzz run -s none profile

#![no_main]

use std::collections::BTreeSet;

use cmon::probe::json_figures;
use cmon::probe::metrics::{self, Selector};
use cmon::probe::pprof::{self, Extent};
use cmon::probe::proc::parse::{self, Sockets, Table};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let answer = String::from_utf8_lossy(bytes);
    for extent in [Extent::Complete, Extent::Truncated] {
        if let Ok(profile) = pprof::parse(&answer, extent) {
            let keys: BTreeSet<&String> = profile.groups.iter().map(|group| &group.key).collect();
            assert_eq!(keys.len(), profile.groups.len(), "each group is there once");
            let sum =
                profile.groups.iter().fold(0, |sum: u64, group| sum.saturating_add(group.count));
            assert!(pprof::followers(&profile.groups) <= sum);
            assert!(profile.truncated || profile.total <= sum, "missing goroutines are marked");
            assert!(extent == Extent::Complete || profile.truncated);
            assert_eq!(pprof::total(&answer), Ok((profile.kind, profile.total)));
        }
    }
    if let Ok(found) = metrics::parse(&answer) {
        assert!(found.figures.values().all(|figure| 0.0 <= *figure && figure.is_finite()));
    }
    if let Ok(selector) = Selector::parse(&answer) {
        assert_eq!(
            Selector::parse(&selector.to_string()),
            Ok(selector),
            "its text is read as the same selector"
        );
    }
    if let Ok(value) = json_figures::parse(bytes) {
        let _ = (json_figures::expvar(&value), json_figures::figure(&value, "/0/1"));
    }
    let _ = (parse::stat(&answer), parse::status(&answer), parse::cgroup(&answer));
    let mut sockets = Sockets::default();
    for table in Table::ALL {
        sockets.add(table, &answer);
    }
    assert!(!parse::class(&answer, &sockets).is_empty());
});
