//! The state of the daemon: containers, their logs, and the faults it plays.
//!
//! A [`FakeDaemon`] is a handle; a test or an actor changes the daemon through it, the server reads it.
//! Its clock is tokio's, so on a paused clock timestamps are those of the test.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::time::Instant;

use super::events::{Event, Events};
use super::fault::{Fault, Faults, Route, Rule};
use super::injected_leak::InjectedLeak;
use super::log::{Message, Store};
use super::spec::Spec;
use crate::engine::source::{OutputKind, Phase, StdStream};
use crate::engine::timestamp::Timestamp;

/// Where the clock begins: 2026-01-01T00:00:00Z, unless the embedded daemon uses the real time.
const EPOCH_NANOS: i64 = 1_767_225_600 * 1_000_000_000;
/// Questions that are remembered.
const REQUESTS_MAX: usize = 4096;

/// One container.
#[derive(Debug)]
pub(super) struct FakeContainer {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) spec: Spec,
    pub(super) created: Timestamp,
    pub(super) phase: Phase,
    pub(super) exit_code: i64,
    pub(super) oom: bool,
    pub(super) restarts: u64,
    /// Counts its starts.
    pub(super) run: u64,
    pub(super) started: Timestamp,
    pub(super) finished: Timestamp,
    pub(super) log: Store,
    pub(super) followers: usize,
}

#[derive(Debug)]
pub(super) struct State {
    begun: Instant,
    epoch: i64,
    last: i64,
    /// The time that the clock stands at while history is made.
    past: Option<Timestamp>,
    pub(super) version: &'static str,
    pub(super) containers: BTreeMap<String, FakeContainer>,
    made: u64,
    pub(super) events: Events,
    drop_events: u32,
    pub(super) faults: Faults,
    pub(super) requests: VecDeque<String>,
    /// Clients that are connected.
    pub(super) connections: usize,
    /// Follows that have ended.
    pub(super) follows_closed: u64,
    /// What its own figures do by themselves.
    leak: Option<InjectedLeak>,
}

/// A handle on the daemon's state.
#[derive(Clone, Debug)]
pub struct FakeDaemon {
    state: Arc<Mutex<State>>,
    changed: Arc<watch::Sender<u64>>,
    cut: Arc<watch::Sender<u64>>,
}

impl Default for FakeDaemon {
    fn default() -> Self {
        Self::beginning_at(EPOCH_NANOS)
    }
}

impl FakeDaemon {
    /// A daemon without containers, with the real time.
    pub fn now() -> Self {
        Self::beginning_at(
            i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(EPOCH_NANOS),
        )
    }

    fn beginning_at(epoch: i64) -> Self {
        let state = State {
            begun: Instant::now(),
            epoch,
            last: 0,
            past: None,
            version: "24.0.9",
            containers: BTreeMap::new(),
            made: 0,
            events: Events::default(),
            drop_events: 0,
            faults: Faults::default(),
            requests: VecDeque::new(),
            connections: 0,
            follows_closed: 0,
            leak: None,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            changed: Arc::new(watch::Sender::new(0)),
            cut: Arc::new(watch::Sender::new(0)),
        }
    }

    /// Makes a container; it does not run yet.
    pub fn create(&self, name: &str) {
        self.create_with(name, OutputKind::Pipes, "json-file");
    }

    /// Makes a container with a terminal or not, and with this log driver.
    pub fn create_with(&self, name: &str, output: OutputKind, driver: &'static str) {
        let tty = output == OutputKind::Terminal;
        self.create_of(name, Spec { tty, driver, ..Spec::default() });
    }

    /// Makes a container of this image with these labels.
    pub fn create_labeled(&self, name: &str, image: &'static str, labels: &[(&str, &str)]) {
        let label = |spec: Spec, (key, value): &(&str, &str)| spec.label(key, value);
        self.create_of(name, labels.iter().fold(Spec::of(image, "talk"), label));
    }

    /// Makes a container of this kind.
    pub(super) fn create_of(&self, name: &str, spec: Spec) {
        self.change(|state| {
            state.made += 1;
            let id = format!("{:012x}{:052x}", 0xc0_ffee_0000 + state.made, state.made);
            let container = FakeContainer {
                id: id.clone(),
                name: name.to_owned(),
                spec,
                created: state.tick(),
                phase: Phase::Created,
                exit_code: 0,
                oom: false,
                restarts: 0,
                run: 0,
                started: Timestamp::from_nanos(0),
                finished: Timestamp::from_nanos(0),
                log: Store::default(),
                followers: 0,
            };
            state.containers.insert(id.clone(), container);
            state.event(&id, "create", &[]);
        });
    }

    /// Sets the clock to a time in the past, or lets it go again.
    pub(super) fn set_past(&self, time: Option<Timestamp>) {
        self.lock().past = time;
    }

    /// What the clock shows.
    pub(super) fn clock(&self) -> Timestamp {
        self.lock().now()
    }

    /// Starts its next run.
    pub fn start(&self, name: &str) {
        self.with(name, |state, id| {
            let now = state.tick();
            let container = state.container(id);
            container.restarts += u64::from(container.phase == Phase::Restarting);
            (container.phase, container.started, container.oom) = (Phase::Running, now, false);
            container.run += 1;
            state.event(id, "start", &[]);
        });
    }

    /// It writes; see the stored form in [`Message`].
    pub fn write(&self, name: &str, stream: StdStream, text: impl AsRef<[u8]>) {
        self.with(name, |state, id| {
            let mut log = std::mem::take(&mut state.container(id).log);
            log.write(stream, text.as_ref(), || state.tick());
            state.container(id).log = log;
        });
    }

    /// A message is stored with this time, whatever the clock says.
    pub fn write_at(&self, name: &str, stream: StdStream, time: Timestamp, payload: &[u8]) {
        self.with(name, |state, id| {
            state.container(id).log.push(Message { stream, time, payload: payload.to_vec() });
        });
    }

    /// Its run ends.
    pub fn exit(&self, name: &str, code: i64) {
        self.end(name, code, Phase::Exited);
    }

    /// Its run ends, and its restart policy will start it again.
    pub fn crash(&self, name: &str, code: i64) {
        self.end(name, code, Phase::Restarting);
    }

    /// The kernel kills it because memory ran out.
    pub fn kill_for_memory(&self, name: &str) {
        self.with(name, |state, id| {
            state.container(id).oom = true;
            state.event(id, "oom", &[]);
        });
        self.exit(name, 137);
    }

    fn end(&self, name: &str, code: i64, phase: Phase) {
        self.with(name, |state, id| {
            let now = state.tick();
            let container = state.container(id);
            (container.phase, container.exit_code, container.finished) = (phase, code, now);
            state.event(id, "die", &[("exitCode", &code.to_string())]);
        });
    }

    /// It is frozen, or thawed.
    pub fn pause(&self, name: &str) {
        self.turn_to(name, Phase::Paused, "pause");
    }

    /// It goes on.
    pub fn unpause(&self, name: &str) {
        self.turn_to(name, Phase::Running, "unpause");
    }

    fn turn_to(&self, name: &str, phase: Phase, event: &'static str) {
        self.with(name, |state, id| {
            state.container(id).phase = phase;
            state.event(id, event, &[]);
        });
    }

    /// It gets another name.
    pub fn rename(&self, name: &str, to: &str) {
        self.with(name, |state, id| {
            to.clone_into(&mut state.container(id).name);
            state.event(id, "rename", &[("oldName", &format!("/{name}"))]);
        });
    }

    /// It is removed, log and all.
    pub fn remove(&self, name: &str) {
        self.with(name, |state, id| {
            state.event(id, "destroy", &[]);
            state.containers.remove(id);
        });
    }

    /// The oldest messages of its log are gone.
    pub fn forget(&self, name: &str, count: usize) {
        self.with(name, |state, id| state.container(id).log.forget(count));
    }

    /// Its next message begins a new file, and follows deliver it twice.
    pub fn double_next(&self, name: &str) {
        self.with(name, |state, id| state.container(id).log.double_next());
    }

    /// What its log holds.
    pub fn messages(&self, name: &str) -> Vec<Message> {
        self.with(name, |state, id| state.container(id).log.messages())
    }

    /// Follows of its log that are open.
    pub fn followers(&self, name: &str) -> usize {
        self.with(name, |state, id| state.container(id).followers)
    }

    /// Lets the daemon's own figures do this by themselves.
    pub fn inject(&self, leak: InjectedLeak) {
        self.lock().leak = Some(leak);
    }

    /// The targets of the last questions, at most 4096 of them.
    pub fn requests(&self) -> Vec<String> {
        self.lock().requests.iter().cloned().collect()
    }

    /// Clients that are connected.
    pub fn connections(&self) -> usize {
        self.lock().connections
    }

    /// The version that the daemon reports.
    pub fn set_version(&self, version: &'static str) {
        self.change(|state| state.version = version);
    }

    /// The next `times` questions of this kind meet this fault.
    pub fn fail(&self, route: Route, times: u32, fault: Fault) {
        self.change(|state| state.faults.add(Rule { route, times: Some(times), fault }));
    }

    /// Every question of this kind meets this fault, until [`heal`](Self::heal).
    pub fn fail_always(&self, route: Route, fault: Fault) {
        self.change(|state| state.faults.add(Rule { route, times: None, fault }));
    }

    /// No more faults.
    pub fn heal(&self) {
        self.change(|state| state.faults.clear());
    }

    /// The next event is lost.
    pub fn drop_event(&self) {
        self.change(|state| state.drop_events += 1);
    }

    /// Every connection is cut, as when the daemon is killed.
    pub fn cut_all(&self) {
        self.cut.send_modify(|count| *count += 1);
    }

    pub(super) fn cuts(&self) -> watch::Receiver<u64> {
        self.cut.subscribe()
    }

    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn change<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let result = act(&mut self.lock());
        self.changed.send_modify(|version| *version += 1);
        result
    }

    fn with<T>(&self, name: &str, act: impl FnOnce(&mut State, &str) -> T) -> T {
        self.change(|state| {
            let id = state.find(name).unwrap_or_else(|| panic!("the script names `{name}`"));
            act(state, &id)
        })
    }
}

#[cfg(test)]
#[test]
fn the_embedded_daemon_remembers_the_last_questions_only() {
    let fake = FakeDaemon::default();
    (0..10_000).for_each(|number| fake.lock().asked(&format!("/{number}")));
    let requests = fake.requests();
    assert_eq!((requests.len(), requests[0].as_str()), (REQUESTS_MAX, "/5904"));
}

impl State {
    /// The injected leak, and how many goroutines it has by now.
    pub(super) fn injected(&self) -> Option<(InjectedLeak, u64)> {
        let leak = self.leak?;
        Some((leak, leak.goroutines(self.begun.elapsed(), self.follows_closed)))
    }

    /// The id of the container that this name, id or id prefix means.
    pub(super) fn find(&self, text: &str) -> Option<String> {
        let named = self.containers.values().find(|container| container.name == text);
        let by_id = || self.containers.values().find(|container| container.id.starts_with(text));
        named.or_else(by_id).map(|container| container.id.clone())
    }

    fn container(&mut self, id: &str) -> &mut FakeContainer {
        self.containers.get_mut(id).expect("found a moment ago")
    }

    /// Remembers a question, and forgets the oldest where there are many.
    pub(super) fn asked(&mut self, target: &str) {
        if self.requests.len() == REQUESTS_MAX {
            self.requests.pop_front();
        }
        self.requests.push_back(target.to_owned());
    }

    /// A new moment, later than all before.
    pub(super) fn tick(&mut self) -> Timestamp {
        self.last = self.now().saturating_nanos().max(self.last + 1);
        Timestamp::from_nanos(self.last)
    }

    /// What the clock shows.
    pub(super) fn now(&self) -> Timestamp {
        let elapsed = i64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(i64::MAX);
        self.past.unwrap_or(Timestamp::from_nanos(self.epoch + elapsed))
    }

    fn event(&mut self, id: &str, action: &'static str, more: &[(&str, &str)]) {
        if 0 < self.drop_events {
            self.drop_events -= 1;
            return;
        }
        let time = self.tick();
        let FakeContainer { name, spec, .. } = self.container(id);
        let mut attributes = spec.labels.clone();
        let own = [("name", name.as_str()), ("image", spec.image)];
        for (key, value) in own.iter().chain(more) {
            attributes.insert((*key).to_owned(), (*value).to_owned());
        }
        self.events.push(Event { time, action, id: id.to_owned(), attributes });
    }
}
