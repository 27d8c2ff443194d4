//! From the command line and its surroundings to the configuration.

use super::error::UsageError;
use super::surroundings::Surroundings;
use super::{Config, daemon, leak_check, tail, watch};
use crate::cli::{Cli, Command, Global};
use crate::docker::RequestOptions;

impl Config {
    /// Resolves the configuration.
    ///
    /// # Errors
    /// The command line is invalid; the message has a hint.
    pub fn new(cli: Cli, around: &Surroundings) -> Result<Self, UsageError> {
        let sources = cli.global.sources.clone();
        Self::of(cli, around).map_err(|error| error.of_sources(&sources))
    }

    pub(super) fn of(cli: Cli, around: &Surroundings) -> Result<Self, UsageError> {
        let Cli { global, command } = cli;
        let daemons = daemon::daemons(&global, around)?;
        let requests = requests(&global, around)?;
        match command {
            Command::Tail(args) => tail::config((daemons, requests), &global, &args, around),
            Command::Watch(args) => watch::config((daemons, requests), &global, &args, around),
            Command::LeakCheck(args) => {
                leak_check::config((daemons, requests), &global, *args, around)
            }
            Command::Completions(_) | Command::Man(_) | Command::Config(_) => {
                unreachable!("they ask no daemon and need no configuration")
            }
        }
    }
}

fn requests(global: &Global, around: &Surroundings) -> Result<RequestOptions, UsageError> {
    let version = around.docker_api_version.as_deref();
    let version =
        version.map(|text| text.parse().map_err(|()| UsageError::ApiVersion(text.to_owned())));
    Ok(RequestOptions {
        timeout: global.request_timeout,
        api_version: version.transpose()?,
        ..RequestOptions::default()
    })
}
