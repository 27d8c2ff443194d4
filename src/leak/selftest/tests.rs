//! Each case has its expected verdict, and a wrong verdict is an error.

use super::cases::Expected;
use super::*;
use crate::leak::record::Rules;

/// Without descriptors, because other tests in this process open some.
fn rules() -> Rules {
    let gate = ["own.survivors", "own.tasks", "daemon.goroutines", "daemon.followers"];
    let gate = gate.map(str::to_owned).to_vec();
    Rules { alpha: 0.01, max_per_cycle: 0.03, max_per_min: 1.0, gate, pointed: Vec::new() }
}

#[tokio::test]
async fn each_case_has_its_expected_verdict() {
    let outcomes = CASES.map(|case| run(case, rules(), 5));
    for outcome in futures_util::future::join_all(outcomes).await {
        let outcome = outcome.unwrap();
        assert_eq!(outcome.error, None, "{}", outcome.case.name);
    }
}

#[tokio::test]
async fn a_wrong_verdict_is_an_error() {
    let clean = run(CASES[0], rules(), 5).await.unwrap().report;
    for case in CASES {
        let is_clean = matches!(case.expected, Expected::Clean | Expected::NoLeak);
        assert_eq!(case.error(&clean).is_none(), is_clean, "{}", case.name);
    }
}
