//! Follows many log streams at once; knows neither Docker nor terminal nor command line.

pub mod census;
pub mod event;
pub mod source;
pub mod timestamp;
