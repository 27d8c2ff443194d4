//! The place at the cursor of a command line that a shell completes: a name that the daemon or a file has, or something
//! that the completion script completes itself.
//!
//! It is pure: it takes the words up to the cursor and the definition of the command line.

use std::ffi::OsString;

use clap::{Arg, Command, CommandFactory};

use super::Cli;

/// The kind of name to complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The name of a container.
    Container,
    /// `KEY=VALUE` of a label.
    Label,
    /// A compose project, or `PROJECT/SERVICE`.
    Project,
    /// An image.
    Image,
    /// A context of the docker command.
    Context,
}

/// A place in a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The kind of name.
    pub kind: Kind,
    /// The part of the same word before the name, such as `--label=`.
    pub flag: String,
    /// The typed part of the name.
    pub typed: String,
    /// A command line that names the same daemon.
    pub daemon: Vec<OsString>,
}

/// Flags that choose the daemon.
const DAEMON: [&str; 7] =
    ["host", "context", "demo", "tlsverify", "tlscacert", "tlscert", "tlskey"];

impl Place {
    /// The place at the last of these words; the first is the name of the program. The last word is the typed
    /// part, and may be empty. `None` if it is not a name.
    pub fn at_end(words: &[String]) -> Option<Self> {
        let mut cli = Cli::command();
        cli.build();
        let (last, before) = words.get(1..)?.split_last()?;
        let mut walk =
            Walk { command: &cli, value_of: None, only_names: false, daemon: Vec::new() };
        for word in before {
            walk.step(word)?;
        }
        walk.place(last)
    }
}

/// A walk along the words of a command line.
struct Walk<'a> {
    command: &'a Command,
    /// The flag with its value in the next word.
    value_of: Option<&'a Arg>,
    /// Whether `--` came before.
    only_names: bool,
    daemon: Vec<OsString>,
}

/// A word that is or contains a flag.
struct Flag<'a> {
    arg: &'a Arg,
    /// The value in the same word, and its offset.
    value: Option<usize>,
}

impl<'a> Walk<'a> {
    /// Takes a complete word; `None` if the rest cannot be completed.
    fn step(&mut self, word: &str) -> Option<()> {
        if let Some(arg) = self.value_of.take() {
            self.keep(arg, Some(word));
        } else if self.only_names {
        } else if word == "--" {
            self.only_names = true;
        } else if word.len() < 2 || !word.starts_with('-') {
            self.command = match self.command.has_subcommands() {
                true => self.command.find_subcommand(word)?,
                false => self.command,
            };
        } else {
            let Flag { arg, value } = self.flag(word)?;
            match value {
                Some(at) => self.keep(arg, Some(&word[at..])),
                None if takes_a_word(arg) => self.value_of = Some(arg),
                None => self.keep(arg, None),
            }
        }
        Some(())
    }

    fn place(mut self, last: &str) -> Option<Place> {
        let (kind, at) = match self.value_of.take() {
            Some(arg) => (kind(arg)?, 0),
            None if self.only_names || !last.starts_with('-') => {
                self.command.get_positionals().find(|arg| arg.get_id() == "containers")?;
                (Kind::Container, 0)
            }
            None => {
                let Flag { arg, value } = self.flag(last)?;
                (kind(arg)?, value?)
            }
        };
        let daemon = ["cmon", "tail", "-a"].map(OsString::from).into_iter().chain(self.daemon);
        let (flag, typed) = last.split_at(at);
        Some(Place {
            kind,
            flag: flag.to_owned(),
            typed: typed.to_owned(),
            daemon: daemon.collect(),
        })
    }

    fn keep(&mut self, arg: &Arg, value: Option<&str>) {
        let (id, Some(long)) = (arg.get_id().as_str(), arg.get_long()) else { return };
        if !DAEMON.contains(&id) {
            return;
        }
        self.daemon.push(match value {
            Some(value) => format!("--{long}={value}").into(),
            None => format!("--{long}").into(),
        });
    }

    /// The flag of this word: the last one if several short ones are combined.
    fn flag(&self, word: &str) -> Option<Flag<'a>> {
        let command: &'a Command = self.command;
        if let Some(long) = word.strip_prefix("--") {
            let name = long.split('=').next()?;
            let arg = command.get_arguments().find(|arg| {
                let aliases = arg.get_all_aliases().unwrap_or_default();
                arg.get_long() == Some(name) || aliases.contains(&name)
            })?;
            let value = (name.len() < long.len()).then_some(name.len() + 3);
            return Some(Flag { arg, value });
        }
        let mut found = None;
        for (at, short) in word.char_indices().skip(1) {
            let arg = command.get_arguments().find(|arg| arg.get_short() == Some(short))?;
            let end = at + short.len_utf8();
            let takes_a_value = arg.get_action().takes_values();
            if takes_a_value && end < word.len() {
                let equals = usize::from(word[end..].starts_with('='));
                return Some(Flag { arg, value: Some(end + equals) });
            }
            found = Some(Flag { arg, value: None });
        }
        found
    }
}

/// Whether the next word is the value of a flag.
fn takes_a_word(arg: &Arg) -> bool {
    arg.get_action().takes_values() && !arg.is_require_equals_set()
}

fn kind(arg: &Arg) -> Option<Kind> {
    match arg.get_id().as_str() {
        "labels" => Some(Kind::Label),
        "projects" => Some(Kind::Project),
        "images" => Some(Kind::Image),
        "excluded" => Some(Kind::Container),
        "context" => Some(Kind::Context),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kind, flag and typed text at the end of these words.
    #[track_caller]
    fn place(line: &str) -> Option<(Kind, String, String)> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        Place::at_end(&words).map(|place| (place.kind, place.flag, place.typed))
    }

    #[test]
    fn names_are_completed_at_their_places() {
        for (line, kind, flag, typed) in [
            ("cmon tail ", Kind::Container, "", ""),
            ("cmon logs we", Kind::Container, "", "we"),
            ("cmon tail -n 5 web w", Kind::Container, "", "w"),
            ("cmon tail -an5 w", Kind::Container, "", "w"),
            ("cmon tail -t w", Kind::Container, "", "w"),
            ("cmon tail --since=-1 -- -w", Kind::Container, "", "-w"),
            ("cmon --quiet watch w", Kind::Container, "", "w"),
            ("cmon --host unix:///s leak-check w", Kind::Container, "", "w"),
            ("cmon tail -E w", Kind::Container, "", "w"),
            ("cmon tail --exclude-container=w", Kind::Container, "--exclude-container=", "w"),
            ("cmon tail -l ", Kind::Label, "", ""),
            ("cmon tail -al ti", Kind::Label, "", "ti"),
            ("cmon tail -lti", Kind::Label, "-l", "ti"),
            ("cmon tail -l=ti", Kind::Label, "-l=", "ti"),
            ("cmon tail --label tier=b", Kind::Label, "", "tier=b"),
            ("cmon tail --label=tier=b", Kind::Label, "--label=", "tier=b"),
            ("cmon watch --project sh", Kind::Project, "", "sh"),
            ("cmon watch --image ng", Kind::Image, "", "ng"),
            ("cmon --context de", Kind::Context, "", "de"),
            ("cmon tail web --context=de", Kind::Context, "--context=", "de"),
        ] {
            assert_eq!(place(line), Some((kind, flag.to_owned(), typed.to_owned())), "{line}");
        }
    }

    #[test]
    fn other_places_are_not_completed_by_cmon() {
        for line in [
            "cmon",
            "cmon ",
            "cmon ta",
            "cmon tail -",
            "cmon tail --lab",
            "cmon tail -n ",
            "cmon tail -o p",
            "cmon nope w",
            "cmon tail --nope w",
            "cmon completions ",
            "cmon man ",
            "cmon tail --since ",
            "cmon --host ",
            "cmon tail -l x --",
            "cmon tail --output-dir ",
        ] {
            assert_eq!(place(line), None, "{line}");
        }
        assert_eq!(Place::at_end(&[]), None);
    }

    #[test]
    fn the_daemon_is_the_one_that_is_typed() {
        let line =
            "cmon --host a=unix:///s -q tail --tlsverify --host=tcp://b --demo -n 3 --context c w";
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let place = Place::at_end(&words).unwrap();
        let expected = [
            "cmon",
            "tail",
            "-a",
            "--host=a=unix:///s",
            "--tlsverify",
            "--host=tcp://b",
            "--demo",
            "--context=c",
        ];
        assert_eq!(place.daemon, expected.map(OsString::from));
    }
}
