//! A place in the channel and the container's turn, which comes before the anchor advances; a follow waits
//! for a place for a limited time.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;

use super::Reader;
use crate::engine::event::{EndReason, Event};
use crate::engine::files::held_back_after;
use crate::engine::resume::Resume;
use crate::engine::source::{ReadMode, Source};
use crate::engine::turns::Turn;

/// The interval of events that report that stored lines are read.
const SIGN_AFTER: Duration = Duration::from_secs(1);

/// A place in the channel.
pub(super) struct Permit<'a> {
    slot: mpsc::Permit<'a, Event>,
    turn: Option<Turn>,
}

impl Permit<'_> {
    /// Sends an event; lines take the turn along.
    pub(super) fn send(self, mut event: Event) {
        if let Event::Lines(lines) = &mut event {
            lines.turn = self.turn;
        }
        self.slot.send(event);
    }
}

impl<S: Source> Reader<S> {
    /// A place in the channel, when it is the container's turn. A follow of a log that is kept in files does not wait for long: the
    /// stream ends, and is read on from the store when the output takes lines again.
    pub(super) async fn permit(
        &self,
        resume: &mut Resume,
        mode: ReadMode,
    ) -> Result<Permit<'_>, EndReason> {
        if let Some(label) = self.new_name.take() {
            resume.rename(label);
        }
        let turn = match self.turns.is_free() {
            true => None,
            false => tokio::select! {
                biased;
                () = self.stop.cancelled() => return Err(EndReason::Cancelled),
                turn = self.turns.next() => turn,
            },
        };
        if let Ok(slot) = self.events.try_reserve() {
            return Ok(Permit { slot, turn });
        }
        self.row_state.lag.wait();
        let slot = self.reserve_until_held_back(resume, mode).await;
        self.row_state.lag.go_on();
        Ok(Permit { slot: slot?, turn })
    }

    /// Says now and then that stored lines are read although none is handed on, where others wait for them.
    pub(super) fn give_sign(&self) {
        if self.turns.is_sign_due(SIGN_AFTER) {
            // An output that is full is not waiting.
            let _ = self.events.try_send(Event::Reading(self.container.key.clone()));
        }
    }

    /// Reports once that all that was stored has been handed on, where lines are wanted by their times.
    pub(super) async fn caught_up(&self, resume: &mut Resume) -> Result<(), EndReason> {
        if !self.turns.is_free() {
            let permit = self.permit(resume, ReadMode::Once).await?;
            self.turns.free();
            permit.send(Event::CaughtUp(self.container.key.clone()));
        }
        Ok(())
    }

    async fn reserve_until_held_back(
        &self,
        resume: &mut Resume,
        mode: ReadMode,
    ) -> Result<mpsc::Permit<'_, Event>, EndReason> {
        let Some(limit) = self.container.file_size.map(held_back_after) else {
            return self.reserve().await;
        };
        let held_back = async {
            sleep(limit).await;
            resume.hold_back();
            if mode == ReadMode::Once {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            slot = self.reserve() => slot,
            () = held_back => Err(EndReason::HeldBack),
        }
    }

    async fn reserve(&self) -> Result<mpsc::Permit<'_, Event>, EndReason> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(EndReason::Cancelled),
            permit = self.events.reserve() => permit.map_err(|_| EndReason::Cancelled),
        }
    }
}
