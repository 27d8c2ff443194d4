//! What `cmon watch` writes where there is no screen: a table, lines of totals, JSON.
//! `docs/json.md` documents the fields of its JSON.

mod json;
mod table;
mod writer;

pub use writer::{Form, SnapshotWriter};
