//! The parts of the daemon's JSON answers that cmon uses. Pure.

mod container_list;
mod daemon_events;
mod daemon_info;
mod inspected;

pub(super) use container_list::list;
pub(super) use daemon_events::{Message, container_event, remembered};
pub use daemon_info::{Info, Process, Version};
pub(super) use daemon_info::{identity, info, process, threads, version};
pub(super) use inspected::container;

#[cfg(test)]
mod tests;
