//! What each judge must say, on numbers computed elsewhere, on simulated targets, on the series of a
//! real program, and on any input.

mod cohorts;
mod courses;
mod family;
mod golden;
mod lumps;
mod measured;
mod planned;
mod properties;
mod rules;
mod simulator;
mod table;
mod timed;
