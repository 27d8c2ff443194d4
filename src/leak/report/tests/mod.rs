//! Shared test code: example reports and a JSON schema check.

pub(in crate::leak) mod example_reports;
mod reasons;
pub(in crate::leak) mod schema_check;
mod text;
