//! What each judge must say, on numbers computed elsewhere, on simulated targets and on any input.

mod golden;
mod simulator;
mod table;
