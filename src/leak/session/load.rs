//! The load of a check: streams of the engine, a command, or the target's own load.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::FusedFuture;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Session;
use crate::engine::selection::Selection;
use crate::engine::source::Source;
use crate::engine::{self, Engine};
use crate::leak::command::Commands;
use crate::leak::failure::FailureReason;
use crate::leak::judge::plan::{Plan, Step};
use crate::leak::record::{Record, Stage};

/// A phase is this many times as long as the longest run of the command.
const COMMAND_PHASE_FACTOR: f64 = 1.25;

#[derive(Debug)]
pub(crate) enum Load<S> {
    /// The stream engine opens and closes streams in the drive phases of the plan.
    Streams { source: Arc<S>, selection: Selection, config: engine::Config, plan: Plan },
    /// The stream engine follows all the time and closes each stream at its maximum age.
    Held { source: Arc<S>, selection: Selection, config: engine::Config, duration: Duration },
    /// cmon runs a command for each cycle.
    Command { commands: Commands, plan: Plan },
    /// The target has its own load.
    Passive { duration: Duration },
}

impl<S> Load<S> {
    pub(super) fn plan(&self) -> Option<&Plan> {
        match self {
            Load::Streams { plan, .. } | Load::Command { plan, .. } => Some(plan),
            Load::Held { .. } | Load::Passive { .. } => None,
        }
    }

    /// The length of a phase, drive or idle. A command that takes longer than planned makes it longer.
    pub(super) fn phase(&self, step: Step) -> Duration {
        let planned = Duration::from_secs_f64(step.drive);
        match self {
            Load::Command { commands, .. } => {
                planned.max(commands.longest().mul_f64(COMMAND_PHASE_FACTOR))
            }
            _ => planned,
        }
    }

    pub(crate) fn duration(&self) -> Duration {
        match self {
            Load::Held { duration, .. } | Load::Passive { duration } => *duration,
            _ => Duration::from_secs_f64(self.plan().map_or(0.0, Plan::seconds)),
        }
    }
}

impl<S: Source, W: FnMut(Record)> Session<S, W> {
    /// Makes load for `time`, and reads the probes meanwhile.
    pub(super) async fn drive(&mut self, time: Duration, stage: Stage) {
        if self.is_over() {
            return;
        }
        let until = Instant::now() + time;
        match &self.load {
            Load::Passive { .. } => {}
            Load::Command { commands, .. } => {
                let commands = commands.clone();
                let stop = self.stop.clone();
                let running = commands.run(until, &stop).fuse();
                tokio::pin!(running);
                // A command that fails ends the check at once.
                let ran = tokio::select! {
                    Err(reason) = &mut running => Err(reason),
                    () = self.read_until(until, stage) => match running.is_terminated() {
                        true => Ok(()),
                        false => running.await,
                    },
                };
                if let Err(reason) = ran {
                    self.failure = Some(reason);
                }
            }
            Load::Streams { source, selection, config, .. }
            | Load::Held { source, selection, config, .. } => {
                let (source, selection) = (Arc::clone(source), selection.clone());
                let engine = Engine::new(source, self.registry.clone(), config.clone());
                let mut fresh = self.fresh.clone();
                let (events, mut received) = mpsc::channel(32);
                let stop = self.stop.child_token();
                let readings = async {
                    self.read_until(until, stage).await;
                    if stage == Stage::Passive && !self.is_over() {
                        // The last reading of held streams, before they close.
                        self.read_once(stage).await;
                    }
                    stop.cancel();
                };
                let (outcome, (), ()) = tokio::join!(
                    engine.run(&selection, events, stop.clone()),
                    async {
                        while let Some(event) = received.recv().await {
                            fresh.add(&event);
                        }
                    },
                    readings,
                );
                self.fresh = fresh;
                if let Err(error) = outcome {
                    self.failure = Some(FailureReason::Streams { message: error.to_string() });
                }
            }
        }
    }
}
