//! The terminal: taken over, drawn on, and given back, whatever happens.
//!
//! Whether it is taken over is known to the whole process, so that it can be given back from anywhere:
//! by the thread that took it, by a panic anywhere, and by the thread that waits for it in vain.

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

/// The terminal is ours.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// Panics of other threads, held back while it was taken.
static UNTOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// The thread that draws.
pub(super) const THREAD: &str = "screen";

/// The terminal, taken over; dropping it gives it back.
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

    /// Fails once the terminal is gone. Reading keys does not fail then, and a paused screen draws nothing that could fail.
    pub(super) fn is_there() -> io::Result<()> {
        rustix::termios::tcgetattr(io::stdout())?;
        Ok(())
    }

    /// Draws what has changed.
    pub(super) fn draw(&mut self, model: &Model) -> io::Result<()> {
        if !TAKEN.load(SeqCst) {
            return Ok(());
        }
        self.screen.draw(|frame| view::draw(frame, model))?;
        Ok(())
    }

    /// Takes it over again after it was given back; all is drawn anew.
    pub(super) fn take_again(&mut self) -> io::Result<()> {
        // Whoever had it meanwhile may have left it in any state.
        give_back();
        take_over()?;
        self.forget()
    }

    /// Draws everything with the next frame, since somebody else may have drawn.
    pub(super) fn forget(&mut self) -> io::Result<()> {
        // Its `clear` asks the terminal where the cursor is, and the answer would be read as keys.
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

/// Gives the terminal back, unless that is done, and prints the panics that were held back.
pub(super) fn give_back() {
    if !TAKEN.swap(false, SeqCst) {
        return;
    }
    // A terminal that is gone needs nothing more. Its settings come first: to write may block.
    let _ = terminal::disable_raw_mode();
    let _ = execute!(io::stdout(), terminal::LeaveAlternateScreen, cursor::Show);
    for text in UNTOLD.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        let _ = writeln!(io::stderr(), "{text}");
    }
}

/// Restores what it can without waiting: somebody may be in the middle of a write to a terminal that
/// nobody reads, and has stdout until then. Its settings do not need it, and the rest is tried.
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
    // Opened anew: the flags of stdout are those of the shell too.
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let tty = rustix::termios::ttyname(io::stdout(), Vec::new())
        .and_then(|path| rustix::fs::open(path, flags, Mode::empty()));
    if let Ok(tty) = tty {
        let _ = rustix::io::write(tty, &leave);
    }
}

/// A panic of the screen gives the terminal back before it is printed; any other waits with its words until
/// that is done: a reader's panic ends nothing, and the note that it makes is on the screen.
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

/// What an event of the terminal means, if anything.
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
