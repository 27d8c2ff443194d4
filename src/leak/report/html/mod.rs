//! The report as one self-contained HTML file, without network, fonts or other files. It prints, supports light and
//! dark, and never uses color alone.
//!
//! ```text
//!  banner: verdict, sentence         report_page   the page from top to bottom
//!  what it means, figures            parts    tables, lists, bars; elements
//!  table of metrics                  chart    one series as SVG
//!  a card for each: chart, groups    scale    axes and points
//!  leftovers, rules, parameters      page.css, page.js
//! ```
//!
//! A comparison is one page too ([`comparison`]): its table, then all of this for each run.

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
