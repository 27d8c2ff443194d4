//! The state that the engines of one run share: the start, and the end of the run. Each engine holds a [`Member`].

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use super::Config;
use super::selection::Selection;
use super::source::SourceError;
use super::start::{Answer, Grace, Listing, Missing, StartError, decide};

/// How long a daemon that has answered waits for the others.
const GROUP_STOP_GRACE: Duration = Duration::from_secs(2);

/// The state that the engines of one run share.
#[derive(Debug)]
struct State {
    /// The first answers, until the start is decided.
    answers: Vec<Answer>,
    decided: Option<Result<(), StartError>>,
    /// Patterns that no container has matched yet.
    awaited: Vec<String>,
    /// Whether an engine has reported these.
    reported: bool,
    /// The activity of each engine's containers.
    activity: Vec<Activity>,
}

/// Whether any selected container of one daemon runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Activity {
    /// One runs, or the daemon has not answered yet.
    Running,
    /// All have stopped.
    Stopped,
}

/// One engine among those of a run.
#[derive(Debug)]
pub(super) struct Member {
    index: usize,
    state: Arc<watch::Sender<State>>,
    seen: watch::Receiver<State>,
}

impl Member {
    /// The members of a run with this number of daemons.
    pub(super) fn of(count: usize) -> Vec<Self> {
        let state = Arc::new(watch::Sender::new(State {
            answers: vec![None; count],
            decided: None,
            awaited: Vec::new(),
            reported: false,
            activity: vec![Activity::Running; count],
        }));
        let member = |index| Self { index, state: Arc::clone(&state), seen: state.subscribe() };
        (0..count).map(member).collect()
    }

    /// Whether the run has begun, with or without this daemon.
    pub(super) fn is_decided(&self) -> bool {
        self.state.borrow().decided.is_some()
    }

    /// Submits the daemon's first answer, and waits for the decision how the run starts. The decision need not
    /// wait for all daemons.
    ///
    /// # Errors
    /// If the run cannot start.
    pub(super) async fn answered(
        &mut self,
        answer: Result<Arc<Listing>, SourceError>,
        selection: &Selection,
        config: &Config,
    ) -> Result<(), StartError> {
        let index = self.index;
        self.state.send_if_modified(|state| {
            let open = state.decided.is_none();
            if open {
                state.answers[index] = Some(answer);
                state.decide(selection, config, Grace::Left);
            }
            open
        });
        let decided = self.seen.wait_for(|state| state.decided.is_some());
        if timeout(GROUP_STOP_GRACE, decided).await.is_err() {
            self.state.send_modify(|state| state.decide(selection, config, Grace::Over));
        }
        // If all daemons are away except one that has not answered, its answer decides.
        match self.seen.wait_for(|state| state.decided.is_some()).await.as_deref() {
            Ok(State { decided: Some(Err(error)), .. }) => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// The patterns that no container has matched. Only the first call returns them, so that one engine reports them.
    pub(super) fn take_unreported(&self) -> Vec<String> {
        let mut unreported = Vec::new();
        self.state.send_if_modified(|state| {
            if !std::mem::replace(&mut state.reported, true) {
                unreported.clone_from(&state.awaited);
            }
            false
        });
        unreported
    }

    /// Whether there are patterns that no container has matched.
    pub(super) fn awaits(&self) -> bool {
        !self.state.borrow().awaited.is_empty()
    }

    /// Records that a container was found. Keeps the patterns for which `unmatched` is true.
    pub(super) fn found(&self, unmatched: impl Fn(&str) -> bool) {
        self.state.send_modify(|state| state.awaited.retain(|pattern| unmatched(pattern)));
    }

    /// Reports the activity of this daemon's containers.
    pub(super) fn report(&self, activity: Activity) {
        let index = self.index;
        self.state.send_if_modified(|state| {
            std::mem::replace(&mut state.activity[index], activity) != activity
        });
    }

    /// Whether the containers of all daemons have stopped, and no pattern waits for a match.
    pub(super) fn all_stopped(&self) -> bool {
        let state = self.state.borrow();
        state.awaited.is_empty()
            && state.activity.iter().all(|activity| *activity == Activity::Stopped)
    }

    /// Waits until this or another engine has changed the shared state.
    ///
    /// # Cancel safety
    /// Safe.
    pub(super) async fn changed(&mut self) {
        // The sender lives as long as this member.
        let _ = self.seen.changed().await;
    }
}

impl State {
    fn decide(&mut self, selection: &Selection, config: &Config, grace: Grace) {
        if self.decided.is_some() {
            return;
        }
        let missing = if config.wait { Missing::Awaited } else { Missing::Fails };
        match decide(&self.answers, selection, (missing, config.mode), grace) {
            None => {}
            Some(Ok(awaited)) => (self.decided, self.awaited) = (Some(Ok(())), awaited),
            Some(Err(error)) => self.decided = Some(Err(error)),
        }
        if self.decided.is_some() {
            self.answers.iter_mut().for_each(|answer| *answer = None);
        }
    }
}
