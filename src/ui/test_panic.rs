//! A panic on request of a test; release builds have none.

/// Panics if a test requests it with `CMON_TEST_PANIC`, since there is no other way to test that the terminal survives.
/// The screen panics after its first frame, the main thread at the first signal: by then the terminal is taken. Release
/// builds ignore the variable.
pub(crate) fn panic_on_purpose(thread: &str) {
    if cfg!(debug_assertions)
        && std::env::var("CMON_TEST_PANIC").is_ok_and(|wanted| wanted == thread)
    {
        panic!("{thread} panicked on purpose");
    }
}
