//! The state machine, step by step and under any sequence of inputs.
