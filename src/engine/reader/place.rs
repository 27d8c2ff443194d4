//! A place in the channel, which comes before the anchor advances; a follow does not wait for it for ever.

use tokio::sync::mpsc;
use tokio::time::sleep;

use super::super::event::{EndReason, Event};
use super::super::files::held_back_after;
use super::super::source::Source;
use super::Reader;

impl<S: Source> Reader<S> {
    /// A place in the channel. A follow of a log that is kept in files does not wait for long: the
    /// stream ends, and is read on from the store when the output takes lines again.
    pub(super) async fn permit(&self, follow: bool) -> Result<mpsc::Permit<'_, Event>, EndReason> {
        if let Ok(permit) = self.events.try_reserve() {
            return Ok(permit);
        }
        self.card.lag.wait(true);
        let permit = self.patient_permit(follow).await;
        self.card.lag.wait(false);
        permit
    }

    async fn patient_permit(&self, follow: bool) -> Result<mpsc::Permit<'_, Event>, EndReason> {
        let Some(patience) = self.container.file_size.map(held_back_after) else {
            return self.place().await;
        };
        let held_back = async {
            sleep(patience).await;
            self.with_resume(|resume| resume.hold_back(true));
            if !follow {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            place = self.place() => place,
            () = held_back => Err(EndReason::HeldBack),
        }
    }

    async fn place(&self) -> Result<mpsc::Permit<'_, Event>, EndReason> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(EndReason::Cancelled),
            permit = self.events.reserve() => permit.map_err(|_| EndReason::Cancelled),
        }
    }
}
