//! Answers without a fixed end: logs and events, in chunks.

use std::io;
use std::time::Duration;

use tokio::time::sleep;

use super::events::Event;
use super::fake_daemon::FakeDaemon;
use super::filters::Filters;
use super::log::{Message, Wanted};
use super::response_writer::ResponseWriter;
use super::routes::{Question, Refusal, unknown};
use crate::engine::source::StdStream;
use crate::engine::timestamp::Timestamp;

/// The number of messages encoded per look at the daemon.
const BATCH_MESSAGES: usize = 64;

/// One answer with a log.
#[derive(Debug)]
pub(super) struct Logs {
    id: String,
    wanted: Wanted,
    timestamps: bool,
    /// The details before each message, if requested.
    details: Option<String>,
    tty: bool,
    follow: bool,
    /// The followed run; the follow ends with it.
    run: u64,
    /// The number of the next message.
    next: u64,
    /// The number of messages left until a fault ends the log.
    left: usize,
}

impl Logs {
    pub(super) fn open(
        fake: &FakeDaemon,
        question: &Question,
        end_after: Option<usize>,
    ) -> Result<Self, Refusal> {
        let state = fake.lock();
        let id = state.find(&question.container);
        let container = id.and_then(|id| state.containers.get(&id));
        let container = container.ok_or_else(|| unknown(&question.container))?;
        let wanted = question.wanted()?;
        if container.spec.driver == "none" {
            return Err((501, "configured logging driver does not support reading".to_owned()));
        }
        Ok(Self {
            id: container.id.clone(),
            wanted,
            timestamps: question.flag("timestamps"),
            details: question.flag("details").then(|| container.spec.details()),
            tty: container.spec.tty,
            // As in the real daemon, a follow of a stopped container is a finite read.
            follow: question.flag("follow") && container.phase.is_live(),
            run: container.run,
            next: container.log.start(wanted.tail),
            left: end_after.unwrap_or(usize::MAX),
        })
    }

    pub(super) async fn run(
        mut self,
        fake: &FakeDaemon,
        response: &mut ResponseWriter,
    ) -> io::Result<()> {
        let _counted = self.follow.then(|| Follower::enter(fake, &self.id));
        let kind = match fake.lock().version.starts_with("20.") {
            true => "",
            false if self.tty => "Content-Type: application/vnd.docker.raw-stream\r\n",
            false => "Content-Type: application/vnd.docker.multiplexed-stream\r\n",
        };
        response.begin_chunked(fake, 200, kind).await?;
        let mut changes = fake.changes();
        loop {
            changes.mark_unchanged();
            let (chunks, over) = self.read(fake);
            for chunk in &chunks {
                response.chunk(chunk).await?;
            }
            if over {
                return response.end_chunked().await;
            }
            if chunks.is_empty() {
                response.changed(&mut changes).await?;
            }
        }
    }

    /// The next chunks, and whether they are the last.
    fn read(&mut self, fake: &FakeDaemon) -> (Vec<Vec<u8>>, bool) {
        let state = fake.lock();
        let mut chunks = Vec::new();
        let Some(container) = state.containers.get(&self.id) else {
            return (chunks, true);
        };
        while chunks.len() < BATCH_MESSAGES {
            if self.left == 0 {
                return (chunks, true);
            }
            let Some((number, message, times)) = container.log.get(self.next) else {
                let goes_on = self.follow && container.phase.is_live() && container.run == self.run;
                return (chunks, !goes_on);
            };
            self.next = number + 1;
            self.left -= 1;
            let times = if self.follow { times } else { 1 };
            match self.wanted.takes(message) {
                Some(true) => chunks.extend(std::iter::repeat_n(self.encode(message), times)),
                Some(false) => {}
                None => return (chunks, true),
            }
        }
        (chunks, false)
    }

    fn encode(&self, message: &Message) -> Vec<u8> {
        let mut text = Vec::new();
        if self.timestamps {
            message.time.write(&mut text);
            text.push(b' ');
        }
        if let Some(details) = &self.details {
            text.extend_from_slice(details.as_bytes());
            text.push(b' ');
        }
        text.extend_from_slice(&message.payload);
        if self.tty {
            return text;
        }
        let stream = if message.stream == StdStream::Stdout { 1 } else { 2 };
        let length = u32::try_from(text.len()).expect("a message is 16 KiB at most").to_be_bytes();
        [&[stream, 0, 0, 0], length.as_slice(), &text].concat()
    }
}

/// Counts a follow for as long as it is open.
struct Follower {
    fake: FakeDaemon,
    id: String,
}

impl Follower {
    fn enter(fake: &FakeDaemon, id: &str) -> Self {
        if let Some(container) = fake.lock().containers.get_mut(id) {
            container.followers += 1;
        }
        Self { fake: fake.clone(), id: id.to_owned() }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let mut state = self.fake.lock();
        state.follows_closed += 1;
        if let Some(container) = state.containers.get_mut(&self.id) {
            container.followers -= 1;
        }
    }
}

/// One answer with events.
#[derive(Debug)]
pub(super) struct Subscription {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    filters: Filters,
    /// The number of the next event.
    next: u64,
}

impl Subscription {
    pub(super) fn open(fake: &FakeDaemon, question: &Question) -> Result<Self, Refusal> {
        let (since, until) = (question.time("since")?, question.time("until")?);
        if let (Some(since), Some(until)) = (since, until)
            && until < since
        {
            let message = format!("`since` time ({since}) cannot be after `until` time ({until})");
            return Err((400, message));
        }
        let filters = question.filters()?;
        let state = fake.lock();
        // As in the real daemon, past events are sent if a time was named.
        let next = if since.or(until).is_some() { 0 } else { state.events.end() };
        Ok(Self { since, until, filters, next })
    }

    pub(super) async fn run(
        mut self,
        fake: &FakeDaemon,
        response: &mut ResponseWriter,
    ) -> io::Result<()> {
        response.begin_chunked(fake, 200, "Content-Type: application/json\r\n").await?;
        let mut changes = fake.changes();
        loop {
            changes.mark_unchanged();
            let (lines, left) = self.read(fake);
            for line in &lines {
                response.chunk(line.as_bytes()).await?;
            }
            tokio::select! {
                woken = response.changed(&mut changes) => woken?,
                () = wait(left) => return response.end_chunked().await,
            }
        }
    }

    /// The new events, and how long the answer continues.
    fn read(&mut self, fake: &FakeDaemon) -> (Vec<String>, Option<Duration>) {
        let state = fake.lock();
        let from = self.next;
        self.next = state.events.end();
        let within = |event: &&Event| {
            self.since.is_none_or(|since| since <= event.time)
                && self.until.is_none_or(|until| event.time <= until)
        };
        let fresh = state.events.from(from).filter(within);
        let lines = fresh.filter(|event| event.passes(&self.filters)).map(Event::line).collect();
        let left = self.until.map(|until| {
            let nanos = (until.as_nanos() - state.now().as_nanos()).max(0);
            Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
        });
        (lines, left)
    }
}

/// Waits for this time, or forever.
async fn wait(time: Option<Duration>) {
    match time {
        Some(time) => sleep(time).await,
        None => std::future::pending().await,
    }
}
