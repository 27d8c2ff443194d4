//! Every case is called rightly; and a verdict that is wrong is noticed.

use super::cases::Wanted;
use super::*;
use crate::leak::record::Rules;

/// Descriptors are the whole process's, and other tests open some.
fn rules() -> Rules {
    let gate = ["own.survivors", "own.tasks", "daemon.goroutines", "daemon.followers"];
    let gate = gate.map(str::to_owned).to_vec();
    Rules { alpha: 0.01, max_per_cycle: 0.03, max_per_min: 1.0, gate, pointed: Vec::new() }
}

#[tokio::test]
async fn every_case_is_called_rightly() {
    let outcomes = CASES.map(|case| run(case, rules(), 5));
    for outcome in futures_util::future::join_all(outcomes).await {
        let outcome = outcome.unwrap();
        assert_eq!(outcome.wrong, None, "{}", outcome.case.name);
    }
}

#[tokio::test]
async fn a_wrong_verdict_is_noticed() {
    let clean = run(CASES[0], rules(), 5).await.unwrap().report;
    for case in CASES {
        let harmless = matches!(case.wanted, Wanted::Clean | Wanted::NoLeak);
        assert_eq!(case.wrong(&clean).is_none(), harmless, "{}", case.name);
    }
}
