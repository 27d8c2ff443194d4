//! Runs a case: a whole check of the embedded daemon on a paused clock.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::net::UnixListener;
use tokio::sync::oneshot;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::cases::Case;
use crate::demo::{FakeDaemon, serve};
use crate::docker::endpoint::{Address, Endpoint, Origin};
use crate::docker::{Docker, RequestOptions};
use crate::engine::registry::Registry;
use crate::engine::selection::Selection;
use crate::engine::source::StdStream;
use crate::engine::{self, Backlog};
use crate::leak::facts::Report;
use crate::leak::judge::plan::Plan;
use crate::leak::record::{Drive, Header, Rules, VERSION};
use crate::leak::session::{Load, Session};
use crate::leak::verdict;
use crate::probe::{self, Probes};

/// The length of each check on its own clock.
const DURATION_SECONDS: f64 = 600.0;
/// Cycles per second.
const CYCLES_PER_SECOND: f64 = 10.0;
pub(in crate::leak) const CONTAINERS: [&str; 4] = ["api", "db", "mail", "web"];

/// The result of a case.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) case: Case,
    pub(crate) report: Report,
    /// `None` if the verdict is as expected.
    pub(crate) error: Option<String>,
}

/// Runs one case on its own thread and clock.
///
/// # Errors
/// The thread, the runtime or the socket cannot be created.
///
/// # Cancel safety
/// The case runs to its end, without effect.
pub(crate) async fn run(case: Case, rules: Rules, seed: u64) -> anyhow::Result<Outcome> {
    // Here, so that it is removed when cmon stops, although the thread goes on.
    let dir = tempfile::Builder::new().prefix("cmon-self-test-").tempdir()?;
    let socket = dir.path().join("docker.sock");
    let (done, outcome) = oneshot::channel();
    thread::Builder::new().name("self-test".to_owned()).spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        let report = match runtime {
            Ok(runtime) => runtime.block_on(check(case, rules, seed, socket)),
            Err(error) => Err(error.into()),
        };
        // The receiver is gone when cmon stops.
        let _ = done.send(report);
    })?;
    let report = outcome.await??;
    Ok(Outcome { case, error: case.error(&report), report })
}

async fn check(case: Case, rules: Rules, seed: u64, socket: PathBuf) -> anyhow::Result<Report> {
    let listener = UnixListener::bind(&socket)?;
    let world = FakeDaemon::default();
    for name in CONTAINERS {
        world.create(name);
        world.start(name);
    }
    if let Some(leak) = case.daemon {
        world.inject(leak);
    }
    let endpoint = || Endpoint::new(Address::Unix(socket.clone()), Origin::Demo);
    let streams = Registry::default();
    let docker = Arc::new(Docker::new(endpoint(), RequestOptions::default()));
    let plan = Plan::new(DURATION_SECONDS, CYCLES_PER_SECOND, seed);
    let header = header(rules, seed);
    let load = load(Arc::clone(&docker), plan, header.stream_timeout);
    let injecting = async {
        match case.own {
            Some(leak) => leak.inject(&docker, &streams).await,
            None => std::future::pending().await,
        }
    };
    let checking = async {
        let options = probe::Options { daemon: Some(endpoint()), ..probe::Options::default() };
        let probes = Probes::start(options).await?;
        let mut records = Vec::new();
        let write = |record| records.push(record);
        let stop = CancellationToken::new();
        Session::new(load, streams.clone(), probes, write, stop).run(header).await;
        Ok(verdict::judge(&records, None)?)
    };
    tokio::select! {
        () = serve(world.clone(), listener) => unreachable!("the daemon never ends"),
        () = talk(&world) => unreachable!("the containers never end"),
        Err(error) = injecting => Err(error),
        report = checking => report,
    }
}

/// Streams of all containers by this plan, each closed after `stream_timeout` seconds.
pub(in crate::leak) fn load<S>(source: Arc<S>, plan: Plan, stream_timeout: f64) -> Load<S> {
    Load::Streams {
        source,
        selection: Selection::all(),
        config: engine::Config {
            wait: true,
            backlog: Backlog::Last(1),
            stream_timeout: Duration::from_secs_f64(stream_timeout),
            stop_timeout: Duration::from_millis(500),
            seed: Some(plan.seed),
            ..engine::Config::default()
        },
        plan,
    }
}

/// The header of a check of the embedded daemon.
pub(in crate::leak) fn header(rules: Rules, seed: u64) -> Header {
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

/// Writes one line per second and container. Never ends.
pub(in crate::leak) async fn talk(world: &FakeDaemon) {
    loop {
        for name in CONTAINERS {
            world.write(name, StdStream::Stdout, format!("{name} says something\n"));
        }
        sleep(Duration::from_secs(1)).await;
    }
}
