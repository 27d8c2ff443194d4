//! A permit of the channel and the container's turn. The reader takes both before the anchor advances; a follow
//! waits for a permit for a limited time.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;

use super::Reader;
use crate::engine::event::{EndReason, Event};
use crate::engine::files::held_back_after;
use crate::engine::resume::Resume;
use crate::engine::source::{ReadMode, Source};
use crate::engine::turns::Turn;

/// The interval of events that report a read in progress.
const SIGN_AFTER: Duration = Duration::from_secs(1);

/// A permit of the channel.
pub(super) struct Permit<'a> {
    slot: mpsc::Permit<'a, Event>,
    turn: Option<Turn>,
}

impl Permit<'_> {
    /// Sends an event; lines carry the turn.
    pub(super) fn send(self, mut event: Event) {
        if let Event::Lines(lines) = &mut event {
            lines.turn = self.turn;
        }
        self.slot.send(event);
    }
}

impl<S: Source> Reader<S> {
    /// Waits for a permit and the container's turn. A follow of a log that is kept in files does not wait for long:
    /// the stream ends, and cmon reads on from the store when the output takes lines again.
    pub(super) async fn permit(
        &self,
        resume: &mut Resume,
        mode: ReadMode,
    ) -> Result<Permit<'_>, EndReason> {
        let permit = self.permit_for(resume, mode).await?;
        // What the reader makes of its permit has the newest name.
        if let Some(label) = self.new_name.take() {
            resume.rename(label);
        }
        Ok(permit)
    }

    async fn permit_for(
        &self,
        resume: &mut Resume,
        mode: ReadMode,
    ) -> Result<Permit<'_>, EndReason> {
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

    /// Reports at intervals that a read is in progress, if the merge waits for its lines.
    pub(super) fn give_sign(&self) {
        if self.turns.is_sign_due(SIGN_AFTER) {
            // A full output does not wait for lines.
            let _ = self.events.try_send(Event::Reading(self.container.key.clone()));
        }
    }

    /// Sends once the event that all stored lines were sent, if lines are ordered by time.
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
