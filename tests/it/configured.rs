//! The configuration file from the user's side: what overrides it, its effects, and `cmon config`.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A home directory with a configuration file.
struct Home(tempfile::TempDir);

impl Home {
    fn with(text: &str) -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir_all(home.file().parent().unwrap()).unwrap();
        std::fs::write(home.file(), text).unwrap();
        home
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn file(&self) -> PathBuf {
        self.path().join(".config/cmon/config.toml")
    }

    /// Runs cmon there: its exit code, stdout and stderr. No daemon answers at the default address.
    fn run(&self, args: &[&str], variables: &[(&str, &str)]) -> (i32, String, String) {
        let mut cmon = Command::new(env!("CARGO_BIN_EXE_cmon"));
        cmon.args(args).env_clear().env("HOME", self.path()).current_dir(self.path());
        cmon.env("DOCKER_HOST", "unix:///nowhere/s").envs(variables.iter().copied());
        let done = cmon.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (done.status.code().unwrap(), text(done.stdout), text(done.stderr))
    }

    /// The lines of `cmon config` for a key, without the padding.
    fn in_force(&self, key: &str, args: &[&str], variables: &[(&str, &str)]) -> Vec<String> {
        let (code, text, stderr) = self.run(&[&["config"], args].concat(), variables);
        assert_eq!(code, 0, "{stderr}");
        let lines = text
            .lines()
            .filter(|line| line.trim_start_matches("# ").starts_with(&format!("{key} =")));
        lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    }
}

const DEMO: [&str; 4] = ["tail", "--demo", "--no-follow", "--no-prefix"];

#[test]
fn a_setting_counts_unless_a_variable_or_a_flag_is_given() {
    let home =
        Home::with("host = \"unix:///nowhere/file\"\n[watch]\nhost = \"unix:///nowhere/table\"\n");
    let path = home.file().display().to_string();
    for (args, variables, origin) in [
        (
            &["tail", "web"][..],
            &[][..],
            format!("`unix:///nowhere/file` (from {path}, line 1, host)"),
        ),
        (&["watch"], &[], format!("`unix:///nowhere/table` (from {path}, line 3, host)")),
        (
            &["watch"],
            &[("CMON_HOST", "unix:///nowhere/v")],
            "`unix:///nowhere/v` (from CMON_HOST)".to_owned(),
        ),
        (
            &["watch", "--host", "unix:///nowhere/f"],
            &[("CMON_HOST", "unix:///nowhere/v")],
            "`unix:///nowhere/f` (from --host)".to_owned(),
        ),
        // A flag that excludes it wins over it too.
        (&["tail", "web", "--context", "default"], &[], "`unix:///var/run/docker.sock`".to_owned()),
        (
            &["tail", "web"],
            &[("CMON_CONTEXT", "default")],
            "`unix:///var/run/docker.sock`".to_owned(),
        ),
    ] {
        let (code, _, stderr) = home.run(args, variables);
        assert!(code == 1 && stderr.contains(&origin), "{args:?} {variables:?}: {stderr}");
    }
    // --demo has its own daemon.
    let (code, stdout, stderr) = home.run(&[&DEMO[..], &["web", "-n", "3"]].concat(), &[]);
    assert!(code == 0 && stdout.lines().count() == 3, "{stdout}{stderr}");
}

#[test]
fn the_named_file_replaces_the_default_one() {
    let home = Home::with("[tail]\ntail = 1\n");
    let lines = |args: &[&str], variables: &[(&str, &str)]| {
        let (code, stdout, stderr) = home.run(&[&DEMO[..], &["web"], args].concat(), variables);
        assert_eq!(code, 0, "{stderr}");
        stdout.lines().count()
    };
    std::fs::write(home.path().join("two"), "[tail]\ntail = 2").unwrap();
    std::fs::write(home.path().join("three"), "[tail]\ntail = 3").unwrap();
    std::fs::create_dir_all(home.path().join("x/cmon")).unwrap();
    std::fs::write(home.path().join("x/cmon/config.toml"), "[tail]\ntail = 2").unwrap();
    let xdg = home.path().join("x").display().to_string();
    assert_eq!(lines(&[], &[]), 1);
    assert_eq!(lines(&[], &[("CMON_CONFIG", "two")]), 2);
    assert_eq!(lines(&["--config", "three"], &[("CMON_CONFIG", "two")]), 3);
    assert_eq!(lines(&[], &[("XDG_CONFIG_HOME", &xdg)]), 2);
    assert_eq!(lines(&["-n", "2"], &[]), 2);
    assert_eq!(lines(&[], &[("CMON_TAIL", "3")]), 3);
    for (args, variables) in
        [(&["--config", "none"][..], &[][..]), (&[], &[("CMON_CONFIG", "none")])]
    {
        let (code, _, stderr) = home.run(&[&DEMO[..], &["web"], args].concat(), variables);
        let expected = "cmon: error: none: could not read the configuration: No such file";
        assert!(code == 2 && stderr.starts_with(expected) && stderr.contains("try: "), "{stderr}");
    }
}

#[test]
fn the_command_line_replaces_a_list_and_switches_of_the_file() {
    let home = Home::with(
        "exclude-container = [\"db\", \"web\"]\nquiet = true\n[tail]\nfollow = true\nall = true\noutput = \"json\"\n",
    );
    for (key, args, variables, expected) in [
        (
            "exclude-container",
            &[][..],
            &[][..],
            r#"exclude-container = ["db", "web"] # config.toml:1"#,
        ),
        (
            "exclude-container",
            &[],
            &[("CMON_EXCLUDE_CONTAINER", "api")],
            r#"exclude-container = ["api"] # CMON_EXCLUDE_CONTAINER"#,
        ),
        ("quiet", &[], &[("CMON_QUIET", "0")], "quiet = false # CMON_QUIET"),
        ("quiet", &[], &[("CMON_QUIET", "")], "quiet = true # config.toml:2"),
        ("quiet", &["-q"], &[], "quiet = true # --quiet"),
        ("follow", &[], &[], "follow = true # config.toml:4"),
        ("follow", &[], &[("CMON_NO_FOLLOW", "1")], "follow = false # default"),
        ("output", &[], &[("CMON_TEMPLATE", "x")], "output = \"default\" # default"),
    ] {
        assert_eq!(home.in_force(key, args, variables)[0], expected, "{args:?} {variables:?}");
    }
    // `all` does not widen a typed name.
    let args = ["tail", "--demo", "--no-follow", "cache", "-E", "none"];
    let (code, stdout, stderr) = home.run(&args, &[]);
    assert!(
        code == 0 && stdout.lines().all(|line| line.contains(r#""container":"cache""#)),
        "{stdout}{stderr}"
    );
    assert!(!stdout.is_empty());
}

#[test]
fn an_error_in_the_file_ends_every_command_that_reads_it() {
    let home = Home::with("");
    let path = home.file().display().to_string();
    for (text, expected) in [
        (
            "[watch]\nintervall = \"5s\"",
            "line 2: unknown key `intervall` in [watch]; did you mean `interval`?",
        ),
        (
            "[tail]\nfollow = true\nno-follow = true",
            "line 3: `no-follow` cannot be used with `follow` of line 2",
        ),
        ("context = \"a\"\nhost = \"b\"", "line 2: `host` cannot be used with `context` of line 1"),
        ("demo = true\nhost = \"b\"", "line 2: `host` cannot be used with `demo` of line 1"),
        (
            "[tail]\ncursor = \"a\"\noutput-dir = \"b\"",
            "line 3: `output-dir` cannot be used with `cursor` of line 2",
        ),
        ("color = \"\\u001B[31mred\"", "line 1: color: invalid value '"),
        ("\"\\u001B[2J\" = 1", "line 1: unknown key `"),
    ] {
        std::fs::write(home.file(), text).unwrap();
        for args in [&["tail", "--demo"][..], &["watch"], &["leak-check"], &["config"]] {
            let (code, stdout, stderr) = home.run(args, &[]);
            assert!(code == 2 && stdout.is_empty(), "{args:?}: {stdout}{stderr}");
            assert!(stderr.starts_with(&format!("cmon: error: {path}, {expected}")), "{stderr}");
            assert!(stderr.contains("\n  try: ") && !stderr.contains('\u{1b}'), "{stderr}");
        }
        // These need no settings.
        assert_eq!(home.run(&["completions", "bash"], &[]).0, 0);
        assert_eq!(home.run(&["tail", "--help"], &[]).0, 0);
    }
}

#[test]
fn an_expression_or_a_condition_of_the_file_is_blamed_on_its_line() {
    let home = Home::with("");
    let path = home.file().display().to_string();
    for (text, expected) in [
        ("\n[tail]\ninclude = \"a(b\"", "line 3, include `a(b`: unclosed group, at character 2"),
        (
            "[tail]\ntemplate = \"{{mgs}}\"",
            "line 2, template, line 1, column 3: there is no variable mgs",
        ),
        ("filter = \"x\"", "line 1, filter: `--filter x`: expected"),
        ("host = \"nonsense\"", "nonsense"),
    ] {
        std::fs::write(home.file(), text).unwrap();
        let (code, _, stderr) = home.run(&["tail", "web"], &[]);
        assert!(code == 2 && stderr.contains(expected) && stderr.contains(&path), "{stderr}");
    }
}

#[test]
fn a_setting_without_effect_is_no_error() {
    let home = Home::with(
        "stream-timeout = \"7s\"\nverbose = 1\n[tail]\nrotate-size = \"1MiB\"\ncompress = true\n\
         join-stacks = true\ncursor-keep = \"1d\"\n[watch]\ninterval = \"5s\"\n[leak-check]\ncycles-metric = \"x\"\nall = true\n",
    );
    for args in [
        &["tail", "web", "--no-follow", "-o", "json"][..],
        &["watch", "--once"],
        &["leak-check"],
        &["leak-check", "--passive"],
    ] {
        let (_, _, stderr) = home.run(args, &[]);
        assert!(stderr.contains("could not connect to `unix:///nowhere/s`"), "{args:?}: {stderr}");
    }
    // The same for variables.
    let variables =
        [("CMON_ROTATE_SIZE", "1MiB"), ("CMON_COMPRESS", "1"), ("CMON_CURSOR_KEEP", "1d")];
    let empty = Home::with("");
    let (_, _, stderr) = empty.run(&["tail", "web"], &variables);
    assert!(stderr.contains("could not connect"), "{stderr}");
    // A typed flag needs the other one, from any source.
    let (code, _, stderr) = empty.run(&["tail", "web", "--rotate-keep", "2"], &[]);
    let expected = "'--rotate-keep <N>' has no effect without '--output-dir <DIR>'";
    assert!(code == 2 && stderr.contains(expected), "{stderr}");
    for (home, variables) in [
        (&empty, &[("CMON_OUTPUT_DIR", "d")][..]),
        (&Home::with("[tail]\noutput-dir = \"d\""), &[]),
    ] {
        let (code, _, stderr) = home.run(&["tail", "web", "--rotate-keep", "2"], variables);
        assert!(code == 1 && stderr.contains("could not connect"), "{stderr}");
    }
}

#[test]
fn a_named_selection_stands_for_its_containers() {
    let home = Home::with(
        "[selections]\nfront = [\"web\", \"api\"]\nback = \"cache\"\nboth = [\"@front\", \"@back\"]\n\
         rest = { all = true, exclude-container = [\"/^[^w]/\"] }\n",
    );
    let names = |args: &[&str]| {
        let demo = ["tail", "--demo", "--no-follow", "-o", "json", "-n", "1"];
        let (code, stdout, stderr) = home.run(&[&demo[..], args].concat(), &[]);
        if code != 0 {
            return Err((code, stderr));
        }
        let name = |line: &str| {
            Some(
                line.split(r#""type":"line""#)
                    .nth(1)?
                    .split(r#""container":""#)
                    .nth(1)?
                    .split('"')
                    .next()?
                    .to_owned(),
            )
        };
        let names: std::collections::BTreeSet<String> = stdout.lines().filter_map(name).collect();
        Ok(Vec::from_iter(names).join(" "))
    };
    assert_eq!(names(&["@front"]).as_deref(), Ok("api web"));
    assert_eq!(names(&["@front", "worker"]).as_deref(), Ok("api web worker"));
    assert_eq!(names(&["@both"]).as_deref(), Ok("api cache web"));
    assert_eq!(names(&["@both", "-E", "api"]).as_deref(), Ok("cache web"));
    assert_eq!(names(&["@rest"]).as_deref(), Ok("web worker"));
    for (args, expected) in [
        (
            &["@fornt"][..],
            "there is no selection '@fornt' in the configuration file\n\n  tip: there is '@front'",
        ),
        (&["@zzz"], "config.toml has '@back', '@both'"),
        (&["@rest", "api"], "'@rest' has conditions, which would also narrow the other containers"),
    ] {
        let (code, stderr) = names(args).unwrap_err();
        assert!(code == 2 && stderr.contains(expected), "{args:?}: {stderr}");
    }
    // The whole file is checked in every run.
    for (selections, expected) in [
        ("loop = \"@pool\"\npool = \"@loop\"", "line 2: the selection `loop` contains itself"),
        (
            "web = \"a\"\nx = [\"@wbe\"]",
            "line 3: the selection `x` names `@wbe`, which does not exist",
        ),
        (
            "both = { all = true, containers = [\"a\"] }",
            "line 2: the selection `both` has `all`, and names containers",
        ),
        (
            "rest = { all = true, exclude-container = [\"a\"] }\nmixed = [\"@rest\", \"api\"]",
            "the selection `mixed`: `@rest` has conditions",
        ),
    ] {
        let home = Home::with(&format!("[selections]\n{selections}\n"));
        for args in [&["tail", "--demo", "web"][..], &["config"]] {
            let (code, _, stderr) = home.run(args, &[]);
            assert!(code == 2 && stderr.contains(expected), "{args:?}: {stderr}");
        }
    }
    // The other commands take them too.
    for command in ["watch", "leak-check"] {
        let (code, _, stderr) = home.run(&[command, "@zzz"], &[]);
        assert!(code == 2 && stderr.contains("'@zzz'"), "{stderr}");
    }
    let bare = Home(tempfile::tempdir().unwrap());
    let (code, _, stderr) = bare.run(&["tail", "@web"], &[]);
    let expected = format!("tip: add 'web' under [selections] in {}", bare.file().display());
    assert!(code == 2 && stderr.contains(&expected), "{stderr}");
}

#[test]
fn the_output_of_config_is_a_configuration_with_the_same_settings() {
    let home = Home::with(
        "host = [\"tcp://me:s3cret@h\"]\nstale-after = \"7s\"\n[tail]\ncontext = \"c\"\ntail = 20\ninclude = [\"\\u001B[1m\\\"\", \"b\"]\n\
         cursor = \"c\"\n[selections]\nweb = { project = \"shop\" }\n",
    );
    let variables = [("CMON_LEVEL", "warn"), ("CMON_TLSKEY", "key")];
    let (code, first, stderr) = home.run(&["config", "--request-timeout", "9s"], &variables);
    assert_eq!(code, 0, "{stderr}");
    assert!(!first.contains("s3cret") && !first.contains('\u{1b}'), "{first}");
    assert!(first.starts_with(&format!("# From {}\n", home.file().display())), "{first}");
    std::fs::write(home.path().join("again"), &first).unwrap();
    let (code, second, stderr) = home.run(&["config", "--config", "again"], &[]);
    assert_eq!(code, 0, "{stderr}");
    let settings = |text: &str| {
        let lines = text.lines().filter(|line| !line.starts_with("# "));
        lines.map(|line| line.split("  #").next().unwrap().trim().to_owned()).collect::<Vec<_>>()
    };
    // The output cannot contain the address with its password.
    let (first, second) = (settings(&first), settings(&second));
    let without = |lines: &[String]| {
        lines.iter().filter(|line| !line.starts_with("host =")).cloned().collect::<Vec<_>>()
    };
    assert_eq!(without(&first), without(&second));
    for line in
        ["stale-after = \"7s\"", "request-timeout = \"9s\"", "level = \"warn\"", "tail = 20"]
    {
        assert!(second.iter().any(|one| one == line), "{line}: {second:?}");
    }
    assert!(second.contains(&format!("tlskey = \"{}/key\"", home.path().display())), "{second:?}");
}

#[test]
fn config_says_where_each_value_comes_from() {
    let home = Home::with("stale-after = \"7s\"\n[tail]\nstale-after = \"8s\"\n");
    let variables = [("CMON_STOP_TIMEOUT", "9s")];
    let one = |key: &str, args: &[&str]| home.in_force(key, args, &variables);
    assert_eq!(
        one("stale-after", &[]),
        ["stale-after = \"7s\" # config.toml:1", "stale-after = \"8s\" # config.toml:3"]
    );
    assert_eq!(
        one("stale-after", &["--stale-after", "6s"]),
        ["stale-after = \"6s\" # --stale-after"]
    );
    assert_eq!(one("stop-timeout", &[]), ["stop-timeout = \"9s\" # CMON_STOP_TIMEOUT"]);
    assert_eq!(one("stream-timeout", &[]), ["stream-timeout = \"5m\" # default"]);
    assert_eq!(one("cursor", &[]), ["# cursor = # not set"]);
    let (_, json, _) = home.run(&["config", "-o", "json"], &variables);
    for line in [
        format!(r#"{{"v":1,"type":"config","path":"{}","found":true}}"#, home.file().display()),
        r#"{"v":1,"type":"setting","key":"stop-timeout","value":"9s","source":"variable","variable":"CMON_STOP_TIMEOUT"}"#.to_owned(),
        r#"{"v":1,"type":"setting","table":"tail","key":"stale-after","value":"8s","source":"file","line":3}"#.to_owned(),
        r#"{"v":1,"type":"setting","table":"tail","key":"cursor","source":"default"}"#.to_owned(),
    ] {
        assert!(json.lines().any(|one| one == line), "{line}: {json}");
    }
    let (code, _, stderr) = home.run(&["config"], &[("CMON_STOP_TIMEOUT", "soon")]);
    assert!(code == 2 && stderr.contains("CMON_STOP_TIMEOUT"), "{stderr}");
    let bare = Home(tempfile::tempdir().unwrap());
    let (_, text, _) = bare.run(&["config"], &[]);
    assert!(text.starts_with(&format!("# There is no file {}\n", bare.file().display())), "{text}");
}
