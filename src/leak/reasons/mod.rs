//! Reasons as facts: why a series starts anew, why a figure is missing, why a check could not go on.
//! Each has its sentence beside it, which only the writers print.

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
