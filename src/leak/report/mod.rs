//! Formats the facts of a check as text, JSON, `JUnit`, HTML and for GitHub.
//!
//! ```text
//! facts -> explain, shape_text, signature_text, headline, head    sentences
//!       -> sections -> document                             the sections of a report
//!       -> text, html, github, junit, json                  the output formats
//! ```

mod baseline_text;
pub(crate) mod compare;
pub(crate) mod document;
pub(in crate::leak) mod explain;
pub(crate) mod github;
mod head;
mod headline;
pub(crate) mod html;
pub(crate) mod json;
pub(crate) mod junit;
pub(crate) mod plan_report;
mod ranking;
mod sections;
mod sentences;
mod shape_text;
mod signature_text;
#[cfg(test)]
pub(in crate::leak) mod tests;
pub(crate) mod text;

pub use document::Detail;
