//! Runs a check, a replay or the self-test, and handles signals.

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use super::Checking;
use super::recording::recording;
use super::reports::{Reports, exit};
use crate::config::{Config, Daemon, LeakCheck, Work};
use crate::exit::Exit;
use crate::leak::record::Rules;
use crate::leak::{selftest, verdict};
use crate::output::Sinks;
use crate::signal::Signals;

/// A fixed seed makes the self-test reproducible.
const DEMO_SEED: u64 = 5;

/// Runs `cmon leak-check` against this daemon.
///
/// # Errors
/// The check could not start, or the report could not be written.
pub(crate) async fn run(
    config: Config,
    leak: LeakCheck,
    daemon: Daemon,
    sinks: Sinks,
) -> anyhow::Result<Exit> {
    let mut signals = Signals::new().context("could not take over the signals")?;
    let reports = Reports::new(&leak, &sinks);
    let baseline = match &leak.baseline {
        Some(file) => Some(recording(file)?),
        None => None,
    };
    let stop = CancellationToken::new();
    let work = async {
        match &leak.work {
            Work::SelfTest => self_test(&reports).await,
            Work::Replay(file) => {
                let mut records = recording(file)?;
                leak.overrides.apply(&mut records);
                let report = verdict::judge(&records, baseline.as_deref())?;
                reports.report(&report)?;
                Ok(exit([&report], &leak))
            }
            Work::Check(check) => {
                let checking = Checking {
                    config: &config,
                    leak: &leak,
                    check,
                    daemon,
                    stop: stop.clone(),
                    reports: &reports,
                    baseline: baseline.as_deref(),
                    sinks: &sinks,
                };
                checking.run().await
            }
        }
    };
    tokio::pin!(work);
    // The first signal ends the check, which is then judged. The second one ends cmon.
    let signal = tokio::select! {
        exit = &mut work => return exit,
        signal = signals.next() => signal,
    };
    stop.cancel();
    if matches!(leak.work, Work::SelfTest) {
        return Ok(signal.into());
    }
    tokio::select! {
        done = &mut work => done.map(|_| signal.into()),
        second = signals.next() => Ok(second.into()),
    }
}

/// Runs all cases of the self-test.
async fn self_test(reports: &Reports<'_>) -> anyhow::Result<Exit> {
    let mut wrong = 0;
    for case in selftest::CASES {
        let outcome = selftest::run(case, Rules::default(), DEMO_SEED).await?;
        wrong += usize::from(outcome.error.is_some());
        reports.case(&outcome)?;
    }
    reports.cases(selftest::CASES.len(), wrong)?;
    Ok(if wrong == 0 { Exit::Done } else { Exit::Failed })
}
