//! Profiles of Go 1.19 and newer, and other texts.

use proptest::prelude::*;

use super::profile::*;

const GO_1_19: &str = include_str!("../fixtures/go1.19.txt");
const GO_1_26: &str = include_str!("../fixtures/go1.26.txt");
const LEAKED: &str = include_str!("../fixtures/go1.27-goroutineleak.txt");
const DOCKERD: &str = include_str!("../fixtures/dockerd-20.10-two-followers.txt");

fn titles(profile: &Profile) -> Vec<(u64, &str)> {
    profile.groups.iter().map(|group| (group.count, group.title.as_str())).collect()
}

#[test]
fn groups_are_titled_by_the_first_function_that_is_no_plumbing() {
    let profile = parse(GO_1_19, Extent::Complete).unwrap();
    assert_eq!((profile.kind, profile.total, profile.truncated), (Kind::All, 21, false));
    assert_eq!(profile.groups.iter().map(|group| group.count).sum::<u64>(), 21);
    let titles = titles(&profile);
    assert_eq!(titles[0], (8, "main.(*follower).follow collector/main.go:22"));
    assert_eq!(titles[1], (3, "main.(*pool[...]).wait collector/main.go:17"));
    // Idle connections have plumbing frames alone, so the outermost frame names them.
    for idle in ["net/http.(*persistConn).readLoop", "net/http.(*persistConn).writeLoop"] {
        assert!(
            titles.iter().any(|(count, title)| *count == 2 && title.starts_with(idle)),
            "{idle}"
        );
    }
}

#[test]
fn the_key_is_the_full_stack_without_offsets_or_labels() {
    let profile = parse(GO_1_19, Extent::Complete).unwrap();
    let labelled = profile.groups.iter().find(|group| group.title.contains("func2.1")).unwrap();
    assert_eq!(labelled.key, "main.main.func2.1;runtime/pprof.Do;main.main.func2");
    assert_eq!(labelled.labels, "container=web, kind=log");
    let functions = ["main.main.func2.1", "runtime/pprof.Do", "main.main.func2"];
    assert_eq!(stack(&labelled.key).collect::<Vec<_>>(), functions);
    let older = format!(r#"{} labels {{"container":"web"}}"#, labelled.key);
    assert_eq!(stack(&older).collect::<Vec<_>>(), functions);
}

#[test]
fn labels_do_not_split_a_stack() {
    let profile = parse(GO_1_26, Extent::Complete).unwrap();
    assert_eq!((profile.total, profile.truncated), (38, false));
    let take = "main.(*ring[...]).take collector/ring.go:31";
    assert_eq!(titles(&profile)[0], (28, take));
    assert_eq!(profile.groups[0].key, "main.(*ring[...]).take");
    assert_eq!(profile.groups[0].labels, "component=collector, container (2 values)");
    // Unique labels do not split the group either.
    let section = |id: u32| {
        format!("1 @ 0x1\n# labels: {{\"id\":\"{id}\"}}\n#\t0x1\tmain.a+0x5\t/m.go:1\n\n")
    };
    let sections: String = (0..24).map(section).collect();
    let text = format!("goroutine profile: total 24\n{sections}");
    let profile = parse(&text, Extent::Complete).unwrap();
    assert_eq!((titles(&profile), profile.truncated), (vec![(24, "main.a m.go:1")], false));
    assert_eq!(profile.groups[0].labels, "id (24 values)");
}

#[test]
fn the_profile_of_leaked_goroutines_is_read() {
    let profile = parse(LEAKED, Extent::Complete).unwrap();
    assert_eq!((profile.kind, profile.total, profile.truncated), (Kind::Leaked, 28, false));
    assert_eq!(total("goroutineleak profile: total 0\n"), Ok((Kind::Leaked, 0)));
}

#[test]
fn a_daemon_s_followers_are_counted() {
    let profile = parse(DOCKERD, Extent::Complete).unwrap();
    assert_eq!((profile.total, profile.truncated), (59, false));
    assert_eq!(followers(&profile.groups), 2);
    let group = profile.groups.iter().find(|group| group.key.contains(".ContainerLogs.func"));
    let title = "github.com/docker/docker/daemon.(*Daemon).ContainerLogs.func2 daemon/logs.go:125";
    assert_eq!(group.map(|group| group.title.as_str()), Some(title));
    assert_eq!(followers(&parse(GO_1_19, Extent::Complete).unwrap().groups), 0);
}

#[test]
fn one_stack_at_several_addresses_is_one_group() {
    let text = "goroutine profile: total 5\n2 @ 0x1\n#\t0x1\tmain.a+0x5\t/m.go:1\n\n3 @ 0x2\n#\t0x2\tmain.a+0x9\t/m.go:2\n\n";
    let profile = parse(text, Extent::Complete).unwrap();
    assert_eq!(titles(&profile), [(5, "main.a m.go:1")]);
}

#[test]
fn a_truncated_profile_keeps_its_complete_groups() {
    // Truncated in the third group, which is left out.
    let at = GO_1_19.find("netFD).Read").unwrap();
    for text in [&GO_1_19[..at], &GO_1_19[..=GO_1_19[..at].rfind('\n').unwrap()]] {
        let profile = parse(text, Extent::Truncated).unwrap();
        assert_eq!((profile.total, profile.groups.len(), profile.truncated), (21, 2, true));
    }
    // The total alone is still valid.
    let profile = parse("goroutine profile: total 21", Extent::Complete).unwrap();
    assert_eq!((profile.total, profile.groups.len(), profile.truncated), (21, 0, true));
}

#[test]
fn an_invalid_group_is_left_out_and_marks_the_profile_as_truncated() {
    let text = "goroutine profile: total 5\n-3 @ 0x1\n#\t0x1\tmain.a+0x5\t/m.go:1\n\n2 @ 0x2\n#\t0x2\tmain.b+0x9\t/m.go:2\n\nhello\n\n";
    let profile = parse(text, Extent::Complete).unwrap();
    assert_eq!((titles(&profile), profile.truncated), (vec![(2, "main.b m.go:2")], true));
}

#[test]
fn other_texts_are_refused_with_a_reason() {
    let message = |text: &str| parse(text, Extent::Complete).unwrap_err().to_string();
    assert_eq!(message(""), "the answer is empty");
    assert_eq!(message(" \n"), "the answer is empty");
    assert_eq!(
        message("<!doctype html>\n<p>"),
        "the answer is an HTML page, not a goroutine profile"
    );
    assert_eq!(
        message("\u{1f}\u{fffd}\u{8}\0"),
        "the answer is a binary profile; the text form has `debug=1`"
    );
    assert_eq!(
        message("goroutine 1 [running]:\nmain.main()\n"),
        "the answer lists each goroutine by itself (`debug=2`); the counted form has `debug=1`"
    );
    assert_eq!(
        message("heap profile: 1: 8 [1: 8] @ heap/1\n"),
        "the answer is a profile of something else: `heap profile: 1: 8 [1: 8] @ heap/1`"
    );
    assert_eq!(
        message("hello\u{7} you\n"),
        "the answer is not a goroutine profile: it begins with `hello. you`"
    );
    for total in ["-5", "five", "", "99999999999999999999999"] {
        let error =
            parse(&format!("goroutine profile: total {total}\n"), Extent::Complete).unwrap_err();
        assert!(matches!(error, PprofError::Total(_)), "{total}: {error}");
    }
}

#[test]
fn a_dump_of_64_mib_is_read() {
    let section = GO_1_26.split_once('\n').unwrap().1;
    let text = format!(
        "goroutine profile: total {}\n{}",
        u64::MAX,
        section.repeat((64 << 20) / section.len())
    );
    let profile = parse(&text, Extent::Truncated).unwrap();
    assert_eq!((profile.groups.len(), profile.truncated), (4, true));
}

proptest! {
    #[test]
    fn any_bytes_give_a_profile_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = parse(&String::from_utf8_lossy(&bytes), Extent::Complete);
    }

    #[test]
    fn a_damaged_profile_has_no_additional_groups(
        at in 0..GO_1_19.len(), with in ".{0,3}", cut in any::<bool>(),
    ) {
        let text = format!("{}{with}{}", &GO_1_19[..at], if cut { "" } else { &GO_1_19[at..] });
        let extent = if cut { Extent::Truncated } else { Extent::Complete };
        if let Ok(profile) = parse(&text, extent) {
            prop_assert!(profile.groups.len() <= 12);
            prop_assert!(!cut || profile.truncated);
        }
    }
}
