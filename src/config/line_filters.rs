//! The filters of `tail`, compiled from the flags.

use std::time::Duration;

use super::UsageError;
use crate::cli::{self, Sources};
use crate::engine::LineOrder;
use crate::filter::{Level, Patterns, Rules};

/// The filters of `cmon tail`, and its end conditions.
#[derive(Clone, Debug)]
pub struct Events {
    /// The rules.
    pub rules: Rules,
    /// The time limit of the run.
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
    let events = &tail.events;
    let rules = Rules {
        until: patterns(variables, "until_match", &events.until_match)?,
        fail: patterns(variables, "fail_on", &events.fail_on)?,
        ..selecting(&events.filters, variables)?
    };
    // The lines of an event stay together among those of other containers.
    if order == LineOrder::AsRead {
        refuse_only_join(&rules, &events.filters, variables)?;
    }
    Ok(Events { rules, timeout, order_window })
}

/// The filters of the full screen of `watch`.
pub(super) fn filters(filters: &cli::Filters, variables: &Sources) -> Result<Rules, UsageError> {
    let rules = selecting(filters, variables)?;
    refuse_only_join(&rules, filters, variables)?;
    Ok(rules)
}

fn patterns(variables: &Sources, id: &str, texts: &[String]) -> Result<Patterns, UsageError> {
    Patterns::compile(texts).map_err(|error| UsageError::Regex { name: variables.name(id), error })
}

pub(super) fn selecting(filters: &cli::Filters, variables: &Sources) -> Result<Rules, UsageError> {
    Ok(Rules {
        include: patterns(variables, "include", &filters.include)?,
        exclude: patterns(variables, "exclude", &filters.exclude)?,
        level: filters.level.map(level),
        join: patterns(variables, "join", &filters.join)?,
        join_stacks: filters.join_stacks,
        highlight: patterns(variables, "highlight", &filters.highlight)?,
        ..Rules::default()
    })
}

fn refuse_only_join(
    rules: &Rules,
    filters: &cli::Filters,
    variables: &Sources,
) -> Result<(), UsageError> {
    // A variable serves every run, so it is no mistake if it has no effect.
    let typed = |id: &str| !variables.gave(id);
    match (!filters.join.is_empty() && typed("join"), filters.join_stacks && typed("join_stacks")) {
        (true, _) if rules.only_join() => Err(UsageError::OnlyJoin("--join")),
        (_, true) if rules.only_join() => Err(UsageError::OnlyJoin("--join-stacks")),
        _ => Ok(()),
    }
}

fn level(level: cli::MinLevel) -> Level {
    match level {
        cli::MinLevel::Trace => Level::Trace,
        cli::MinLevel::Debug => Level::Debug,
        cli::MinLevel::Info => Level::Info,
        cli::MinLevel::Warn => Level::Warn,
        cli::MinLevel::Error => Level::Error,
        cli::MinLevel::Fatal => Level::Fatal,
    }
}
