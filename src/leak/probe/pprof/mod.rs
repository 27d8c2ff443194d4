//! The text of Go's goroutine profile (`/debug/pprof/goroutine?debug=1`): how many goroutines there
//! are, and which of them are alike. Pure.
//!
//! ```text
//! goroutine profile: total 21
//! 8 @ 0x43b256 0x44b01c
//! # labels: {"container":"web"}
//! #   0x6b1c24   main.(*follower).follow+0x64   /src/main.go:22
//! ```
//!
//! A text that breaks off is as good as it goes: the groups up to there are kept, and it is said.

mod frames;
mod labels;
mod profile;
#[cfg(test)]
mod tests;

pub use profile::{
    Extent, Kind, PprofError, Profile, followers, names_program, parse, total, without_labels,
};
