//! Does following logs leak: in cmon, in the daemon, in the collector under test?
//!
//! ```text
//!  session ──drives──> engine
//!     └──asks──> probe ─> Record ─> verdict ─> judge
//!                                      └─> attribute ─> facts::Report ─> report ─> text, JSON, JUnit, HTML
//! ```
//!
//! A run is a list of [`Record`](record::Record)s, and the verdict is a pure function of them. So a recording that
//! is judged again gives the same verdict, and every rule is a test without a clock.

pub(crate) mod attribute;
pub(crate) mod command;
pub(crate) mod facts;
pub(crate) mod failure;
pub(crate) mod judge;
pub mod record;
pub mod report;
pub(crate) mod selftest;
pub(crate) mod session;
pub(crate) mod verdict;
