//! Every flag: it has an effect, its variable has the same meaning, and the guide mentions no other.

use clap::CommandFactory;

use super::support::{around, docker_dir, terminal};
use crate::cli::Cli;
use crate::config::*;

/// The flags and positional arguments of a command, each with a sample value; a new flag with a value needs one here.
fn samples(command: &str) -> Vec<(String, Vec<&'static str>)> {
    let mut cli = Cli::command();
    cli.build();
    let command = cli.find_subcommand(command).unwrap();
    let sample = |arg: &clap::Arg| {
        let id = arg.get_id().as_str();
        let typed: &[&str] = match id {
            "help" | "version" => return None,
            "containers" => &["other"],
            "labels" => &["--label", "app=web"],
            "images" => &["--image", "nginx"],
            "projects" => &["--project", "shop"],
            "filters" => &["--filter", "name=web"],
            "excluded" => &["--exclude-container", "db"],
            "host" => &["--host", "unix:///s"],
            "context" => &["--context", "far"],
            "config" => &["--config", "f"],
            "tlscacert" => &["--tlscacert", "ca"],
            "tlscert" => &["--tlscert", "cert"],
            "tlskey" => &["--tlskey", "key"],
            "stream_timeout" => &["--stream-timeout", "7s"],
            "stale_after" => &["--stale-after", "7s"],
            "stop_timeout" => &["--stop-timeout", "1s"],
            "request_timeout" => &["--request-timeout", "7s"],
            "color" => &["--color", "always"],
            "tail" => &["--tail", "7"],
            "output" => &["--output", "json"],
            "timestamps" => &["--timestamps=iso"],
            "template" => &["--template", "{{msg}}"],
            "timezone" => &["--timezone", "Asia/Tokyo"],
            "since" => &["--since", "7m"],
            "until" => &["--until", "3m"],
            "cursor" => &["--cursor", "c"],
            "output_dir" => &["--output-dir", "d"],
            "rotate_size" => &["--rotate-size", "7m", "--output-dir", "d"],
            "rotate_keep" => &["--rotate-keep", "7", "--output-dir", "d"],
            "compress" => &["--compress", "--output-dir", "d"],
            // It needs this one.
            "cursor_reset" => &["--cursor-reset", "--cursor", "c"],
            "cursor_keep" => &["--cursor-keep", "7h", "--cursor", "c"],
            "max_line" => &["--max-line", "7k"],
            "order_window" => &["--order-window", "7ms"],
            "include" => &["--include", "a"],
            "exclude" => &["--exclude", "b"],
            "highlight" => &["--highlight", "c"],
            "level" => &["--level", "warn"],
            "join" => &["--join", "^ "],
            "until_match" => &["--until-match", "ready"],
            "fail_on" => &["--fail-on", "panic"],
            "timeout" => &["--timeout", "7s"],
            "interval" => &["--interval", "7s"],
            "duration" => &["--duration", "77s"],
            "metrics" => &["--metrics", "9464"],
            "targets" => &["--target", "pid:7"],
            "drive_cmd" => &["--drive-cmd", "true"],
            "cycles_metric" => &["--cycles-metric", "cycles"],
            "compare" => &["--compare", "7s,8s"],
            "baseline" => &["--baseline", "b"],
            "gate" => &["--gate", "own"],
            "max_per_cycle" => &["--max-per-cycle", "7"],
            "max_per_min" => &["--max-per-min", "7"],
            "alpha" => &["--alpha", "0.07"],
            "on_inconclusive" => &["--on-inconclusive", "pass"],
            "seed" => &["--seed", "7"],
            "junit" => &["--junit", "j"],
            "html" => &["--html", "h"],
            "record" => &["--record", "r"],
            "replay" => &["--replay", "p"],
            switch => {
                assert!(!arg.get_action().takes_values(), "which value may `{switch}` have?");
                let long = format!("--{}", arg.get_long().unwrap());
                return Some((id.to_owned(), vec![&*long.leak()]));
            }
        };
        Some((id.to_owned(), typed.to_vec()))
    };
    command.get_arguments().filter_map(sample).collect()
}

/// The configurations for these arguments in each of these surroundings, as text; empty if refused.
fn meanings(args: &[&str], arounds: &[Surroundings]) -> Vec<Option<String>> {
    let Ok(cli) = Cli::read(args.iter().map(std::convert::Into::into)) else {
        return vec![None; arounds.len()];
    };
    let meaning = |around| {
        let mut config = Config::new(cli.clone(), around).ok()?;
        if let Action::LeakCheck(leak) = &mut config.action
            && let Work::Check(check) = &mut leak.work
            && !args.contains(&"--seed")
        {
            // The seed is random unless typed.
            check.seed = 0;
        }
        Some(format!("{config:?}"))
    };
    arounds.iter().map(meaning).collect()
}

/// A flag without effect next to another is refused, or is listed here with the reason.
const HARMLESS: [(&str, &str, &str); 13] = [
    ("config", "*", "the settings in the file have the effect"),
    ("summary", "*", "it is the default where stderr is a terminal"),
    ("follow", "*", "it is the default, and accepted out of habit from docker"),
    ("no_color", "*", "it is met if there is nothing to color"),
    ("color", "*", "it is met if there is nothing to color"),
    ("verbose", "*", "tracing does not change the run"),
    ("quiet", "*", "it is met if there is no message"),
    ("*", "dry_run", "a dry run describes the run of the same command line"),
    ("*", "all", "names must still match something"),
    ("max_line", "*", "it bounds memory"),
    ("no_follow", "follow", "the last of them counts"),
    ("exit_on_stop", "until_match", "--until-match implies it"),
    ("no_follow", "until", "cmon ends at a past time anyway"),
];

#[test]
fn a_flag_without_effect_next_to_another_is_refused() {
    let mut idle = Vec::new();
    let (_dir, contexts) = docker_dir("");
    let with_contexts =
        |around: Surroundings| Surroundings { contexts: contexts.clone(), ..around };
    let arounds = [around(), terminal()].map(with_contexts);
    let harmless = |flag: &str, other_flag: &str| {
        HARMLESS.iter().any(|(one, other, _)| {
            (*one == flag || *one == "*") && (*other == other_flag || *other == "*")
        })
    };
    for (command, base) in
        [("tail", &["web", "db"][..]), ("watch", &[][..]), ("leak-check", &[][..])]
    {
        let start = [&["cmon", command], base].concat();
        let samples = samples(command);
        let alone: Vec<_> = samples
            .iter()
            .map(|(_, typed)| meanings(&[&start, typed.as_slice()].concat(), &arounds))
            .collect();
        // One parse of each pair checks both flags.
        for (second, (flag, typed)) in samples.iter().enumerate() {
            for (first, (other_flag, with)) in samples[..second].iter().enumerate() {
                let all = [&start, with.as_slice(), typed.as_slice()].concat();
                let both = meanings(&all, &arounds);
                for (flag, other_flag, before) in
                    [(flag, other_flag, &alone[first]), (other_flag, flag, &alone[second])]
                {
                    let same = both
                        .iter()
                        .zip(before)
                        .any(|(both, before)| both.is_some() && both == before);
                    if same && !harmless(flag, other_flag) {
                        idle.push(format!("{flag}: {}", all.join(" ")));
                    }
                }
            }
        }
    }
    assert_eq!(idle, Vec::<String>::new(), "these have no effect and are not refused");
}

#[test]
fn a_variable_has_one_meaning() {
    let mut cli = Cli::command();
    cli.build();
    let mut meanings = std::collections::BTreeMap::<_, std::collections::BTreeSet<_>>::new();
    for command in cli.get_subcommands() {
        for arg in command.get_arguments() {
            let Some(variable) = arg.get_env() else { continue };
            let help = arg.get_help().map(ToString::to_string);
            let meaning =
                (arg.get_id().to_string(), help, format!("{:?}", arg.get_default_values()));
            meanings.entry(variable.to_owned()).or_default().insert(meaning);
        }
    }
    assert!(10 < meanings.len());
    for (variable, meanings) in meanings {
        assert_eq!(meanings.len(), 1, "{variable:?} means {meanings:?}");
    }
}

/// Splits a line into words as a shell does that knows only `'`.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut within) = (vec![String::new()], false);
    for c in line.chars() {
        match c {
            '\'' => within = !within,
            ' ' if !within => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words
}

#[test]
fn each_command_in_the_guide_exists() {
    let guide = include_str!("../../../docs/tail.md");
    let table = guide.split("## ").find(|part| part.starts_with("How do I")).unwrap();
    let quoted = table.lines().flat_map(|row| row.split('`').skip(1).step_by(2));
    let commands: Vec<&str> = quoted.filter(|quoted| quoted.starts_with("cmon ")).collect();
    assert!(25 < commands.len(), "{commands:?}");
    for command in commands {
        let cli = Cli::read(words(command).into_iter().map(Into::into));
        let cli = cli.unwrap_or_else(|error| panic!("{command}: {error}"));
        Config::new(cli, &around()).unwrap_or_else(|error| panic!("{command}: {error}"));
    }
}

#[test]
fn each_flag_of_tail_and_watch_has_a_variable() {
    let mut cli = Cli::command();
    cli.build();
    let mut without = std::collections::BTreeSet::new();
    for name in ["tail", "watch"] {
        let arguments = cli.find_subcommand(name).unwrap().get_arguments();
        let bare = arguments.filter(|arg| arg.get_env().is_none());
        without.extend(bare.map(|arg| arg.get_id().as_str().to_owned()));
    }
    // Selections by hand, counterparts of other flags, and settings of a single run.
    let of_one_run =
        ["cursor_reset", "dry_run", "follow", "help", "no_color", "once", "previous", "verbose"];
    let mut expected = [&["all", "containers"], &of_one_run[..]].concat();
    expected.sort_unstable();
    assert_eq!(Vec::from_iter(&without), expected);
}
