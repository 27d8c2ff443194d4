//! Does following logs leak: in cmon, in the daemon, in the collector under test?
//!
//! ```text
//!  plan ─▶ session ──drives──▶ engine          readings, rungs, dumps
//!             └──asks──▶ probe ─▶ Record ─▶ … ─▶ judge ─▶ report::Report ─▶ text, JSON, JUnit, HTML
//! ```
//!
//! A run is a list of [`Record`](record::Record)s, and the verdict is a pure function of them: so a
//! recording that is judged again gives the same verdict, and every rule is a test without a clock.

pub mod attribute;
pub mod command;
pub mod judge;
pub mod probe;
pub mod record;
pub mod report;
pub mod selftest;
pub mod session;
pub mod verdict;
