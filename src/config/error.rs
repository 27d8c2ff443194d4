//! Errors of the command line, with hints.

use super::ContextError;
use crate::cli::{Source, Sources};
use crate::docker::endpoint::Origin;
use crate::docker::unix_path::BadPath;
use crate::engine::conditions::ConditionError;
use crate::engine::selection::PatternError;
use crate::filter::BadPattern;
use crate::format::template::TemplateError;

/// An invalid command line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// A pattern is invalid.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// A condition is invalid.
    #[error(transparent)]
    Condition(#[from] ConditionError),
    /// The environment and the current directory name no project.
    #[error("`--project {0}`: the current directory has no name that a compose project can have")]
    NoProject(String),
    /// There is no container to follow.
    #[error("which containers? Name them, or follow all of them with `-a`")]
    NoSelection,
    /// The daemon's address is invalid.
    #[error(
        "`{url}` ({origin}) is no address of a daemon: it must begin with unix://, tcp:// or ssh://"
    )]
    Address {
        /// As given.
        url: String,
        /// Its origin.
        origin: Origin,
    },
    /// The path of the daemon's socket is invalid.
    #[error("`{url}` ({origin}): {error}")]
    Path {
        /// As given.
        url: String,
        /// Its origin.
        origin: Origin,
        /// The error.
        error: BadPath,
    },
    /// The daemon's address cannot be used.
    #[error("`{url}` ({origin}): {reason}")]
    BadUrl {
        /// As given.
        url: String,
        /// Its origin.
        origin: Origin,
        /// The error.
        reason: &'static str,
    },
    /// A context of the docker command cannot be used.
    #[error("{origin}: {error}")]
    Context {
        /// The flag or variable, and its place.
        origin: Origin,
        /// The error.
        error: ContextError,
    },
    /// The docker command's configuration cannot be read.
    #[error("{0}")]
    DockerConfig(ContextError),
    /// TLS without verification of the daemon's certificate.
    #[error(
        "{0}: cmon uses TLS only with a verified certificate, because any host could pretend to be the daemon"
    )]
    Unverified(String),
    /// Certificates without TLS.
    #[error(
        "`{url}` ({origin}): --tlsverify, --tlscacert, --tlscert and --tlskey are for tcp:// addresses"
    )]
    TlsWithoutTcp {
        /// The address.
        url: String,
        /// Its origin.
        origin: Origin,
    },
    /// One daemon is named twice.
    #[error("{}, so each of its lines would come twice", named_twice(one, other))]
    SameDaemon {
        /// Its address.
        one: String,
        /// Its other address; it may be the same.
        other: String,
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
    /// The prefix of an address is not a valid name.
    #[error("`{text}` ({origin}): a daemon's name has letters, digits and the characters . _ - :")]
    HostName {
        /// As given.
        text: String,
        /// Its origin.
        origin: Origin,
    },
    /// leak-check measures one daemon.
    #[error("leak-check measures one daemon at a time, and {0} are named")]
    SeveralDaemons(usize),
    /// The default socket does not exist, and several others do.
    #[error("which daemon? /var/run/docker.sock is not there; there are: {}", .0.join(", "))]
    Sockets(Vec<String>),
    /// A time out of range.
    #[error("{0} names a time that no clock can show")]
    NoTime(&'static str),
    /// An empty range of times.
    #[error("--until {until} is before --since {since}, so no line can be shown")]
    EmptyRange {
        /// The beginning.
        since: jiff::Timestamp,
        /// The end.
        until: jiff::Timestamp,
    },
    /// A regular expression is invalid.
    #[error("{name} `{}`: {error}", error.pattern)]
    Regex {
        /// The flag or the variable.
        name: String,
        /// The error.
        error: BadPattern,
    },
    /// Joins without a rule that uses them.
    #[error("{0} has no effect by itself: it decides which lines the filters see together")]
    OnlyJoin(&'static str),
    /// A comparison needs two stream timeouts.
    #[error("--compare wants two stream timeouts or more, like --compare 30s,5m")]
    OneTimeout,
    /// A comparison makes two recordings, each named by its stream timeout.
    #[error("--compare names one stream timeout twice: there would be nothing to compare")]
    SameTimeout,
    /// All containers, and some of them.
    #[error("--all selects every container, so it cannot be combined with `{0}`")]
    AllAndNames(String),
    /// One file for two purposes.
    #[error("{one} and {other} name one file, `{}`: writing one would destroy the other", path.display())]
    SameFile {
        /// The file.
        path: std::path::PathBuf,
        /// A flag.
        one: &'static str,
        /// The other flag.
        other: &'static str,
    },
    /// Containers in a check that opens no stream.
    #[error("{0} opens no streams, so containers are of no use with it: leave them out")]
    NothingOpened(&'static str),
    /// A target is invalid.
    #[error("{0}")]
    Target(String),
    /// cmon itself counts streams.
    #[error(
        "--cycles-metric is for a target that has its own cycles: it goes with --passive or \
         --drive-cmd"
    )]
    CyclesOfStreams,
    /// A counter of cycles needs a target that counts.
    #[error("--cycles-metric is a metric of a target: name one with --target")]
    NoTarget,
    /// The API version is invalid.
    #[error(
        "DOCKER_API_VERSION is `{0}`, which is not a version of the Docker API: set it to MAJOR.MINOR \
         such as 1.41, or unset it"
    )]
    ApiVersion(String),
    /// Both the embedded daemon and another one, by flags or variables of these names.
    #[error("{demo} has its own daemon, so {host} cannot be combined with it")]
    DemoAndHost {
        /// The flag or variable for the embedded daemon.
        demo: String,
        /// The flag or variable for the other one.
        host: String,
    },
    /// A template is invalid.
    #[error("{name}, {error}")]
    Template {
        /// The flag, or the variable.
        name: String,
        /// The error.
        error: TemplateError,
    },
    /// Another error, with the variable that has the value.
    #[error("{text}")]
    OfVariable {
        /// The message, with the variable in place of the flag.
        text: String,
        /// The hint, if there is one.
        hint: Option<String>,
    },
    /// A flag that has an effect only on the full screen.
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
        /// The reason.
        reason: &'static str,
    },
}

/// A socket may have several paths.
fn named_twice(one: &str, other: &str) -> String {
    match one == other {
        true => format!("`{one}` is named twice"),
        false => format!("`{one}` and `{other}` are one socket"),
    }
}

impl UsageError {
    /// The same error, with the variable or the place in the file that has the value.
    pub(super) fn of_sources(self, sources: &Sources) -> Self {
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

    /// The hint, if there is one.
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
            UsageError::AllAndNames(_) => {
                Some("leave out --all: a name selects its container in any state".to_owned())
            }
            UsageError::SameFile { .. } => Some("name another file for one of them".to_owned()),
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
