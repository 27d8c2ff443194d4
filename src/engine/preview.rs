//! The containers that a run would follow, found from the lists alone, without reading a log.

use std::sync::Arc;

use futures_util::future::join_all;

use super::Config;
use super::selection::Selection;
use super::source::{DaemonId, Listed, Source, SourceError};
use super::start::{Answer, Grace, Listing, Missing, StartError, decide};
use crate::sort::sort_by;

/// The start of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// The containers that would be followed, daemon by daemon, by name.
    pub containers: Vec<Previewed>,
    /// Patterns that no container matches yet, and that the run would wait for.
    pub awaited: Vec<String>,
    /// Daemons that do not answer, while others do.
    pub away: Vec<(DaemonId, SourceError)>,
    /// The name of the container that cmon runs in, if the run would leave it out.
    pub own: Option<Arc<str>>,
}

/// A container that a run would follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Previewed {
    /// The container.
    pub row: Listed,
    /// The patterns and conditions that select it, as typed.
    pub by: Vec<String>,
}

/// Asks each daemon for its list, and selects as a run does when it begins.
///
/// # Errors
/// The errors of a run: no daemon answers, or a pattern matches nothing on any of them.
pub async fn preview<S: Source>(
    sources: &[Arc<S>],
    selection: &Selection,
    config: &Config,
) -> Result<Preview, StartError> {
    let answers = join_all(sources.iter().map(async |source| {
        let listed = source.list(selection.list_filters()).await?;
        let own = source.own(&listed).await;
        Ok(Arc::new(Listing { listed, own }))
    }));
    let daemons: Vec<DaemonId> = sources.iter().map(|source| source.daemon()).collect();
    select(daemons, answers.await, selection, config)
}

fn select(
    daemons: Vec<DaemonId>,
    answers: Vec<Result<Arc<Listing>, SourceError>>,
    selection: &Selection,
    config: &Config,
) -> Result<Preview, StartError> {
    let missing = if config.wait { Missing::Awaited } else { Missing::Fails };
    let given: Vec<Answer> = answers.iter().cloned().map(Some).collect();
    // All have answered, so the start is decided.
    let awaited = decide(&given, selection, (missing, config.mode), Grace::Over).transpose()?;
    let mut preview = Preview { awaited: awaited.unwrap_or_default(), ..Preview::default() };
    for (daemon, answer) in daemons.into_iter().zip(answers) {
        let listing = match answer {
            Ok(listing) => listing,
            Err(error) => {
                preview.away.push((daemon, error));
                continue;
            }
        };
        let chosen = listing.choose(selection)?;
        preview.own = preview.own.or(chosen.left_out.map(|own| own.name));
        let rows = listing.listed.iter().filter(|row| chosen.selection.matches(row));
        let mut rows: Vec<Previewed> = rows
            .map(|row| Previewed { row: row.clone(), by: chosen.selection.reasons(row) })
            .collect();
        sort_by(&mut rows, |one, other| one.row.name.cmp(&other.row.name));
        preview.containers.extend(rows);
    }
    Ok(preview)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::conditions::{ConditionTexts, Conditions};
    use crate::engine::failure::ErrorKind;
    use crate::engine::source::{ContainerId, ContainerKey, Facts, Phase};

    fn list(daemon: &str, rows: &[(&str, Phase)]) -> Arc<Listing> {
        let row = |(name, phase): &(&str, Phase)| Listed {
            key: ContainerKey {
                daemon: DaemonId::named(daemon, daemon),
                id: ContainerId::new(&format!("{daemon}{name}")),
            },
            name: (*name).into(),
            phase: *phase,
            facts: Arc::new(Facts { image: "nginx".to_owned(), ..Facts::default() }),
            passes: true,
        };
        Arc::new(Listing { listed: rows.iter().map(row).collect(), own: None })
    }

    fn shown(preview: &Preview) -> Vec<String> {
        let line = |one: &Previewed| format!("{}: {}", one.row.name, one.by.join(", "));
        preview.containers.iter().map(line).collect()
    }

    #[test]
    fn a_preview_lists_containers_and_the_patterns_that_select_them() {
        use Phase::{Exited, Running};
        let listing = list("a", &[("web-2", Running), ("web-1", Exited), ("db", Running)]);
        let daemons = || vec![DaemonId::named("a", "a")];
        let of = |selection: &Selection, config: &Config| {
            select(daemons(), vec![Ok(Arc::clone(&listing))], selection, config)
        };
        let config = Config::default();
        let typed = |texts: &[&str]| {
            let texts: Vec<_> = texts.iter().map(|text| (*text).into()).collect();
            Selection::compile(&texts).unwrap()
        };
        let found = of(&typed(&["web-*", "/2$/"]), &config).unwrap();
        assert_eq!(shown(&found), ["web-1: web-*", "web-2: web-*, /2$/"]);
        assert_eq!(
            shown(&of(&Selection::running(), &config).unwrap()),
            ["db: running", "web-2: running"]
        );
        let image =
            ConditionTexts { images: vec!["nginx".to_owned()], ..ConditionTexts::default() };
        let image = Selection::all().with(Conditions::compile(&image).unwrap());
        assert_eq!(shown(&of(&image, &config).unwrap())[0], "db: all, --image nginx");
        assert!(matches!(of(&typed(&["mail"]), &config), Err(StartError::Unmatched(_))));
        let waits = Config { wait: true, ..config };
        assert_eq!(of(&typed(&["mail"]), &waits).unwrap().awaited, ["mail"]);
    }

    #[test]
    fn a_daemon_that_is_away_is_named_where_another_answers() {
        let daemons = || ["a", "b"].map(|name| DaemonId::named(name, name)).to_vec();
        let away = || Err(SourceError::new(ErrorKind::Unreachable, "away"));
        let config = Config::default();
        let there = Ok(list("b", &[("web", Phase::Running)]));
        let found = select(daemons(), vec![away(), there], &Selection::all(), &config).unwrap();
        assert_eq!((shown(&found), found.away.len()), (vec!["web: all".to_owned()], 1));
        let none = select(daemons(), vec![away(), away()], &Selection::all(), &config);
        assert!(matches!(none, Err(StartError::AllAway(_))), "{none:?}");
    }
}
