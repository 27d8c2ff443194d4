//! Typed reasons of restarts and missing metrics. Each formats as the sentence that reports print.

mod cut;
pub(crate) mod form;
mod process;
mod several;
mod unavailable;

pub(crate) use cut::{CutReason, Fall, RestartSign};
pub(crate) use form::Noted;
pub(crate) use process::{ProcessError, ProcessPart};
pub(crate) use several::{SeveralProcesses, SeveralSign};
pub(crate) use unavailable::{Refusal, UnavailableReason};
