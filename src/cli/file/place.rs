//! The place of the configuration file, and its text.

use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::FileError;

/// The maximum size of a configuration file.
pub(super) const SIZE_MAX: u64 = 1 << 20;

/// The place of the configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Place {
    /// This file, which must exist.
    Named(PathBuf),
    /// This file, if it exists.
    Usual(PathBuf),
    /// None: neither `XDG_CONFIG_HOME` nor `HOME` names a directory.
    Nowhere,
}

impl Place {
    /// The place from `--config` or its variable, else the default.
    pub(in crate::cli) fn of(named: Option<PathBuf>) -> Self {
        let variable = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        let usual = || usual(variable("XDG_CONFIG_HOME"), variable("HOME"));
        match (named, usual) {
            (Some(path), _) => Place::Named(path),
            (None, usual) => usual().map_or(Place::Nowhere, Place::Usual),
        }
    }

    /// The file.
    pub(in crate::cli) fn path(&self) -> Option<&Path> {
        match self {
            Place::Named(path) | Place::Usual(path) => Some(path),
            Place::Nowhere => None,
        }
    }
}

/// `$XDG_CONFIG_HOME/cmon/config.toml`, or the same in `~/.config`. By the XDG specification, relative paths are
/// ignored.
pub(super) fn usual(xdg: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let absolute = |path: OsString| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
    let config = xdg.and_then(absolute);
    let config = config.or_else(|| Some(home.and_then(absolute)?.join(".config")));
    Some(config?.join("cmon/config.toml"))
}

/// The text of a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct FileText {
    /// Its path.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
}

impl FileText {
    /// Reads the file; `None` if it does not exist and was not named.
    pub(in crate::cli) fn read(place: &Place) -> Result<Option<Self>, FileError> {
        let Some(path) = place.path() else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        let read = File::open(path)
            .and_then(|file| file.take(SIZE_MAX + 1).read_to_end(&mut bytes).map(drop));
        let wrong = |problem: String, hint: &str| {
            Err(FileError { path: path.to_owned(), line: None, problem, hint: hint.to_owned() })
        };
        match (read, place) {
            (Ok(()), _) if SIZE_MAX < bytes.len() as u64 => {
                wrong("larger than 1 MiB, so it is no configuration of cmon".to_owned(), NAME)
            }
            (Ok(()), _) => match String::from_utf8(bytes) {
                Ok(text) => Ok(Some(Self { path: path.to_owned(), text })),
                Err(error) => {
                    let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                    Err(FileError {
                        path: path.to_owned(),
                        line: Some(1 + memchr::memchr_iter(b'\n', valid).count()),
                        problem: "not UTF-8".to_owned(),
                        hint: "save the file as UTF-8".to_owned(),
                    })
                }
            },
            (Err(error), Place::Usual(_))
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                Ok(None)
            }
            // The home of another user: files there are not this user's configuration.
            (Err(_), Place::Usual(path)) if path.try_exists().is_err() => Ok(None),
            (Err(error), Place::Usual(_)) => wrong(
                format!("could not read the configuration: {error}"),
                "make it readable, or run cmon without it: --config /dev/null",
            ),
            (Err(error), _) => wrong(format!("could not read the configuration: {error}"), NAME),
        }
    }
}

const NAME: &str = "name another file with --config or CMON_CONFIG";
