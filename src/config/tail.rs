//! The settings of `cmon tail`.

use std::time::Duration;

use super::look::{self, Shown};
use super::selection::{Wanted, running_or};
use super::{Action, Config, Cursor, Daemons, DryRun, Surroundings, UsageError, line_filters};
use crate::cli::{Form, Global, Lines, Moment, Tail};
use crate::cursor::Start;
use crate::directory::{Compression, Settings};
use crate::docker::{Details, RequestOptions};
use crate::engine::selection::Selection;
use crate::engine::source::ReadMode;
use crate::engine::timestamp::Timestamp;
use crate::engine::{self, Backlog, LineOrder, Outputs, Range, Runs};
use crate::output;

/// The number of open files in an output directory.
const OPEN_FILES_MAX: usize = 256;

/// Resolves the settings.
pub(super) fn config(
    (daemons, requests): (Daemons, RequestOptions),
    global: &Global,
    tail: &Tail,
    around: &Surroundings,
) -> Result<Config, UsageError> {
    // Raw bytes contain only the lines.
    let details = match tail.details && tail.output != Form::Raw {
        true => Details::With,
        false => Details::Without,
    };
    let selection = selection(global, tail, around)?;
    // Several daemons can each have a container of this name.
    let single = selection.is_single() && !matches!(daemons, Daemons::Several(_));
    let shown = if single { Shown::One } else { Shown::Several };
    // One container is in order by itself, and in files each container is separate.
    let order = match single || tail.output_dir.is_some() {
        true => LineOrder::AsRead,
        false => LineOrder::ByTime,
    };
    let order_window = match order {
        LineOrder::AsRead => Duration::ZERO,
        LineOrder::ByTime => tail.order_window,
    };
    Ok(Config {
        daemons,
        requests: RequestOptions { details, order_window, ..requests },
        engine: engine::Config { order, ..engine(global, tail, range(tail, around)?, around) },
        output: output::Config {
            template: look::template(global, tail)?,
            ..look::output(global, tail, around, shown)
        },
        selection,
        verbosity: global.verbose,
        action: {
            let events = line_filters::events(tail, &global.sources, order)?;
            match tail.dry_run {
                true if tail.output == Form::Json => Action::DryRun(DryRun::Json),
                true => Action::DryRun(DryRun::Text),
                false => Action::Tail(Box::new(events), cursor(tail)),
            }
        },
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
    let settings = Settings {
        rotate_size,
        keep: tail.rotate_keep,
        compression,
        open_files_max: OPEN_FILES_MAX,
    };
    let path = directory.join("cursor.json");
    Some(Cursor { path, start, keep, directory: Some((directory, settings)) })
}

/// The range of wanted times.
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
    // The time left until the end, if that is in the future.
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
    // Without a follow, no stream gets old, and no container is awaited.
    let (stream_timeout, stale_after) = match follow {
        true => (global.stream_timeout, global.stale_after),
        false => (defaults.stream_timeout, defaults.stale_after),
    };
    engine::Config {
        mode: if follow { ReadMode::Follow } else { ReadMode::Once },
        follow_for: follow_for.filter(|_| follow),
        // After all containers have stopped, an awaited one cannot come.
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
