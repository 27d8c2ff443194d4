//! What the engines of one run share: how they start together, and when the run is over. Each engine holds a [`Member`].

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use super::Config;
use super::selection::Selection;
use super::source::SourceError;
use super::start::{Answer, Grace, Listing, Missing, StartError, Stay, decide};

/// How long a daemon that has answered waits for the others.
const GROUP_STOP_GRACE: Duration = Duration::from_secs(2);

/// What the engines of one run share.
#[derive(Debug)]
struct State {
    /// The first answers, until it is decided how to start.
    answers: Vec<Answer>,
    decided: Option<Result<(), StartError>>,
    /// Patterns that nothing has matched yet.
    awaited: Vec<String>,
    /// Whether an engine has reported these.
    reported: bool,
    /// What the containers of each engine do.
    activity: Vec<Activity>,
}

/// What the selected containers of one daemon do.
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

    /// Whether the run has begun, perhaps without this daemon.
    pub(super) fn is_decided(&self) -> bool {
        self.state.borrow().decided.is_some()
    }

    /// Hands in the daemon's first answer, and waits until it is decided how the run starts. Not all daemons
    /// are waited for then.
    ///
    /// # Errors
    /// The run cannot start.
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
        // Where all daemons are away but one that has not answered, its answer decides.
        match self.seen.wait_for(|state| state.decided.is_some()).await.as_deref() {
            Ok(State { decided: Some(Err(error)), .. }) => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// The patterns that nothing has matched so far. Only the first call returns them, so that one engine reports
    /// them.
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

    /// Whether there are patterns that nothing has matched yet.
    pub(super) fn awaits(&self) -> bool {
        !self.state.borrow().awaited.is_empty()
    }

    /// A container was found. Keeps waiting for the patterns for which `unmatched` is true.
    pub(super) fn found(&self, unmatched: impl Fn(&str) -> bool) {
        self.state.send_modify(|state| state.awaited.retain(|pattern| unmatched(pattern)));
    }

    /// Reports what the containers of this daemon do.
    pub(super) fn report(&self, activity: Activity) {
        let index = self.index;
        self.state.send_if_modified(|state| {
            std::mem::replace(&mut state.activity[index], activity) != activity
        });
    }

    /// Whether the containers of all daemons have stopped, and none is waited for.
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
        let stay = if config.follow { Stay::Follow } else { Stay::Once };
        match decide(&self.answers, selection, (missing, stay), grace) {
            None => {}
            Some(Ok(awaited)) => (self.decided, self.awaited) = (Some(Ok(())), awaited),
            Some(Err(error)) => self.decided = Some(Err(error)),
        }
        if self.decided.is_some() {
            self.answers.iter_mut().for_each(|answer| *answer = None);
        }
    }
}
