//! Several daemons in one run: each is followed independently, and they start and end together.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::fake_source::{Fake, FakeEvents, FakeLogs};
use super::support::{SECOND, config};
use crate::engine::census::{ConnectionCount, Purpose};
use crate::engine::event::{About, Event, Notice};
use crate::engine::registry::Registry;
use crate::engine::selection::{PatternText, Selection};
use crate::engine::source::StdStream::Stdout;
use crate::engine::source::{
    Container, ContainerEvent, ContainerKey, DaemonId, ErrorKind, EventStream, ListFilters, Listed,
    LogRequest, ReadMode, Source, SourceError,
};
use crate::engine::{Config, Control, Engine, Engines, Observers, Outcome, StartError};

/// The behavior of a daemon on requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Answers,
    Refuses,
    /// It takes them, and does not answer.
    Silent,
}

/// A named daemon with a container of the same name.
#[derive(Clone, Debug)]
struct Host {
    id: DaemonId,
    container: &'static str,
    fake: Fake,
    reach: Arc<tokio::sync::watch::Sender<Reach>>,
}

impl Host {
    fn new(name: &str, container: &'static str, reach: Reach) -> Self {
        let id = DaemonId::named(&format!("tcp://{name}"), name);
        let reach = Arc::new(tokio::sync::watch::Sender::new(reach));
        Self { id, container, fake: Fake::running([]), reach }
    }

    fn set(&self, reach: Reach) {
        self.reach.send_replace(reach);
    }

    async fn reached(&self) -> Result<(), SourceError> {
        let reach =
            *self.reach.subscribe().wait_for(|reach| *reach != Reach::Silent).await.unwrap();
        match reach {
            Reach::Refuses => Err(SourceError::new(ErrorKind::Unreachable, "refused")),
            Reach::Answers | Reach::Silent => Ok(()),
        }
    }

    fn key(&self) -> ContainerKey {
        ContainerKey { daemon: self.id.clone(), ..Fake::key() }
    }

    fn write(&self, number: i64) {
        self.fake.write(Stdout, number, &format!("{} {number}\n", self.id.host().unwrap()));
    }
}

#[derive(Debug)]
struct HostEvents(FakeEvents, ContainerKey, &'static str);

impl EventStream for HostEvents {
    async fn next(&mut self) -> Result<ContainerEvent, SourceError> {
        let container_event = self.0.next().await?;
        Ok(ContainerEvent { key: self.1.clone(), name: Some(self.2.into()), ..container_event })
    }
}

impl Source for Host {
    type Logs = FakeLogs;
    type Events = HostEvents;

    fn daemon(&self) -> DaemonId {
        self.id.clone()
    }

    async fn list(&self, filters: &ListFilters) -> Result<Vec<Listed>, SourceError> {
        self.reached().await?;
        let rows = self.fake.list(filters).await?;
        let own = |row| Listed { key: self.key(), name: self.container.into(), ..row };
        Ok(rows.into_iter().map(own).collect())
    }

    async fn inspect(&self, key: &ContainerKey) -> Result<Container, SourceError> {
        self.reached().await?;
        let (key, name) = (key.clone(), self.container.into());
        Ok(Container { key, name, ..self.fake.inspect(&Fake::key()).await? })
    }

    async fn events(&self) -> Result<HostEvents, SourceError> {
        self.reached().await?;
        Ok(HostEvents(self.fake.events().await?, self.key(), self.container))
    }

    async fn logs(&self, request: &LogRequest) -> Result<FakeLogs, SourceError> {
        self.reached().await?;
        self.fake.logs(request).await
    }

    fn connections(&self) -> BTreeMap<Purpose, ConnectionCount> {
        self.fake.connections()
    }

    fn requests(&self) -> u64 {
        self.fake.requests()
    }

    fn close_all(&self) -> usize {
        self.fake.close_all()
    }
}

/// The lines, each with the name of its daemon.
#[derive(Debug, Default)]
struct Received {
    lines: Vec<(String, String)>,
    notes: Vec<(About, Notice)>,
    /// The time of each daemon's first line after the start.
    first: BTreeMap<String, Duration>,
}

impl Received {
    fn of(&self, host: &str) -> Vec<&str> {
        let lines = self.lines.iter().filter(|(of, _)| of == host);
        lines.map(|(_, text)| text.as_str()).collect()
    }

    async fn all(mut events: mpsc::Receiver<Event>) -> Self {
        let (mut received, begun) = (Self::default(), Instant::now());
        while let Some(event) = events.recv().await {
            match event {
                Event::Lines(lines) => {
                    let host = lines.label.key.daemon.host().unwrap().to_string();
                    received.first.entry(host.clone()).or_insert_with(|| begun.elapsed());
                    for (_, text) in lines.iter() {
                        let text = String::from_utf8_lossy(text).into_owned();
                        received.lines.push((host.clone(), text));
                    }
                }
                Event::Note(note) => received.notes.push((note.about, note.what)),
                Event::Identity(..)
                | Event::Begins(..)
                | Event::Reading(_)
                | Event::CaughtUp(_) => {}
                Event::Gap(gap) => panic!("{gap:?}"),
            }
        }
        received
    }
}

/// Follows these daemons while `script` runs.
async fn follow(
    hosts: &[&Host],
    pattern: Option<&str>,
    config: Config,
    script: impl AsyncFnOnce(&Observers<Host>, Control),
) -> Result<(Outcome, Received), StartError> {
    let engine =
        |host: &&Host| Engine::new(Arc::new((*host).clone()), Registry::default(), config.clone());
    let engines = Engines::new(hosts.iter().map(engine).collect());
    let (observers, control) = (engines.observers(), engines.control());
    let (events, received) = mpsc::channel(4);
    let stop = CancellationToken::new();
    let selection = match pattern {
        Some(pattern) => Selection::compile(&[PatternText(pattern.to_owned())]).unwrap(),
        None => Selection::all(),
    };
    let scripted = async {
        script(&observers, control).await;
        stop.cancel();
    };
    let running = engines.run(&selection, events, stop.clone());
    let (outcome, (), received) = tokio::join!(running, scripted, Received::all(received));
    outcome.map(|outcome| (outcome, received))
}

fn numbered(host: &str, count: i64) -> Vec<String> {
    (0..count).map(|number| format!("{host} {number}")).collect()
}

#[tokio::test(start_paused = true)]
async fn a_lost_daemon_does_not_disturb_the_other() {
    let [a, b] = ["a", "b"].map(|name| Host::new(name, "web", Reach::Answers));
    let script = async |_: &Observers<Host>, _| {
        for number in 0..600 {
            a.write(number);
            b.write(number);
            match number {
                100 | 300 => {
                    b.fake.fail_follows();
                    b.set(Reach::Refuses);
                }
                200 | 400 => b.set(Reach::Answers),
                _ => {}
            }
            sleep(SECOND / 10).await;
        }
        sleep(60 * SECOND).await;
    };
    let (outcome, received) = follow(&[&a, &b], None, config(), script).await.unwrap();
    for host in ["a", "b"] {
        assert_eq!(received.of(host), numbered(host, 600), "{host}");
    }
    let of_a = outcome.by_daemon.iter().find(|(id, _)| *id == a.id).unwrap();
    assert_eq!((of_a.1.reconnects, of_a.1.lines), (0, 600));
    assert_eq!(outcome.census.lines, 1200);
    assert_eq!((outcome.census.live_tasks(), outcome.census.streams_open), (0, 0));
    let about_a = |(about, what): &&(About, Notice)| {
        about.host().is_some_and(|host| &**host == "a") && !matches!(what, Notice::Started)
    };
    assert_eq!(received.notes.iter().find(about_a).map(|(_, what)| format!("{what:?}")), None);
}

#[tokio::test(start_paused = true)]
async fn a_daemon_that_is_away_at_the_start_joins_when_it_answers() {
    let (a, b) = (Host::new("a", "web", Reach::Answers), Host::new("b", "db", Reach::Refuses));
    let script = async |observers: &Observers<Host>, _| {
        (0..5).for_each(|number| a.write(number));
        sleep(30 * SECOND).await;
        let away = observers.census().away;
        assert_eq!(away.len(), 1);
        assert_eq!(away[0].host.as_deref(), Some("b"));
        b.write(0);
        b.set(Reach::Answers);
        sleep(60 * SECOND).await;
        assert_eq!(observers.census().away, []);
    };
    let (outcome, received) = follow(&[&a, &b], Some("/./"), config(), script).await.unwrap();
    assert_eq!(
        (received.of("a"), received.of("b")),
        (
            numbered("a", 5).iter().map(String::as_str).collect(),
            numbered("b", 1).iter().map(String::as_str).collect(),
        )
    );
    assert!(received.first["a"] < SECOND, "{:?}", received.first);
    let notices: Vec<String> = received
        .notes
        .iter()
        .filter(|(about, _)| matches!(about, About::Daemon(_)))
        .map(|(about, what)| {
            let what = match what {
                Notice::DaemonAway { .. } => "away",
                Notice::DaemonBack => "back",
                other => panic!("{other:?}"),
            };
            format!("{} {what}", about.host().unwrap())
        })
        .collect();
    assert_eq!(notices, ["b away", "b back"]);
    assert_eq!(outcome.left_out, []);
}

#[tokio::test(start_paused = true)]
async fn a_silent_daemon_delays_the_other_by_two_seconds_only() {
    let (a, b) = (Host::new("a", "web", Reach::Answers), Host::new("b", "db", Reach::Silent));
    let script = async |_: &Observers<Host>, _| {
        a.write(0);
        sleep(10 * SECOND).await;
        b.write(0);
        b.set(Reach::Answers);
        sleep(10 * SECOND).await;
    };
    // Another daemon may have `db` until it has answered.
    let (_, received) = follow(&[&a, &b], Some("/web|db/"), config(), script).await.unwrap();
    assert!(received.first["a"] <= 3 * SECOND, "{:?}", received.first);
    assert_eq!(received.of("b"), ["b 0"]);
}

#[tokio::test(start_paused = true)]
async fn a_run_needs_one_daemon_that_answers() {
    let [a, b] = ["a", "b"].map(|name| Host::new(name, "web", Reach::Refuses));
    let nothing = async |_: &Observers<Host>, _| {};
    let failed = follow(&[&a, &b], None, config(), nothing).await.unwrap_err();
    assert!(matches!(failed, StartError::AllAway(errors) if errors.len() == 2));
    // Unless it waits.
    let config = Config { wait: true, ..config() };
    let script = async |_: &Observers<Host>, _| {
        sleep(60 * SECOND).await;
        b.write(0);
        b.set(Reach::Answers);
        sleep(60 * SECOND).await;
    };
    let (_, received) = follow(&[&a, &b], None, config, script).await.unwrap();
    assert_eq!(received.of("b"), ["b 0"]);
}

#[tokio::test(start_paused = true)]
async fn a_name_is_an_error_only_if_no_daemon_has_it() {
    let (a, b) = (Host::new("a", "web", Reach::Answers), Host::new("b", "db", Reach::Answers));
    a.write(0);
    b.write(0);
    let script = async |_: &Observers<Host>, _| sleep(5 * SECOND).await;
    let (_, received) = follow(&[&a, &b], Some("db"), config(), script).await.unwrap();
    assert_eq!((received.of("a"), received.of("b")), (vec![], vec!["b 0"]));
    let failed = follow(&[&a, &b], Some("mail"), config(), script).await.unwrap_err();
    assert!(matches!(failed, StartError::Unmatched(_)), "{failed:?}");
}

#[tokio::test(start_paused = true)]
async fn exit_on_stop_waits_for_the_containers_of_all_daemons() {
    let [a, b] = ["a", "b"].map(|name| Host::new(name, "web", Reach::Answers));
    let config = Config { exit_on_stop: true, ..config() };
    let script = async |observers: &Observers<Host>, _| {
        a.write(0);
        sleep(SECOND).await;
        a.fake.exit();
        // The run goes on, so a container that comes back is followed.
        sleep(20 * SECOND).await;
        a.fake.start();
        a.write(1);
        sleep(SECOND).await;
        b.write(0);
        b.fake.exit();
        sleep(20 * SECOND).await;
        a.write(2);
        assert_ne!(observers.census().live_tasks(), 0);
        a.fake.exit();
        sleep(20 * SECOND).await;
        // It ended by itself, before any stop.
        assert_eq!(observers.census().live_tasks(), 0);
    };
    let (_, received) = follow(&[&a, &b], None, config, script).await.unwrap();
    assert_eq!((received.of("a"), received.of("b")), (vec!["a 0", "a 1", "a 2"], vec!["b 0"]));
}

#[tokio::test(start_paused = true)]
async fn a_batch_run_reports_the_missing_daemon() {
    let (a, b) = (Host::new("a", "web", Reach::Answers), Host::new("b", "web", Reach::Refuses));
    (0..3).for_each(|number| a.write(number));
    let config = Config { mode: ReadMode::Once, ..config() };
    let script = async |_: &Observers<Host>, _| sleep(SECOND).await;
    let (outcome, received) = follow(&[&a, &b], Some("web"), config, script).await.unwrap();
    assert_eq!(received.of("a"), numbered("a", 3));
    assert_eq!(outcome.left_out.len(), 1);
    assert_eq!(outcome.left_out[0].0, b.id);
    let left_out = |(about, what): &(About, Notice)| {
        matches!(what, Notice::DaemonLeftOut { .. }) && *about == About::Daemon(b.id.clone())
    };
    assert!(received.notes.iter().any(left_out), "{:?}", received.notes);
}

#[tokio::test(start_paused = true)]
async fn a_command_reaches_its_daemon() {
    let [a, b] = ["a", "b"].map(|name| Host::new(name, "web", Reach::Answers));
    let config = Config { stream_timeout: 3600 * SECOND, ..config() };
    let script = async |_: &Observers<Host>, control: Control| {
        sleep(SECOND).await;
        assert!(control.rotate(&b.key()));
        assert!(!control.rotate(&Fake::key()), "of another daemon");
        sleep(SECOND).await;
    };
    let (outcome, _) = follow(&[&a, &b], None, config, script).await.unwrap();
    let rotations: Vec<u64> = outcome.by_daemon.iter().map(|(_, of)| of.rotations).collect();
    assert_eq!(rotations, [0, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_one_container_does_not_delay_the_lines_of_another() {
    const MILLI: Duration = Duration::from_millis(1);
    let [a, b] = ["a", "b"].map(|name| Host::new(name, "web", Reach::Answers));
    // A stream that is opened anew reads some messages again, one at a time here.
    let config = Config { stream_timeout: 3600 * SECOND, ..config() };
    let engine =
        |host: &Host| Engine::new(Arc::new(host.clone()), Registry::default(), config.clone());
    let (events, mut received) = mpsc::channel(4);
    let stop = CancellationToken::new();
    let selection = Selection::all();
    let running = Engines::new(vec![engine(&a), engine(&b)]).run(&selection, events, stop.clone());
    let begun = Instant::now();
    let script = async {
        // More than the output takes in all of that time.
        (0..8000).for_each(|number| a.write(number));
        for number in 0..100 {
            sleep(20 * MILLI).await;
            b.write(number);
        }
        sleep(SECOND).await;
    };
    let output = async {
        let (mut flood, mut delays) = (0, Vec::new());
        // A batch each millisecond.
        while let Some(event) = received.recv().await {
            if let Event::Lines(lines) = &event {
                match lines.label.key.daemon.host().map(|host| &**host) {
                    Some("a") => flood += lines.len(),
                    _ => delays.extend(lines.iter().map(|(line, _)| {
                        let number = u32::try_from(line.time.as_nanos()).unwrap();
                        begun.elapsed().saturating_sub(20 * MILLI * (number + 1))
                    })),
                }
            }
            if delays.len() == 100 {
                stop.cancel();
            }
            sleep(MILLI).await;
        }
        (flood, delays)
    };
    let (outcome, (), (flood, delays)) = tokio::join!(running, script, output);
    outcome.unwrap();
    assert_eq!(delays.len(), 100);
    assert!(1000 < flood && flood < 8000, "the flood never ends: {flood}");
    let longest = delays.iter().max().unwrap();
    assert!(*longest <= 20 * MILLI, "{longest:?}");
}

/// Follows these daemons for this long; returns the time of the end.
async fn follow_for(
    hosts: &[&Host],
    time: Duration,
    config: Config,
    script: impl AsyncFnOnce(),
) -> (Result<(Outcome, Received), StartError>, Duration) {
    let config = Config { follow_for: Some(time), ..config };
    let begun = Instant::now();
    let engine =
        |host: &&Host| Engine::new(Arc::new((*host).clone()), Registry::default(), config.clone());
    let engines = Engines::new(hosts.iter().map(engine).collect());
    let (events, received) = mpsc::channel(4);
    let selection = Selection::all();
    let running = async {
        let outcome = engines.run(&selection, events, CancellationToken::new()).await;
        (outcome, begun.elapsed())
    };
    let ((outcome, ended), received, ()) = tokio::join!(running, Received::all(received), script());
    (outcome.map(|outcome| (outcome, received)), ended)
}

#[tokio::test(start_paused = true)]
async fn a_daemon_that_answers_after_the_end_is_still_read() {
    let [a, b] = ["a", "b"].map(|name| Host::new(name, "web", Reach::Answers));
    b.set(Reach::Silent);
    (0..5).for_each(|number| (a.write(number), b.write(number)).0);
    let late = async || {
        sleep(5 * SECOND).await;
        b.set(Reach::Answers);
    };
    let (done, ended) = follow_for(&[&a, &b], SECOND, config(), late).await;
    let (outcome, received) = done.unwrap();
    assert_eq!((received.of("a").len(), received.of("b").len()), (5, 5));
    assert!(outcome.left_out.is_empty() && ended < 10 * SECOND, "{ended:?}");
}

#[tokio::test(start_paused = true)]
async fn a_daemon_that_is_away_until_the_end_is_an_error_then() {
    let [a, b] = ["a", "b"].map(|name| Host::new(name, "web", Reach::Refuses));
    let config = || Config { wait: true, ..config() };
    let (done, ended) = follow_for(&[&a, &b], 60 * SECOND, config(), async || ()).await;
    assert!(matches!(done, Err(StartError::AllAway(_))), "{done:?}");
    assert!((60..70).contains(&ended.as_secs()), "{ended:?}");
    // The time counts from the start, even if the daemon joins later.
    a.set(Reach::Answers);
    let comes = async || {
        sleep(30 * SECOND).await;
        b.set(Reach::Answers);
    };
    let (done, ended) = follow_for(&[&b], 60 * SECOND, config(), comes).await;
    assert!(done.is_ok());
    assert!((60..65).contains(&ended.as_secs()), "{ended:?}");
}
