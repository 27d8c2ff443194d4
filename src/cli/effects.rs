//! Flags without effect: cmon refuses them, since the user would not notice such a mistake.
//!
//! clap handles flags that exclude each other. This module handles pairs of which one has no effect next to the other.
//! Three flags are always accepted: `--quiet`, `--verbose` and `--color` only set the amount of output.
//! `--dry-run` takes the flags of the run that it describes.

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, Error};

use super::Moment;

/// What makes a flag useless.
#[derive(Clone, Copy, Debug)]
enum Cause {
    /// The command itself.
    Command,
    /// Another flag.
    Flag(&'static str),
    /// Another flag with this value.
    Value(&'static str, &'static str),
    /// Another flag with a time in the past.
    Past(&'static str),
}
use Cause::{Command as Always, Flag, Past, Value};

/// A flag of a command, what makes it useless, and the reason.
struct Idle(&'static str, &'static str, Cause, &'static str);

const ENDS: &str = "it ends after the stored lines";
const PREVIOUS_ENDS: &str = "a previous run is over, so it ends without the flag";
const IN_ORDER: &str = "stored lines are in order without it";
const NOT_OPEN: &str = "no stream stays open";
const NO_STREAM: &str = "no stream is opened";
const NO_DAEMON: &str = "it uses no daemon";
const OWN_DAEMON: &str = "--demo has its own daemon";
const OWN_CHECKS: &str = "the self-test has its own checks";

const IDLE: [Idle; 78] = [
    Idle("tail", "details", Value("output", "raw"), "it writes the bytes of the lines alone"),
    Idle("tail", "exit_on_stop", Flag("no_follow"), ENDS),
    Idle("tail", "stream_timeout", Flag("no_follow"), NOT_OPEN),
    Idle("tail", "stale_after", Flag("no_follow"), NOT_OPEN),
    Idle("tail", "no_follow", Flag("previous"), PREVIOUS_ENDS),
    Idle("tail", "stream_timeout", Flag("previous"), NOT_OPEN),
    Idle("tail", "stale_after", Flag("previous"), NOT_OPEN),
    Idle("tail", "order_window", Flag("previous"), IN_ORDER),
    Idle("tail", "stream_timeout", Past("until"), NOT_OPEN),
    Idle("tail", "stale_after", Past("until"), NOT_OPEN),
    Idle("tail", "exit_on_stop", Past("until"), ENDS),
    Idle("tail", "wait", Past("until"), ENDS),
    Idle("tail", "order_window", Past("until"), IN_ORDER),
    Idle("tail", "timestamps", Value("output", "json"), "every object has its time"),
    Idle("tail", "timezone", Value("output", "json"), "times are in UTC there"),
    Idle("tail", "no_prefix", Value("output", "json"), "lines have no prefix there"),
    Idle("tail", "no_prefix", Value("output", "raw"), "lines have no prefix there"),
    Idle("tail", "no_prefix", Flag("template"), "lines have no prefix there"),
    Idle("tail", "summary", Flag("quiet"), "it suppresses the summary"),
    Idle("tail", "highlight", Value("output", "json"), "objects are not colored"),
    Idle("tail", "highlight", Value("output", "pretty"), "lines are reformatted there"),
    Idle("tail", "highlight", Flag("template"), "lines are reformatted there"),
    Idle("tail", "highlight", Flag("strip_ansi"), "it removes all colors"),
    Idle("tail", "host", Flag("demo"), OWN_DAEMON),
    Idle(
        "tail",
        "cursor",
        Flag("demo"),
        "the embedded daemon ends with the run, and so do its logs",
    ),
    Idle(
        "tail",
        "output_dir",
        Flag("demo"),
        "the embedded daemon ends with the run, and so do its logs",
    ),
    Idle("tail", "no_prefix", Flag("output_dir"), "lines have no prefix there"),
    Idle("tail", "highlight", Flag("output_dir"), "files are not colored"),
    Idle("tail", "order_window", Flag("output_dir"), "each container has its own file"),
    Idle("tail", "order_window", Flag("no_follow"), IN_ORDER),
    Idle("watch", "interval", Flag("once"), "there is one table or snapshot"),
    Idle("watch", "metrics", Flag("once"), "cmon ends before a scrape"),
    Idle("watch", "host", Flag("demo"), OWN_DAEMON),
    Idle("leak-check", "host", Flag("demo"), OWN_DAEMON),
    Idle(
        "leak-check",
        "stream_timeout",
        Always,
        "leak-check chooses how old a stream gets; --compare 30s,5m checks under stream timeouts of \
         your choice",
    ),
    Idle("leak-check", "stale_after", Flag("passive"), NO_STREAM),
    Idle("leak-check", "stale_after", Flag("drive_cmd"), NO_STREAM),
    Idle("leak-check", "stale_after", Flag("replay"), NO_STREAM),
    Idle("leak-check", "stale_after", Flag("self_test"), OWN_CHECKS),
    Idle("leak-check", "stop_timeout", Flag("passive"), NO_STREAM),
    Idle("leak-check", "stop_timeout", Flag("drive_cmd"), NO_STREAM),
    Idle("leak-check", "stop_timeout", Flag("replay"), NO_STREAM),
    Idle("leak-check", "stop_timeout", Flag("self_test"), OWN_CHECKS),
    Idle("leak-check", "host", Flag("replay"), NO_DAEMON),
    Idle("leak-check", "host", Flag("self_test"), OWN_CHECKS),
    Idle("leak-check", "demo", Flag("replay"), NO_DAEMON),
    Idle("leak-check", "demo", Flag("self_test"), OWN_CHECKS),
    Idle("leak-check", "cycles_metric", Flag("replay"), NO_DAEMON),
    Idle("leak-check", "cycles_metric", Flag("self_test"), OWN_CHECKS),
    Idle("leak-check", "on_inconclusive", Flag("self_test"), OWN_CHECKS),
    Idle("leak-check", "seed", Flag("passive"), "a passive check has no phases to order"),
    Idle("leak-check", "duration", Flag("replay"), "the recording has its own length"),
    Idle("leak-check", "duration", Flag("self_test"), OWN_CHECKS),
    Idle("tail", "context", Flag("demo"), OWN_DAEMON),
    Idle("watch", "context", Flag("demo"), OWN_DAEMON),
    Idle("leak-check", "context", Flag("demo"), OWN_DAEMON),
    Idle("leak-check", "context", Flag("replay"), NO_DAEMON),
    Idle("leak-check", "context", Flag("self_test"), OWN_CHECKS),
    Idle("tail", "tlsverify", Flag("demo"), OWN_DAEMON),
    Idle("watch", "tlsverify", Flag("demo"), OWN_DAEMON),
    Idle("leak-check", "tlsverify", Flag("demo"), OWN_DAEMON),
    Idle("leak-check", "tlsverify", Flag("replay"), NO_DAEMON),
    Idle("leak-check", "tlsverify", Flag("self_test"), OWN_CHECKS),
    Idle("tail", "tlscacert", Flag("demo"), OWN_DAEMON),
    Idle("watch", "tlscacert", Flag("demo"), OWN_DAEMON),
    Idle("leak-check", "tlscacert", Flag("demo"), OWN_DAEMON),
    Idle("leak-check", "tlscacert", Flag("replay"), NO_DAEMON),
    Idle("leak-check", "tlscacert", Flag("self_test"), OWN_CHECKS),
    Idle("tail", "tlscert", Flag("demo"), OWN_DAEMON),
    Idle("watch", "tlscert", Flag("demo"), OWN_DAEMON),
    Idle("leak-check", "tlscert", Flag("demo"), OWN_DAEMON),
    Idle("leak-check", "tlscert", Flag("replay"), NO_DAEMON),
    Idle("leak-check", "tlscert", Flag("self_test"), OWN_CHECKS),
    Idle("tail", "tlskey", Flag("demo"), OWN_DAEMON),
    Idle("watch", "tlskey", Flag("demo"), OWN_DAEMON),
    Idle("leak-check", "tlskey", Flag("demo"), OWN_DAEMON),
    Idle("leak-check", "tlskey", Flag("replay"), NO_DAEMON),
    Idle("leak-check", "tlskey", Flag("self_test"), OWN_CHECKS),
];

/// Pairs of flags of which one wins if it is typed and the other comes from a variable.
const CONTRADICT: [(&str, &str); 7] = [
    ("containers", "all"),
    ("demo", "host"),
    ("demo", "context"),
    ("summary", "quiet"),
    ("exit_on_stop", "no_follow"),
    ("follow", "no_follow"),
    ("color", "no_color"),
];

/// Flags that need one of several others.
const NEEDS: [(&str, &[&str]); 5] = [
    ("cursor_reset", &["cursor", "output_dir"]),
    ("cursor_keep", &["cursor", "output_dir"]),
    ("rotate_size", &["output_dir"]),
    ("rotate_keep", &["output_dir"]),
    ("compress", &["output_dir"]),
];

/// Refuses a typed flag without the flag that it needs. That one may come from a variable or from the configuration
/// file, so `matches` contains these too.
pub(super) fn refuse_alone(cli: &mut Command, matches: &ArgMatches) -> Result<(), Error> {
    let Some((name, given)) = matches.subcommand() else {
        return Ok(());
    };
    let has = |flag: &&str| given.try_contains_id(flag).is_ok_and(|has| has);
    let alone = NEEDS.iter().find(|(flag, needed)| {
        given.try_contains_id(flag).is_ok() && is_typed(given, flag) && !needed.iter().any(has)
    });
    let (Some((flag, needed)), Some(command)) = (alone, cli.find_subcommand_mut(name)) else {
        return Ok(());
    };
    let needed: Vec<String> =
        needed.iter().map(|flag| format!("'{}'", shown(command, flag))).collect();
    let text = format!(
        "the argument '{}' has no effect without {}",
        shown(command, flag),
        needed.join(" or ")
    );
    Err(command.error(ErrorKind::MissingRequiredArgument, text))
}

/// Refuses a typed flag that has no effect next to other typed flags.
pub(super) fn refuse(cli: &mut Command, matches: &ArgMatches) -> Result<(), Error> {
    let Some((name, given)) = matches.subcommand() else {
        return Ok(());
    };
    if !super::generated::asks_a_daemon(name) {
        return refuse_daemon(cli, name, given);
    }
    let idle = IDLE.iter().find(|Idle(command, flag, cause, _)| {
        *command == name && is_typed(given, flag) && is_given(given, *cause)
    });
    let (Some(Idle(_, flag, cause, reason)), Some(command)) = (idle, cli.find_subcommand_mut(name))
    else {
        return Ok(());
    };
    let flag = shown(command, flag);
    let text = match cause {
        Always => format!("the argument '{flag}' has no effect in {name}: {reason}"),
        Flag(other) | Past(other) | Value(other, _) => {
            let other = match cause {
                Value(_, value) => format!("--{other} {value}"),
                Past(_) => format!("{} in the past", shown(command, other)),
                _ => shown(command, other),
            };
            format!("the argument '{flag}' cannot be used with '{other}': {reason}")
        }
    };
    Err(command.error(ErrorKind::ArgumentConflict, text))
}

/// Refuses the common flags in a command that uses no daemon, except those for messages.
fn refuse_daemon(cli: &mut Command, name: &str, given: &ArgMatches) -> Result<(), Error> {
    const MESSAGE_FLAGS: [&str; 4] = ["color", "no_color", "quiet", "verbose"];
    let Some(command) = cli.find_subcommand_mut(name) else {
        return Ok(());
    };
    let idle = command.get_arguments().find(|arg| {
        let id = arg.get_id().as_str();
        arg.is_hide_set() && !MESSAGE_FLAGS.contains(&id) && is_typed(given, id)
    });
    match idle.map(Arg::to_string) {
        Some(flag) => {
            let text = format!("the argument '{flag}' has no effect in {name}: {NO_DAEMON}");
            Err(command.error(ErrorKind::ArgumentConflict, text))
        }
        None => Ok(()),
    }
}

/// Whether two flags contradict each other, so that a typed one wins over a variable.
pub(super) fn contradict(one: &str, other: &str) -> bool {
    CONTRADICT.contains(&(one, other)) || CONTRADICT.contains(&(other, one))
}

fn is_typed(given: &ArgMatches, flag: &str) -> bool {
    given.value_source(flag) == Some(ValueSource::CommandLine)
}

fn is_given(given: &ArgMatches, cause: Cause) -> bool {
    match cause {
        Always => true,
        Flag(flag) => is_typed(given, flag),
        Past(flag) => is_typed(given, flag) && is_past(given, flag),
        Value(flag, value) => {
            given.get_raw(flag).is_some_and(|mut raw| raw.any(|raw| raw == value))
        }
    }
}

/// Whether a flag has a time in the past.
fn is_past(given: &ArgMatches, flag: &str) -> bool {
    let moment = given.get_one::<Moment>(flag);
    let now = jiff::ZonedDateTime::now();
    moment.and_then(|moment| moment.resolve(&now)).is_some_and(|time| time <= now.timestamp())
}

/// A flag as clap shows it in an error: `--tail <N|all>`.
fn shown(command: &Command, id: &str) -> String {
    let arg = command.get_arguments().find(|arg| arg.get_id() == id);
    arg.map_or_else(|| id.to_owned(), Arg::to_string)
}
