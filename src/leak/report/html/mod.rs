//! The report as one HTML file: no network, no fonts, nothing beside it. It prints, it follows the
//! reader's choice of light or dark, and it says in words whatever it says in colour.
//!
//! ```text
//!  banner: verdict, sentence         report_page   the page from top to bottom
//!  what it means, figures            parts    tables, lists, bars; elements
//!  table of metrics                  chart    one series as SVG
//!  a card for each: chart, groups    scale    readings to the plane
//!  leftovers, rules, parameters      page.css, page.js
//! ```
//!
//! Several runs that are compared are one page too ([`comparison`]): the table of the comparison, and
//! below it all of this for each run.

mod chart;
mod comparison_page;
mod elements;
mod parts;
mod report_page;
mod scale;
#[cfg(test)]
mod tests;

pub(crate) use comparison_page::comparison;
pub(crate) use report_page::html;
