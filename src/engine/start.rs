//! The start of a run: from the daemons' first answers to the followed containers, or to an error. Pure.
//!
//! A pattern is an error only if all daemons have answered and none has a matching container. While a daemon is
//! away, cmon waits for the patterns that the others do not match.

use std::fmt;
use std::sync::Arc;

use super::position::OtherDaemon;
use super::selection::{AmbiguousId, OwnContainer, Selection, Unmatched};
use super::source::{ContainerKey, Listed, Phase, ReadMode, SourceError};

/// Why the engine did not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// The daemon does not answer.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// None of several daemons answers.
    #[error("no daemon answers: {}", joined(.0))]
    AllAway(Vec<SourceError>),
    /// An id prefix matches several containers.
    #[error(transparent)]
    Ambiguous(#[from] AmbiguousId),
    /// A pattern matches only the container that cmon runs in.
    #[error(transparent)]
    Own(#[from] OwnContainer),
    /// Nothing matches these patterns.
    #[error("no container matches {}", list(.0))]
    Unmatched(Vec<Unmatched>),
    /// The cursor was made with another daemon.
    #[error(transparent)]
    OtherDaemon(#[from] OtherDaemon),
    /// There is no container at all.
    #[error("there is no container to follow")]
    Nothing,
}

fn list(unmatched: &[Unmatched]) -> impl fmt::Display {
    let patterns: Vec<String> =
        unmatched.iter().map(|unmatched| format!("`{}`", unmatched.pattern)).collect();
    patterns.join(", ")
}

fn joined(errors: &[SourceError]) -> impl fmt::Display {
    let errors: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
    errors.join("; ")
}

/// A daemon's first answer.
#[derive(Clone, Debug)]
pub(super) struct Listing {
    pub(super) listed: Vec<Listed>,
    /// The container that cmon runs in.
    pub(super) own: Option<ContainerKey>,
}

/// The containers to follow on one daemon.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    pub(super) selection: Selection,
    /// The container that cmon runs in, if it is left out.
    pub(super) left_out: Option<Listed>,
}

impl Listing {
    fn own(&self) -> Option<&Listed> {
        let own = self.own.as_ref()?;
        self.listed.iter().find(|row| row.key == *own)
    }

    /// Matches a selection with this daemon's list.
    pub(super) fn choose(&self, selection: &Selection) -> Result<Chosen, StartError> {
        // cmon runs in it, so it runs, even if the list does not show that yet.
        let left_out = self.own().map(|row| Listed { phase: Phase::Running, ..row.clone() });
        let left_out = left_out.filter(|row| selection.matches(row));
        let selection = self.without_own(selection)?.resolve(&self.listed)?;
        Ok(Chosen { selection, left_out })
    }

    fn without_own(&self, selection: &Selection) -> Result<Selection, OwnContainer> {
        match self.own() {
            Some(row) => selection.without(row, &self.listed),
            None => Ok(selection.clone()),
        }
    }
}

/// What to do if a daemon or container does not exist at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// Wait for it.
    Awaited,
    /// It is an error.
    Fails,
}

/// Whether the run still waits for daemons that have not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grace {
    Left,
    Over,
}

/// One daemon's first answer; `None` until it comes.
pub(super) type Answer = Option<Result<Arc<Listing>, SourceError>>;

/// Decides how the run starts; `None` until enough is known. Returns the patterns that no container matches
/// yet, or the error.
pub(super) fn decide(
    answers: &[Answer],
    selection: &Selection,
    (missing, mode): (Missing, ReadMode),
    grace: Grace,
) -> Option<Result<Vec<String>, StartError>> {
    let given = || answers.iter().flatten();
    let errors: Vec<&SourceError> = given().filter_map(|one| one.as_ref().err()).collect();
    if let Some(lasting) = errors.iter().find(|error| !error.kind.may_pass()) {
        return Some(Err(StartError::Source((*lasting).clone())));
    }
    let lists: Vec<&Arc<Listing>> = given().filter_map(|one| one.as_ref().ok()).collect();
    let pending = answers.len() - errors.len() - lists.len();
    if lists.is_empty() {
        return (pending == 0).then(|| Err(all_away(&errors)));
    }
    if 0 < pending && grace == Grace::Left {
        return None;
    }
    let complete = pending == 0 && errors.is_empty();
    Some(awaited(&lists, selection, missing, if complete { Some(mode) } else { None }))
}

fn all_away(errors: &[&SourceError]) -> StartError {
    match errors {
        [one] => StartError::Source((*one).clone()),
        several => StartError::AllAway(several.iter().map(|error| (*error).clone()).collect()),
    }
}

/// The patterns that these lists do not match. `complete`: no other list can match them, and the run does not wait.
fn awaited(
    lists: &[&Arc<Listing>],
    selection: &Selection,
    missing: Missing,
    complete: Option<ReadMode>,
) -> Result<Vec<String>, StartError> {
    let rows: Vec<Listed> = lists.iter().flat_map(|list| list.listed.iter().cloned()).collect();
    let wanted =
        lists.iter().try_fold(selection.clone(), |selection, list| list.without_own(&selection))?;
    let unmatched = wanted.unmatched(&rows);
    if !unmatched.is_empty() && missing == Missing::Fails && complete.is_some() {
        return Err(StartError::Unmatched(unmatched));
    }
    let chosen = lists.iter().map(|list| list.choose(selection));
    let chosen: Vec<Chosen> = chosen.collect::<Result<_, _>>()?;
    let mut pairs = lists.iter().zip(&chosen);
    let any =
        pairs.any(|(list, chosen)| list.listed.iter().any(|row| chosen.selection.matches(row)));
    if complete == Some(ReadMode::Once) && !any {
        return Err(StartError::Nothing);
    }
    Ok(unmatched.into_iter().map(|unmatched| unmatched.pattern).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::failure::ErrorKind;
    use crate::engine::selection::PatternText;
    use crate::engine::source::{ContainerId, DaemonId};

    type Given = Result<Arc<Listing>, SourceError>;

    #[expect(clippy::unnecessary_wraps, reason = "same signature as `away`")]
    fn list(daemon: &str, names: &[&str]) -> Given {
        let row = |name: &&str| Listed {
            key: ContainerKey {
                daemon: DaemonId::named(daemon, daemon),
                id: ContainerId::new(&format!("{daemon}{name}")),
            },
            name: (*name).into(),
            phase: Phase::Running,
            facts: Arc::default(),
            passes: true,
        };
        Ok(Arc::new(Listing { listed: names.iter().map(row).collect(), own: None }))
    }

    fn away() -> Given {
        Err(SourceError::new(ErrorKind::Unreachable, "away"))
    }

    fn decided(
        answers: &[Answer],
        pattern: &str,
        how: (Missing, ReadMode),
        grace: Grace,
    ) -> Option<Result<Vec<String>, StartError>> {
        let selection = Selection::compile(&[PatternText(pattern.to_owned())]).unwrap();
        decide(answers, &selection, how, grace)
    }

    const FOLLOW: (Missing, ReadMode) = (Missing::Fails, ReadMode::Follow);

    #[test]
    fn a_name_on_one_daemon_is_no_error_on_the_others() {
        let both = [list("a", &["web"]), list("b", &["db"])].map(Some);
        assert_eq!(decided(&both, "db", FOLLOW, Grace::Left), Some(Ok(Vec::new())));
        let none = decided(&both, "mail", FOLLOW, Grace::Left);
        assert!(matches!(none, Some(Err(StartError::Unmatched(_)))), "{none:?}");
        let wait = decided(&both, "mail", (Missing::Awaited, ReadMode::Follow), Grace::Left);
        assert_eq!(wait, Some(Ok(vec!["mail".to_owned()])));
    }

    #[test]
    fn names_without_a_match_wait_for_an_absent_daemon() {
        let one = [list("a", &["web"]), away()].map(Some);
        let awaited = Some(Ok(vec!["db".to_owned()]));
        assert_eq!(decided(&one, "db", FOLLOW, Grace::Left), awaited);
        assert_eq!(decided(&one, "db", (Missing::Fails, ReadMode::Once), Grace::Left), awaited);
        assert_eq!(decided(&[Some(away()), None], "db", FOLLOW, Grace::Over), None);
        let none = decided(&[away(), away()].map(Some), "db", FOLLOW, Grace::Left);
        assert!(matches!(none, Some(Err(StartError::AllAway(errors))) if errors.len() == 2));
        let only = decided(&[Some(away())], "db", FOLLOW, Grace::Left);
        assert!(matches!(only, Some(Err(StartError::Source(_)))), "{only:?}");
    }

    #[test]
    fn a_slow_daemon_delays_the_start_for_a_limited_time() {
        let slow = [Some(list("a", &["web"])), None];
        assert_eq!(decided(&slow, "web", FOLLOW, Grace::Left), None);
        assert_eq!(decided(&slow, "web", FOLLOW, Grace::Over), Some(Ok(Vec::new())));
        let awaited = Some(Ok(vec!["db".to_owned()]));
        assert_eq!(decided(&slow, "db", FOLLOW, Grace::Over), awaited);
    }

    #[test]
    fn a_lasting_error_ends_the_run_before_it_begins() {
        let denied = Some(Err(SourceError::new(ErrorKind::Denied, "no")));
        let answers = [None, denied, Some(list("a", &["web"]))];
        let ended = decided(&answers, "web", FOLLOW, Grace::Left);
        assert!(matches!(ended, Some(Err(StartError::Source(_)))), "{ended:?}");
    }

    #[test]
    fn an_empty_run_is_an_error_only_where_no_daemon_has_a_container() {
        let all = Selection::all();
        let once = (Missing::Fails, ReadMode::Once);
        let decided =
            |answers: [Given; 2]| decide(&answers.map(Some), &all, once, Grace::Left).unwrap();
        assert_eq!(decided([list("a", &[]), list("b", &[])]), Err(StartError::Nothing));
        assert_eq!(decided([list("a", &[]), list("b", &["web"])]), Ok(Vec::new()));
        assert_eq!(decided([list("a", &[]), away()]), Ok(Vec::new()));
    }

    #[test]
    fn an_id_that_two_containers_of_one_daemon_share_is_ambiguous() {
        let one = [Some(list("a", &["x", "y"]))];
        let shared = decided(&one, "a", FOLLOW, Grace::Left);
        assert!(matches!(shared, Some(Err(StartError::Ambiguous(_)))), "{shared:?}");
    }
}
