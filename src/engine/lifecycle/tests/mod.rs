//! Each path through the state machine by example, and any sequence of inputs against its rules.

mod leaving;
mod random_inputs;
mod run_changes;
mod stream_failures;
mod support;
