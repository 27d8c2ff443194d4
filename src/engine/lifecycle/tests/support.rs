//! A follower with a short text form for inputs and acts, so that tests read as scripts.

use std::time::Duration;

use crate::engine::event::{EndReason, Notice};
use crate::engine::lifecycle::*;
use crate::engine::source::{ErrorKind, Phase, ReadMode, SourceError};
pub(super) use crate::engine::tests::support::container;

/// The text form of an [`Act`].
fn show(acts: &[Act]) -> String {
    let show = |act: &Act| match act {
        Act::Say(Notice::Exited(Some(exit))) => format!("exited {}", exit.code),
        Act::Say(Notice::Exited(None)) => "exited".to_owned(),
        Act::Say(Notice::Restarting(_)) => "restarting".to_owned(),
        Act::Say(Notice::Started) => "started".to_owned(),
        Act::Say(Notice::Removed) => "removed".to_owned(),
        Act::Say(Notice::StreamBroke { .. }) => "broke".to_owned(),
        Act::Say(Notice::EndsEarly { times, .. }) => format!("ends early {times}"),
        Act::Say(Notice::Unreadable { .. }) => "unreadable".to_owned(),
        Act::Say(Notice::GivenUp { .. }) => "given up".to_owned(),
        Act::Say(Notice::ReaderPanicked { .. }) => "panicked".to_owned(),
        Act::Say(Notice::Lossy(_)) => "lossy".to_owned(),
        Act::Say(other) => format!("{other:?}"),
        Act::Wake(_) => "wake".to_owned(),
        Act::Flush(Some(cause)) => format!("lost {}", cause.word()),
        Act::Flush(None) => "flush".to_owned(),
        other => format!("{other:?}").to_lowercase(),
    };
    acts.iter().map(show).collect::<Vec<_>>().join(", ")
}

pub(super) fn error(kind: ErrorKind) -> SourceError {
    SourceError::new(kind, "no")
}

/// A follower with inputs and acts as short texts.
pub(super) struct Driven(pub(super) Lifecycle);

impl Driven {
    pub(super) fn new(mode: ReadMode, joined: Joined) -> Self {
        Self(Lifecycle::new(mode, joined))
    }

    pub(super) fn step(&mut self, input: &Input<'_>) -> String {
        show(&self.0.step(input, 0.5))
    }

    pub(super) fn inspected(&mut self, phase: Phase, run: &str) -> String {
        self.step(&Input::Inspected(Ok(&container(phase, run))))
    }

    pub(super) fn ended(&mut self, reason: &EndReason, progress: Progress) -> String {
        self.step(&Input::StreamEnded { reason, progress, stood: Duration::from_secs(1) })
    }

    pub(super) fn drained(&mut self) -> String {
        self.step(&Input::Drained(&EndReason::Eof))
    }

    /// One that was running at the start and is followed.
    pub(super) fn following() -> Self {
        let mut driven = Self::new(ReadMode::Follow, Joined::AtStart);
        assert_eq!(driven.inspected(Phase::Running, "one"), "follow", "no news");
        driven
    }
}
