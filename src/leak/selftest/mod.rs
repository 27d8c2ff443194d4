//! The checker, checked: plants leaks and harmless shapes, and calls for a verdict on each.
//!
//! Each case is a whole check of ten minutes: the stream engine over real sockets against the embedded
//! daemon, the probes, the judges. It runs on a paused clock, which goes to the next event whenever
//! there is nothing to do, so that ten minutes take some seconds.

mod leaky_source;

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::net::UnixListener;
use tokio::sync::oneshot;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use self::leaky_source::{LeakySource, OwnLeak};
use super::facts::{Interval, Metric, Report};
use super::judge::Verdict;
use super::judge::plan::Plan;
use super::probe::{self, Probes};
use super::record::{Drive, Header, Rules, VERSION};
use super::session::{Load, Session};
use super::verdict;
use crate::demo::{FakeDaemon, InjectedLeak, serve};
use crate::docker::endpoint::{Address, Endpoint, Origin};
use crate::docker::{Docker, RequestOptions};
use crate::engine::registry::Registry;
use crate::engine::selection::Selection;
use crate::engine::source::StdStream;
use crate::engine::{self, Backlog, LineOrder, Outputs, Runs};

/// How long each check is, on its own clock.
const DURATION_SECONDS: f64 = 600.0;
/// Cycles per second.
const CYCLES_PER_SECOND: f64 = 10.0;
pub(super) const CONTAINERS: [&str; 4] = ["api", "db", "mail", "web"];

/// What is planted, and what has to be said of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    own: Option<OwnLeak>,
    daemon: Option<InjectedLeak>,
    wanted: Wanted,
}

/// What has to be said.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wanted {
    Clean,
    /// Anything but LEAK: what a harmless shape allows.
    NoLeak,
    /// LEAK of this metric, that much per cycle.
    PerCycle(&'static str, f64),
    /// LEAK of this metric, that much per minute and nothing per cycle.
    PerMinute(&'static str, f64),
}

/// What came of a case.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) case: Case,
    /// The report on it.
    pub(crate) report: Report,
    /// What is wrong with the verdict; `None` when it is right.
    pub(crate) wrong: Option<String>,
}

pub(crate) const CASES: [Case; 8] = {
    const MINUTE: Duration = Duration::from_secs(60);
    const fn own(name: &'static str, own: OwnLeak, wanted: Wanted) -> Case {
        Case { name, own: Some(own), daemon: None, wanted }
    }
    const fn daemon(name: &'static str, plant: InjectedLeak, wanted: Wanted) -> Case {
        Case { name, own: None, daemon: Some(plant), wanted }
    }
    let goroutines = "daemon.goroutines";
    [
        Case { name: "nothing planted", own: None, daemon: None, wanted: Wanted::Clean },
        own(
            "a reader of cmon's that is never released, one in ten cycles",
            OwnLeak::Reader,
            Wanted::PerCycle("own.survivors", 0.1),
        ),
        own(
            "a connection of cmon's that is kept, one in ten cycles",
            OwnLeak::Connection,
            Wanted::PerCycle("own.survivors", 0.1),
        ),
        daemon(
            "a goroutine in the daemon per cycle",
            InjectedLeak::PerStream(1.0),
            Wanted::PerCycle(goroutines, 1.0),
        ),
        daemon(
            "16 goroutines in the daemon every 30 s, whatever cmon does",
            InjectedLeak::PerTime(16, Duration::from_secs(30)),
            Wanted::PerMinute(goroutines, 32.0),
        ),
        daemon("harmless: a warm-up", InjectedLeak::Ramp(60, MINUTE), Wanted::NoLeak),
        daemon("harmless: a sawtooth", InjectedLeak::Sawtooth(30, MINUTE), Wanted::NoLeak),
        daemon(
            "harmless: one step",
            InjectedLeak::Step(25, Duration::from_secs(300)),
            Wanted::NoLeak,
        ),
    ]
};

/// Runs one case, on a thread and a clock of its own.
///
/// # Errors
/// The thread, the runtime or the socket cannot be had.
///
/// # Cancel safety
/// The case goes on to its end, unheard.
pub(crate) async fn run(case: Case, rules: Rules, seed: u64) -> anyhow::Result<Outcome> {
    let (done, outcome) = oneshot::channel();
    thread::Builder::new().name("self-test".to_owned()).spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        let report = match runtime {
            Ok(runtime) => runtime.block_on(check(case, rules, seed)),
            Err(error) => Err(error.into()),
        };
        // The receiver is gone when cmon is to end.
        let _ = done.send(report);
    })?;
    let report = outcome.await??;
    Ok(Outcome { case, wrong: case.wrong(&report), report })
}

async fn check(case: Case, rules: Rules, seed: u64) -> anyhow::Result<Report> {
    let dir = tempfile::Builder::new().prefix("cmon-self-test-").tempdir()?;
    let socket = dir.path().join("docker.sock");
    let listener = UnixListener::bind(&socket)?;
    let world = FakeDaemon::default();
    for name in CONTAINERS {
        world.create(name);
        world.start(name);
    }
    if let Some(plant) = case.daemon {
        world.inject(plant);
    }
    let endpoint = || Endpoint::new(Address::Unix(socket.clone()), Origin::Demo);
    let streams = Registry::default();
    let docker = Docker::new(endpoint(), RequestOptions::default());
    let source = LeakySource::new(docker, streams.clone(), case.own);
    let plan = Plan::new(DURATION_SECONDS, CYCLES_PER_SECOND, seed);
    let header = header(rules, seed);
    let load = load(source, plan, header.stream_timeout);
    let checking = async {
        let options = probe::Options { daemon: Some(endpoint()), ..probe::Options::default() };
        let probes = Probes::start(options).await?;
        let mut records = Vec::new();
        let write = |record| records.push(record);
        let stop = CancellationToken::new();
        Session::new(load, streams, probes, write, stop).run(header).await;
        Ok(verdict::judge(&records, None)?)
    };
    tokio::select! {
        () = serve(world.clone(), listener) => unreachable!("it serves for ever"),
        () = talk(&world) => unreachable!("they talk for ever"),
        report = checking => report,
    }
}

/// Streams of all containers, driven by this plan, each this many seconds long.
pub(super) fn load<S>(source: S, plan: Plan, stream_timeout: f64) -> Load<S> {
    Load::Streams {
        source: Arc::new(source),
        selection: Selection::all(),
        config: engine::Config {
            follow: true,
            follow_for: None,
            exit_on_stop: false,
            wait: true,
            backlog: Backlog::Last(1),
            runs: Runs::All,
            outputs: Outputs::BOTH,
            order: LineOrder::AsRead,
            max_line: 64 << 10,
            stream_timeout: Duration::from_secs_f64(stream_timeout),
            stale_after: Duration::from_secs(30),
            stop_timeout: Duration::from_millis(500),
            saved: None,
            seed: Some(plan.seed),
        },
        plan,
    }
}

/// What a check of the embedded daemon says of itself.
pub(super) fn header(rules: Rules, seed: u64) -> Header {
    Header {
        v: VERSION,
        cmon: env!("CARGO_PKG_VERSION").to_owned(),
        started: jiff::Timestamp::now().to_string(),
        daemon: "the embedded daemon".to_owned(),
        daemon_version: String::new(),
        containers: CONTAINERS.map(str::to_owned).to_vec(),
        targets: Vec::new(),
        cycles_metric: String::new(),
        drive: Drive::Streams,
        duration: DURATION_SECONDS,
        stream_timeout: CONTAINERS.len() as f64 / CYCLES_PER_SECOND,
        seed,
        rules,
    }
}

/// A line each second from each container.
pub(super) async fn talk(world: &FakeDaemon) {
    loop {
        for name in CONTAINERS {
            world.write(name, StdStream::Stdout, format!("{name} says something\n"));
        }
        sleep(Duration::from_secs(1)).await;
    }
}

impl Case {
    /// What is wrong with this report.
    fn wrong(self, report: &Report) -> Option<String> {
        let found = |name: &str| report.metrics.iter().find(|metric| metric.name() == name);
        let within = |interval: Option<Interval>, slack: f64, value: f64| {
            interval.is_some_and(|of| of.low - slack <= value && value <= of.high + slack)
        };
        let says = |wanted: &str| {
            Some(format!(
                "{} where {wanted} is right: {}",
                report.verdict.as_str(),
                report.summary()
            ))
        };
        let leak = |metric: &Metric| metric.verdict == Verdict::Leak;
        match self.wanted {
            Wanted::Clean if report.verdict != Verdict::Clean => says("CLEAN"),
            Wanted::NoLeak if matches!(report.verdict, Verdict::Leak | Verdict::Invalid) => {
                says("CLEAN or INCONCLUSIVE")
            }
            Wanted::Clean | Wanted::NoLeak => None,
            Wanted::PerCycle(name, each) => match found(name) {
                Some(metric) if !leak(metric) => says(&format!("a LEAK of {name}")),
                Some(metric) if !within(metric.per_cycle, 0.02, each) => {
                    Some(format!("{name}: not {each} per cycle: {}", metric.summary()))
                }
                Some(_) => None,
                None => Some(format!("{name} was not measured")),
            },
            Wanted::PerMinute(name, each) => match found(name) {
                Some(metric) if !leak(metric) => says(&format!("a LEAK of {name}")),
                Some(metric) if !within(metric.per_minute, 1.0, each) => {
                    Some(format!("{name}: not {each} per minute: {}", metric.summary()))
                }
                Some(metric) if !within(metric.per_cycle, 0.0, 0.0) => {
                    Some(format!("{name}: does not hang on cycles: {}", metric.summary()))
                }
                Some(_) => None,
                None => Some(format!("{name} was not measured")),
            },
        }
    }
}

#[cfg(test)]
mod tests;
