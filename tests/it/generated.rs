//! The files in `completions/` and `man/` are current.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use clap::ValueEnum;
use clap_complete::Shell;

use super::support::Cmon;

/// Compares a folder with its expected content. With `UPDATE_GENERATED=1`, writes it instead.
#[track_caller]
fn holds(folder: &str, files: &BTreeMap<String, Vec<u8>>) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir(&dir).unwrap();
        files.iter().for_each(|(name, text)| fs::write(dir.join(name), text).unwrap());
    }
    let entries = fs::read_dir(&dir).into_iter().flatten().map(|entry| entry.unwrap());
    let found: BTreeMap<String, Vec<u8>> = entries
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect();
    let stale =
        files.iter().filter(|(name, text)| found.get(*name) != Some(*text)).map(|(name, _)| name);
    let stale: Vec<&String> =
        stale.chain(found.keys().filter(|name| !files.contains_key(*name))).collect();
    assert!(
        stale.is_empty(),
        "{stale:?} in {folder}/ are not what cmon makes; refresh them with\n  \
         UPDATE_GENERATED=1 cargo test --locked --test it generated"
    );
}

#[test]
fn completions_are_fresh() {
    let all = Shell::value_variants().iter().map(|shell| cmon::cli::completions(*shell));
    holds("completions", &all.collect());
}

#[test]
fn man_pages_are_fresh_and_complete() {
    let pages = cmon::cli::man_pages();
    for (name, page) in &pages {
        for section in ["NAME", "SYNOPSIS", "EXIT STATUS", "ENVIRONMENT", "SEE ALSO"] {
            assert!(page.contains(&format!(".SH {section}\n")), "{section} in {name}");
        }
        assert!(page.is_ascii(), "{name}");
        assert!(page.contains(".SH EXAMPLES\n.nf\ncmon "), "{name}: {page}");
    }
    let names: Vec<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "cmon.1",
        "cmon-tail.1",
        "cmon-watch.1",
        "cmon-leak-check.1",
        "cmon-config.1",
        "cmon-completions.1",
        "cmon-man.1",
    ];
    assert_eq!(names, expected);
    holds("man", &pages.into_iter().map(|(name, page)| (name, page.into_bytes())).collect());
}

#[test]
fn the_commands_write_the_same_without_a_daemon() {
    let pages = cmon::cli::man_pages();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let made = cmon::cli::completions(Shell::from_str(shell, false).unwrap()).1;
        assert_eq!(Cmon::run(&["completions", shell]).code(0).stdout, made, "{shell}");
    }
    assert_eq!(Cmon::run(&["man"]).code(0).text(), pages[0].1);
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("new/man1");
    drop(Cmon::run(&["man", "--out", out.to_str().unwrap()]).code(0));
    assert_eq!(fs::read_dir(&out).unwrap().count(), pages.len());
    let failed = Cmon::run(&["man", "--out", "/dev/null/x"]).code(1);
    drop(failed.says("could not make `/dev/null/x`"));
    for args in [&["completions", "bash", "--demo"][..], &["--stream-timeout", "5s", "man"]] {
        drop(Cmon::run(args).code(2).says("it uses no daemon"));
    }
    drop(Cmon::run(&["completions", "tcsh"]).code(2).says("powershell"));
    // Variables are for other commands.
    let change = |command: &mut Command| {
        command.env("CMON_STALE_AFTER", "nonsense");
    };
    drop(Cmon::start_with(&["completions", "bash", "-q"], change).done().code(0));
}

#[test]
fn bash_loads_its_script_and_completes_flags() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("completions/cmon.bash");
    let complete = format!(
        "source {} && COMP_WORDS=(cmon tail --timez) COMP_CWORD=2 && _cmon cmon --timez tail && echo ${{COMPREPLY[@]}}",
        script.display()
    );
    let done = Command::new("bash").args(["-c", &complete]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&done.stdout), "--timezone\n", "{done:?}");
}

#[test]
fn zsh_and_fish_load_their_scripts() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("completions");
    let complete =
        "source cmon.fish; complete -C 'cmon tail --timez'; complete -C 'cmon tail -o p'";
    let done = Command::new("fish").args(["-c", complete]).current_dir(&dir).output().unwrap();
    let text = String::from_utf8_lossy(&done.stdout);
    let begins: Vec<&str> = text.lines().filter_map(|line| line.split('\t').next()).collect();
    assert_eq!(begins, ["--timezone", "pretty"], "{done:?}");
    // zsh completes only in an interactive shell; this loads the script as one does.
    let load = "fpath=($PWD $fpath); autoload -U compinit && compinit -u -D && print $_comps[cmon] && autoload +X _cmon";
    let done = Command::new("zsh").args(["-f", "-c", load]).current_dir(&dir).output().unwrap();
    assert!(done.status.success() && done.stdout == b"_cmon\n", "{done:?}");
}
