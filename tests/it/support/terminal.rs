//! A real terminal: tmux on a private server without configuration, with a shell in it. And a bare pty.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Output};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::eventually;

const INSTALL: &str = "install tmux; on Debian: apt-get install tmux";

/// A pty of 200 columns and 50 rows: the end that a test reads and types at, and the one for programs.
pub(crate) fn pty() -> (File, File) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let flags = OFlags::RDWR | OFlags::NOCTTY;
    let tty = File::from(rustix::fs::open(name, flags, Mode::empty()).unwrap());
    let size = Winsize { ws_row: 50, ws_col: 200, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&tty, size).unwrap();
    (File::from(master), tty)
}

/// A terminal of 80 columns and 24 rows, until it is resized.
pub(crate) struct Terminal {
    dir: tempfile::TempDir,
    /// The terminal's settings before anything ran.
    settings: String,
}

impl Terminal {
    /// Opens one with this daemon's address in the environment.
    #[track_caller]
    pub(crate) fn open(docker_host: Option<&str>) -> Self {
        let mut terminal = Self { dir: tempfile::tempdir().unwrap(), settings: String::new() };
        let host = format!("DOCKER_HOST={}", docker_host.unwrap_or_default());
        let shell = "PS1='ready> ' exec bash --noprofile --norc";
        let new = ["new-session", "-d", "-x", "80", "-y", "24", "-e", &host, "-e", "NO_COLOR="];
        terminal.tmux(&[&new[..], &[shell]].concat());
        terminal.wait_for("ready>");
        terminal.settings = terminal.settings();
        terminal
    }

    fn tmux(&self, args: &[&str]) -> Output {
        let done = Command::new("tmux")
            .args(["-f", "/dev/null", "-S"])
            .arg(self.dir.path().join("tmux"))
            .args(args)
            .env_remove("TMUX")
            .env("LC_ALL", "C.UTF-8")
            .output();
        let done =
            done.unwrap_or_else(|error| panic!("no terminal for this test ({error}): {INSTALL}"));
        assert!(done.status.success(), "tmux {args:?}: {}", String::from_utf8_lossy(&done.stderr));
        done
    }

    /// The terminal's settings from `stty -g`.
    fn settings(&self) -> String {
        let tty = self.ask("#{pane_tty}");
        let done = Command::new("stty").args(["-g", "-F", &tty]).output().unwrap();
        String::from_utf8(done.stdout).unwrap()
    }

    fn ask(&self, what: &str) -> String {
        let told = self.tmux(&["display-message", "-p", what]).stdout;
        String::from_utf8(told).unwrap().trim_end().to_owned()
    }

    /// Writes to it from outside of the running program.
    pub(crate) fn scrawl(&self, text: &str) {
        std::fs::write(self.ask("#{pane_tty}"), text).unwrap();
    }

    /// Runs a command line in the shell, which then prints its exit code.
    pub(crate) fn run(&self, line: &str) {
        self.tmux(&["send-keys", "-l", &format!("clear; {line}; echo \"ended with $?\"")]);
        self.keys(&["Enter"]);
    }

    /// The same with cmon.
    pub(crate) fn cmon(&self, args: &str) {
        self.run(&format!("{} {args}", Path::new(env!("CARGO_BIN_EXE_cmon")).display()));
    }

    /// Presses keys by their names in tmux: `q`, `Enter`, `C-c`.
    pub(crate) fn keys(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        let (columns, rows) = (columns.to_string(), rows.to_string());
        self.tmux(&["resize-window", "-x", &columns, "-y", &rows]);
    }

    /// Its content.
    pub(crate) fn screen(&self) -> String {
        String::from_utf8(self.tmux(&["capture-pane", "-p"]).stdout).unwrap()
    }

    /// Waits until it shows this text.
    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str) {
        self.wait_until(text, |screen| screen.contains(text));
    }

    /// Waits until its content meets a condition.
    #[track_caller]
    pub(crate) fn wait_until(&self, what: &str, is_so: impl Fn(&str) -> bool) {
        let mut last = String::new();
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            eventually(what, || {
                last = self.screen();
                is_so(&last).then_some(())
            });
        }));
        assert!(found.is_ok(), "waited in vain for {what}; the screen is:\n{last}");
    }

    /// The number of frames drawn meanwhile: each of them hides the cursor once.
    pub(crate) fn frames_during(&self, act: impl FnOnce()) -> usize {
        let into = self.dir.path().join("frames");
        self.tmux(&["pipe-pane", &format!("cat > {}", into.display())]);
        act();
        self.tmux(&["pipe-pane"]);
        let written = std::fs::read(into).unwrap_or_default();
        String::from_utf8_lossy(&written).matches("\x1b[?25l").count()
    }

    /// The row that begins with this name, without the cursor before it.
    pub(crate) fn row(&self, name: &str) -> Option<String> {
        let screen = self.screen();
        let is = |line: &&str| line.trim_start_matches(['>', ' ', '!', '~']).starts_with(name);
        screen.lines().skip(6).find(is).map(|line| line.replacen('>', " ", 1))
    }

    /// The process that runs in the foreground of the shell.
    #[track_caller]
    pub(crate) fn process(&self) -> rustix::process::Pid {
        let shell = self.ask("#{pane_pid}");
        let found = eventually("cmon's process", || {
            let children = format!("/proc/{shell}/task/{shell}/children");
            std::fs::read_to_string(children).unwrap().split_whitespace().next()?.parse().ok()
        });
        rustix::process::Pid::from_raw(found).unwrap()
    }

    /// Asserts that the program has ended with this code, and restored the terminal.
    #[track_caller]
    pub(crate) fn is_clean_after(&self, code: i32) {
        self.wait_for(&format!("ended with {code}"));
        self.is_as_before();
    }

    /// Asserts that settings, screen and cursor are those of a shell.
    #[track_caller]
    pub(crate) fn is_as_before(&self) {
        let modes = "alternate #{alternate_on}, cursor #{cursor_flag}, mouse #{mouse_any_flag}";
        eventually("a terminal that is given back", || {
            (self.ask(modes) == "alternate 0, cursor 1, mouse 0").then_some(())
        });
        // The shell has different settings while it waits for a command.
        self.keys(&["Enter"]);
        eventually("the settings of before", || (self.settings() == self.settings).then_some(()));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // The shell in it ends with it, and so does the shell's program.
        let _ = Command::new("tmux")
            .arg("-S")
            .arg(self.dir.path().join("tmux"))
            .arg("kill-server")
            .output();
    }
}
