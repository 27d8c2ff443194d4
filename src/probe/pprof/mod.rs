//! Reads Go's goroutine profile (`/debug/pprof/goroutine?debug=1`): the total, and groups by stack. Pure.
//!
//! ```text
//! goroutine profile: total 21
//! 8 @ 0x43b256 0x44b01c
//! # labels: {"container":"web"}
//! #   0x6b1c24   main.(*follower).follow+0x64   /src/main.go:22
//! ```
//!
//! From a truncated text it keeps the complete groups, and marks the profile as truncated.

mod frames;
mod labels;
mod profile;
#[cfg(test)]
mod tests;

pub use profile::{
    Extent, Kind, PprofError, Profile, followers, names_program, parse, total, without_labels,
};
