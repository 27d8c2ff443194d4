//! The answers that go on: logs and events, in chunks.

use std::io;

use super::log::{Message, Wanted};
use super::routes::{Question, Refusal, unknown};
use super::valve::Valve;
use super::world::World;
use crate::engine::source::StdStream;

/// Messages encoded per look at the world.
const BATCH: usize = 64;

/// One answer with a log.
#[derive(Debug)]
pub(super) struct Logs {
    id: String,
    wanted: Wanted,
    timestamps: bool,
    /// What stands before each message, where details were asked for: its containers have a log tag alone.
    details: String,
    tty: bool,
    follow: bool,
    /// The run that is followed; the follow ends with it.
    run: u64,
    /// The number of the next message.
    next: u64,
    /// Messages left until the daemon ends the log without a reason.
    left: usize,
}

impl Logs {
    pub(super) fn open(
        world: &World,
        question: &Question,
        end_after: Option<usize>,
    ) -> Result<Self, Refusal> {
        let state = world.lock();
        let id = state.find(&question.container);
        let life = id.and_then(|id| state.lives.get(&id));
        let life = life.ok_or_else(|| unknown(&question.container))?;
        let wanted = question.wanted()?;
        if life.driver == "none" {
            return Err((501, "configured logging driver does not support reading".to_owned()));
        }
        Ok(Self {
            id: life.id.clone(),
            wanted,
            timestamps: question.flag("timestamps"),
            details: match question.flag("details") {
                true => format!("tag={} ", life.name),
                false => String::new(),
            },
            tty: life.tty,
            // As the real one: a follow of what does not run is a finite read.
            follow: question.flag("follow") && life.phase.is_live(),
            run: life.run,
            next: life.log.start(wanted.tail),
            left: end_after.unwrap_or(usize::MAX),
        })
    }

    pub(super) async fn run(mut self, world: &World, valve: &mut Valve) -> io::Result<()> {
        let _counted = self.follow.then(|| Follower::enter(world, &self.id));
        let kind = match world.lock().version.starts_with("20.") {
            true => "",
            false if self.tty => "Content-Type: application/vnd.docker.raw-stream\r\n",
            false => "Content-Type: application/vnd.docker.multiplexed-stream\r\n",
        };
        valve.begin_chunked(world, 200, kind).await?;
        let mut changes = world.changes();
        loop {
            changes.mark_unchanged();
            let (chunks, over) = self.read(world);
            for chunk in &chunks {
                valve.chunk(chunk).await?;
            }
            if over {
                return valve.end_chunked().await;
            }
            if chunks.is_empty() {
                valve.changed(&mut changes).await?;
            }
        }
    }

    /// The next chunks, and whether they are the last.
    fn read(&mut self, world: &World) -> (Vec<Vec<u8>>, bool) {
        let state = world.lock();
        let mut chunks = Vec::new();
        let Some(life) = state.lives.get(&self.id) else {
            return (chunks, true);
        };
        while chunks.len() < BATCH {
            if self.left == 0 {
                return (chunks, true);
            }
            let Some((number, message, times)) = life.log.get(self.next) else {
                let goes_on = self.follow && life.phase.is_live() && life.run == self.run;
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
        text.extend_from_slice(self.details.as_bytes());
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
    world: World,
    id: String,
}

impl Follower {
    fn enter(world: &World, id: &str) -> Self {
        if let Some(life) = world.lock().lives.get_mut(id) {
            life.followers += 1;
        }
        Self { world: world.clone(), id: id.to_owned() }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let mut state = self.world.lock();
        state.follows_closed += 1;
        if let Some(life) = state.lives.get_mut(&self.id) {
            life.followers -= 1;
        }
    }
}

/// The events from now on.
pub(super) async fn events(world: &World, valve: &mut Valve) -> io::Result<()> {
    let mut changes = world.changes();
    let mut next = {
        let state = world.lock();
        state.first_event + state.events.len() as u64
    };
    valve.begin_chunked(world, 200, "Content-Type: application/json\r\n").await?;
    loop {
        changes.mark_unchanged();
        let fresh: Vec<String> = {
            let state = world.lock();
            let skip = usize::try_from(next.saturating_sub(state.first_event)).unwrap_or(0);
            next = state.first_event + state.events.len() as u64;
            state.events.iter().skip(skip).cloned().collect()
        };
        for event in &fresh {
            valve.chunk(event.as_bytes()).await?;
        }
        valve.changed(&mut changes).await?;
    }
}
