//! Passes a container's new name to its reader.

use std::sync::{Arc, Mutex, PoisonError};

use crate::engine::event::Label;

/// Holds the newest name until the reader has its next permit.
#[derive(Debug, Default)]
pub(in crate::engine) struct NewName(Mutex<Option<Arc<Label>>>);

impl NewName {
    /// Stores the container's new name.
    pub(in crate::engine) fn put(&self, label: Arc<Label>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(label);
    }

    /// The last stored name, unless it was taken.
    pub(in crate::engine) fn take(&self) -> Option<Arc<Label>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
