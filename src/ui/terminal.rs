//! The terminal: taken over, drawn on, and restored in any case.
//!
//! The state is global to the process, so that any code can restore the terminal: the thread that took it, any panic,
//! and the thread that waits for the first in vain.

use std::io::{self, BufWriter, Stdout, Write};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Mutex, Once, PoisonError};
use std::{panic, thread};

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use crossterm::{cursor, execute, queue, terminal};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use rustix::fs::{Mode, OFlags};

use super::model::{Input, Key, Model};
use super::view;

/// Whether the terminal is taken over.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// Panic messages of other threads, delayed until the terminal is restored.
static UNTOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// The drawing thread.
pub(super) const THREAD: &str = "screen";

/// The terminal, taken over; dropping it restores it.
#[derive(Debug)]
pub(super) struct Terminal {
    screen: ratatui::Terminal<CrosstermBackend<BufWriter<Stdout>>>,
}

impl Terminal {
    /// Takes the terminal over.
    pub(super) fn take() -> io::Result<Self> {
        give_back_on_panic();
        // A frame goes out in one write.
        let backend = CrosstermBackend::new(BufWriter::with_capacity(1 << 16, io::stdout()));
        take_over()?;
        match ratatui::Terminal::new(backend) {
            Ok(screen) => Ok(Self { screen }),
            Err(error) => {
                give_back();
                Err(error)
            }
        }
    }

    /// Its columns and rows.
    pub(super) fn size() -> io::Result<(u16, u16)> {
        terminal::size()
    }

    /// Fails once the terminal is gone. Reading keys does not fail then, and a paused screen draws nothing that could.
    pub(super) fn is_there() -> io::Result<()> {
        rustix::termios::tcgetattr(io::stdout())?;
        Ok(())
    }

    /// Draws the changes.
    pub(super) fn draw(&mut self, model: &Model) -> io::Result<()> {
        if !TAKEN.load(SeqCst) {
            return Ok(());
        }
        self.screen.draw(|frame| view::draw(frame, model))?;
        Ok(())
    }

    /// Takes the terminal over again after it was restored; redraws everything.
    pub(super) fn take_again(&mut self) -> io::Result<()> {
        // Another program may have left it in any state.
        give_back();
        take_over()?;
        self.forget()
    }

    /// Redraws everything with the next frame, since another program may have drawn.
    pub(super) fn forget(&mut self) -> io::Result<()> {
        // Ratatui's `clear` requests the cursor's position from the terminal, and the answer would be read as keys.
        let (columns, rows) = Self::size()?;
        self.screen.resize(Rect::new(0, 0, columns, rows))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        give_back();
    }
}

fn take_over() -> io::Result<()> {
    TAKEN.store(true, SeqCst);
    let taken = terminal::enable_raw_mode()
        .and_then(|()| execute!(io::stdout(), terminal::EnterAlternateScreen, cursor::Hide));
    if taken.is_err() {
        give_back();
    }
    taken
}

/// Restores the terminal, unless that is done, and prints the delayed panics.
pub(super) fn give_back() {
    if !TAKEN.swap(false, SeqCst) {
        return;
    }
    // A terminal that is gone needs no more. Its settings come first: a write may block.
    let _ = terminal::disable_raw_mode();
    let _ = execute!(io::stdout(), terminal::LeaveAlternateScreen, cursor::Show);
    for text in UNTOLD.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        let _ = writeln!(io::stderr(), "{text}");
    }
}

/// Restores what it can without waiting. A thread may be blocked in a write to a terminal without a reader, and
/// holds stdout until then. The settings do not need stdout, and the rest is attempted.
pub(super) fn give_back_at_once() {
    if !TAKEN.swap(false, SeqCst) {
        return;
    }
    let _ = terminal::disable_raw_mode();
    let mut leave = Vec::new();
    let _ = queue!(leave, terminal::LeaveAlternateScreen, cursor::Show);
    for text in UNTOLD.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        leave.extend_from_slice(format!("{text}\n").as_bytes());
    }
    // Opened again, since the flags of stdout are those of the shell too.
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let tty = rustix::termios::ttyname(io::stdout(), Vec::new())
        .and_then(|path| rustix::fs::open(path, flags, Mode::empty()));
    if let Ok(tty) = tty {
        let _ = rustix::io::write(tty, &leave);
    }
}

/// A panic of the screen restores the terminal before its message. Other panics wait until the terminal is restored: a
/// reader's panic ends nothing, and its note is on the screen.
fn give_back_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if thread::current().name() == Some(THREAD) {
                give_back();
            }
            if TAKEN.load(SeqCst) {
                UNTOLD.lock().unwrap_or_else(PoisonError::into_inner).push(panic.to_string());
            } else {
                before(panic);
            }
        }));
    });
}

/// The input for a terminal event, if there is one.
pub(super) fn input(event: &Event) -> Option<Input> {
    match event {
        Event::Resize(columns, rows) => Some(Input::Resized(*columns, *rows)),
        Event::Key(event) if event.kind != KeyEventKind::Release => key(event).map(Input::Key),
        _ => None,
    }
}

fn key(event: &KeyEvent) -> Option<Key> {
    let control = event.modifiers.contains(KeyModifiers::CONTROL);
    if event.modifiers.contains(KeyModifiers::ALT) {
        return None;
    }
    Some(match event.code {
        KeyCode::Char(letter) if control => match letter.to_ascii_lowercase() {
            'c' => Key::Interrupt,
            'z' => Key::Suspend,
            'l' => Key::Redraw,
            'u' => Key::Clear,
            'h' => Key::Backspace,
            'd' | 'f' => Key::PageDown,
            'b' => Key::PageUp,
            'n' => Key::Down,
            'p' => Key::Up,
            _ => return None,
        },
        KeyCode::Char(letter) => Key::Char(letter),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Esc,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_the_terminal_are_keys_of_the_model() {
        let pressed = |code, modifiers| {
            input(&Event::Key(KeyEvent::new(code, modifiers))).map(|input| match input {
                Input::Key(key) => key,
                other => panic!("{other:?}"),
            })
        };
        let none = KeyModifiers::NONE;
        assert_eq!(pressed(KeyCode::Char('q'), none), Some(Key::Char('q')));
        assert_eq!(pressed(KeyCode::Char('S'), KeyModifiers::SHIFT), Some(Key::Char('S')));
        assert_eq!(pressed(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Key::Interrupt));
        assert_eq!(pressed(KeyCode::Char('z'), KeyModifiers::CONTROL), Some(Key::Suspend));
        assert_eq!(pressed(KeyCode::F(5), none), None);
        assert_eq!(pressed(KeyCode::Char('q'), KeyModifiers::ALT), None);
    }
}
