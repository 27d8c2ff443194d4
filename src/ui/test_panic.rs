//! A panic that tests ask for; release builds have none.

/// Panics where a test asks for it with `CMON_TEST_PANIC`: that the terminal survives it cannot be tried
/// otherwise. The screen does after its first frame, the main thread at the first signal: by then the terminal
/// is taken. Release builds know nothing of it.
pub(crate) fn panic_on_purpose(thread: &str) {
    if cfg!(debug_assertions)
        && std::env::var("CMON_TEST_PANIC").is_ok_and(|wanted| wanted == thread)
    {
        panic!("{thread} panicked on purpose");
    }
}
