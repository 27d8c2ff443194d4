//! The report of a check, from its [`facts`](super::facts): text, JSON, `JUnit`, HTML and GitHub.
//!
//! ```text
//! facts -> explain, shape_text, signature_text, headline, head    in sentences
//!       -> sections -> document                             what each part of a report holds
//!       -> text, html, github, junit, json                  the forms
//! ```

mod baseline;
pub mod compare;
pub(crate) mod document;
pub(crate) mod escape;
mod explain;
mod figures;
pub mod github;
mod head;
mod headline;
pub mod html;
pub mod json;
pub mod junit;
pub mod numbers;
pub mod plan_report;
mod ranking;
#[cfg(test)]
mod sample;
#[cfg(test)]
pub(in crate::leak) mod schema_check;
mod sections;
mod sentences;
mod shape_text;
mod signature_text;
mod sparkline;
pub mod text;

pub use document::Detail;
