//! What `cmon watch` writes where there is no screen: a table, lines of totals, JSON.
//!
//! With `-o json` each snapshot is one object a line, with `v` (1) and `type` (`watch`). It has every
//! field of the `summary` of `cmon tail -o json`, and beside them:
//!
//! | field | what |
//! |---|---|
//! | `time` | of the snapshot, by this machine's clock (RFC 3339, UTC) |
//! | `cycles_per_minute` | over the last minute, or five stream timeouts where those are longer |
//! | `cycles_expected` | per minute, by rotation alone |
//! | `lines_per_second`, `bytes_per_second` | over the last five seconds |
//! | `tasks_by_kind`, `connections_by_purpose` | those that live now |
//! | `away_seconds`, `retry_seconds` | while the daemon does not answer: since when, and when it is tried next |
//! | `daemon` | `endpoint`, `name`, `version`, `goroutines`, `descriptors` |
//! | `own` | `cpu_seconds`, `cpu_percent`, `memory_bytes`, `descriptors`, `threads` |
//! | `rows` | one per container, by name |
//!
//! A row: `container`, `id`, `state` (`created`, `running`, `paused`, `restarting`, `exited`, `removing`),
//! `code` and `oom` of its last exit, `stream_state` (`opening`, `streaming`, `rotating`, `catching_up`, `stale`,
//! `backing_off`, `draining`, `waiting`, `ended`), `failure` (why it cannot be read), `retry_seconds` (of a
//! stream that backs off), `stream_age_seconds`, `stream_timeout_seconds`, `last_end` (how its last stream
//! ended), `cycles`, `cycles_per_minute`, `lines`, `bytes`, `lines_per_second`, `bytes_per_second`,
//! `lag_seconds`, `gaps`, `gaps_by_cause`, `reopens` (by how the stream before ended), `note_time`, `note`.
//! A field that has nothing to tell is left out.

mod json;
mod table;
mod teller;

pub use teller::{Form, Teller};
