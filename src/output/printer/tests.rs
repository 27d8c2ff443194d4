//! The printer against pipes that a test reads, blocks and closes.
