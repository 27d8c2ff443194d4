//! The output of `cmon watch` without a screen: a table, lines of totals, or JSON. `docs/json.md` documents the fields.

mod json;
mod snapshot_writer;
mod table;

pub(crate) use snapshot_writer::{Form, SnapshotWriter};
