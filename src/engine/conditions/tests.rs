//! Conditions as tables, and what must hold for all of them.

use std::sync::Arc;

use proptest::prelude::*;

use super::parse::{PROJECT, SERVICE};
use super::*;
use crate::engine::pattern::PatternText;
use crate::engine::selection::{Selection, UnmatchedKind};
use crate::engine::source::{
    ContainerId, ContainerKey, DaemonId, Facts, ListFilters, Listed, Phase,
};

fn listed(name: &str, image: &str, labels: &[(&str, &str)], phase: Phase) -> Listed {
    let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Listed {
        key: ContainerKey {
            daemon: DaemonId::new("unix:///d"),
            id: ContainerId::new(&format!("id-{name}")),
        },
        name: name.into(),
        phase,
        facts: Arc::new(Facts { image: image.to_owned(), labels: labels.collect() }),
        passes: true,
    }
}

fn shop() -> [Listed; 4] {
    let web = [("app", "web"), (PROJECT, "shop"), (SERVICE, "web")];
    [
        listed("web-1", "nginx:1.25", &web, Phase::Running),
        listed("web-2", "nginx", &[("app", "web"), ("tier", "")], Phase::Exited),
        listed(
            "db",
            "reg:5000/team/db@sha256:aa",
            &[(PROJECT, "shop"), (SERVICE, "db")],
            Phase::Paused,
        ),
        listed("job", "docker.io/library/busybox:latest", &[("app", "job")], Phase::Created),
    ]
}

/// Flags and values, as they are typed.
fn texts(typed: &[&str]) -> ConditionTexts {
    let mut texts = ConditionTexts::default();
    for pair in typed.chunks(2) {
        let value = pair[1].to_owned();
        match pair[0] {
            "-l" => texts.labels.push(value),
            "--image" => texts.images.push(value),
            "--project" => texts.projects.push(value),
            "--filter" => texts.filters.push(value),
            "-E" => texts.excluded.push(value),
            other => panic!("{other}"),
        }
    }
    texts
}

fn conditions(typed: &[&str]) -> Conditions {
    Conditions::compile(&texts(typed)).unwrap()
}

#[test]
fn each_kind_of_condition_selects_by_its_property() {
    let cases: [(&[&str], &[&str]); 30] = [
        (&["-l", "app=web"], &["web-1", "web-2"]),
        (&["-l", "app"], &["web-1", "web-2", "job"]),
        (&["-l", "tier="], &["web-2"]),
        (&["-l", "app="], &[]),
        (&["-l", "app=web", "-l", "tier"], &["web-2"]),
        (&["-l", "app=we"], &[]),
        (&["--image", "nginx"], &["web-1", "web-2"]),
        (&["--image", "nginx:1.25"], &["web-1"]),
        (&["--image", "nginx:latest"], &["web-2"]),
        (&["--image", "docker.io/library/nginx"], &["web-1", "web-2"]),
        (&["--image", "nginx:1.*"], &["web-1"]),
        (&["--image", "ngin"], &[]),
        (&["--image", "reg:5000/team/db"], &["db"]),
        (&["--image", "reg"], &[]),
        (&["--image", "*/db"], &["db"]),
        (&["--image", "busybox"], &["job"]),
        (&["--image", "busybox", "--image", "nginx:1.25"], &["web-1", "job"]),
        (&["--project", "shop"], &["web-1", "db"]),
        (&["--project", "shop/db"], &["db"]),
        (&["--project", "shop/db", "--project", "shop/web"], &["web-1", "db"]),
        (&["-E", "web-*"], &["db", "job"]),
        (&["-E", "/b/", "-E", "id-job"], &[]),
        (&["-l", "app=web", "-E", "web-2"], &["web-1"]),
        (&["-l", "app=web", "--project", "shop"], &["web-1"]),
        (&["--filter", "name=^/?web"], &["web-1", "web-2"]),
        (&["--filter", "name=^/db$", "--filter", "name=ob"], &["db", "job"]),
        (&["--filter", "label=app=web", "--filter", "label=tier"], &["web-2"]),
        (&["--filter", "ancestor=nginx", "--filter", "status=exited"], &["web-2"]),
        (&["--filter", "status=exited", "--filter", "status=paused"], &["web-2", "db"]),
        (&["--filter", "id=id-w"], &["web-1", "web-2"]),
    ];
    for (typed, expected) in cases {
        let conditions = conditions(typed);
        let shop = shop();
        let found = shop.iter().filter(|row| conditions.hold(row, State::Counts));
        assert_eq!(found.map(|row| &*row.name).collect::<Vec<_>>(), expected, "{typed:?}");
    }
}

#[test]
fn an_invalid_condition_names_the_expected_form() {
    let error = |typed: &[&str]| Conditions::compile(&texts(typed)).unwrap_err().to_string();
    assert_eq!(error(&["-l", "=web"]), "`--label =web`: expected KEY or KEY=VALUE");
    assert_eq!(
        error(&["--project", "shop/"]),
        "`--project shop/`: expected PROJECT or PROJECT/SERVICE"
    );
    assert_eq!(error(&["--filter", "name"]), "`--filter name`: expected KEY=VALUE");
    assert_eq!(
        error(&["--filter", "helth=x"]),
        "`--filter helth=x`: unknown key `helth`; expected one of ancestor, before, exited, expose, health, id, is-task, isolation, label, name, network, publish, since, status, volume"
    );
    assert_eq!(
        error(&["--filter", "status=up"]),
        "`--filter status=up`: unknown status; expected created, running, paused, restarting, exited, removing"
    );
    assert!(error(&["-E", ""]).starts_with("--exclude-container: "));
    assert!(error(&["--filter", "name=("]).contains("unclosed group"));
    assert!(error(&["--image", "a[1"]).contains("is not a glob"));
    assert!(error(&["--image", ""]).contains("expected an image"));
}

#[test]
fn names_and_conditions_must_both_match() {
    let select = |names: &[&str], typed: &[&str]| {
        let names: Vec<PatternText> = names.iter().map(|name| (*name).into()).collect();
        let selection = match names.is_empty() {
            true => Selection::running(),
            false => Selection::compile(&names).unwrap(),
        };
        selection.with(conditions(typed))
    };
    let found = |names: &[&str], typed: &[&str]| -> Vec<String> {
        let selection = select(names, typed);
        let shop = shop();
        let found = shop.iter().filter(|row| selection.matches(row));
        found.map(|row| row.name.to_string()).collect()
    };
    assert_eq!(found(&[], &["-l", "app=web"]), ["web-1"], "one that does not run is left out");
    assert_eq!(found(&["web-*", "db"], &["-l", "app=web"]), ["web-1", "web-2"]);
    assert_eq!(found(&["web-*", "db"], &["-E", "web-1"]), ["web-2", "db"]);
    assert_eq!(found(&[], &["--filter", "status=exited"]), ["web-2"]);
    let stopped = select(&[], &["-l", "app=web"]);
    assert!(stopped.still_matches(&shop()[1]), "a followed container stays when it stops");
}

#[test]
fn a_condition_that_matches_nothing_is_named() {
    let unmatched = |names: &[&str], typed: &[&str]| {
        let names: Vec<PatternText> = names.iter().map(|name| (*name).into()).collect();
        let selection = match names.is_empty() {
            true => Selection::running(),
            false => Selection::compile(&names).unwrap(),
        };
        let unmatched = selection.with(conditions(typed)).unmatched(&shop());
        unmatched.into_iter().map(|one| (one.pattern, one.kind)).collect::<Vec<_>>()
    };
    let one = |text: &str, kind| vec![(text.to_owned(), kind)];
    assert_eq!(unmatched(&[], &["-l", "app=web"]), []);
    assert_eq!(unmatched(&[], &["-E", "nobody"]), []);
    assert_eq!(unmatched(&[], &["--image", "nginx", "--image", "redis"]), []);
    let condition = one("--label app=x", UnmatchedKind::Condition);
    assert_eq!(unmatched(&[], &["-l", "app=x", "-l", "app=web"]), condition);
    let stopped = one("--label tier", UnmatchedKind::Together { stopped: 1 });
    assert_eq!(unmatched(&[], &["-l", "tier"]), stopped);
    let none = |text| one(text, UnmatchedKind::Together { stopped: 0 });
    assert_eq!(unmatched(&["db"], &["-l", "app=web"]), none("db --label app=web"));
    assert_eq!(unmatched(&["db"], &["-E", "d*"]), none("db --exclude-container d*"));
}

proptest! {
    /// More conditions never select more, and an exclusion always wins.
    #[test]
    fn an_additional_condition_only_narrows(
        image in "[a-z]{1,3}(:[a-z0-9]{1,3})?", key in "[a-c]", value in "[x-z]?", name in "[a-c]{1,2}",
        wanted in "[a-z]{1,3}", label in "[a-c]", prefix in "[a-c]",
    ) {
        let row = listed(&name, &image, &[(&key, &value)], Phase::Running);
        let holds = |typed: &[&str]| conditions(typed).hold(&row, State::Counts);
        let one = holds(&["-l", &label]);
        let other = holds(&["--image", &wanted]);
        prop_assert_eq!(holds(&["-l", &label, "--image", &wanted]), one && other);
        prop_assert_eq!(one, key == label);
        prop_assert_eq!(other, image.split(':').next() == Some(&wanted));
        let pattern = format!("{prefix}*");
        prop_assert_eq!(holds(&["-l", &label, "-E", &pattern]), one && !name.starts_with(&prefix));
    }
}

#[test]
fn daemon_filters_are_passed_on_unchanged() {
    let conditions = conditions(&[
        "--filter",
        "health=healthy",
        "--filter",
        "network=a",
        "--filter",
        "network=b",
    ]);
    let asked: ListFilters = [("health", vec!["healthy"]), ("network", vec!["a", "b"])]
        .map(|(key, values)| (key.to_owned(), values.into_iter().map(str::to_owned).collect()))
        .into();
    assert_eq!(*conditions.list_filters(), asked);
    let [mut web, ..] = shop();
    for (passes, held) in [(true, true), (false, false)] {
        web.passes = passes;
        assert_eq!(conditions.hold(&web, State::Counts), held);
        assert!(conditions.hold(&web, State::Ignored), "one that is followed stays");
    }
    assert!(conditions.exceed_events(), "no event carries them");
    let unmet: Vec<&str> =
        conditions.unmet(std::slice::from_ref(&web)).map(|one| &*one.text).collect();
    assert_eq!(unmet, ["--filter health=healthy --filter network=a --filter network=b"]);
}

#[test]
fn only_an_exit_code_selects_stopped_containers() {
    for (filter, stopped) in [("exited=137", true), ("status=exited", true), ("health=none", false)]
    {
        assert_eq!(conditions(&["--filter", filter]).name_a_status(), stopped, "{filter}");
    }
}
