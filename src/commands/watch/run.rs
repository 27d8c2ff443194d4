//! The command from start to exit code.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures_util::future::join_all;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::show;
use super::show::{Over, Show};
use crate::commands::NamedDaemon;
use crate::commands::engines::{engines, note_found, sources};
use crate::config::{Config, Watch, WatchForm};
use crate::engine::Outcome;
use crate::exit::Exit;
use crate::output::Sinks;
use crate::signal::Signals;
use crate::snapshot::{Recorder, Shared};
use crate::{metrics, snapshot};

/// The capacity of the channel from the engine to the screen, in events.
const CHANNEL_EVENTS: usize = 32;
/// After the stop deadline, the engine closes everything within a second; then cmon exits.
const FORCED_STOP_TIMEOUT: Duration = Duration::from_secs(1);
/// The maximum age of the daemon's resource usage on the screen.
const DAEMON_FIGURES_INTERVAL: Duration = Duration::from_secs(5);

/// Runs `cmon watch` against these daemons.
///
/// # Errors
/// The run could not start, or its output could not be written.
pub(crate) async fn run(
    config: Config,
    watch: Watch,
    daemons: Vec<NamedDaemon>,
    sinks: Sinks,
) -> anyhow::Result<Exit> {
    let mut signals = Signals::new().context("could not take over the signals")?;
    let listener = match watch.metrics {
        None => None,
        Some(address) => Some(TcpListener::bind(address).await.with_context(|| {
            format!("could not listen on {address} for {}", watch.metrics_named)
        })?),
    };
    if let Some(listener) = &listener
        && !config.output.quiet
        && !matches!(watch.form, WatchForm::Screen { .. })
    {
        let address = listener.local_addr().context("could not read the address of --metrics")?;
        // Port 0 is any free port, so cmon must print it. Messages may be lost.
        let _ = sinks.err.write_all(format!("~ metrics at http://{address}/metrics\n").as_bytes());
    }
    let sources = sources(&daemons, config.requests);
    let known: Vec<Shared> =
        daemons.iter().map(|(_, daemon)| Shared::new(daemon.route.to_string())).collect();
    let engines = engines(&sources, &config.engine);
    let (observers, control) = (engines.observers(), engines.control());
    let recorder = || Recorder::new(observers.clone(), known.clone());
    let (events, received) = mpsc::channel(CHANNEL_EVENTS);
    note_found(&daemons, &events);
    let stop = CancellationToken::new();
    let figures = match watch.form {
        WatchForm::Screen { .. } => DAEMON_FIGURES_INTERVAL,
        _ => watch.interval,
    };
    // With --wait, the screen shows that the daemon is away.
    let (wait, named) = (config.engine.wait, config.selection.is_named());
    let answers = async || {
        if !wait {
            observers.begun().await;
        }
    };
    let background = async {
        answers().await;
        tokio::join!(
            join_all(
                sources
                    .iter()
                    .zip(&known)
                    .map(|(source, known)| { snapshot::sample(source.api(), figures, known) })
            ),
            metrics::serve(listener, recorder()),
        );
    };
    let running = engines.run(&config.selection, events, stop.clone());
    tokio::pin!(running, background);
    let stop_limit = config.engine.stop_timeout + FORCED_STOP_TIMEOUT;
    let mut run = Run { show: None, stop, stop_limit, exit: None, deadline: None, failed: None };
    let begin = async {
        answers().await;
        let (config, recorder) = (config.output.clone(), recorder());
        Show::begin((&watch, named), config, sinks, received, recorder, control)
    };
    let over = sleep(watch.duration.unwrap_or(Duration::MAX));
    tokio::pin!(over);
    // Without --wait, nothing is shown before the daemon has answered, so that an error finds the terminal unchanged.
    tokio::select! {
        biased;
        outcome = &mut running => return run.finish(&mut signals, outcome?).await,
        signal = signals.next() => {
            run.end(Exit::from(signal));
        }
        () = &mut over, if watch.duration.is_some() => run.end(Exit::Done),
        show = begin => run.show = Some(show.context("could not begin to show")?),
    }
    let outcome = loop {
        tokio::select! {
            biased;
            outcome = &mut running => break outcome?,
            leave = run.step(&mut signals) => if leave {
                return run.exit();
            },
            () = &mut over, if run.exit.is_none() && watch.duration.is_some() => {
                run.time_is_up();
            }
            () = &mut background => {}
        }
    };
    run.finish(&mut signals, outcome).await
}

/// The causes for an end other than the engine.
struct Run {
    show: Option<Show>,
    stop: CancellationToken,
    stop_limit: Duration,
    /// The exit of the run, once there is a cause.
    exit: Option<Exit>,
    /// The deadline of the exit, once there is a cause.
    deadline: Option<Instant>,
    /// The error of the screen or writer.
    failed: Option<Arc<io::Error>>,
}

impl Run {
    /// Requests the end; the first cause decides the exit code.
    fn end(&mut self, exit: Exit) {
        self.exit.get_or_insert(exit);
        self.deadline.get_or_insert(Instant::now() + self.stop_limit);
        self.stop.cancel();
        if let Some(show) = &self.show {
            show.stop();
        }
    }

    /// The time limit is over: the output is completed before the engine stops.
    fn time_is_up(&mut self) {
        if self.show.as_ref().is_some_and(Show::finish) {
            self.exit.get_or_insert(Exit::Done);
            self.deadline.get_or_insert(Instant::now() + self.stop_limit);
        } else {
            self.end(Exit::Done);
        }
    }

    /// Waits for a signal, the end of the output, or the deadline. Returns whether to exit at once.
    async fn step(&mut self, signals: &mut Signals) -> bool {
        let deadline = self.deadline;
        tokio::select! {
            signal = signals.next() => {
                crate::ui::panic_on_purpose("main");
                let again = self.exit.is_some();
                self.end(Exit::from(signal));
                again
            }
            over = show::over(&mut self.show) => {
                self.show = None;
                let exit = match over {
                    Over::Done => Exit::Done,
                    Over::Interrupted => Exit::Interrupted,
                    Over::Failed(error) => {
                        self.failed = Some(error);
                        Exit::Failed
                    }
                };
                self.end(exit);
                false
            }
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => true,
        }
    }

    /// The engine has ended: waits until the terminal is restored.
    pub(super) async fn finish(
        mut self,
        signals: &mut Signals,
        outcome: Outcome,
    ) -> anyhow::Result<Exit> {
        let by_itself = self.exit.is_none();
        if let Some(show) = &self.show {
            show.stop();
        }
        self.deadline.get_or_insert(Instant::now() + self.stop_limit);
        while self.show.is_some() {
            if self.step(signals).await {
                break;
            }
        }
        if by_itself && let Some((name, error)) = outcome.failures.into_iter().next() {
            return Err(
                anyhow::Error::new(error).context(format!("nothing of `{name}` can be read"))
            );
        }
        self.exit()
    }

    fn exit(&self) -> anyhow::Result<Exit> {
        if let Some(error) = &self.failed {
            let error = io::Error::new(error.kind(), Arc::clone(error));
            return Err(anyhow::Error::new(error).context("could not write to stdout"));
        }
        Ok(self.exit.unwrap_or(Exit::Done))
    }
}
