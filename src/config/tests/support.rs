//! Support for the configuration's tests: surroundings, and a parser of command lines.

use clap::Parser;

use crate::cli::Cli;
use crate::config::*;

pub(super) fn around() -> Surroundings {
    Surroundings {
        docker_host: None,
        docker_context: None,
        contexts: Contexts::default(),
        docker_cert_path: None,
        docker_tls_verify: false,
        docker_tls: false,
        sockets: Vec::new(),
        project: Some("shop".to_owned()),
        docker_api_version: None,
        no_color: false,
        force_color: false,
        dumb_terminal: false,
        stdout: FileKind::Other,
        now: jiff::Timestamp::from_second(1_800_000_000)
            .unwrap()
            .to_zoned_datetime(jiff::tz::TimeZone::UTC),
        stderr_is_terminal: false,
        github: None,
    }
}

pub(super) fn terminal() -> Surroundings {
    Surroundings { stdout: FileKind::Terminal, stderr_is_terminal: true, ..around() }
}

/// A directory of the docker command with a context `remote` that has certificates, and `far`.
pub(super) fn docker_dir(current: &str) -> (tempfile::TempDir, Contexts) {
    let dir = tempfile::tempdir().unwrap();
    let context = |hash: &str, name: &str, host: &str| {
        let meta = dir.path().join("contexts/meta").join(hash);
        std::fs::create_dir_all(&meta).unwrap();
        let text = format!(r#"{{"Name":"{name}","Endpoints":{{"docker":{{"Host":"{host}"}}}}}}"#);
        std::fs::write(meta.join("meta.json"), text).unwrap();
    };
    context("aa", "remote", "tcp://remote:2376");
    context("bb", "far", "ssh://far");
    std::fs::create_dir_all(dir.path().join("contexts/tls/aa/docker")).unwrap();
    let text = format!(r#"{{"currentContext":"{current}"}}"#);
    std::fs::write(dir.path().join("config.json"), text).unwrap();
    let contexts = Contexts::in_dir(Some(dir.path().to_owned()));
    (dir, contexts)
}

pub(super) fn config(args: &str, around: &Surroundings) -> Result<Config, UsageError> {
    let cli = Cli::try_parse_from(args.split_whitespace()).unwrap();
    Config::new(cli, around)
}

/// The only daemon.
pub(super) fn only(config: Config) -> Daemon {
    match config.daemons {
        Daemons::One(daemon) => daemon,
        other => panic!("one daemon is meant, not {other:?}"),
    }
}
