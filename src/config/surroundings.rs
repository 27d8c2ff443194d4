//! The surroundings of the command line: environment and terminals, read once at the start.

use std::env;
use std::fs;
use std::io::{IsTerminal, stderr, stdout};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, fstat};

use super::Contexts;
use crate::format::Colors;

/// The kind of stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A terminal.
    Terminal,
    /// A file.
    Regular,
    /// A pipe, a socket, `/dev/null`.
    Other,
}

/// Files through which a step of a GitHub workflow reports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Github {
    /// The file that becomes the step's summary.
    pub summary: Option<PathBuf>,
    /// The file of the step's outputs.
    pub output: Option<PathBuf>,
}

/// Environment and terminals.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a separate fact")]
pub struct Surroundings {
    /// `DOCKER_HOST`, unless empty.
    pub docker_host: Option<String>,
    /// `DOCKER_CONTEXT`, unless empty.
    pub docker_context: Option<String>,
    /// The docker command's contexts, in `DOCKER_CONFIG` or `~/.docker`.
    pub contexts: Contexts,
    /// `DOCKER_CERT_PATH`, unless empty.
    pub docker_cert_path: Option<PathBuf>,
    /// `DOCKER_TLS_VERIFY` is set and not empty.
    pub docker_tls_verify: bool,
    /// `DOCKER_TLS` is set and not empty.
    pub docker_tls: bool,
    /// Sockets of other products, with their names, if the default one does not exist.
    pub sockets: Vec<(&'static str, PathBuf)>,
    /// The compose project of the current directory, if it has one.
    pub project: Option<String>,
    /// `DOCKER_API_VERSION`, unless empty.
    pub docker_api_version: Option<String>,
    /// `NO_COLOR` is set and not empty (no-color.org).
    pub no_color: bool,
    /// `CLICOLOR_FORCE` is set and not 0.
    pub force_color: bool,
    /// `TERM` is `dumb`.
    pub dumb_terminal: bool,
    /// The kind of stdout.
    pub stdout: FileKind,
    /// The time, and the local time zone.
    pub now: jiff::ZonedDateTime,
    /// Whether stderr is a terminal.
    pub stderr_is_terminal: bool,
    /// Whether this is a step of a GitHub workflow (`GITHUB_ACTIONS` is set and not 0 or false).
    pub github: Option<Github>,
}

impl Surroundings {
    /// Whether errors before the parsing of flags have colors.
    pub(crate) fn colors_of_errors(&self) -> Colors {
        match self.stderr_is_terminal && !self.no_color && !self.dumb_terminal {
            true => Colors::On,
            false => Colors::Off,
        }
    }

    /// The kind of stderr.
    pub(super) fn stderr(&self) -> FileKind {
        if self.stderr_is_terminal { FileKind::Terminal } else { FileKind::Other }
    }

    /// Reads the surroundings.
    pub fn look() -> Self {
        let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let home = set("HOME").map(PathBuf::from);
        let config = set("DOCKER_CONFIG").map(PathBuf::from);
        let config = config.or_else(|| home.as_ref().map(|home| home.join(".docker")));
        Self {
            docker_host: set("DOCKER_HOST"),
            docker_context: set("DOCKER_CONTEXT"),
            contexts: Contexts::in_dir(config),
            docker_cert_path: set("DOCKER_CERT_PATH").map(PathBuf::from),
            docker_tls_verify: set("DOCKER_TLS_VERIFY").is_some(),
            docker_tls: set("DOCKER_TLS").is_some(),
            sockets: match Path::new(super::daemon::DEFAULT_SOCKET).exists() {
                true => Vec::new(),
                false => sockets(home.as_deref(), set("XDG_RUNTIME_DIR").as_deref().map(Path::new)),
            },
            project: project(set("COMPOSE_PROJECT_NAME"), env::current_dir().ok().as_deref()),
            docker_api_version: set("DOCKER_API_VERSION"),
            no_color: set("NO_COLOR").is_some(),
            force_color: set("CLICOLOR_FORCE").is_some_and(|value| value != "0"),
            dumb_terminal: set("TERM").is_some_and(|term| term == "dumb"),
            stdout: kind(&stdout()),
            now: jiff::ZonedDateTime::now(),
            stderr_is_terminal: stderr().is_terminal(),
            github: set("GITHUB_ACTIONS").filter(|value| is_on(value)).map(|_| Github {
                summary: set("GITHUB_STEP_SUMMARY").map(PathBuf::from),
                output: set("GITHUB_OUTPUT").map(PathBuf::from),
            }),
        }
    }
}

/// The existing sockets of other products. A rootless dockerd and Podman use the runtime directory, the others the home
/// directory.
fn sockets(home: Option<&Path>, runtime: Option<&Path>) -> Vec<(&'static str, PathBuf)> {
    const IN_HOME: [(&str, &str); 6] = [
        ("Docker Desktop", ".docker/run/docker.sock"),
        ("Docker Desktop", ".docker/desktop/docker.sock"),
        ("Colima", ".colima/default/docker.sock"),
        ("OrbStack", ".orbstack/run/docker.sock"),
        ("Rancher Desktop", ".rd/docker.sock"),
        ("Lima", ".lima/docker/sock/docker.sock"),
    ];
    const IN_RUNTIME: [(&str, &str); 2] =
        [("rootless Docker", "docker.sock"), ("rootless Podman", "podman/podman.sock")];
    let join = |dir: Option<&Path>, all: &[(&'static str, &str)]| -> Vec<(&'static str, PathBuf)> {
        let all = all.iter().map(|(name, path)| (*name, path));
        dir.map(|dir| all.map(|(name, path)| (name, dir.join(path))).collect()).unwrap_or_default()
    };
    let podman = ("Podman", PathBuf::from("/run/podman/podman.sock"));
    let all = join(runtime, &IN_RUNTIME).into_iter().chain(join(home, &IN_HOME)).chain([podman]);
    let is_socket = |path: &Path| fs::metadata(path).is_ok_and(|file| file.file_type().is_socket());
    all.filter(|(_, path)| is_socket(path)).collect()
}

/// The name of a compose project: from a variable, or derived from the directory as compose does.
fn project(given: Option<String>, dir: Option<&Path>) -> Option<String> {
    let name = || {
        let name = dir?.file_name()?.to_string_lossy().to_lowercase();
        let kept = name.chars().filter(|c| matches!(c, 'a'..='z' | '0'..='9' | '_' | '-'));
        let name: String = kept.collect();
        // Compose requires a letter or a digit first.
        let name = name.trim_start_matches(['_', '-']);
        (!name.is_empty()).then(|| name.to_owned())
    };
    given.or_else(name)
}

/// Whether a variable is on: any value but `0` and `false`.
fn is_on(value: &str) -> bool {
    !["", "0", "false"].contains(&value)
}

fn kind(file: &(impl AsFd + IsTerminal)) -> FileKind {
    let regular = fstat(file)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile);
    match file.is_terminal() {
        true => FileKind::Terminal,
        false if regular => FileKind::Regular,
        false => FileKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compose_project_is_named_by_the_variable_or_by_the_directory() {
        let of = |dir: &str| project(None, Some(Path::new(dir)));
        assert_eq!(of("/home/me/My Shop.v2").as_deref(), Some("myshopv2"));
        assert_eq!(of("/srv/_web-app_1").as_deref(), Some("web-app_1"));
        assert_eq!((of("/"), of("/srv/…"), project(None, None)), (None, None, None));
        let given = project(Some("shop".to_owned()), Some(Path::new("/srv/web")));
        assert_eq!(given.as_deref(), Some("shop"));
    }

    #[test]
    fn a_set_variable_is_on_unless_0_or_false() {
        assert!(["true", "1", "yes", "True"].into_iter().all(is_on));
        assert!(!["", "0", "false"].into_iter().any(is_on));
    }
}
