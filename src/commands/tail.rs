//! `cmon tail`: engine and printer side by side, ended by a signal, by the printer or by themselves.
//!
//! Streams run on this thread, printing on the printer's. Whatever ends the run first stops the
//! other side; nothing is waited for beyond the stop deadline once a signal has come.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::NamedDaemon;
use super::engines::{engines, note_found, sources};
use crate::config::Config;
use crate::engine::selection::{Unmatched, UnmatchedKind};
use crate::engine::source::ErrorKind;
use crate::engine::{Outcome, StartError};
use crate::exit::Exit;
use crate::output::{Ended, Printer, Sinks, Summary};
use crate::signal::{Signal, Signals};

/// Batches of lines on their way from the engine to the printer.
const CHANNEL: usize = 32;
/// After the stop deadline the engine forces its way out within a second; then cmon leaves.
const BEYOND: Duration = Duration::from_secs(1);

/// Runs `cmon tail` against these daemons.
///
/// # Errors
/// The run could not begin, or stdout could not be written.
pub(crate) async fn run(
    config: Config,
    daemons: Vec<NamedDaemon>,
    sinks: Sinks,
) -> anyhow::Result<Exit> {
    let mut signals = Signals::new().context("could not take over the signals")?;
    let engines = engines(&sources(&daemons, config.requests), &config.engine);
    let (events, received) = mpsc::channel(CHANNEL);
    note_found(&daemons, &events);
    let (observers, followed) = (engines.observers(), engines.observers());
    let (census, names) = (move || observers.census(), move || followed.names());
    let printer = Printer::spawn(config.output.clone(), sinks, received, census, names)
        .context("could not start the printer")?;
    let stop = CancellationToken::new();
    let mut run = Run {
        printer,
        stop: stop.clone(),
        summary: config.output.summary,
        patience: config.engine.stop_timeout + BEYOND,
        signal: None,
        deadline: None,
        ended: None,
    };
    let running = engines.run(&config.selection, events, stop);
    tokio::pin!(running);
    let outcome = loop {
        tokio::select! {
            biased;
            outcome = &mut running => break outcome?,
            beside = run.step(&mut signals) => if let Step::Leave = beside {
                return Ok(run.exit());
            },
        }
    };
    run.finish(&mut signals, outcome).await
}

/// What a run waits for beside the engine.
struct Run {
    printer: Printer,
    stop: CancellationToken,
    summary: Summary,
    patience: Duration,
    /// The first signal.
    signal: Option<Signal>,
    /// When to leave, once a signal has come.
    deadline: Option<Instant>,
    /// How the printer ended.
    ended: Option<Ended>,
}

/// What happened beside the engine.
enum Step {
    /// Something that the run goes on with.
    On,
    /// Leave at once.
    Leave,
}

impl Run {
    /// Waits for a signal, for the printer's end, or for the deadline after a signal.
    async fn step(&mut self, signals: &mut Signals) -> Step {
        let deadline = self.deadline;
        tokio::select! {
            signal = signals.next() => {
                if self.signal.is_some() {
                    return Step::Leave;
                }
                self.signal = Some(signal);
                self.deadline = Some(Instant::now() + self.patience);
            }
            ended = self.printer.ended(), if self.ended.is_none() => self.ended = Some(ended),
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                return Step::Leave;
            }
        }
        self.stop.cancel();
        Step::On
    }

    /// The engine has ended: lets the printer finish, and tells the figures.
    async fn finish(mut self, signals: &mut Signals, outcome: Outcome) -> anyhow::Result<Exit> {
        while self.ended.is_none() {
            if let Step::Leave = self.step(signals).await {
                return Ok(self.exit());
            }
        }
        match &self.ended {
            Some(Ended::Failed(error)) => {
                let error = io::Error::new(error.kind(), Arc::clone(error));
                return Err(anyhow::Error::new(error).context("could not write to stdout"));
            }
            Some(Ended::Closed) => {}
            _ => self.summarize(&outcome),
        }
        let complete = outcome.failures.is_empty() && outcome.left_out.is_empty();
        match complete || self.signal.is_some() {
            true => Ok(self.exit()),
            // What failed was told when it failed.
            false => Ok(Exit::Failed),
        }
    }

    fn summarize(&self, outcome: &Outcome) {
        let wanted = match self.summary {
            Summary::Always => true,
            Summary::OnSignal => self.signal.is_some(),
            Summary::Never => false,
        };
        if wanted {
            // The figures are talk: nothing failed when nobody can hear them.
            let _ = self.printer.summary(outcome);
        }
    }

    fn exit(&self) -> Exit {
        self.signal.map_or(Exit::Done, Exit::from)
    }
}

/// What to try after an error that ended the run.
pub fn hint(error: &anyhow::Error) -> Option<String> {
    if let Some(error) = error.downcast_ref::<StartError>() {
        return match error {
            StartError::Source(error) => {
                error.hint.or_else(|| connection_hint(error.kind)).map(str::to_owned)
            }
            StartError::AllAway(errors) => errors
                .iter()
                .find_map(|error| error.hint.or_else(|| connection_hint(error.kind)))
                .map(str::to_owned),
            StartError::Unmatched(unmatched) => Some(unmatched_hint(unmatched)),
            StartError::Own(_) => {
                Some("name other containers, or run cmon outside of this one".to_owned())
            }
            StartError::Ambiguous(_) => Some("more characters of the id, or the name".to_owned()),
            StartError::Nothing => None,
        };
    }
    let error = error.downcast_ref::<io::Error>()?;
    (error.kind() == io::ErrorKind::StorageFull).then(|| "make room on the disk".to_owned())
}

fn unmatched_hint(unmatched: &[Unmatched]) -> String {
    let nearest = |one: &Unmatched| match &one.kind {
        UnmatchedKind::Name(Some(nearest)) => Some(format!("`{nearest}`")),
        _ => None,
    };
    let nearest: Vec<String> = unmatched.iter().filter_map(nearest).collect();
    if !nearest.is_empty() {
        return format!("did you mean {}?", nearest.join(", "));
    }
    let names = |one: &Unmatched| matches!(one.kind, UnmatchedKind::Name(_));
    match unmatched {
        [Unmatched { kind: UnmatchedKind::Together { stopped: 1 }, .. }] => {
            "a container that does not run matches; select it too with -a".to_owned()
        }
        [Unmatched { kind: UnmatchedKind::Together { stopped: stopped @ 2.. }, .. }] => {
            format!("{stopped} containers that do not run match; select them too with -a")
        }
        all if all.iter().all(names) => "`docker ps -a` lists the containers there are".to_owned(),
        _ => "`docker ps -a --format '{{.Names}} {{.Image}} {{.Labels}}'` shows what there is to \
              match"
            .to_owned(),
    }
}

fn connection_hint(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::Denied => {
            Some("join the group that owns the socket (usually `docker`), or run as root")
        }
        ErrorKind::Unreachable => Some(
            "start the daemon, or name another with --host, --context or DOCKER_HOST; with --demo cmon \
             works without one",
        ),
        ErrorKind::NoSocket => Some(
            "name the socket itself, usually unix:///var/run/docker.sock; where Docker made a directory \
             (a bind mount whose source was missing), remove that and start the daemon first",
        ),
        ErrorKind::Timeout => Some(
            "see whether `docker ps` answers; a busy daemon may need a longer --request-timeout",
        ),
        ErrorKind::Protocol => Some(
            "name the address of a Docker daemon: there, `curl http://HOST:PORT/_ping` prints OK",
        ),
        ErrorKind::Cut => Some(
            "see whether a Docker daemon listens there; if it wants TLS, add --tlsverify or set \
             DOCKER_TLS_VERIFY=1",
        ),
        ErrorKind::Forbidden => Some(
            "let the proxy before the daemon pass GET /containers/json, /containers/ID/json and \
             /containers/ID/logs; if it wants a version in the path, set DOCKER_API_VERSION=1.41",
        ),
        _ => None,
    }
}
