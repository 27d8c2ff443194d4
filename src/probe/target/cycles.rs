//! Takes the target's counter of cycles from each reading, without an additional request.

use super::outcome::ReadOutcome;
use crate::probe::Sample;
use crate::probe::answer::AnswerError;
use crate::probe::counter::Cycles;
use crate::probe::reasons::{CutReason, RestartSign, UnavailableReason};

/// Adds a value of the counter. A value that fell means a restart, unless the process is known to be the same.
pub(super) fn counted(
    cycles: &mut Cycles,
    count: Result<f64, AnswerError>,
    source: &str,
    into: &mut Sample,
    outcome: &mut ReadOutcome,
) {
    let metric = format!("{source}.cycles");
    let counted = match count {
        Ok(count) => cycles.observe(count),
        Err(error) => {
            return into
                .unavailable(&metric, UnavailableReason::Figure { message: error.to_string() });
        }
    };
    match counted.fell {
        Some(fall) if outcome.same && outcome.restart.is_none() => {
            into.unavailable(&metric, UnavailableReason::CounterSetBack(fall));
        }
        Some(fall) => {
            let sign = RestartSign::TotalFell(fall);
            outcome.restart = Some(CutReason::TargetRestarted { sign });
        }
        None => outcome.same |= counted.rose && outcome.restart.is_none(),
    }
    into.cycles = Some(counted.sum);
}

#[cfg(test)]
mod tests {
    use crate::probe::target::tests::{read, start};
    use crate::probe::tests::fake::{Reply, with_server};

    /// The result of one reading for each of these answers: cycles, reasons of cuts, and unavailable metrics.
    async fn shown(
        path: &str,
        counter: &str,
        answers: &[&str],
    ) -> Vec<(Option<f64>, Vec<String>, Vec<String>)> {
        let script = |_: &str, asked: usize| {
            // Discovery makes two requests before the first reading.
            Reply::ok(answers[asked.saturating_sub(2).min(answers.len() - 1)])
        };
        let mut all = Vec::new();
        with_server(script, async |port, _| {
            let url = format!("http://127.0.0.1:{port}{path}");
            let mut probes = start(&[url], Some(counter)).await.unwrap();
            let readable = probes.found().last().unwrap().readable.to_string();
            assert!(readable.starts_with(&format!("cycles by `{counter}` at /")), "{readable}");
            for at in 0..answers.len() {
                let sample = read(&mut probes, at as f64).await;
                assert_eq!(sample.failures, []);
                all.push((
                    sample.cycles,
                    sample.cuts.into_iter().map(|cut| cut.reason.to_string()).collect(),
                    sample.unavailable.into_iter().map(|one| one.reason.to_string()).collect(),
                ));
            }
        })
        .await;
        all
    }

    fn nothing() -> Vec<String> {
        Vec::new()
    }

    fn sentence(text: &str) -> Vec<String> {
        vec![text.to_owned()]
    }

    #[tokio::test]
    async fn expvar_counts_and_shows_a_restart_from_a_counter_that_was_set_back() {
        let answers = [
            r#"{"memstats": {"TotalAlloc": 100}, "goroutines": 5, "collector": {"turns": 10}}"#,
            r#"{"memstats": {"TotalAlloc": 200}, "goroutines": 5, "collector": {"turns": 30}}"#,
            // The allocations show that it is the same process.
            r#"{"memstats": {"TotalAlloc": 300}, "goroutines": 5, "collector": {"turns": 4}}"#,
            r#"{"memstats": {"TotalAlloc": 400}, "goroutines": 5, "collector": {"turns": 6}}"#,
            r#"{"memstats": {"TotalAlloc": 50}, "goroutines": 5, "collector": {"turns": 1}}"#,
            r#"{"memstats": {"TotalAlloc": 60}, "goroutines": 5, "collector": {"turns": "2"}}"#,
            r#"{"memstats": {"TotalAlloc": 70}, "goroutines": 5}"#,
        ];
        let set_back = "`collector.turns` fell from 30 to 4, although the target was not restarted: the \
                        counter was reset, and the cycles just before that are missing";
        let restart = "the target was started again (`collector.turns` fell from 6 to 1)";
        let expected = [
            (Some(0.0), nothing(), nothing()),
            (Some(20.0), nothing(), nothing()),
            (Some(24.0), nothing(), sentence(set_back)),
            (Some(26.0), nothing(), nothing()),
            (Some(27.0), sentence(restart), nothing()),
            // An unavailable metric is reported once.
            (None, nothing(), nothing()),
            (None, nothing(), nothing()),
        ];
        assert_eq!(shown("/v", "collector.turns", &answers).await, expected);
        let absent = "there is nothing at `/turns`; the answer has `goroutines`, `memstats`";
        let answers = [
            r#"{"memstats": {}, "goroutines": 5, "turns": 1}"#,
            r#"{"memstats": {}, "goroutines": 5}"#,
        ];
        let expected = [(Some(0.0), nothing(), nothing()), (None, nothing(), sentence(absent))];
        assert_eq!(shown("/v", "turns", &answers).await, expected);
    }

    #[tokio::test]
    async fn the_answer_of_a_selected_metric_may_contain_the_counter() {
        let answers = [
            r#"{"pool": {"open": 5, "turns": 10}}"#,
            r#"{"pool": {"open": 5, "turns": 12}}"#,
            r#"{"pool": {"open": 5, "turns": 3}}"#,
            r#"{"pool": {"open": 5, "turns": null}}"#,
        ];
        let restart =
            |name| sentence(&format!("the target was started again (`{name}` fell from 12 to 3)"));
        for name in ["/pool/turns", "pool.turns"] {
            let expected = [
                (Some(0.0), nothing(), nothing()),
                (Some(2.0), nothing(), nothing()),
                (Some(5.0), restart(name), nothing()),
                (None, nothing(), sentence("`/pool/turns` is null, not a number")),
            ];
            assert_eq!(shown("/s#/pool/open", name, &answers).await, expected);
        }
    }

    #[tokio::test]
    async fn a_missing_counter_is_an_error_with_all_targets() {
        let script = |path: &str, _| match path {
            "/metrics" => Reply::ok("go_goroutines 5\n"),
            "/debug/vars" => Reply::ok(r#"{"memstats": {}, "goroutines": 5, "turns": "7"}"#),
            "/stack" => Reply::ok("goroutine profile: total 5\n"),
            "/s" => Reply::ok(r#"{"open": 5, "turns": -2}"#),
            _ => Reply::none(),
        };
        with_server(script, async |port, _| {
            let url = |rest: &str| format!("http://127.0.0.1:{port}{rest}");
            let pid = format!("pid:{}", std::process::id());
            let all = [url(""), url("/s#/open"), url("/stack"), pid.clone()];
            let error = start(&all, Some("turns")).await.unwrap_err().to_string();
            let expected = format!(
                "no target has a counter `turns` for its cycles: \
                 target `{}`: `/metrics`: there is no metric `turns`; \
                 `/debug/vars`: `/turns` is a text, not a number; \
                 target `{}`: `/s`: `/turns` is -2: a count is never negative; \
                 target `{}`: it serves neither Prometheus figures nor JSON; \
                 target `{pid}`: it is read from outside; only http:// targets have counters",
                all[0], all[1], all[2]
            );
            assert_eq!(error, expected);
        })
        .await;
    }
}
