//! The effect of an inspection on the log.

use std::sync::Arc;

use super::step::{Act, Departure};
use super::stream_end::EARLY_ENDS_MAX;
use super::{Cause, FirstRun, Lifecycle, Membership, NextRun, Retry, RunEnd, State};
use crate::engine::event::Notice;
use crate::engine::source::{Container, ErrorKind, Phase, SourceError};

impl Lifecycle {
    pub(super) fn on_inspected(
        &mut self,
        answer: Result<&Container, &SourceError>,
        draw: f64,
    ) -> Vec<Act> {
        let State::Inspecting(cause) = self.state else {
            return Vec::new();
        };
        match answer {
            Ok(container) => {
                self.driver = Arc::clone(&container.driver);
                let mut acts = match container.phase.is_live() && self.follows() {
                    true => self.on_live(container, cause, draw),
                    false => self.on_not_running(container),
                };
                if self.first_run == FirstRun::BeforeCmon {
                    self.first_run = FirstRun::Reported;
                }
                if let Some(lossy) = container.lossy
                    && !std::mem::replace(&mut self.warned, true)
                {
                    // After the note about the container, before the first read.
                    acts.insert(acts.len().saturating_sub(1), Act::Say(Notice::Lossy(lossy)));
                }
                acts
            }
            Err(error) if error.kind == ErrorKind::Gone => self.gone(error),
            Err(error) if !self.follows() => self.give_up_after_tries(error, draw),
            Err(error) => self.wait(error, draw),
        }
    }

    fn on_live(&mut self, container: &Container, cause: Cause, draw: f64) -> Vec<Act> {
        let first = self.run.is_none();
        let same_run = self.run.as_ref() == Some(&container.started_at);
        let mut acts = Vec::new();
        if self.membership == Membership::Leaving && !first && !same_run {
            // The run that it was followed for is over.
            self.state = State::Done;
            acts.push(Act::Flush(None));
            acts.extend(self.run_ended());
            acts.push(Act::Forget(Departure::Left));
            return acts;
        }
        if first {
            acts.extend(self.announce());
        } else if !same_run {
            acts.extend(self.new_run());
        }
        self.run = Some(Arc::clone(&container.started_at));
        // The rest concerns a run whose end was reported.
        self.exit = None;
        if same_run && cause == Cause::EarlyEnd {
            self.early_ends += 1;
            let retry = self.backoff.next(draw);
            self.state = State::Waiting(Retry::Follow);
            if EARLY_ENDS_MAX <= self.early_ends {
                acts.push(Act::Say(Notice::EndsEarly { times: self.early_ends, retry }));
            }
            acts.push(Act::Wake(retry));
            return acts;
        }
        (self.run_end, self.next_run) = (RunEnd::Exits, NextRun::NotSeen);
        self.state = State::Following;
        acts.push(Act::Follow);
        acts
    }

    /// Reports the start of a run, once.
    fn announce(&mut self) -> Option<Act> {
        if self.first_run != FirstRun::NotReported {
            return None;
        }
        self.first_run = FirstRun::Reported;
        Some(Act::Say(Notice::Started))
    }

    /// The notes between the followed run and a later one; the end of the first may have been reported.
    fn new_run(&mut self) -> Vec<Act> {
        self.early_ends = 0;
        self.run_ended().into_iter().chain([Act::Say(Notice::Started)]).collect()
    }

    /// Reports the end of the followed run, once.
    fn run_ended(&mut self) -> Option<Act> {
        let exit = self.exit.take();
        let known = [&self.drained, &self.old].contains(&&self.run);
        (!known).then_some(Act::Say(Notice::Exited(exit)))
    }

    fn on_not_running(&mut self, container: &Container) -> Vec<Act> {
        self.run_end = match container.phase {
            Phase::Restarting => RunEnd::Restarts,
            _ => RunEnd::Exits,
        };
        let known = self.drained.as_ref() == Some(&container.started_at);
        let never_ran = container.phase == Phase::Created;
        let mut acts = Vec::new();
        if self.first_run == FirstRun::BeforeCmon || never_ran {
            // Its run ended before cmon started, or never began: that is no news.
            self.old = Some(Arc::clone(&container.started_at));
        } else if self.run.is_none() {
            acts.extend(self.announce());
        } else if self.run.as_ref() != Some(&container.started_at) {
            acts.extend(self.new_run());
        }
        self.exit = container.exit.or(self.exit);
        self.run = Some(Arc::clone(&container.started_at));
        if known {
            self.exit = None;
            return self.rest();
        }
        self.state = State::Draining;
        acts.push(Act::Drain);
        acts
    }
}
