//! The rules of the source tree, so that the folder list stays the architecture.

use std::fs;
use std::path::{Path, PathBuf};

fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut dirs = vec![root.join("src"), root.join("tests")];
    while let Some(dir) = dirs.pop() {
        let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
        let (more, files): (Vec<PathBuf>, Vec<PathBuf>) = entries.partition(|path| path.is_dir());
        dirs.extend(more);
        for file in files.iter().filter(|file| file.extension().is_some_and(|ext| ext == "rs")) {
            let name = file.strip_prefix(root).unwrap().display().to_string();
            found.push((name, fs::read_to_string(file).unwrap()));
        }
    }
    assert!(20 < found.len(), "the sources are there");
    found
}

/// Only files with names that begin with one of `allowed` may contain `names`.
#[track_caller]
fn only_in(names: &[&str], allowed: &[&str]) {
    for (name, text) in sources() {
        if !name.starts_with("src/") || allowed.iter().any(|prefix| name.starts_with(prefix)) {
            continue;
        }
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let text: String = code.collect();
        for word in names {
            assert!(!text.contains(word), "`{word}` is named in {name}; only {allowed:?} may");
        }
    }
}

#[test]
fn the_engine_does_not_depend_on_layers_above() {
    let above = [
        "crate::config",
        "crate::output",
        "crate::commands",
        "crate::exit",
        "crate::filter",
        "crate::merge",
        "crate::format",
        "crate::metrics",
        "crate::snapshot",
        "crate::ui",
    ];
    let may = [
        "src/lib.rs",
        "src/main.rs",
        "src/config",
        "src/output",
        "src/metrics",
        "src/snapshot",
        "src/ui",
        "src/commands",
        "src/filter",
        "src/merge",
        "src/format",
        "src/signal",
        "src/exit",
        "src/leak",
        "src/probe",
    ];
    only_in(&above, &may);
    only_in(&["crate::cli"], &[&may[..], &["src/cli"]].concat());
    let docker = ["crate::docker"];
    only_in(
        &docker,
        &[
            "src/docker",
            "src/demo",
            "src/leak",
            "src/probe",
            "src/snapshot/daemon_snapshot",
            "src/snapshot/tests",
            "src/commands",
            "src/config",
        ],
    );
    only_in(&["crate::ui"], &["src/ui", "src/commands"]);
    // Filters are pure: they depend on the engine's events, and on the text of a line.
    let below = ["src/filter", "src/merge", "src/config", "src/output", "src/commands", "src/ui"];
    only_in(&["crate::filter"], &below);
    only_in(&["crate::merge"], &["src/merge", "src/output", "src/commands"]);
    let pure = ["src/filter", "src/merge"];
    let is_pure = |name: &str| pure.iter().any(|room| name.starts_with(room));
    for (name, text) in sources().iter().filter(|(name, _)| is_pure(name)) {
        let uses = text.lines().filter(|line| line.contains("crate::"));
        let below = ["crate::engine::", "crate::filter", "crate::level::"];
        let above = uses.filter(|line| !below.iter().any(|room| line.contains(room)));
        assert_eq!(above.collect::<Vec<_>>(), Vec::<&str>::new(), "in {name}");
    }
    assert!(
        !sources().iter().any(|(name, text)| name == "src/level.rs" && text.contains("crate::"))
    );
    // Displayed state does not depend on its display: streams and leak checks share the words of `format`.
    only_in(&["crate::probe"], &["src/probe", "src/leak", "src/config", "src/commands"]);
    // A probe reads figures, and knows nothing of what they mean.
    let tests = ["src/probe/tests", "src/probe/target/tests"];
    only_in(&["crate::leak"], &[&["src/leak", "src/config", "src/commands"][..], &tests].concat());
}

#[test]
fn each_outside_library_is_named_in_one_place() {
    only_in(&["crossterm::", "ratatui::"], &["src/ui"]);
    only_in(&["hyper::server"], &["src/metrics"]);
    only_in(&["indicatif::"], &["src/output/status.rs", "src/commands/leak_check/progress.rs"]);
    only_in(&["minijinja::"], &["src/format/template.rs", "src/output/text.rs"]);
    only_in(&["clap_complete::", "clap_mangen::"], &["src/cli/generated.rs", "src/cli/shells.rs"]);
    only_in(&["clap::"], &["src/cli/", "src/lib.rs", "src/config/tests/"]);
    only_in(
        &["UnixStream::connect", "TcpStream::connect"],
        &[
            "src/docker/endpoint.rs",
            "src/docker/unix_path.rs",
            "src/demo",
            "src/probe/proc/tests.rs",
            "src/metrics/http_server.rs",
        ],
    );
}

#[test]
fn every_file_says_what_it_is_for() {
    for (name, text) in sources() {
        assert!(text.starts_with("//!"), "{name} does not begin with what it is for");
    }
}
