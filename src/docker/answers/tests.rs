//! Answers of real daemons, and their decoding with fields that cmon does not need removed or replaced.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::docker::http::Dialect;
use crate::docker::lenient::Maybe;
use crate::engine::source::{
    Container, ContainerEventKind, ContainerId, ContainerKey, DaemonId, Facts, Listed, OutputKind,
    Phase, Remembered,
};
use crate::engine::timestamp::Timestamp;

/// Answers of dockerd 20.10.24 and of Podman 4.3.1, two containers each.
const LISTS: [&str; 2] =
    [include_str!("testdata/docker-list.json"), include_str!("testdata/podman-list.json")];
const INSPECTIONS: [&str; 2] =
    [include_str!("testdata/docker-inspect.json"), include_str!("testdata/podman-inspect.json")];

fn daemon() -> DaemonId {
    DaemonId::new("d")
}

fn key() -> ContainerKey {
    ContainerKey { daemon: daemon(), id: ContainerId::new("ab12") }
}

fn rows(answer: &Value) -> Vec<(String, String, Phase)> {
    let rows = list(&daemon(), answer.to_string().as_bytes()).expect("it is a list");
    let row = |row: Listed| (row.key.id.as_str().to_owned(), row.name.to_string(), row.phase);
    rows.into_iter().map(row).collect()
}

fn inspected(answer: &Value) -> Container {
    container(&key(), answer.to_string().as_bytes(), None).expect("it is an object")
}

#[test]
fn real_answers_are_understood() {
    let of = |text: &str| rows(&serde_json::from_str(text).unwrap());
    for text in LISTS {
        let rows = of(text);
        let short = |row: &(String, String, Phase)| (row.1.clone(), row.2);
        let short: Vec<_> = rows.iter().map(short).collect();
        assert!(short.contains(&("web".to_owned(), Phase::Running)), "{short:?}");
        assert!(short.contains(&("done".to_owned(), Phase::Exited)), "{short:?}");
        assert!(rows.iter().all(|row| row.0.len() == 64));
    }
    for (text, driver) in INSPECTIONS.iter().zip(["json-file", "json-file"]) {
        let container = inspected(&serde_json::from_str(text).unwrap());
        assert_eq!((&*container.name, &*container.driver), ("web", driver));
        assert_eq!((container.phase, container.output), (Phase::Running, OutputKind::Terminal));
        assert_eq!((container.exit, container.lossy), (None, None));
        assert!(container.started_at.starts_with("20"), "{}", container.started_at);
    }
}

#[test]
fn past_events_are_decoded_from_docker_and_podman() {
    let event = |action: &str, nanos: i64| json!({ "Action": action, "timeNano": nanos });
    let body = |events: &[Value]| {
        let lines: Vec<String> = events.iter().map(Value::to_string).collect();
        lines.join("\n").into_bytes()
    };
    let mut events = vec![event("create", 1), event("start", 2), event("die", 3)];
    events.extend([event("died", 4), event("exec_die", 5), json!({ "Action": "die" }), json!(7)]);
    events.push(json!({ "status": "start", "timeNano": 8 }));
    let moments = remembered(&body(&events)).unwrap();
    let moments: Vec<_> =
        moments.iter().map(|moment| (moment.time.as_nanos(), moment.what)).collect();
    let (start, die) = (Remembered::Started, Remembered::Died);
    assert_eq!(moments, [(1, Remembered::Created), (2, start), (3, die), (4, die), (8, start)]);
    assert_eq!(remembered(b""), Some(Vec::new()));
    assert_eq!(remembered(b"no"), None);
}

#[test]
fn run_times_are_decoded_and_a_zero_time_is_none() {
    let state = |started: &str, finished: &str| {
        let answer =
            inspected(&json!({ "State": { "StartedAt": started, "FinishedAt": finished } }));
        [answer.started, answer.finished].map(|time| time.map(Timestamp::as_nanos))
    };
    let (never, second) = ("0001-01-01T00:00:00Z", 1_000_000_000);
    assert_eq!(state("1970-01-02T00:00:00.1Z", never), [Some(86_400 * second + second / 10), None]);
    let zoned = "1970-01-02T00:00:00.02+01:00";
    assert_eq!(state(never, zoned), [None, Some(82_800 * second + second / 50)]);
    assert_eq!(state("", "soon"), [None, None]);
}

#[test]
fn states_of_other_daemons_are_understood() {
    let phase_of = |state: Value, status: &str| {
        let list = json!([{ "Id": "ab12", "Names": ["/web"], "State": state, "Status": status }]);
        rows(&list)[0].2
    };
    for (state, expected) in [
        ("stopped", Phase::Exited),
        ("stopping", Phase::Running),
        ("configured", Phase::Created),
        ("initialized", Phase::Created),
        ("dead", Phase::Removing),
    ] {
        assert_eq!(phase_of(json!(state), ""), expected, "{state}");
    }
    for unknown in [json!("hibernating"), json!(""), json!(null), json!(7), json!({ "a": [] })] {
        assert_eq!(phase_of(unknown.clone(), "Up 3 minutes"), Phase::Running, "{unknown}");
        assert_eq!(phase_of(unknown.clone(), "Up 3 minutes (Paused)"), Phase::Paused, "{unknown}");
        assert_eq!(phase_of(unknown.clone(), "Restarting (1) now"), Phase::Restarting, "{unknown}");
        assert_eq!(phase_of(unknown.clone(), "Exited (0) 3 days ago"), Phase::Exited, "{unknown}");
        assert_eq!(phase_of(unknown, ""), Phase::Exited);
        let state = |state: Value| inspected(&json!({ "State": state })).phase;
        let status = "hibernating";
        assert_eq!(state(json!({ "Status": status, "Running": true })), Phase::Running);
        assert_eq!(state(json!({ "Running": true, "Paused": true })), Phase::Paused);
        assert_eq!(state(json!({ "Running": true, "Restarting": true })), Phase::Restarting);
        assert_eq!(state(json!({ "Status": null, "Running": null })), Phase::Exited);
    }
}

#[test]
fn a_list_may_be_empty_or_null_and_rows_without_an_id_are_skipped() {
    assert_eq!(list(&daemon(), b"[]"), Some(Vec::new()));
    assert_eq!(list(&daemon(), b"null\n"), Some(Vec::new()));
    let malformed = json!([{}, null, 7, "x", [], { "Id": "" }, { "Id": 5 }, { "Id": "ab12" }]);
    assert_eq!(rows(&malformed), [("ab12".to_owned(), "ab12".to_owned(), Phase::Exited)]);
    for no_list in ["", "{}", "[{\"Id\":", "<html>", "\"x\""] {
        assert_eq!(list(&daemon(), no_list.as_bytes()), None, "{no_list}");
    }
}

#[test]
fn version_and_info_are_decoded_with_most_fields_missing() {
    let docker = br#"{"Version":"20.10.24","ApiVersion":"1.41","Components":[{"Name":"Engine"}]}"#;
    let known = Version { version: "20.10.24".to_owned(), api: "1.41".to_owned() };
    assert_eq!(version(docker), Some((known, Some(Dialect::Docker(20)))));
    let podman = br#"{"Version":"4.3.1","Components":[{"Name":"Podman Engine"},7,{}]}"#;
    assert_eq!(version(podman).unwrap().1, Some(Dialect::Other));
    assert_eq!(version(b"{}"), Some((Version::default(), Some(Dialect::Other))));
    assert_eq!(version(b"[]x"), None);
    let malformed =
        br#"{"Name":"host","NGoroutines":-1,"NFd":"many","ServerVersion":null,"Swarm":7}"#;
    let known = Info { name: "host".to_owned(), ..Info::default() };
    assert_eq!(info(malformed), Some(known));
    assert_eq!(info(br#"{"NGoroutines":70,"NFd":40}"#).unwrap().goroutines, Some(70));
}

#[test]
fn events_of_docker_and_podman_are_understood() {
    let event = |value: Value| {
        let message: Maybe<Message> = serde_json::from_value(value).unwrap();
        let found = container_event(&daemon(), message.known()?)?;
        Some((
            found.key.id.as_str().to_owned(),
            found.name.map(|name| name.to_string()),
            found.kind,
        ))
    };
    let of = |action: &str, attributes: Value| {
        event(json!({ "Type": "container", "Action": action,
            "Actor": { "ID": "ab12", "Attributes": attributes } }))
    };
    let found = |name: Option<&str>, what| Some(("ab12".to_owned(), name.map(str::to_owned), what));
    assert_eq!(
        of("start", json!({ "name": "web" })),
        found(Some("web"), ContainerEventKind::Started)
    );
    assert_eq!(of("die", json!({ "exitCode": "3" })), found(None, ContainerEventKind::Died(3)));
    assert_eq!(
        of("died", json!({ "containerExitCode": "3" })),
        found(None, ContainerEventKind::Died(3))
    );
    assert_eq!(of("remove", json!({})), found(None, ContainerEventKind::Destroyed));
    assert_eq!(
        of("start", json!({ "name": 7, "x": null })),
        found(None, ContainerEventKind::Started)
    );
    assert_eq!(of("start", json!(null)), found(None, ContainerEventKind::Started));
    assert_eq!(of("exec_create: sh", json!({})), None);
    let old = json!({ "status": "start", "id": "ab12", "Actor": 7 });
    assert_eq!(event(old), found(None, ContainerEventKind::Started));
    for malformed in
        [json!({}), json!(null), json!([]), json!({ "Action": "start" }), json!("start")]
    {
        assert_eq!(event(malformed.clone()), None, "{malformed}");
    }
}

/// All places in a value, as JSON pointers.
fn places(value: &Value, at: &str, into: &mut Vec<String>) {
    let below: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(list) => {
            list.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect()
        }
        _ => Vec::new(),
    };
    for (name, value) in below {
        let place = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
        places(value, &place, into);
        into.push(place);
    }
}

/// A value that no known daemon sends there; `None` removes the field.
fn malformed() -> impl Strategy<Value = Option<Value>> {
    prop_oneof![
        Just(None),
        Just(Some(Value::Null)),
        Just(Some(json!("unheard-of"))),
        Just(Some(json!(-7))),
        Just(Some(json!(1e300))),
        Just(Some(json!(true))),
        Just(Some(json!([]))),
        Just(Some(json!([{ "a": [null] }]))),
        Just(Some(json!({}))),
        Just(Some(json!({ "Status": 1, "Type": [] }))),
    ]
}

/// Replaces or removes the value at a pointer.
fn replace(value: &mut Value, place: &str, by: Option<Value>) {
    let (parent, name) = place.rsplit_once('/').unwrap();
    match (value.pointer_mut(parent), by) {
        (Some(Value::Object(map)), None) => drop(map.remove(name)),
        (Some(_), by) => {
            if let Some(old) = value.pointer_mut(place) {
                *old = by.unwrap_or(Value::Null);
            }
        }
        (None, _) => {}
    }
}

proptest! {
    #[test]
    fn a_list_is_decoded_with_any_unneeded_fields(
        which in 0..LISTS.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), malformed()), 1..8),
    ) {
        let whole: Value = serde_json::from_str(LISTS[which]).unwrap();
        let mut all = Vec::new();
        places(&whole, "", &mut all);
        let needed = |place: &String| {
            let field = place.split('/').nth(2).unwrap_or_default();
            place.split('/').count() == 2 || ["Id", "Names", "State"].contains(&field)
        };
        all.retain(|place| !needed(place));
        let mut changed = whole.clone();
        for (place, by) in changes {
            replace(&mut changed, place.get(&all).as_str(), by);
        }
        prop_assert_eq!(rows(&changed), rows(&whole), "{}", changed);
    }

    #[test]
    fn a_malformed_row_does_not_hide_other_containers(
        which in 0..LISTS.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), malformed()), 1..8),
    ) {
        let whole: Value = serde_json::from_str(LISTS[which]).unwrap();
        let mut all = Vec::new();
        places(&whole, "", &mut all);
        all.retain(|place| place.starts_with("/1"));
        let mut changed = whole.clone();
        for (place, by) in changes {
            replace(&mut changed, place.get(&all).as_str(), by);
        }
        prop_assert_eq!(&rows(&changed)[0], &rows(&whole)[0], "{}", changed);
    }

    #[test]
    fn an_inspection_is_decoded_with_any_fields(
        which in 0..INSPECTIONS.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), malformed()), 1..8),
    ) {
        let whole: Value = serde_json::from_str(INSPECTIONS[which]).unwrap();
        let mut all = Vec::new();
        places(&whole, "", &mut all);
        let mut changed = whole.clone();
        let needed = ["/Name", "/State", "/Config", "/HostConfig", "/RestartCount"];
        let mut only_others = true;
        for (place, by) in changes {
            let place = place.get(&all).as_str();
            only_others &= !needed.iter().any(|field| place.starts_with(field));
            replace(&mut changed, place, by);
        }
        let found = inspected(&changed);
        prop_assert!(!found.name.is_empty());
        if only_others {
            prop_assert_eq!(found, inspected(&whole), "{}", changed);
        }
    }

    #[test]
    fn no_answer_makes_the_decoders_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = (list(&daemon(), &body), container(&key(), &body, None), process(&body));
        let _ = (threads(&body), version(&body), info(&body));
    }
}

#[test]
fn labels_and_image_are_read_from_a_list_and_from_an_event() {
    let facts = |image: &str, labels: &[(&str, &str)]| Facts {
        image: image.to_owned(),
        labels: labels.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect(),
    };
    let listed = |row: Value| {
        let rows = list(&daemon(), json!([row]).to_string().as_bytes()).unwrap();
        Facts::clone(&rows[0].facts)
    };
    let row = json!({ "Id": "ab", "Image": "nginx:1", "Labels": { "app": "web", "malformed": 7 } });
    assert_eq!(listed(row), facts("nginx:1", &[("app", "web")]));
    assert_eq!(listed(json!({ "Id": "ab", "Labels": null })), facts("", &[]));
    let event = |action: &str| {
        let attributes =
            json!({ "name": "web-2", "oldName": "/web", "image": "nginx:1", "app": "web" });
        let event = json!({ "Action": action, "Actor": { "ID": "ab", "Attributes": attributes } });
        let message = serde_json::from_value(event).unwrap();
        Facts::clone(&container_event(&daemon(), message).unwrap().facts)
    };
    for action in ["start", "rename"] {
        assert_eq!(event(action), facts("nginx:1", &[("app", "web")]), "{action}");
    }
    assert_eq!(event("destroy"), Facts::default(), "no selection looks at it");
}
