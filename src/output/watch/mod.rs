//! What `cmon watch` writes where there is no screen: a table, lines of totals, JSON.
//! `docs/json.md` documents the fields of its JSON.

mod json;
mod snapshot_writer;
mod table;

pub(crate) use snapshot_writer::{Form, SnapshotWriter};
