//! What the tests of the forms share: example reports, and a check of JSON against its schema.

pub(in crate::leak) mod example_reports;
pub(in crate::leak) mod schema_check;
mod text;
