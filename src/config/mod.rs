//! What is meant: [`Config`] is valid and complete, made from what was typed and from the
//! [`Surroundings`] by a pure function, so that every rule of the command line is a table test.

mod contexts;
mod daemon;
mod events;
mod leak_check;
mod surroundings;
mod watch;

use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::format::Colors;
use crate::cli::{
    Cli, Command, Conditions, Form, Global, Lines, Moment, Source, Sources, Tail, Timestamps, When,
    Zone,
};
use crate::cursor::Start;
use crate::directory::{Compression, Settings};
use crate::docker::endpoint::Origin;
use crate::docker::unix_path::BadPath;
use crate::docker::{Details, RequestOptions};
use crate::engine::conditions::{self, ConditionError, ConditionTexts};
use crate::engine::selection::{PatternError, PatternText, Selection};
use crate::engine::timestamp::Timestamp;
use crate::engine::{self, Backlog, LineOrder, Outputs, Range, Runs};
use crate::filter::BadPattern;
use crate::format::stamp::{Stamp, StampForm};
use crate::format::template::{Template, TemplateError};
use crate::output::{self, Destination};
pub use contexts::{ContextError, Contexts};
pub use daemon::{Daemon, Daemons};
pub use events::Events;
pub use leak_check::{Check, Form as LeakForm, LeakCheck, Work};
pub use surroundings::{FileKind, Github, Surroundings};
pub use watch::{Watch, WatchForm};

/// All that a command needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// The daemons.
    pub daemons: Daemons,
    /// How a daemon is asked.
    pub requests: RequestOptions,
    /// Whose logs.
    pub selection: Selection,
    /// How to follow.
    pub engine: engine::Config,
    /// How to show it.
    pub output: output::Config,
    /// How much to trace: 0 nothing, 1 what happens, 2 everything.
    pub verbosity: u8,
    /// What to do.
    pub action: Action,
}

/// Files of an output directory that stay open.
const OPEN_FILES: usize = 256;

/// What cmon does.
#[derive(Clone, Debug)]
pub enum Action {
    /// `cmon tail`.
    Tail(Box<Events>, Option<Cursor>),
    /// `cmon watch`.
    Watch(Box<Watch>),
    /// `--dry-run` of one of these.
    DryRun(DryRun),
    /// `cmon leak-check`.
    LeakCheck(Box<LeakCheck>),
}

/// How `--dry-run` lists containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DryRun {
    /// As a table.
    Text,
    /// One JSON object per container.
    Json,
}

/// The cursor of `cmon tail`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Its file.
    pub path: PathBuf,
    /// How the run begins.
    pub start: Start,
    /// How long removed containers stay in it.
    pub keep: Duration,
    /// The directory that lines are written to, where they do not go to stdout. The cursor is in it.
    pub directory: Option<(PathBuf, Settings)>,
}

/// A command line that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// A pattern cannot be understood.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// A condition cannot be understood.
    #[error(transparent)]
    Condition(#[from] ConditionError),
    /// No project can be read from the environment and the current directory.
    #[error("`--project {0}`: the current directory has no name that a compose project can have")]
    NoProject(String),
    /// There is nothing to follow.
    #[error("which containers? Name them, or follow all of them with `-a`")]
    NoSelection,
    /// The daemon's address is not one.
    #[error(
        "`{url}` ({origin}) is no address of a daemon: it must begin with unix://, tcp:// or ssh://"
    )]
    Address {
        /// As given.
        url: String,
        /// Who gave it.
        origin: Origin,
    },
    /// The path of the daemon's socket cannot be one.
    #[error("`{url}` ({origin}): {error}")]
    Path {
        /// As given.
        url: String,
        /// Who gave it.
        origin: Origin,
        /// What is wrong with it.
        error: BadPath,
    },
    /// The daemon's address cannot be used.
    #[error("`{url}` ({origin}): {reason}")]
    BadUrl {
        /// As given.
        url: String,
        /// Who gave it.
        origin: Origin,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A context of the docker command cannot be used.
    #[error("{origin}: {error}")]
    Context {
        /// Which, and who gave it.
        origin: Origin,
        /// What is wrong with it.
        error: ContextError,
    },
    /// The docker command's configuration cannot be read.
    #[error("{0}")]
    DockerConfig(ContextError),
    /// TLS without a look at the daemon's certificate.
    #[error(
        "{0}: cmon uses TLS only with a verified certificate, because anybody could pretend to be the daemon"
    )]
    Unverified(String),
    /// Certificates where there is no TLS.
    #[error(
        "`{url}` ({origin}): --tlsverify, --tlscacert, --tlscert and --tlskey are for tcp:// addresses"
    )]
    TlsWithoutTcp {
        /// The address.
        url: String,
        /// Who gave it.
        origin: Origin,
    },
    /// One daemon is named twice.
    #[error("`{url}` is named twice, so each of its lines would come twice")]
    SameDaemon {
        /// Its address.
        url: String,
    },
    /// Two daemons have the same name.
    #[error("`{one}` and `{other}` would both be called `{name}`")]
    SameName {
        /// The name.
        name: String,
        /// The address of the first.
        one: String,
        /// The address of the second.
        other: String,
    },
    /// What stands before an address is no name.
    #[error("`{text}` ({origin}): a daemon's name has letters, digits and the characters . _ - :")]
    HostName {
        /// As given.
        text: String,
        /// Who gave it.
        origin: Origin,
    },
    /// leak-check measures one daemon.
    #[error("leak-check measures one daemon at a time, and {0} are named")]
    SeveralDaemons(usize),
    /// The usual socket is not there, and several others are.
    #[error("which daemon? /var/run/docker.sock is not there; there are: {}", .0.join(", "))]
    Sockets(Vec<String>),
    /// A time before or after all times.
    #[error("{0} names a time that no clock can show")]
    NoTime(&'static str),
    /// Nothing can be between these.
    #[error("--until {until} is before --since {since}, so no line can be shown")]
    EmptyRange {
        /// The beginning.
        since: jiff::Timestamp,
        /// The end.
        until: jiff::Timestamp,
    },
    /// A regular expression is malformed.
    #[error("{name} `{}`: {error}", error.pattern)]
    Regex {
        /// The flag or the variable that gave it.
        name: String,
        /// What is wrong with it.
        error: BadPattern,
    },
    /// Lines are joined, and nothing is done with them.
    #[error("{0} has no effect by itself: it decides which lines the filters see together")]
    OnlyJoin(&'static str),
    /// Two stream timeouts are needed to compare them.
    #[error("--compare wants two stream timeouts or more, like --compare 30s,5m")]
    OneTimeout,
    /// Each of them has a recording of its own, which is named by it.
    #[error("--compare names one stream timeout twice: there would be nothing to compare")]
    SameTimeout,
    /// Containers where no stream is opened.
    #[error("{0} opens no streams, so containers are of no use with it: leave them out")]
    NothingOpened(&'static str),
    /// A target cannot be understood.
    #[error("{0}")]
    Target(String),
    /// Streams are counted by cmon.
    #[error(
        "--cycles-metric is for a target that has its own cycles: it goes with --passive or \
         --drive-cmd"
    )]
    CyclesOfStreams,
    /// A counter of cycles needs somebody who counts.
    #[error("--cycles-metric is a metric of a target: name one with --target")]
    NoTarget,
    /// The version of the API is none.
    #[error(
        "DOCKER_API_VERSION is `{0}`, which is not a version of the Docker API: set it to MAJOR.MINOR \
         such as 1.41, or unset it"
    )]
    ApiVersion(String),
    /// Both the embedded daemon and another one, by flags or variables of these names.
    #[error("{demo} brings its own daemon, so {host} cannot be given beside it")]
    DemoAndHost {
        /// What asks for the embedded daemon.
        demo: String,
        /// What names another one.
        host: String,
    },
    /// A template cannot be used.
    #[error("{name}, {error}")]
    Template {
        /// The flag, or the variable.
        name: String,
        /// What is wrong with it.
        error: TemplateError,
    },
    /// The same as another one, where a variable has the value.
    #[error("{text}")]
    OfVariable {
        /// What is wrong, with the variable in place of the flag.
        text: String,
        /// What to type instead, where that is known.
        hint: Option<String>,
    },
    /// A flag that does nothing but on the full screen.
    #[error("{flag} decides what the full screen shows, and there is none here")]
    NoScreen {
        /// The flag.
        flag: &'static str,
    },
    /// A flag that does nothing on the full screen.
    #[error("{flag} has no effect on the full screen: {reason}")]
    OnScreen {
        /// The flag.
        flag: &'static str,
        /// Why.
        reason: &'static str,
    },
}

impl UsageError {
    /// The same, blamed on the variable or on the place in the file that has the value.
    fn of_sources(self, sources: &Sources) -> Self {
        const FLAGS: [(&str, &str); 5] = [
            ("labels", "--label"),
            ("images", "--image"),
            ("projects", "--project"),
            ("filters", "--filter"),
            ("excluded", "--exclude-container"),
        ];
        let (UsageError::Condition(_) | UsageError::NoProject(_)) = self else {
            return self;
        };
        let text = self.to_string();
        let given = FLAGS.into_iter().filter(|(id, _)| sources.gave(id));
        let named = given.fold(text.clone(), |text, (id, flag)| {
            let name = sources.name(id);
            match sources.of(id) {
                Some(Source::File { .. }) if text.contains(flag) => format!("{name}: {text}"),
                Some(Source::File { .. }) | None => text,
                Some(Source::Variable(_)) => {
                    text.replace(&format!("{flag} "), &format!("{name}=")).replace(flag, &name)
                }
            }
        });
        match named == text {
            true => self,
            false => UsageError::OfVariable { text: named, hint: self.hint() },
        }
    }

    /// What to type instead, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            UsageError::Path { error, .. } => Some(error.hint()),
            UsageError::Address { url, .. } if url.starts_with('/') => {
                Some(format!("write unix://{url}"))
            }
            UsageError::Address { .. } => {
                Some("name the daemon's socket, like unix:///var/run/docker.sock".to_owned())
            }
            UsageError::Regex { name, .. } if name.starts_with("CMON_") => {
                Some(format!("correct {name}, or unset it"))
            }
            UsageError::Regex { name, .. } if !name.starts_with("--") => {
                Some("correct the expression there, or remove the line".to_owned())
            }
            UsageError::Regex { .. } => {
                Some("write a \\ before a character that stands for itself, as in '\\['".to_owned())
            }
            UsageError::OnlyJoin(_) => Some(
                "add -i, -e, -H, --level, --until-match or --fail-on, or leave it out".to_owned(),
            ),
            UsageError::Context { .. } => Some("`docker context ls` lists the contexts".to_owned()),
            UsageError::Unverified(_) => Some(
                "set DOCKER_TLS_VERIFY=1, with the daemon's authority in DOCKER_CERT_PATH/ca.pem"
                    .to_owned(),
            ),
            UsageError::NoProject(_) => {
                Some("name the project, or set COMPOSE_PROJECT_NAME".to_owned())
            }
            UsageError::Template { error, .. } => Some(error.hint.clone()),
            UsageError::OfVariable { hint, .. } => hint.clone(),
            UsageError::NoScreen { .. } => {
                Some("run it on a terminal without --once, or use cmon tail".to_owned())
            }
            UsageError::SameDaemon { .. } => Some("leave one of them out".to_owned()),
            UsageError::SameName { .. } => {
                Some("name each of them, like --host build=tcp://10.0.0.7:2375".to_owned())
            }
            UsageError::HostName { .. } => Some("write --host NAME=URL".to_owned()),
            UsageError::SeveralDaemons(_) => {
                Some("name one with --host or --context, and run cmon once for each".to_owned())
            }
            UsageError::Sockets(_) => Some("name one of them with --host".to_owned()),
            _ => None,
        }
    }
}

impl Config {
    /// Decides what is meant.
    ///
    /// # Errors
    /// The command line makes no sense; the message says what to type instead.
    pub fn new(cli: Cli, around: &Surroundings) -> Result<Self, UsageError> {
        let sources = cli.global.sources.clone();
        Self::of(cli, around).map_err(|error| error.of_sources(&sources))
    }

    fn of(cli: Cli, around: &Surroundings) -> Result<Self, UsageError> {
        let Cli { global, command } = cli;
        let daemons = daemon::daemons(&global, around)?;
        let requests = requests(&global, around)?;
        let tail = match command {
            Command::Tail(tail) => tail,
            Command::Watch(args) => {
                return watch::config((daemons, requests), &global, &args, around);
            }
            Command::LeakCheck(args) => {
                return leak_check::config((daemons, requests), &global, *args, around);
            }
            Command::Completions(_) | Command::Man(_) | Command::Config(_) => {
                unreachable!("they ask no daemon and need no configuration")
            }
        };
        // Raw bytes are those of the lines alone.
        let details = match tail.details && tail.output != Form::Raw {
            true => Details::With,
            false => Details::Without,
        };
        let requests = RequestOptions { details, ..requests };
        let selection = selection(&global, &tail, around)?;
        // The same name can be on each of several daemons.
        let single = selection.is_single() && !matches!(daemons, Daemons::Several(_));
        let shown = if single { Shown::One } else { Shown::Several };
        // One container is in order by itself, and each has files of its own.
        let order = match single || tail.output_dir.is_some() {
            true => LineOrder::AsRead,
            false => LineOrder::ByTime,
        };
        Ok(Self {
            daemons,
            requests,
            engine: engine::Config {
                order,
                ..engine(&global, &tail, range(&tail, around)?, around)
            },
            output: output::Config {
                template: template(&global, &tail)?,
                ..output(&global, &tail, around, shown)
            },
            selection,
            verbosity: global.verbose,
            action: {
                let events = events::events(&tail, &global.sources, order)?;
                match tail.dry_run {
                    true if tail.output == Form::Json => Action::DryRun(DryRun::Json),
                    true => Action::DryRun(DryRun::Text),
                    false => Action::Tail(Box::new(events), cursor(&tail)),
                }
            },
        })
    }
}

fn requests(global: &Global, around: &Surroundings) -> Result<RequestOptions, UsageError> {
    let version = around.docker_api_version.as_deref();
    let version =
        version.map(|text| text.parse().map_err(|()| UsageError::ApiVersion(text.to_owned())));
    Ok(RequestOptions {
        timeout: global.request_timeout,
        api_version: version.transpose()?,
        details: Details::Without,
    })
}

fn selection(global: &Global, tail: &Tail, around: &Surroundings) -> Result<Selection, UsageError> {
    let Tail { containers, all, conditions, .. } = tail;
    let demo = global.demo;
    if containers.is_empty() && !all && !demo && conditions.is_empty() {
        return Err(UsageError::NoSelection);
    }
    let all = *all || demo && containers.is_empty();
    let wanted = if all { Wanted::All } else { Wanted::NamedOrRunning };
    running_or(containers, wanted, conditions, around)
}

fn cursor(tail: &Tail) -> Option<Cursor> {
    let start = if tail.cursor_reset { Start::Anew } else { Start::Continue };
    let keep = tail.cursor_keep;
    let Some(directory) = tail.output_dir.clone() else {
        let path = tail.cursor.clone()?;
        return Some(Cursor { path, start, keep, directory: None });
    };
    let compression = if tail.compress { Compression::Gzip } else { Compression::None };
    let rotate_size = Some(tail.rotate_size).filter(|size| 0 < *size);
    let settings =
        Settings { rotate_size, keep: tail.rotate_keep, compression, open_files_max: OPEN_FILES };
    let path = directory.join("cursor.json");
    Some(Cursor { path, start, keep, directory: Some((directory, settings)) })
}

/// The times of the lines that are wanted.
fn range(tail: &Tail, around: &Surroundings) -> Result<Range, UsageError> {
    let resolve = |flag: &'static str, moment: Option<Moment>| {
        let moment =
            moment.map(|moment| moment.resolve(&around.now).ok_or(UsageError::NoTime(flag)));
        moment.transpose()
    };
    let since = resolve("--since", tail.since)?;
    let until = resolve("--until", tail.until)?;
    if let (Some(since), Some(until)) = (since, until)
        && until < since
    {
        return Err(UsageError::EmptyRange { since, until });
    }
    let [since, until] = [since, until].map(|time| time.map(Timestamp::from_jiff));
    Ok(Range { since, until })
}

fn engine(global: &Global, tail: &Tail, range: Range, around: &Surroundings) -> engine::Config {
    // The time that is left until the end, if it is still to come.
    let left = range.until.map(|until| until.as_nanos() - around.now.timestamp().as_nanosecond());
    let follow_for = left.map(|left| Duration::from_nanos(u64::try_from(left).unwrap_or(0)));
    let follow = tail.follows() && follow_for.is_none_or(|time| !time.is_zero());
    let either = tail.stdout || tail.stderr;
    let runs = match (tail.since_start, tail.previous) {
        (_, true) => Runs::Previous,
        (true, false) => Runs::Current,
        (false, false) => Runs::All,
    };
    let defaults = engine::Config::default();
    // Without a follow nothing gets old, and nothing is waited for.
    let (stream_timeout, stale_after) = match follow {
        true => (global.stream_timeout, global.stale_after),
        false => (defaults.stream_timeout, defaults.stale_after),
    };
    engine::Config {
        follow,
        follow_for: follow_for.filter(|_| follow),
        // What is waited for cannot come any more when all have stopped.
        exit_on_stop: (tail.exit_on_stop || !tail.events.until_match.is_empty()) && follow,
        wait: tail.wait,
        backlog: match tail.tail {
            Some(Lines::Last(lines)) => Backlog::Last(lines),
            Some(Lines::All) if runs == Runs::Previous => Backlog::All,
            _ if range.since.is_some() || runs != Runs::All => Backlog::Since,
            None if follow => Backlog::Last(10),
            Some(Lines::All) | None => Backlog::All,
        },
        runs,
        outputs: Outputs { stdout: tail.stdout || !either, stderr: tail.stderr || !either, range },
        order: LineOrder::AsRead,
        max_line: tail.max_line,
        stream_timeout,
        stale_after,
        stop_timeout: global.stop_timeout,
        saved: None,
        seed: None,
    }
}

/// Whether there are colors on an output of this kind.
fn colors(global: &Global, around: &Surroundings, output: FileKind) -> Colors {
    let by_output = || output == FileKind::Terminal && !around.dumb_terminal;
    let wanted = match global.color {
        _ if global.no_color => false,
        When::Always => true,
        When::Never => false,
        When::Auto if around.no_color => false,
        When::Auto => around.force_color || by_output(),
    };
    if wanted { Colors::On } else { Colors::Off }
}

/// How many containers a run can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    One,
    Several,
}

fn output(global: &Global, tail: &Tail, around: &Surroundings, shown: Shown) -> output::Config {
    let single = shown == Shown::One;
    let to_files = tail.output_dir.is_some();
    let terminal = around.stdout == FileKind::Terminal && !to_files;
    let json = tail.output == Form::Json && tail.template.is_none();
    // A status line beside a pipe would be drawn over whatever the next program draws.
    let calm = to_files || matches!(around.stdout, FileKind::Terminal | FileKind::Regular);
    output::Config {
        form: match tail.output {
            _ if tail.template.is_some() => output::Form::Template,
            Form::Json => output::Form::Json,
            Form::Default | Form::Pretty | Form::Raw if to_files => {
                output::Form::Text { prefix: false }
            }
            Form::Raw => output::Form::Bare,
            Form::Default | Form::Pretty if single && !terminal => output::Form::Bare,
            Form::Default | Form::Pretty => {
                output::Form::Text { prefix: !single && !tail.no_prefix }
            }
        },
        stamp: stamp(tail, around).filter(|_| !json),
        template: None,
        pretty: tail.output == Form::Pretty,
        strip_escapes: tail.strip_ansi,
        zone: match &tail.timezone {
            Some(Zone::Named(zone)) => zone.clone(),
            Some(Zone::Local) | None => around.now.time_zone().clone(),
        },
        sanitize: terminal,
        color_out: if to_files { Colors::Off } else { colors(global, around, around.stdout) },
        color_err: colors(global, around, around.stderr()),
        quiet: global.quiet,
        status: around.stderr_is_terminal
            && calm
            && !global.quiet
            && (!json || to_files)
            && !around.dumb_terminal,
        summary: match global.quiet {
            true => output::Summary::Never,
            false if tail.summary || around.stderr_is_terminal => output::Summary::Always,
            false => output::Summary::OnSignal,
        },
        destination: if to_files { Destination::Files } else { Destination::Stdout },
    }
}

fn template(global: &Global, tail: &Tail) -> Result<Option<Template>, UsageError> {
    let template = tail.template.as_deref().map(Template::new).transpose();
    template.map_err(|error| UsageError::Template { name: global.sources.name("template"), error })
}

/// What stands before each line.
fn stamp(tail: &Tail, around: &Surroundings) -> Option<Stamp> {
    let form = match tail.timestamps {
        Some(Timestamps::Short) => StampForm::Short,
        Some(Timestamps::Iso) => StampForm::Iso,
        Some(Timestamps::Full) => StampForm::Full,
        // A template has the time of a line anyway.
        None | Some(Timestamps::Off) if tail.template.is_some() && tail.timezone.is_some() => {
            StampForm::Full
        }
        None | Some(Timestamps::Off) => return None,
    };
    let zone = match &tail.timezone {
        Some(Zone::Named(zone)) => zone.clone(),
        Some(Zone::Local) => around.now.time_zone().clone(),
        // What `docker logs -t` prints, byte for byte.
        None if form == StampForm::Full => TimeZone::UTC,
        None if around.stdout == FileKind::Terminal => around.now.time_zone().clone(),
        None => TimeZone::UTC,
    };
    Some(Stamp { form, zone })
}

/// Which containers are wanted beside those that are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    /// All of them.
    All,
    /// None; without a name, those that run.
    NamedOrRunning,
}

/// The containers that are named, or else those that run.
fn running_or(
    names: &[String],
    wanted: Wanted,
    conditions: &Conditions,
    around: &Surroundings,
) -> Result<Selection, UsageError> {
    let texts: Vec<PatternText> = names.iter().map(|text| PatternText(text.clone())).collect();
    let selection = match (wanted, texts.is_empty()) {
        (Wanted::All, _) => Selection::compile(&texts)?.and_all(),
        (Wanted::NamedOrRunning, true) => Selection::running(),
        (Wanted::NamedOrRunning, false) => Selection::compile(&texts)?,
    };
    let projects = conditions.projects.iter().map(|text| project(text, around));
    let texts = ConditionTexts {
        labels: conditions.labels.clone(),
        images: conditions.images.clone(),
        projects: projects.collect::<Result<_, _>>()?,
        filters: conditions.filters.clone(),
        excluded: conditions.excluded.clone(),
    };
    Ok(selection.with(conditions::Conditions::compile(&texts)?))
}

/// A project as it was typed, with the current directory's instead of a dot.
fn project(text: &str, around: &Surroundings) -> Result<String, UsageError> {
    let (name, service) = match text.split_once('/') {
        Some((name, service)) => (name, Some(service)),
        None => (text, None),
    };
    if name != "." {
        return Ok(text.to_owned());
    }
    let none = || UsageError::NoProject(text.to_owned());
    let name = around.project.as_ref().ok_or_else(none)?;
    Ok(service.map_or_else(|| name.clone(), |service| format!("{name}/{service}")))
}

/// The output of a command that shows no lines: what is said on stderr.
fn talk(global: &Global, around: &Surroundings) -> output::Config {
    let terminal = around.stdout == FileKind::Terminal;
    output::Config {
        form: output::Form::Text { prefix: true },
        stamp: None,
        template: None,
        pretty: false,
        strip_escapes: false,
        zone: around.now.time_zone().clone(),
        sanitize: terminal,
        color_out: colors(global, around, around.stdout),
        color_err: colors(global, around, around.stderr()),
        quiet: global.quiet,
        status: false,
        summary: output::Summary::Never,
        destination: Destination::Stdout,
    }
}

#[cfg(test)]
mod tests;
