//! The screen.
#![expect(missing_docs)]
use crate::engine::Control;
use crate::engine::event::Event;
use crate::snapshot::Snapshot;
use std::io;
use std::sync::Arc;
use tokio::sync::mpsc;
pub struct Screen;
pub enum Closed {
    Done,
    Interrupted,
    Failed(Arc<io::Error>),
}
impl Screen {
    pub fn open(
        _: bool,
        _: mpsc::Receiver<Event>,
        _: Box<dyn FnMut() -> Snapshot + Send>,
        _: Control,
    ) -> io::Result<Self> {
        Ok(Self)
    }
    pub fn stop(&self) {}
    pub async fn closed(&mut self) -> Closed {
        Closed::Done
    }
}
