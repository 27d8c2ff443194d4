//! `--dry-run` of `tail` and `watch`: lists the containers that a run would follow, without reading a log.

use serde::Serialize;

use anyhow::Context;

use super::NamedDaemon;
use super::engines::sources;
use super::generate::print;
use crate::config::{Config, DryRun};
use crate::engine::preview::{Preview, Previewed, preview};
use crate::engine::{self, Backlog, Range, Runs};
use crate::exit::Exit;
use crate::format::sanitize::{clean, clean_json};
use crate::format::units::counted;
use crate::output::Sinks;
use crate::signal::Signals;

/// Requests the lists of the daemons, and writes the start of a run.
///
/// # Errors
/// The errors of a run: no daemon answers, or no container is selected.
pub(crate) async fn run(
    config: Config,
    form: DryRun,
    daemons: Vec<NamedDaemon>,
    sinks: Sinks,
) -> anyhow::Result<Exit> {
    let mut signals = Signals::new().context("could not take over the signals")?;
    let sources = sources(&daemons, config.requests);
    let found = tokio::select! {
        found = preview(&sources, &config.selection, &config.engine) => found?,
        signal = signals.next() => return Ok(Exit::from(signal)),
    };
    let text = match form {
        DryRun::Text => text(&found, &daemons, &config.engine).into_bytes(),
        DryRun::Json => clean_json(json(&found)?.as_bytes()),
    };
    print(&text, &sinks)
}

/// The container's name, with its daemon's as prefix if there are several.
fn title(one: &Previewed) -> String {
    match one.row.key.daemon.host() {
        Some(host) => format!("{host}/{}", one.row.name),
        None => one.row.name.to_string(),
    }
}

fn text(found: &Preview, daemons: &[NamedDaemon], engine: &engine::Config) -> String {
    let header = ["CONTAINER", "STATE", "IMAGE", "SELECTED BY"].map(str::to_owned);
    let row = |one: &Previewed| {
        let image = clean(&one.row.facts.image);
        [clean(&title(one)), one.row.phase.as_str().to_owned(), image, clean(&one.by.join(", "))]
    };
    let rows: Vec<[String; 4]> = match found.containers.is_empty() {
        true => Vec::new(),
        false => [header].into_iter().chain(found.containers.iter().map(row)).collect(),
    };
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2)];
    let mut lines: Vec<String> = Vec::new();
    for [name, state, image, by] in &rows {
        let [w0, w1, w2] = widths;
        lines.push(format!("{name:<w0$}  {state:<w1$}  {image:<w2$}  {by}"));
    }
    if !rows.is_empty() {
        lines.push(String::new());
    }
    let count = counted(found.containers.len() as u64, "container");
    let places: Vec<String> = daemons
        .iter()
        .map(|(name, daemon)| {
            let name = name.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
            clean(&format!("{name}{} ({})", daemon.route, daemon.origin))
        })
        .collect();
    lines.push(format!("{count} on {}", places.join(", ")));
    lines.push(format!("lines: {}", window(engine)));
    if !found.awaited.is_empty() {
        let awaited: Vec<String> = found.awaited.iter().map(|text| format!("`{text}`")).collect();
        lines.push(clean(&format!("would wait for {}", awaited.join(", "))));
    }
    for (daemon, error) in &found.away {
        let name = daemon.host().map_or(daemon.as_str(), |host| host);
        lines.push(clean(&format!("{name} does not answer: {error}")));
    }
    if let Some(own) = &found.own {
        lines.push(format!("{} is left out: cmon runs in it", clean(own)));
    }
    lines.join("\n") + "\n"
}

/// The lines that a run would show.
fn window(engine: &engine::Config) -> String {
    let Range { since, until } = engine.outputs.range;
    let stored = match engine.backlog {
        Backlog::Last(0) => "none that are stored".to_owned(),
        Backlog::Last(1) => "the last 1 of each container".to_owned(),
        Backlog::Last(lines) => format!("the last {lines} of each container"),
        Backlog::All | Backlog::Since => "all that are stored".to_owned(),
    };
    let run = match engine.runs {
        Runs::All => "",
        Runs::Current => " of the current run",
        Runs::Previous => " of the previous run",
    };
    let since = since.map(|since| format!(" since {since}")).unwrap_or_default();
    let new = if engine.follows() { ", then new ones" } else { "" };
    let until = until.map(|until| format!(" until {until}")).unwrap_or_default();
    format!("{stored}{run}{since}{new}{until}")
}

/// A container that would be followed.
#[derive(Serialize)]
struct ContainerObject<'a> {
    v: u8,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
    container: &'a str,
    id: &'a str,
    state: &'static str,
    image: &'a str,
    selected_by: &'a [String],
}

fn json(found: &Preview) -> serde_json::Result<String> {
    let mut text = String::new();
    for Previewed { row, by } in &found.containers {
        let selected = ContainerObject {
            v: 1,
            r#type: "selected",
            host: row.key.daemon.host().map(|host| &**host),
            container: &row.name,
            id: row.key.id.as_str(),
            state: row.phase.as_str(),
            image: &row.facts.image,
            selected_by: by,
        };
        text.push_str(&serde_json::to_string(&selected)?);
        text.push('\n');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Outputs;
    use crate::engine::source::ReadMode;

    #[test]
    fn a_dry_run_describes_stored_and_new_lines() {
        let time = |text: &str| {
            Some(crate::engine::timestamp::Timestamp::from_jiff(text.parse().unwrap()))
        };
        let mode = |follow| if follow { ReadMode::Follow } else { ReadMode::Once };
        let of = |backlog, range, follow| {
            let outputs = Outputs { range, ..Outputs::BOTH };
            window(&engine::Config {
                mode: mode(follow),
                backlog,
                outputs,
                ..engine::Config::default()
            })
        };
        let open = Range::default();
        assert_eq!(
            of(Backlog::Last(10), open, true),
            "the last 10 of each container, then new ones"
        );
        assert_eq!(of(Backlog::Last(0), open, true), "none that are stored, then new ones");
        assert_eq!(of(Backlog::All, open, false), "all that are stored");
        let of_run = |runs, backlog, follow| {
            window(&engine::Config {
                mode: mode(follow),
                backlog,
                runs,
                ..engine::Config::default()
            })
        };
        assert_eq!(
            of_run(Runs::Current, Backlog::Since, true),
            "all that are stored of the current run, then new ones"
        );
        assert_eq!(
            of_run(Runs::Previous, Backlog::Last(3), false),
            "the last 3 of each container of the previous run"
        );
        let range =
            Range { since: time("2026-11-28T00:00:00Z"), until: time("2026-11-28T01:00:00.5Z") };
        let to_come = Range { since: None, ..range };
        assert_eq!(
            of(Backlog::Last(2), to_come, true),
            "the last 2 of each container, then new ones until 2026-11-28T01:00:00.500000000Z"
        );
        assert_eq!(
            of(Backlog::Since, range, false),
            "all that are stored since 2026-11-28T00:00:00.000000000Z until 2026-11-28T01:00:00.500000000Z"
        );
    }
}
