//! Every case is called rightly; and a verdict that is wrong is noticed.

use super::*;

fn rules() -> Rules {
    Rules { alpha: 0.01, max_per_cycle: 0.03, max_per_min: 1.0, gate: Vec::new() }
}

#[tokio::test]
async fn every_case_is_called_rightly() {
    for case in CASES {
        let outcome = run(case, rules(), 5).await.unwrap();
        assert_eq!(outcome.wrong, None, "{}", case.name);
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
