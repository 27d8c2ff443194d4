//! Each way through the machine by example, and any sequence of events against its rules.

mod leaving;
mod random_inputs;
mod run_changes;
mod stream_failures;
mod support;
