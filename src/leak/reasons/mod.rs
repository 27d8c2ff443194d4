//! Typed reasons of restarts, missing metrics and failed checks. Each formats as the sentence that reports print.

mod cut;
mod failure;
pub(crate) mod form;
mod process;
#[cfg(test)]
mod tests;
mod unavailable;

pub(crate) use cut::{CutReason, Fall, RestartSign};
pub(crate) use failure::{CommandFailure, FailureReason, SeveralSign};
pub(crate) use form::Noted;
pub(crate) use process::{ProcessError, ProcessPart};
pub(crate) use unavailable::{Refusal, UnavailableReason};
