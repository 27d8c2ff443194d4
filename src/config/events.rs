//! The filters of `tail`: from what was typed to compiled rules.

use std::time::Duration;

use super::UsageError;
use crate::cli::{self, Sources};
use crate::engine::LineOrder;
use crate::filter::{Level, Patterns, Rules};

/// Which events `cmon tail` shows, and what ends it.
#[derive(Clone, Debug)]
pub struct Events {
    /// What is shown, and which events end the run.
    pub rules: Rules,
    /// How long the run may take.
    pub timeout: Option<Duration>,
    /// How long live lines wait for older ones of other containers.
    pub order_window: Duration,
}

pub(super) fn events(
    tail: &cli::Tail,
    variables: &Sources,
    order: LineOrder,
) -> Result<Events, UsageError> {
    let (timeout, order_window) = (tail.events.timeout, tail.order_window);
    Ok(Events { rules: rules(&tail.events, variables, order)?, timeout, order_window })
}

fn rules(events: &cli::Events, variables: &Sources, order: LineOrder) -> Result<Rules, UsageError> {
    let patterns = |id: &str, texts: &[String]| {
        Patterns::compile(texts)
            .map_err(|error| UsageError::Regex { name: variables.name(id), error })
    };
    let rules = Rules {
        include: patterns("include", &events.include)?,
        exclude: patterns("exclude", &events.exclude)?,
        highlight: patterns("highlight", &events.highlight)?,
        level: events.level.map(level),
        join: patterns("join", &events.join)?,
        join_stacks: events.join_stacks,
        until: patterns("until_match", &events.until_match)?,
        fail: patterns("fail_on", &events.fail_on)?,
    };
    // A variable is meant for every run, and is no mistake where it does nothing.
    let typed = |id: &str| !variables.gave(id);
    // The lines of an event stay together among those of other containers.
    if order == LineOrder::ByTime {
        return Ok(rules);
    }
    match (!events.join.is_empty() && typed("join"), events.join_stacks && typed("join_stacks")) {
        (true, _) if rules.only_join() => Err(UsageError::OnlyJoin("--join")),
        (_, true) if rules.only_join() => Err(UsageError::OnlyJoin("--join-stacks")),
        _ => Ok(rules),
    }
}

fn level(level: cli::Level) -> Level {
    match level {
        cli::Level::Trace => Level::Trace,
        cli::Level::Debug => Level::Debug,
        cli::Level::Info => Level::Info,
        cli::Level::Warn => Level::Warn,
        cli::Level::Error => Level::Error,
        cli::Level::Fatal => Level::Fatal,
    }
}
