//! `cmon __complete`, which the completion scripts call: names of containers, labels, projects, images and contexts for
//! the word at the cursor.
//!
//! The user waits after a press of the tab key. So one deadline covers everything, from the configuration to the
//! daemon's answer, and errors are silent. A thread does the work that may block; at the deadline the process ends
//! without it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use crate::cli::{Cli, CompletionKind as Kind, Place};
use crate::config::{Config, Daemons, Surroundings};
use crate::demo;
use crate::docker::api::Api;
use crate::docker::endpoint::{Endpoint, Route};
use crate::engine::source::ListFilters;
use crate::exit::Exit;
use crate::output::Sinks;

/// The deadline to complete a word.
const COMPLETION_TIMEOUT: Duration = Duration::from_millis(300);
/// The maximum number of candidates.
const NAMES_MAX: usize = 2000;
/// The maximum length of a label, since longer ones are not typed.
const NAME_MAX_BYTES: usize = 200;
const PROJECT: &str = "com.docker.compose.project";
const SERVICE: &str = "com.docker.compose.service";

/// The calling shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shell {
    /// It replaces the part of the word behind the last `=` or `:`, and does not quote candidates.
    Bash,
    /// It replaces the whole word, and quotes.
    Zsh,
    /// It replaces the value of a flag, and quotes.
    Fish,
}

/// A container, reduced to the fields that can be completed.
struct Container {
    name: String,
    image: String,
    labels: Vec<(String, String)>,
}

/// Answers a completion script. [`Exit::Failed`] means that the script completes this place itself.
///
/// The arguments are the shell, the part of the last word that the shell replaces, and the words up to the cursor.
pub(crate) fn run(args: &[String], sinks: &Sinks) -> Exit {
    let begun = Instant::now();
    let [shell, current, words @ ..] = args else { return Exit::Failed };
    let shell = match shell.as_str() {
        "bash" => Shell::Bash,
        "zsh" => Shell::Zsh,
        "fish" => Shell::Fish,
        _ => return Exit::Failed,
    };
    let words = if shell == Shell::Bash { unbroken(words) } else { words.to_vec() };
    let Some(place) = Place::at_end(&words) else { return Exit::Failed };
    let (found, names) = sync_channel(16);
    let asked = place.clone();
    if thread::Builder::new().name("ask".to_owned()).spawn(move || ask(&asked, &found)).is_err() {
        return Exit::Done;
    }
    let names = collect(&names, begun + COMPLETION_TIMEOUT);
    let text: String =
        names.iter().filter_map(|name| candidate(shell, current, &place, name)).collect();
    // A closed pipe means that the shell needs no names.
    let _ = sinks.out.write_all(text.as_bytes());
    Exit::Done
}

/// Names until the deadline, or until all sources have answered.
fn collect(names: &Receiver<Vec<String>>, deadline: Instant) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    while let Ok(some) = names.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        let room = NAMES_MAX.saturating_sub(all.len());
        all.extend(some.into_iter().filter(|name| is_clean(name)).take(room));
    }
    all
}

/// Whether a name is safe to show in a terminal and to type: the daemon is untrusted.
fn is_clean(name: &str) -> bool {
    let is_format = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    !name.is_empty()
        && name.len() <= NAME_MAX_BYTES
        && !name.starts_with('-')
        && !name.chars().any(|c| c.is_control() || is_format(c))
}

/// One line with a name in the shell's form, if it continues the typed part.
fn candidate(shell: Shell, current: &str, place: &Place, name: &str) -> Option<String> {
    let rest = name.strip_prefix(&place.typed)?;
    let word = match shell {
        Shell::Fish => name.to_owned(),
        Shell::Zsh => format!("{}{name}", place.flag),
        Shell::Bash => {
            // Keep the part that the shell does not replace.
            let typed = format!("{}{}", place.flag, place.typed);
            let current = if typed.ends_with(current) { current } else { &typed };
            format!("{current}{}", quoted(rest))
        }
    };
    Some(word + "\n")
}

/// Text with a backslash before each character that bash would interpret.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_-./:=@%+,".contains(c) || !c.is_ascii();
    text.chars().flat_map(|c| (!plain(c)).then_some('\\').into_iter().chain([c])).collect()
}

/// Words without bash's breaks at `=` and `:`, and without an open quote.
fn unbroken(words: &[String]) -> Vec<String> {
    let is_break = |word: &str| !word.is_empty() && word.chars().all(|c| "=:".contains(c));
    let mut whole: Vec<String> = Vec::new();
    let mut glue = false;
    for (number, word) in words.iter().enumerate() {
        let word = word.trim_start_matches(['"', '\'']);
        // The first two words are the program and a command or flag.
        let joins = 1 < number && (glue || is_break(word));
        match whole.last_mut() {
            Some(last) if joins => last.push_str(word),
            _ => whole.push(word.to_owned()),
        }
        glue = is_break(word);
    }
    whole
}

/// Sends the names for a place, daemon by daemon.
fn ask(place: &Place, found: &SyncSender<Vec<String>>) {
    let around = Surroundings::look();
    if place.kind == Kind::Context {
        // The receiver is gone after the deadline.
        let _ = found.send(around.contexts.names());
        return;
    }
    let config =
        Cli::read(place.daemon.clone()).ok().and_then(|cli| Config::new(cli, &around).ok());
    let Some(config) = config else { return };
    let daemons = match config.daemons {
        Daemons::Embedded => {
            let all = demo::containers().into_iter();
            let all = all.map(|(name, image, labels)| Container {
                name: name.to_owned(),
                image: image.to_owned(),
                labels: labels.into_iter().collect(),
            });
            let _ = found.send(all.flat_map(|container| names(place, &container)).collect());
            return;
        }
        Daemons::One(daemon) => vec![daemon],
        Daemons::Several(daemons) => daemons.into_iter().map(|(_, daemon)| daemon).collect(),
    };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return;
    };
    // A connection over ssh takes longer, and may ask for a password.
    let near = daemons.into_iter().filter(|daemon| !matches!(daemon.route, Route::Ssh(_)));
    let lists = near.map(async |daemon| {
        let endpoint = Endpoint::by(daemon.route, daemon.origin);
        Api::new(Arc::new(endpoint), config.requests).list(&ListFilters::default()).await
    });
    runtime.block_on(async {
        let mut lists: FuturesUnordered<_> = lists.collect();
        while let Some(list) = lists.next().await {
            let containers = list.into_iter().flatten().map(|listed| Container {
                name: listed.name.to_string(),
                image: listed.facts.image.clone(),
                labels: listed.facts.labels.clone().into_iter().collect(),
            });
            let _ = found.send(containers.flat_map(|container| names(place, &container)).collect());
        }
    });
}

/// The candidates from a container for a place.
fn names(place: &Place, container: &Container) -> Vec<String> {
    let label = |wanted: &str| {
        let found = container.labels.iter().find(|(key, _)| key == wanted);
        found.map(|(_, value)| value.clone())
    };
    match place.kind {
        Kind::Container => vec![container.name.clone()],
        Kind::Image => vec![container.image.clone()],
        Kind::Label => {
            // Users do not type the digest of an image.
            let is_digest = |value: &str| {
                32 <= value.len() && value.bytes().all(|byte| byte.is_ascii_hexdigit())
            };
            let typed = container.labels.iter().filter(|(_, value)| !is_digest(value));
            typed.map(|(key, value)| format!("{key}={value}")).collect()
        }
        Kind::Project if place.typed.contains('/') => {
            let both = label(PROJECT).zip(label(SERVICE));
            both.map(|(project, service)| format!("{project}/{service}")).into_iter().collect()
        }
        Kind::Project => label(PROJECT).into_iter().collect(),
        Kind::Context => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(kind: Kind, flag: &str, typed: &str) -> Place {
        Place { kind, flag: flag.to_owned(), typed: typed.to_owned(), daemon: Vec::new() }
    }

    #[test]
    fn each_shell_gets_the_part_that_it_replaces() {
        let label = place(Kind::Label, "--label=", "tier=da");
        let each = |shell, current| candidate(shell, current, &label, "tier=data").unwrap();
        assert_eq!(each(Shell::Bash, "da"), "data\n");
        assert_eq!(each(Shell::Bash, "--label=tier=da"), "--label=tier=data\n");
        assert_eq!(each(Shell::Zsh, "--label=tier=da"), "--label=tier=data\n");
        assert_eq!(each(Shell::Fish, ""), "tier=data\n");
        assert_eq!(candidate(Shell::Zsh, "", &label, "team=x"), None);
    }

    #[test]
    fn bash_gets_names_that_it_reads_as_one_word() {
        let any = place(Kind::Label, "", "");
        let name = "note=a b;$(id)`*";
        assert_eq!(
            candidate(Shell::Bash, "", &any, name).unwrap(),
            "note=a\\ b\\;\\$\\(id\\)\\`\\*\n"
        );
    }

    #[test]
    fn names_with_control_characters_are_left_out() {
        for name in ["", "-rf", "a\nb", "\x1b[2J", "a\u{9b}b", "a\u{202e}b", &"x".repeat(201)] {
            assert!(!is_clean(name), "{name:?}");
        }
        assert!(is_clean("web-1") && is_clean("größe=1 a"));
    }

    #[test]
    fn words_split_by_bash_are_joined() {
        let whole = |line: &str| {
            unbroken(&line.split(' ').map(str::to_owned).collect::<Vec<_>>()).join(" ")
        };
        assert_eq!(whole("cmon tail --label = tier = da"), "cmon tail --label=tier=da");
        assert_eq!(whole("cmon --host unix : ///s tail w"), "cmon --host unix:///s tail w");
        assert_eq!(whole("cmon tail -l tier ="), "cmon tail -l tier=");
        assert_eq!(whole("cmon tail \"we"), "cmon tail we");
        assert_eq!(whole("cmon tail "), "cmon tail ");
    }

    #[test]
    fn services_are_offered_behind_the_project() {
        let labels = [(PROJECT, "shop"), (SERVICE, "db")];
        let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let container = Container { name: "a".into(), image: "b".into(), labels };
        assert_eq!(names(&place(Kind::Project, "", "sh"), &container), ["shop"]);
        assert_eq!(names(&place(Kind::Project, "", "shop/"), &container), ["shop/db"]);
        assert_eq!(names(&place(Kind::Image, "", ""), &container), ["b"]);
    }
}
