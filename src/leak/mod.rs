//! `cmon leak-check`: whether opening and closing log streams leaks, whose leak it is, and how fast.

pub mod judge;
