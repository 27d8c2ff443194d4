//! `cmon tail`: engine and printer side by side. A signal, the printer, a time limit or the engine ends the run.
//!
//! Streams run on this thread, the printer on its own. The first that ends stops the other. After a signal, no wait
//! exceeds the stop deadline.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures_util::FutureExt;
use futures_util::future::FusedFuture;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::NamedDaemon;
use super::engines::{demo_note, engines, note_found, sources};
use crate::config::{Config, Cursor, Events};
use crate::cursor::{CursorError, CursorFile, Keeper};
use crate::directory::{self, Directory, LocalDisk};
use crate::engine;
use crate::engine::selection::{Unmatched, UnmatchedKind};
use crate::engine::source::ErrorKind;
use crate::engine::{LineOrder, Outcome, StartError};
use crate::exit::Exit;
use crate::filter::{Filter, Match, MatchEnd, Patterns, Rules};
use crate::format::Colors;
use crate::merge::Merge;
use crate::output::{self, Ended, Passes, Printer, Sinks, Summary};
use crate::signal::{Signal, Signals};

/// The capacity of the channel from the engine to the printer, in events.
const CHANNEL_EVENTS: usize = 32;
/// After the stop deadline, the engine closes everything within a second; then cmon exits.
const FORCED_STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// Runs `cmon tail` against these daemons.
///
/// # Errors
/// The run could not start, or stdout could not be written.
pub(crate) async fn run(
    mut config: Config,
    Events { rules, timeout, order_window }: Events,
    cursor: Option<Cursor>,
    daemons: Vec<NamedDaemon>,
    sinks: Sinks,
) -> anyhow::Result<Exit> {
    let timeout = timeout.map(|timeout| (timeout, Instant::now() + timeout));
    let mut signals = Signals::new().context("could not take over the signals")?;
    let (cursor, directory) = match cursor {
        Some(cursor) => open(&cursor, &mut config.engine)?,
        None => (None, None),
    };
    let engines = engines(&sources(&daemons, config.requests), &config.engine);
    let (events, received) = mpsc::channel(CHANNEL_EVENTS);
    note_found(&daemons, &events);
    let (observers, followed) = (engines.observers(), engines.observers());
    // An invalid pattern ends the run with its error alone, without a note about the socket.
    let begun = engines.observers();
    let demo_note = demo_note(&daemons).filter(|_| config.engine.follows());
    // Weak: the printer ends when the engines have dropped the channel.
    let weak = events.downgrade();
    let greeting = async move {
        let Some(note) = demo_note else { return };
        begun.begun().await;
        if let Some(events) = weak.upgrade() {
            // A closed channel ends the run elsewhere.
            let _ = events.send(note).await;
        }
    };
    let (census, names) = (move || observers.census(), move || followed.names());
    let filter = filter(&rules, &config.output, config.engine.order).map(|filter| match cursor {
        Some(_) => filter.deciding_whole_batches(),
        None => filter,
    });
    let merge = match config.engine.order {
        LineOrder::ByTime => Some(Merge::new(daemons.len(), order_window)),
        LineOrder::AsRead => None,
    };
    let stop = CancellationToken::new();
    let passes = Passes { filter, merge, cursor, directory, stop: stop.clone() };
    let printer = Printer::spawn(config.output.clone(), sinks, received, passes, census, names)
        .context("could not start the printer")?;
    let mut run = Run {
        printer,
        stop: stop.clone(),
        summary: config.output.summary,
        patience: config.engine.stop_timeout + FORCED_STOP_TIMEOUT,
        rules,
        timeout,
        cause: None,
        signal: None,
        deadline: None,
        ended: None,
    };
    let running = engines.run(&config.selection, events, stop);
    let greeting = greeting.fuse();
    tokio::pin!(running, greeting);
    let outcome = loop {
        tokio::select! {
            biased;
            outcome = &mut running => break outcome?,
            () = &mut greeting, if !greeting.is_terminated() => {}
            next = run.step(&mut signals) => match next {
                Step::On => {}
                Step::Leave => return Ok(run.exit()),
                Step::GiveUp => return Ok(run.give_up()),
            },
        }
    };
    run.finish(&mut signals, outcome).await
}

/// The state for the next run: the cursor, and the output files.
type Kept = (Option<Keeper>, Option<Directory<LocalDisk>>);

/// Opens a cursor, and configures the engine to continue there.
fn open(cursor: &Cursor, engine: &mut engine::Config) -> anyhow::Result<Kept> {
    if let Some((path, _)) = &cursor.directory {
        std::fs::create_dir_all(path)
            .with_context(|| format!("could not create the directory {}", path.display()))?;
    }
    let (file, contents) = CursorFile::open(&cursor.path, cursor.start)?;
    engine.saved = Some(Arc::new(contents.saved.clone()));
    let directory = match &cursor.directory {
        Some((path, settings)) => {
            let disk = LocalDisk::new(path.clone());
            Some(Directory::open(disk, *settings, contents.files.clone())?)
        }
        None => None,
    };
    let keeper = Keeper::spawn(file, contents, cursor.keep);
    Ok((Some(keeper.context("could not start the cursor's thread")?), directory))
}

/// The stages between engine and printer, if any has an effect.
fn filter(rules: &Rules, output: &output::Config, order: LineOrder) -> Option<Filter> {
    let mut rules = rules.clone();
    if output.color_out == Colors::Off || output.form == output::Form::Json {
        rules.highlight = Patterns::default();
    }
    // The lines of an event stay together among those of other containers.
    let joins = rules.only_join() && order == LineOrder::ByTime;
    (joins || !rules.is_empty()).then(|| Filter::new(rules))
}

/// The causes for an end other than the engine.
struct Run {
    printer: Printer,
    stop: CancellationToken,
    summary: Summary,
    patience: Duration,
    rules: Rules,
    /// The time limit of the run, and its deadline.
    timeout: Option<(Duration, Instant)>,
    /// The cause that ended the run early.
    cause: Option<Exit>,
    /// The first signal.
    signal: Option<Signal>,
    /// When to leave, once there is a cause.
    deadline: Option<Instant>,
    /// How the printer ended.
    ended: Option<Ended>,
}

/// A step of the run.
enum Step {
    /// The run continues.
    On,
    /// Exit at once, after a second signal.
    Leave,
    /// Exit although the output was not written.
    GiveUp,
}

impl Run {
    /// Waits for a signal, the printer's end, the time limit, or the deadline after these.
    async fn step(&mut self, signals: &mut Signals) -> Step {
        let deadline = self.deadline;
        let timeout = self.timeout.filter(|_| self.cause.is_none()).map(|(_, at)| at);
        tokio::select! {
            signal = signals.next() => {
                if self.signal.is_some() {
                    return Step::Leave;
                }
                self.signal = Some(signal);
                self.cause.get_or_insert(signal.into());
                self.deadline = Some(Instant::now() + self.patience);
            }
            ended = self.printer.ended(), if self.ended.is_none() => {
                if let Ended::Matched(matched) = &ended {
                    self.on_match(matched);
                }
                self.ended = Some(ended);
            }
            () = sleep_until(timeout.unwrap_or_else(Instant::now)), if timeout.is_some() => {
                self.cause = Some(Exit::TimedOut);
                self.deadline = Some(Instant::now() + self.patience);
            }
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                return Step::GiveUp;
            }
        }
        self.stop.cancel();
        Step::On
    }

    /// Whether an event that ends the run was shown, even one released after the time limit.
    fn on_match(&mut self, matched: &Match) {
        if matches!(self.cause, None | Some(Exit::TimedOut)) {
            self.cause = Some(match matched.end {
                MatchEnd::Until => Exit::Done,
                MatchEnd::Fail => Exit::Matched,
            });
            self.deadline = Some(Instant::now() + self.patience);
        }
    }

    /// The engine has ended: lets the printer finish, and prints the summary.
    async fn finish(mut self, signals: &mut Signals, outcome: Outcome) -> anyhow::Result<Exit> {
        while self.ended.is_none() {
            match self.step(signals).await {
                Step::On => {}
                Step::Leave => return Ok(self.exit()),
                Step::GiveUp => return Ok(self.give_up()),
            }
        }
        match &self.ended {
            Some(Ended::Failed(error)) => {
                let error = io::Error::new(error.kind(), Arc::clone(error));
                return Err(anyhow::Error::new(error).context("could not write to stdout"));
            }
            Some(Ended::Unsaved(error)) => {
                let error = io::Error::new(error.kind(), Arc::clone(error));
                let context = "could not save the cursor, so the next run repeats the last lines";
                return Err(anyhow::Error::new(error).context(context));
            }
            Some(Ended::Closed) => {}
            _ => self.summarize(&outcome),
        }
        let complete = outcome.failures.is_empty() && outcome.left_out.is_empty();
        let unmatched = !self.rules.until.is_empty() && matches!(self.ended, Some(Ended::Done));
        let exit = match self.cause {
            Some(exit) => exit,
            // Failures were reported when they happened.
            None if !complete => Exit::Failed,
            None if unmatched => Exit::Unmatched,
            None => Exit::Done,
        };
        if let Some(reason) = self.reason(exit) {
            self.printer.error(&anyhow::Error::msg(reason));
        }
        Ok(exit)
    }

    /// The reason for the end, if the exit code alone does not show it.
    fn reason(&self, exit: Exit) -> Option<String> {
        let until = self.rules.until.quoted();
        match (exit, &self.ended) {
            (Exit::Unmatched, _) => Some(format!(
                "the logs of all selected containers ended, and no line matched --until-match {until}"
            )),
            (Exit::TimedOut, _) => {
                let time = humantime::format_duration(self.timeout?.0);
                let missing = match until.is_empty() {
                    true => String::new(),
                    false => format!(", and no line matched --until-match {until}"),
                };
                Some(format!("the time of --timeout {time} is over{missing}"))
            }
            (Exit::Matched, Some(Ended::Matched(matched))) => {
                let (title, fail) = (&matched.label.title, self.rules.fail.quoted());
                Some(format!("a line of `{title}` matches --fail-on {fail}"))
            }
            _ => None,
        }
    }

    fn summarize(&self, outcome: &Outcome) {
        let wanted = match self.summary {
            Summary::Always => true,
            Summary::OnSignal => self.signal.is_some(),
            Summary::Never => false,
        };
        if wanted {
            // The summary is not data: a failure to write it is not a failure of the run.
            let _ = self.printer.summary(outcome);
        }
    }

    fn exit(&self) -> Exit {
        self.cause.unwrap_or(Exit::Done)
    }

    /// Reports that the output may be incomplete. The printer is blocked in a write.
    fn give_up(&self) -> Exit {
        let exit = self.exit();
        if let Some(reason) = self.reason(exit) {
            self.printer.last_error(&anyhow::Error::msg(reason));
        }
        if self.ended.is_none() {
            let patience = humantime::format_duration(self.patience);
            self.printer.last_error(&anyhow::anyhow!(
                "the output could not be written within {patience}, so lines may be missing"
            ));
        }
        exit
    }
}

/// The hint for an error that ended the run.
pub(crate) fn hint(error: &anyhow::Error) -> Option<String> {
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
            StartError::OtherDaemon(_) => {
                Some("give each daemon its own cursor, or reset it with --cursor-reset".to_owned())
            }
            StartError::Nothing => None,
        };
    }
    if let Some(error) = error.downcast_ref::<directory::Error>() {
        return Some(error.hint().to_owned());
    }
    if let Some(error) = error.downcast_ref::<CursorError>() {
        return Some(error.hint().to_owned());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Colors;
    use crate::output::Form;

    #[test]
    fn without_rules_lines_bypass_the_filter() {
        let patterns = || Patterns::compile(&["x".to_owned()]).unwrap();
        let plain = output::Config::plain(Form::Text { prefix: true });
        let colored = output::Config { color_out: Colors::On, ..plain.clone() };
        let json = output::Config { color_out: Colors::On, ..output::Config::plain(Form::Json) };
        let is_there = |rules: &Rules, output: &output::Config| {
            filter(rules, output, LineOrder::AsRead).is_some()
        };
        assert!(!is_there(&Rules::default(), &colored));
        let join = Rules { join: patterns(), join_stacks: true, ..Rules::default() };
        assert!(!is_there(&join, &colored), "joins alone have no effect");
        let ordered = filter(&join, &colored, LineOrder::ByTime);
        assert!(ordered.is_some(), "an event has one place among those of others");
        let highlight = Rules { highlight: patterns(), ..join };
        let there = [&colored, &plain, &json].map(|output| is_there(&highlight, output));
        assert_eq!(there, [true, false, false]);
        assert!(is_there(&Rules { fail: patterns(), ..Rules::default() }, &json));
    }
}
