//! Valid and invalid configuration files, as tables.

use std::path::Path;

use clap::CommandFactory;

use super::place::{SIZE_MAX, usual};
use super::*;
use crate::cli::Cli;

fn parse(text: &str) -> Result<Settings, FileError> {
    let file = FileText { path: Path::new("/etc/c.toml").to_owned(), text: text.to_owned() };
    let mut defined = Cli::command();
    defined.build();
    Settings::parse(&file, &defined, &mut defined.clone())
}

fn entry(entry: &Entry) -> String {
    format!("{} {} {}", entry.line, entry.key, entry.values.join(" "))
}

#[test]
fn a_key_is_the_long_flag_of_a_command_or_of_all() {
    let text = "\
# For every command.
stale-after = \"7s\"
quiet = true
label = [\"a=b\", \"c\"]
wait = true

[tail]
tail = 20
since = 2026-11-28T12:30:00
timestamps = true
grep = \"x\"
verbose = 2
cursor = \"c\"
tlscacert = \"/ca\"

[leak-check]
alpha = 0.05
gate = [\"own\", \"daemon\"]
";
    let settings = parse(text).unwrap();
    let of = |entries: &[Entry]| entries.iter().map(entry).collect::<Vec<_>>();
    assert_eq!(
        of(&settings.top),
        ["2 stale-after 7s", "3 quiet true", "4 label a=b c", "5 wait true"]
    );
    let tail = of(&settings.tables["tail"]);
    assert_eq!(
        tail,
        [
            "8 tail 20",
            "9 since 2026-11-28T12:30:00",
            "10 timestamps true",
            "11 grep x",
            "12 verbose 2",
            // Relative to the file's directory.
            "13 cursor /etc/c",
            "14 tlscacert /ca",
        ]
    );
    assert_eq!(of(&settings.tables["leak-check"]), ["17 alpha 0.05", "18 gate own daemon"]);
}

#[test]
fn a_home_directory_is_expanded() {
    let settings = parse("[tail]\ncursor = \"~/c\"").unwrap();
    let home = std::env::home_dir().unwrap();
    assert_eq!(settings.tables["tail"][0].values, [home.join("c").to_str().unwrap()]);
}

#[test]
fn an_error_has_its_line_and_the_accepted_values() {
    for (text, problem, hint) in [
        (
            "\nstael-after = 1",
            "line 2: unknown key `stael-after`; did you mean `stale-after`?",
            "correct",
        ),
        (
            "stale_after = 1",
            "line 1: unknown key `stale_after`; did you mean `stale-after`?",
            "correct",
        ),
        ("zzz = 1", "line 1: unknown key `zzz`", "the long name of a flag"),
        ("[tial]", "line 1: unknown table `tial`; did you mean `tail`?", "correct"),
        ("[logs]", "line 1: unknown table `logs`; did you mean `tail`?", "correct"),
        ("[tail.x]", "line 1: unknown key `x` in [tail]", "long name"),
        (
            "[tail]\nleve = 1",
            "line 2: unknown key `leve` in [tail]; did you mean `level`?",
            "correct",
        ),
        ("[watch]\nuntil = 1", "line 2: unknown key `until` in [watch]", "[tail] has it"),
        ("help = true", "line 1: unknown key `help`", ""),
        ("config = \"x\"", "line 1: unknown key `config`", ""),
        (
            "until = \"a\"",
            "line 1: `until` is no setting of all commands: it belongs to [tail]",
            "[tail]",
        ),
        (
            "output = \"json\"",
            "line 1: `output` is no setting of all commands: it belongs to [tail], [watch] or [leak-check]",
            "write it",
        ),
        (
            "duration = \"1m\"",
            "line 1: `duration` is no setting of all commands: it belongs to [watch] or [leak-check]",
            "write it",
        ),
        (
            "tail = 20",
            "line 1: `tail` is the table of the command tail, and not a setting here",
            "for the flag --tail, write it under [tail]",
        ),
        (
            "watch = 20",
            "line 1: `watch` is the table of the command watch, and not a setting",
            "[watch]",
        ),
        ("quiet = 1", "line 1: quiet: expected true or false, and not 1", "correct the value"),
        ("quiet = \"yes\"", "line 1: quiet: expected true or false, and not the text \"yes\"", ""),
        (
            "verbose = 300",
            "line 1: verbose: expected true, false or a number from 0 to 255, and not 300",
            "",
        ),
        (
            "color = \"red\"",
            "line 1: color: invalid value 'red' [possible values: auto, always, never]",
            "",
        ),
        ("color = [\"auto\"]", "line 1: color: expected one value, and not a list", ""),
        ("host = [[\"x\"]]", "line 1: host: expected one value, and not a list", ""),
        ("host.x = 1", "line 1: `host` is a setting, and not a table", "host = "),
        (
            "\n\nstale-after = \"soon\"",
            "line 3: stale-after: invalid value 'soon': expected number at 0; try 30s or 5m",
            "",
        ),
        (
            "[tail]\ntail = \"many\"",
            "line 2: tail: invalid value 'many': neither a number nor `all`",
            "",
        ),
        (
            "[tail]\nmax-line = 12",
            "line 2: max-line: invalid value '12': it must be from 1KiB to 1GiB",
            "",
        ),
        ("[tail]\ncursor = \"\"", "line 2: cursor: a value is required", ""),
        (
            "[tail]\ngrep = \"a\"\ninclude = \"b\"",
            "line 3: `grep` and `include` are the same setting",
            "remove",
        ),
        ("quiet = true\nquiet = true", "line 2: duplicate key", ""),
        ("quiet = ", "line 1: ", "toml.io"),
        ("[selections]\nweb = []", "line 2: the selection `web` selects nothing", ""),
        (
            "[selections]\nweb = \"--label\"",
            "line 2: the selection `web`: `--label` is no name or pattern",
            "table such as",
        ),
        (
            "[selections]\nweb = { labl = \"x\" }",
            "line 2: unknown key `labl` in the selection `web`; did you mean `label`?",
            "",
        ),
        ("[selections]\nweb = { label = [] }", "line 2: the selection `web` selects nothing", ""),
        (
            "[selections]\n\"a b\" = \"x\"",
            "line 2: the selection `a b` has a name with other characters",
            "",
        ),
    ] {
        let error = parse(text).unwrap_err();
        let shown = error.to_string();
        assert!(shown.starts_with(&format!("/etc/c.toml, {problem}")), "{text}: {shown}");
        assert!(error.hint.contains(hint) && !error.hint.is_empty(), "{text}: {}", error.hint);
        assert!(!shown.contains('\n'), "{shown}");
    }
}

#[test]
fn a_selection_is_a_name_or_a_list_or_a_table() {
    let text = "[selections]\na = \"web-*\"\nb = [\"web\", \"db\"]\nc = { project = \"shop\", containers = \"x\" }";
    let settings = parse(text).unwrap();
    let of = |name: &str| {
        let NamedSelection { containers, flags, line } = &settings.selections[name];
        (containers.join(" "), flags.iter().map(entry).collect::<Vec<_>>(), *line)
    };
    assert_eq!(of("a"), ("web-*".to_owned(), vec![], 2));
    assert_eq!(of("b"), ("web db".to_owned(), vec![], 3));
    assert_eq!(of("c"), ("x".to_owned(), vec!["4 project shop".to_owned()], 4));
}

#[test]
fn the_default_file_follows_the_xdg_specification() {
    let of = |xdg: Option<&str>, home: Option<&str>| {
        usual(xdg.map(Into::into), home.map(Into::into)).map(|path| path.display().to_string())
    };
    assert_eq!(of(Some("/x"), Some("/h")).as_deref(), Some("/x/cmon/config.toml"));
    assert_eq!(of(Some("x"), Some("/h")).as_deref(), Some("/h/.config/cmon/config.toml"));
    assert_eq!(of(None, Some("/h")).as_deref(), Some("/h/.config/cmon/config.toml"));
    assert_eq!(of(None, None), None);
}

#[test]
fn only_the_default_file_may_be_missing() {
    let dir = tempfile::tempdir().unwrap();
    let read =
        |place: fn(PathBuf) -> Place, name: &str| FileText::read(&place(dir.path().join(name)));
    std::fs::write(dir.path().join("there"), "quiet = true").unwrap();
    std::fs::write(dir.path().join("latin"), b"# a\n# \xe4").unwrap();
    std::fs::File::create(dir.path().join("large")).unwrap().set_len(SIZE_MAX + 1).unwrap();
    assert_eq!(read(Place::Usual, "none"), Ok(None));
    assert_eq!(read(Place::Usual, "there/none"), Ok(None), "a file is no directory");
    assert_eq!(read(Place::Named, "there").unwrap().unwrap().text, "quiet = true");
    for (name, problem) in [
        ("none", "could not read the configuration: No such file"),
        ("", "could not read the configuration: Is a directory"),
        ("large", "larger than 1 MiB"),
    ] {
        let error = read(Place::Named, name).unwrap_err();
        assert!(error.problem.starts_with(problem), "{error}");
    }
    let error = read(Place::Usual, "latin").unwrap_err();
    assert_eq!((error.line, error.problem.as_str()), (Some(2), "not UTF-8"));
}
