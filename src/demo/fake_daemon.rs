//! The state of the daemon: containers, their logs, and its faults.
//!
//! A [`FakeDaemon`] is a handle: a test or an actor changes the daemon through it, and the server reads it. It
//! uses tokio's clock, so that a paused clock controls the timestamps.

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

/// The start of its clock: 2026-01-01T00:00:00Z, unless the embedded daemon uses the real time.
const EPOCH_NANOS: i64 = 1_767_225_600 * 1_000_000_000;
/// The number of remembered requests.
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
    /// The number of its starts.
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
    /// The fixed time of the clock while the history is created.
    past: Option<Timestamp>,
    pub(super) version: &'static str,
    pub(super) containers: BTreeMap<String, FakeContainer>,
    made: u64,
    pub(super) events: Events,
    drop_events: u32,
    pub(super) faults: Faults,
    pub(super) requests: VecDeque<String>,
    /// The number of connected clients.
    pub(super) connections: usize,
    /// The number of ended follows.
    pub(super) follows_closed: u64,
    /// The injected change of its own resource usage.
    leak: Option<InjectedLeak>,
}

/// A handle to the daemon's state.
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

    /// Creates a container, which does not run yet.
    pub fn create(&self, name: &str) {
        self.create_with(name, OutputKind::Pipes, "json-file");
    }

    /// Creates a container with this kind of output and this log driver.
    pub fn create_with(&self, name: &str, output: OutputKind, driver: &'static str) {
        let tty = output == OutputKind::Terminal;
        self.create_of(name, Spec { tty, driver, ..Spec::default() });
    }

    /// Creates a container of this image with these labels.
    pub fn create_labeled(&self, name: &str, image: &'static str, labels: &[(&str, &str)]) {
        let label = |spec: Spec, (key, value): &(&str, &str)| spec.label(key, value);
        self.create_of(name, labels.iter().fold(Spec::of(image, "talk"), label));
    }

    /// Creates a container by this specification.
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

    /// Sets the clock to a past time, or releases it.
    pub(super) fn set_past(&self, time: Option<Timestamp>) {
        self.lock().past = time;
    }

    /// The time of its clock.
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

    /// Writes text; for the stored form see [`Message`].
    pub fn write(&self, name: &str, stream: StdStream, text: impl AsRef<[u8]>) {
        self.with(name, |state, id| {
            let mut log = std::mem::take(&mut state.container(id).log);
            log.write(stream, text.as_ref(), || state.tick());
            state.container(id).log = log;
        });
    }

    /// Stores a message with this time, whatever the clock.
    pub fn write_at(&self, name: &str, stream: StdStream, time: Timestamp, payload: &[u8]) {
        self.with(name, |state, id| {
            state.container(id).log.push(Message { stream, time, payload: payload.to_vec() });
        });
    }

    /// Ends its run.
    pub fn exit(&self, name: &str, code: i64) {
        self.end(name, code, Phase::Exited);
    }

    /// Ends its run; its restart policy will start it again.
    pub fn crash(&self, name: &str, code: i64) {
        self.end(name, code, Phase::Restarting);
    }

    /// Kills it because memory ran out.
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

    /// Pauses or unpauses it.
    pub fn pause(&self, name: &str) {
        self.turn_to(name, Phase::Paused, "pause");
    }

    /// Unpauses it.
    pub fn unpause(&self, name: &str) {
        self.turn_to(name, Phase::Running, "unpause");
    }

    fn turn_to(&self, name: &str, phase: Phase, event: &'static str) {
        self.with(name, |state, id| {
            state.container(id).phase = phase;
            state.event(id, event, &[]);
        });
    }

    /// Renames it.
    pub fn rename(&self, name: &str, to: &str) {
        self.with(name, |state, id| {
            to.clone_into(&mut state.container(id).name);
            state.event(id, "rename", &[("oldName", &format!("/{name}"))]);
        });
    }

    /// Removes it with its log.
    pub fn remove(&self, name: &str) {
        self.with(name, |state, id| {
            state.event(id, "destroy", &[]);
            state.containers.remove(id);
        });
    }

    /// Drops the oldest messages of its log.
    pub fn forget(&self, name: &str, count: usize) {
        self.with(name, |state, id| state.container(id).log.forget(count));
    }

    /// Begins a new log file with its next message, which follows deliver twice.
    pub fn double_next(&self, name: &str) {
        self.with(name, |state, id| state.container(id).log.double_next());
    }

    /// The messages in its log.
    pub fn messages(&self, name: &str) -> Vec<Message> {
        self.with(name, |state, id| state.container(id).log.messages())
    }

    /// The number of open follows of its log.
    pub fn followers(&self, name: &str) -> usize {
        self.with(name, |state, id| state.container(id).followers)
    }

    /// Injects this change of the daemon's own resource usage.
    pub fn inject(&self, leak: InjectedLeak) {
        self.lock().leak = Some(leak);
    }

    /// The targets of the last questions, at most 4096 of them.
    pub fn requests(&self) -> Vec<String> {
        self.lock().requests.iter().cloned().collect()
    }

    /// The number of connected clients.
    pub fn connections(&self) -> usize {
        self.lock().connections
    }

    /// Sets the reported version.
    pub fn set_version(&self, version: &'static str) {
        self.change(|state| state.version = version);
    }

    /// Applies this fault to the next `times` requests of this kind.
    pub fn fail(&self, route: Route, times: u32, fault: Fault) {
        self.change(|state| state.faults.add(Rule { route, times: Some(times), fault }));
    }

    /// Applies this fault to every request of this kind until [`heal`](Self::heal).
    pub fn fail_always(&self, route: Route, fault: Fault) {
        self.change(|state| state.faults.add(Rule { route, times: None, fault }));
    }

    /// Removes all faults.
    pub fn heal(&self) {
        self.change(|state| state.faults.clear());
    }

    /// Loses the next event.
    pub fn drop_event(&self) {
        self.change(|state| state.drop_events += 1);
    }

    /// Cuts every connection, as at a kill of the daemon.
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
fn the_embedded_daemon_remembers_only_the_last_requests() {
    let fake = FakeDaemon::default();
    (0..10_000).for_each(|number| fake.lock().asked(&format!("/{number}")));
    let requests = fake.requests();
    assert_eq!((requests.len(), requests[0].as_str()), (REQUESTS_MAX, "/5904"));
}

impl State {
    /// The injected leak, and its current number of goroutines.
    pub(super) fn injected(&self) -> Option<(InjectedLeak, u64)> {
        let leak = self.leak?;
        Some((leak, leak.goroutines(self.begun.elapsed(), self.follows_closed)))
    }

    /// The id of the container with this name, id or id prefix.
    pub(super) fn find(&self, text: &str) -> Option<String> {
        let named = self.containers.values().find(|container| container.name == text);
        let by_id = || self.containers.values().find(|container| container.id.starts_with(text));
        named.or_else(by_id).map(|container| container.id.clone())
    }

    fn container(&mut self, id: &str) -> &mut FakeContainer {
        self.containers.get_mut(id).expect("found a moment ago")
    }

    /// Stores a request, and drops the oldest above the limit.
    pub(super) fn asked(&mut self, target: &str) {
        if self.requests.len() == REQUESTS_MAX {
            self.requests.pop_front();
        }
        self.requests.push_back(target.to_owned());
    }

    /// A new timestamp, later than all before.
    pub(super) fn tick(&mut self) -> Timestamp {
        self.last = self.now().saturating_nanos().max(self.last + 1);
        Timestamp::from_nanos(self.last)
    }

    /// The time of its clock.
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
