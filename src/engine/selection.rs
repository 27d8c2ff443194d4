//! Selection: from the typed patterns to a yes or no per container. Pure.
//!
//! A pattern is a plain text (a name, or the first characters of an id), a glob (`web-*`) or a
//! regular expression between slashes (`/^web/`). A selection is followed by name: [`resolve`]
//! compares the plain texts with the daemon's list once, at the start, and replaces an id by its
//! container's name, so that a container that is removed and created again still matches.
//!
//! [`resolve`]: Selection::resolve

use std::sync::Arc;

use super::conditions::{Conditions, State};
pub use super::pattern::{AmbiguousId, PatternError, PatternText};
use super::pattern::{Kind, Pattern};
use super::source::{ContainerKey, ListFilters, Listed, Phase};

/// The containers that a selection takes in, before its conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// Those that a pattern matches.
    Named,
    /// Those that run or are about to.
    Running,
    /// All, whether or not they run.
    All,
}

/// A compiled selection.
#[derive(Clone, Debug)]
pub struct Selection {
    scope: Scope,
    patterns: Vec<Pattern>,
    conditions: Arc<Conditions>,
    /// The container that cmon runs in.
    left_out: Option<ContainerKey>,
}

/// A pattern that matches only the container that cmon runs in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{pattern}` is `{name}`, the container that cmon itself runs in: each line that cmon prints would \
     come back as a new line of it, without end"
)]
pub struct OwnContainer {
    /// As typed.
    pub pattern: String,
    /// The container's name.
    pub name: String,
}

/// A pattern that no container matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmatched {
    /// As typed.
    pub pattern: String,
    /// The kind of pattern.
    pub kind: UnmatchedKind,
}

/// The kind of pattern that matches nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnmatchedKind {
    /// A name, with the most similar name of a container.
    Name(Option<String>),
    /// One condition.
    Condition,
    /// Names and conditions together, although each alone matches a container.
    Together {
        /// The containers that match but do not run.
        stopped: usize,
    },
}

impl Selection {
    /// Compiles the typed patterns.
    pub fn compile(texts: &[PatternText]) -> Result<Self, PatternError> {
        let patterns = texts.iter().map(Pattern::compile).collect::<Result<_, _>>()?;
        Ok(Self { patterns, ..Self::none() })
    }

    /// Every container.
    pub fn all() -> Self {
        Self { scope: Scope::All, ..Self::none() }
    }

    /// The containers of exactly these names.
    pub fn named<'a>(names: impl IntoIterator<Item = &'a String>) -> Self {
        let name = |name: &String| Pattern { text: name.clone(), kind: Kind::Name(name.clone()) };
        let patterns = names.into_iter().map(name).collect();
        Self { patterns, ..Self::none() }
    }

    fn none() -> Self {
        let (patterns, conditions) = (Vec::new(), Arc::default());
        Self { scope: Scope::Named, patterns, conditions, left_out: None }
    }

    /// Restricts the selection to containers that meet these conditions.
    #[must_use]
    pub fn with(self, conditions: Conditions) -> Self {
        Self { conditions: Arc::new(conditions), ..self }
    }

    /// Every container that runs or is about to.
    pub fn running() -> Self {
        Self { scope: Scope::Running, ..Self::none() }
    }

    /// Whether it selects whatever runs, so that the present containers do not limit later ones.
    pub fn is_open(&self) -> bool {
        self.scope == Scope::Running
    }

    /// Whether it selects by name.
    pub fn is_named(&self) -> bool {
        self.scope == Scope::Named || self.conditions.ask()
    }

    /// The selection without the container that cmon runs in; its row is one of `listed`.
    ///
    /// # Errors
    /// A pattern matches that container and no other.
    pub fn without(&self, own: &Listed, listed: &[Listed]) -> Result<Self, OwnContainer> {
        let only = |pattern: &&Pattern| {
            let others = listed.iter().filter(|one| one.key != own.key);
            let named = matches!(&pattern.kind, Kind::Plain(text) | Kind::Name(text)
                if *text == *own.name || *text == own.key.id.as_str());
            named || pattern.matches(own) && !others.into_iter().any(|one| pattern.matches(one))
        };
        match self.patterns.iter().find(only) {
            Some(pattern) => {
                Err(OwnContainer { pattern: pattern.text.clone(), name: own.name.to_string() })
            }
            None => Ok(Self { left_out: Some(own.key.clone()), ..self.clone() }),
        }
    }

    /// Whether this container is selected.
    pub fn matches(&self, container: &Listed) -> bool {
        self.matches_in(container, State::Counts)
    }

    /// Whether a followed container is still selected, whether or not it runs.
    pub fn still_matches(&self, container: &Listed) -> bool {
        self.matches_in(container, State::Ignored)
    }

    /// Whether it depends on properties that the daemon's events do not carry.
    pub fn exceeds_events(&self) -> bool {
        self.conditions.exceed_events()
    }

    /// The filters that the daemon applies to its list.
    pub fn list_filters(&self) -> &ListFilters {
        self.conditions.list_filters()
    }

    /// Whether a rename may make a container selected only in some state. If the selection is all running
    /// containers without conditions, cmon follows a running one already.
    pub fn needs_state(&self) -> bool {
        self.scope == Scope::Running && !self.conditions.is_empty()
            || self.conditions.name_a_status()
    }

    fn matches_in(&self, container: &Listed, state: State) -> bool {
        if self.left_out.as_ref() == Some(&container.key) {
            return false;
        }
        let is_chosen = match self.scope {
            Scope::Named => false,
            Scope::All => true,
            Scope::Running => {
                let any_state = state == State::Ignored || self.conditions.name_a_status();
                any_state || container.phase.is_live() || container.phase == Phase::Restarting
            }
        };
        (is_chosen || self.patterns.iter().any(|pattern| pattern.matches(container)))
            && self.conditions.hold(container, state)
    }

    /// Resolves the plain texts with the daemon's list: a full id wins, then an exact name, then an id
    /// prefix. Replaces an id by its container's name, and keeps a text that matches nothing.
    pub fn resolve(&self, listed: &[Listed]) -> Result<Self, AmbiguousId> {
        let resolve = |pattern: &Pattern| pattern.resolve(listed);
        Ok(Self {
            scope: self.scope,
            patterns: self.patterns.iter().map(resolve).collect::<Result<_, _>>()?,
            conditions: Arc::clone(&self.conditions),
            left_out: self.left_out.clone(),
        })
    }

    /// The patterns and conditions that no container matches. All of them together if each alone matches
    /// some container.
    pub fn unmatched(&self, listed: &[Listed]) -> Vec<Unmatched> {
        let idle = |pattern: &&Pattern| !listed.iter().any(|one| pattern.matches(one));
        let names = self.patterns.iter().filter(idle).map(|pattern| Unmatched {
            pattern: pattern.text.clone(),
            kind: UnmatchedKind::Name(pattern.nearest(listed)),
        });
        let conditions = self.conditions.unmet(listed).map(|condition| Unmatched {
            pattern: condition.text.clone(),
            kind: UnmatchedKind::Condition,
        });
        let unmatched: Vec<Unmatched> = names.chain(conditions).collect();
        let narrowed =
            self.conditions.ask() || !self.conditions.is_empty() && !self.patterns.is_empty();
        if !unmatched.is_empty() || !narrowed || listed.iter().any(|row| self.matches(row)) {
            return unmatched;
        }
        let names = self.patterns.iter().map(|pattern| pattern.text.clone());
        let texts: Vec<String> = names.chain(self.conditions.texts()).collect();
        let stopped = listed.iter().filter(|row| self.still_matches(row)).count();
        vec![Unmatched { pattern: texts.join(" "), kind: UnmatchedKind::Together { stopped } }]
    }

    /// The patterns and conditions that select this container, as typed; `all` or `running` without names.
    pub fn reasons(&self, container: &Listed) -> Vec<String> {
        let patterns = self.patterns.iter().filter(|pattern| pattern.matches(container));
        let mut reasons: Vec<String> = patterns.map(|pattern| pattern.text.clone()).collect();
        if reasons.is_empty() {
            let scope = if self.scope == Scope::Running { "running" } else { "all" };
            reasons.push(scope.to_owned());
        }
        reasons.extend(self.conditions.asked());
        reasons
    }

    /// Whether at most one container can match: one plain name or id, and not all.
    pub fn is_single(&self) -> bool {
        let plain = |pattern: &Pattern| matches!(pattern.kind, Kind::Plain(_) | Kind::Name(_));
        self.scope == Scope::Named && self.patterns.len() == 1 && self.patterns.iter().all(plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::source::{ContainerId, ContainerKey, DaemonId, Phase};

    fn listed(id: &str, name: &str) -> Listed {
        Listed {
            key: ContainerKey { daemon: DaemonId::new("unix:///d"), id: ContainerId::new(id) },
            name: name.into(),
            phase: Phase::Running,
            facts: std::sync::Arc::default(),
            passes: true,
        }
    }

    fn compiled(texts: &[&str]) -> Selection {
        let texts: Vec<PatternText> = texts.iter().map(|text| (*text).into()).collect();
        Selection::compile(&texts).unwrap()
    }

    #[test]
    fn each_kind_of_pattern_selects_its_matches() {
        let cases: [(&str, &[&str]); 11] = [
            ("web-1", &["web-1"]),
            ("/web-1", &["web-1"]),
            ("web", &[]),
            ("ab1", &["web-1"]),
            ("AB1", &[]),
            ("web-*", &["web-1", "web-2"]),
            ("web-?", &["web-1", "web-2"]),
            ("web-[2-9]", &["web-2"]),
            ("/eb/", &["web-1", "web-2"]),
            ("/^db$/", &["db"]),
            ("/^b/", &[]),
        ];
        let list = [listed("ab12", "web-1"), listed("ab99", "web-2"), listed("cd34", "db")];
        for (pattern, expected) in cases {
            let selection = compiled(&[pattern]);
            let found: Vec<&str> =
                list.iter().filter(|one| selection.matches(one)).map(|one| &*one.name).collect();
            assert_eq!(found, expected, "{pattern}");
        }
        assert!(list.iter().all(|one| Selection::all().matches(one)));
    }

    #[test]
    fn the_container_that_cmon_runs_in_is_left_out_or_refused() {
        let list = [listed("ab12", "monitor"), listed("cd34", "moon"), listed("ef56", "web")];
        let meant = |selection: &Selection| {
            let rest = selection.without(&list[0], &list).map(|rest| rest.resolve(&list).unwrap());
            rest.map(|rest| {
                let left = list.iter().filter(|one| rest.matches(one));
                left.map(|one| &*one.name).collect::<Vec<_>>()
            })
        };
        let others = Ok(vec!["moon", "web"]);
        assert_eq!(
            (meant(&Selection::all()), meant(&Selection::running())),
            (others.clone(), others)
        );
        for pattern in ["mo*", "/^mo/", "/o/"] {
            assert_eq!(meant(&compiled(&[pattern])), Ok(vec!["moon"]), "{pattern}");
        }
        assert_eq!(meant(&compiled(&["web"])), Ok(vec!["web"]));
        for pattern in ["monitor", "/monitor", "ab1", "ab12", "moni*", "/tor$/"] {
            let refused = meant(&compiled(&["web", pattern])).unwrap_err();
            assert_eq!((refused.pattern, refused.name), (pattern.to_owned(), "monitor".to_owned()));
        }
        // The container is the same under another name.
        let rest = Selection::all().without(&list[0], &list).unwrap();
        assert!(!rest.matches(&listed("ab12", "renamed")));
    }

    #[test]
    fn an_exact_name_wins_over_an_id_prefix() {
        let list = [listed("ab12", "other"), listed("cd34", "ab")];
        let selection = compiled(&["ab"]).resolve(&list).unwrap();
        assert!(!selection.matches(&list[0]));
        assert!(selection.matches(&list[1]));
    }

    #[test]
    fn a_full_id_wins_over_a_name() {
        let list = [listed("ab12", "other"), listed("cd34", "ab12")];
        let selection = compiled(&["ab12"]).resolve(&list).unwrap();
        assert!(selection.matches(&list[0]));
        assert!(!selection.matches(&list[1]));
    }

    #[test]
    fn an_id_is_followed_by_name_afterwards() {
        let selection = compiled(&["ab1"]).resolve(&[listed("ab12", "web")]).unwrap();
        assert!(selection.matches(&listed("ff00", "web")), "made again");
        assert!(!selection.matches(&listed("ab12", "renamed")));
        assert!(selection.is_single());
    }

    #[test]
    fn a_container_that_is_named_exactly_is_not_meant_by_its_id_or_a_pattern() {
        let selection = Selection::named(&["ab".to_owned(), "web-*".to_owned()]);
        assert!(selection.matches(&listed("cd34", "ab")));
        assert!(!selection.matches(&listed("ab12", "web-1")));
    }

    #[test]
    fn an_ambiguous_id_prefix_names_its_candidates() {
        let list = [listed("ab12", "web"), listed("ab99", "db")];
        let error = compiled(&["ab"]).resolve(&list).unwrap_err();
        assert_eq!(error.to_string(), "the id `ab` is ambiguous: ab12 (web), ab99 (db)");
    }

    #[test]
    fn a_pattern_that_matches_nothing_is_reported_with_the_nearest_name() {
        let list = [listed("ab12", "web"), listed("cd34", "shop-cache-1")];
        let nearest = |pattern: &str| match &compiled(&[pattern]).unmatched(&list)[0].kind {
            UnmatchedKind::Name(nearest) => nearest.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(nearest("wbe").as_deref(), Some("web"));
        assert_eq!(nearest("cache").as_deref(), Some("shop-cache-1"));
        assert_eq!(nearest("postgres"), None);
        assert_eq!(nearest("x-*"), None);
        assert_eq!(compiled(&["web", "ab"]).unmatched(&list), []);
    }

    #[test]
    fn only_one_plain_pattern_is_single() {
        assert!(compiled(&["web"]).is_single());
        for several in [&["web", "db"][..], &["web-*"], &["/web/"], &[]] {
            assert!(!compiled(several).is_single(), "{several:?}");
        }
        assert!(!Selection::all().is_single());
    }

    #[test]
    fn a_bad_pattern_is_reported_with_the_error() {
        let error = |text: &str| {
            let error = Selection::compile(&[text.into()]).unwrap_err();
            error.to_string()
        };
        assert_eq!(error("/web(/"), "`/web(/` is not a regular expression: unclosed group");
        assert_eq!(error("web-[1"), "`web-[1` is not a glob: invalid range pattern");
        assert_eq!(error(""), "a container's name cannot be empty");
        assert_eq!(error("/"), "a container's name cannot be empty");
    }
}
