//! Completion scripts and man pages, generated from the definition of the command line. The repository contains them in
//! `completions/` and `man/`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use clap::{ArgMatches, Args, Command, CommandFactory, FromArgMatches};
use clap_complete::{Generator, Shell};
use clap_mangen::Man as Page;

use super::{Cli, Global};

pub(super) const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  cmon completions bash >~/.local/share/bash-completion/completions/cmon
  cmon completions zsh >~/.zfunc/_cmon
  cmon completions fish >~/.config/fish/completions/cmon.fish";

pub(super) const MAN_EXAMPLES: &str = "\
Examples:
  cmon man | man -l -                     show the page of cmon
  cmon man --out ~/.local/share/man/man1  write all pages; then man cmon-tail";

/// `cmon completions`, which `__complete` serves.
#[derive(Args, Clone, Debug)]
pub struct Completions {
    /// Shell that completes
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: Shell,
    #[command(flatten)]
    no_daemon: NoDaemon,
}

/// `cmon man`.
#[derive(Args, Clone, Debug)]
pub struct Man {
    /// Write the pages of all commands into this directory
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    no_daemon: NoDaemon,
}

/// Hides the common flags in a command that uses no daemon. They stay defined, so that they can be refused.
#[derive(Clone, Copy, Debug)]
struct NoDaemon;

impl FromArgMatches for NoDaemon {
    fn from_arg_matches(_: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self)
    }

    fn update_from_arg_matches(&mut self, _: &ArgMatches) -> Result<(), clap::Error> {
        Ok(())
    }
}

impl Args for NoDaemon {
    fn augment_args(command: Command) -> Command {
        let global = Global::augment_args(Command::new(""));
        let hidden = global
            .get_arguments()
            .map(|arg| arg.clone().global(false).hide(true).env(None::<&'static str>));
        command.args(hidden.collect::<Vec<_>>())
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// The completion script of a shell, and its file name.
pub fn completions(shell: Shell) -> (String, Vec<u8>) {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "cmon", &mut script);
    let script = super::shells::with_names(shell, &String::from_utf8_lossy(&script));
    (shell.file_name("cmon"), script.into_bytes())
}

/// All man pages, cmon's own first: file names and texts.
pub fn man_pages() -> Vec<(String, String)> {
    let mut cli = Cli::command();
    cli.build();
    let commands: Vec<&Command> = cli.get_subcommands().collect();
    let names: Vec<String> = [&cli].into_iter().chain(commands.clone()).map(name).collect();
    [&cli].into_iter().chain(commands).map(|command| page(command, &names)).collect()
}

fn name(command: &Command) -> String {
    command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned()
}

/// The page of a command; `all` has the names of all pages.
fn page(command: &Command, all: &[String]) -> (String, String) {
    let own = name(command);
    let version = concat!("cmon ", env!("CARGO_PKG_VERSION"));
    let man = Page::new(command.clone()).title(own.to_uppercase()).source(version).manual("cmon");
    let mut written = Vec::new();
    let _ = man.render_title(&mut written);
    let _ = man.render_name_section(&mut written);
    // clap_mangen lists each flag there, but they follow in their own section.
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim();
    written.extend_from_slice(format!(".SH SYNOPSIS\n{}\n", roff(usage)).as_bytes());
    let _ = man.render_description_section(&mut written);
    let _ = man.render_options_section(&mut written);
    if command.has_subcommands() {
        let _ = man.render_subcommands_section(&mut written);
    }
    let mut text = String::from_utf8_lossy(&written).into_owned();
    if let Some(examples) = command.get_before_help() {
        text.push_str(".SH EXAMPLES\n.nf\n");
        for line in examples.to_string().lines().skip(1) {
            text.push_str(&roff(line.trim_start()));
            text.push('\n');
        }
        text.push_str(".fi\n");
    }
    text.push_str(".SH EXIT STATUS\n");
    for (code, meaning) in exits(command.get_name()) {
        entry(&mut text, code, meaning);
    }
    text.push_str(".SH ENVIRONMENT\n");
    let others: &[(&str, &str)] = if asks_a_daemon(command.get_name()) {
        &VARIABLES
    } else {
        &VARIABLES[VARIABLES.len() - 3..]
    };
    for (variable, meaning) in variables(command) {
        entry(&mut text, &variable, &meaning);
    }
    for (variable, meaning) in others {
        entry(&mut text, variable, meaning);
    }
    if !matches!(command.get_name(), "completions" | "man") {
        text.push_str(".SH FILES\n");
        entry(&mut text, "~/.config/cmon/config.toml", FILE);
    }
    text.push_str(".SH SEE ALSO\n");
    let others = all.iter().filter(|name| **name != own).map(|name| format!("{name}(1)"));
    let others: Vec<String> = others.chain(["docker-logs(1)".to_owned()]).collect();
    text.push_str(&roff(&others.join(", ")));
    text.push('\n');
    (format!("{own}.1"), ascii(&text))
}

/// Whether a command uses a daemon.
pub(super) fn asks_a_daemon(command: &str) -> bool {
    !matches!(command, "completions" | "man" | "config")
}

/// The variables of its flags.
fn variables(command: &Command) -> BTreeMap<String, String> {
    let of = |arg: &clap::Arg| {
        let variable = arg.get_env()?.to_string_lossy().into_owned();
        Some((variable, format!("The value of --{}.", arg.get_long()?)))
    };
    command.get_arguments().filter_map(of).collect()
}

/// The purpose of the configuration file.
const FILE: &str = "Settings for every run, unless --config or CMON_CONFIG names another file. \
                    A key is the long name of a flag, and the flags of one command stand in its table, such as [tail].";

/// Variables that belong to no flag.
const VARIABLES: [(&str, &str); 10] = [
    ("DOCKER_HOST", "Address of the daemon, unless --host, --context or DOCKER_CONTEXT name it."),
    ("DOCKER_CONTEXT", "Context of the docker command."),
    (
        "DOCKER_CONFIG",
        "Directory of the docker command's configuration and contexts [default: ~/.docker].",
    ),
    ("DOCKER_CERT_PATH", "Directory of ca.pem, cert.pem and key.pem [default: ~/.docker]."),
    ("DOCKER_TLS_VERIFY", "Use TLS for a tcp:// address unless empty."),
    ("DOCKER_API_VERSION", "Version of the Docker API that stands in front of every path."),
    (
        "COMPOSE_PROJECT_NAME",
        "The project that --project . means [default: from the current directory's name].",
    ),
    ("NO_COLOR", "No colors unless empty."),
    ("CLICOLOR_FORCE", "Colors also without a terminal, unless empty or 0."),
    ("TERM", "If it is dumb, no colors and no status line."),
];

fn exits(command: &str) -> &'static [(&'static str, &'static str)] {
    const SIGNALS: (&str, &str) = ("129, 130, 143", "Ended by SIGHUP, SIGINT, SIGTERM.");
    match command {
        "leak-check" => &[
            ("0", "CLEAN: no leak."),
            ("1", "LEAK."),
            ("2", "The command line is wrong, or cmon could not measure."),
            ("3", "INCONCLUSIVE. With --on-inconclusive fail or pass it is 1 or 0."),
            SIGNALS,
        ],
        "config" => &[
            ("0", "Done, or the reader of the pipe went away."),
            ("1", "The output cannot be written."),
            ("2", "The command line, a variable or the configuration file is wrong."),
        ],
        "completions" | "man" => &[
            ("0", "Done, or the reader of the pipe went away."),
            ("1", "The output cannot be written."),
            ("2", "The command line is wrong."),
        ],
        "tail" => &[
            ("0", "Done, --until-match matched, or the reader of the pipe went away."),
            (
                "1",
                "A daemon or a log cannot be read, no container is selected, or stdout cannot be written.",
            ),
            ("2", "The command line is wrong."),
            ("3", "--fail-on matched."),
            ("4", "All selected containers ended before --until-match matched."),
            ("124", "The time of --timeout is over."),
            SIGNALS,
        ],
        _ => &[
            ("0", "Done, or the reader of the pipe went away."),
            (
                "1",
                "The daemon cannot be reached, nothing matched, a log cannot be read, or stdout cannot \
                 be written.",
            ),
            ("2", "The command line is wrong."),
            SIGNALS,
        ],
    }
}

fn entry(text: &mut String, term: &str, meaning: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, ".TP\n\\fB{}\\fR\n{}", roff(term), roff(meaning));
}

/// Encodes other characters by number: not every roff reads UTF-8.
fn ascii(text: &str) -> String {
    let mut ascii = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_ascii() {
            true => ascii.push(c),
            // Writing to a String cannot fail.
            false => drop(write!(ascii, "\\[u{:04X}]", u32::from(c))),
        }
    }
    ascii
}

/// Escapes text for roff.
fn roff(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\(aq");
    if text.starts_with('.') { format!("\\&{text}") } else { text }
}
