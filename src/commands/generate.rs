//! `cmon completions` and `cmon man`: write generated files without a daemon.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::Context;

use crate::cli::{self, Completions, Man};
use crate::exit::Exit;
use crate::output::Sinks;

/// Writes the completion script of a shell.
pub(crate) fn completions(args: &Completions, sinks: &Sinks) -> anyhow::Result<Exit> {
    print(&cli::completions(args.shell).1, sinks)
}

/// Writes the man page of cmon, or all pages into a directory.
pub(crate) fn man(args: &Man, sinks: &Sinks) -> anyhow::Result<Exit> {
    let pages = cli::man_pages();
    match (&args.out, pages.first()) {
        (Some(dir), _) => into(dir, &pages).map(|()| Exit::Done),
        (None, Some((_, page))) => print(page.as_bytes(), sinks),
        (None, None) => Ok(Exit::Done),
    }
}

fn into(dir: &Path, pages: &[(String, String)]) -> anyhow::Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("could not make `{}`", dir.display()))?;
    for (name, page) in pages {
        let file = dir.join(name);
        fs::write(&file, page).with_context(|| format!("could not write `{}`", file.display()))?;
    }
    Ok(())
}

/// Writes to stdout. A closed pipe is no error.
pub(super) fn print(bytes: &[u8], sinks: &Sinks) -> anyhow::Result<Exit> {
    match sinks.out.write_all(bytes) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(anyhow::Error::new(error).context("could not write to stdout"))
        }
        _ => Ok(Exit::Done),
    }
}
