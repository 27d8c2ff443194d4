//! The names of files. Pure. Containers and daemons choose their names, so each is made safe first.
//!
//! A name of ASCII letters, digits, `_`, `.` and `-` that begins with a letter, a digit or `_` stays unchanged;
//! Docker and Podman allow no other. In any other name, `_` replaces each forbidden character, and a hash of the
//! name follows. If two results collide, even only by case, the second gets a hash too.

use std::borrow::Cow;

use super::record::FileKey;

/// The suffix of each container's file.
const ENDING: &str = ".log";
/// Linux allows names of 255 bytes; the longest name of a file is `NAME.log.18446744073709551615.new`.
const NAME_MAX_BYTES: usize = 255 - ".log.18446744073709551615.new".len();
/// `-` and 8 digits.
const HASH_BYTES: usize = 9;

/// The path of a container's file. `attempt` counts the collisions with other containers.
pub(super) fn path(key: &FileKey, attempt: u32) -> String {
    let name = safe(&key.name, attempt, &|_| false);
    match &key.host {
        // Files of a run with one daemon are next to the directories of a run with several.
        Some(host) => {
            let is_file = |host: &str| host.contains(ENDING) || host.starts_with("cursor.json");
            format!("{}/{name}{ENDING}", safe(host, 0, &is_file))
        }
        None => format!("{name}{ENDING}"),
    }
}

/// The key by which two paths collide on a file system without case.
pub(super) fn folded(path: &str) -> String {
    path.to_ascii_lowercase()
}

/// Whether cmon could have made this path. A path from an edited cursor must not leave the directory.
pub(super) fn is_valid(path: &str) -> bool {
    let (host, file) = path.split_once('/').map_or((None, path), |(host, file)| (Some(host), file));
    let is_safe = |name: &str| matches!(safe(name, 0, &|_| false), Cow::Borrowed(_));
    host.is_none_or(is_safe) && file.strip_suffix(ENDING).is_some_and(is_safe)
}

fn safe<'a>(text: &'a str, attempt: u32, is_reserved: &dyn Fn(&str) -> bool) -> Cow<'a, str> {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '.' | '-');
    let is_first = |char: char| char.is_ascii_alphanumeric() || char == '_';
    let is_safe = text.starts_with(is_first)
        && text.chars().all(is_plain)
        && text.len() <= NAME_MAX_BYTES
        && !is_reserved(text);
    if is_safe && attempt == 0 {
        return Cow::Borrowed(text);
    }
    let clean = text.chars().map(|char| if is_plain(char) { char } else { '_' });
    let mut name: String = clean.take(NAME_MAX_BYTES - HASH_BYTES).collect();
    if !name.starts_with(is_first) {
        name.replace_range(..usize::from(!name.is_empty()), "_");
    }
    Cow::Owned(format!("{name}-{:08x}", hash(text, attempt)))
}

/// FNV-1a, folded to 32 bits: the same in every version, since paths are saved.
fn hash(text: &str, attempt: u32) -> u64 {
    let bytes = text.bytes().chain(attempt.to_le_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash >> 32) ^ (hash & 0xffff_ffff)
}

/// One of the files that belong to a container.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Role {
    /// `NAME.log`.
    Current,
    /// `NAME.log.G.new`.
    New(u64),
    /// `NAME.log.N`.
    Old(u64),
    /// `NAME.log.N.gz`.
    OldCompressed(u64),
    /// `NAME.log.gz.new`.
    Compressing,
}

impl Role {
    /// The path of this file of a container; `base` is the path of its `NAME.log`.
    pub(super) fn path(self, base: &str) -> String {
        match self {
            Role::Current => base.to_owned(),
            Role::New(generation) => format!("{base}.{generation}.new"),
            Role::Old(number) => format!("{base}.{number}"),
            Role::OldCompressed(number) => format!("{base}.{number}.gz"),
            Role::Compressing => format!("{base}.gz.new"),
        }
    }

    /// The container's path and the role of a file, if it belongs to a container.
    pub(super) fn parse(path: &str) -> Option<(&str, Self)> {
        let (base, role) = if let Some(base) = path.strip_suffix(".gz.new") {
            (base, Role::Compressing)
        } else if let Some(rest) = path.strip_suffix(".new") {
            let (base, generation) = numbered(rest)?;
            (base, Role::New(generation))
        } else if let Some(rest) = path.strip_suffix(".gz") {
            let (base, number) = numbered(rest)?;
            (base, Role::OldCompressed(number))
        } else if let Some((base, number)) = numbered(path) {
            (base, Role::Old(number))
        } else {
            (path, Role::Current)
        };
        is_valid(base).then_some((base, role))
    }
}

fn numbered(path: &str) -> Option<(&str, u64)> {
    let (base, digits) = path.rsplit_once('.')?;
    let number: u64 = digits.parse().ok()?;
    (0 < number && number.to_string() == digits).then_some((base, number))
}

/// The directory of a path; empty for the output directory.
pub(super) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(name: &str) -> String {
        path(&FileKey { host: None, name: name.to_owned() }, 0)
    }

    fn on(host: &str, name: &str) -> String {
        path(&FileKey { host: Some(host.to_owned()), name: name.to_owned() }, 0)
    }

    #[test]
    fn names_that_docker_allows_are_used_as_they_are() {
        for name in ["web", "shop-web-1", "a.b_c", "9", "Web"] {
            assert_eq!(of(name), format!("{name}.log"));
        }
        assert_eq!(on("node1.example.com", "web"), "node1.example.com/web.log");
    }

    #[test]
    fn unsafe_names_are_replaced_and_stay_different() {
        assert_eq!(of("a/b"), "a_b-796e173c.log");
        let names = [
            "",
            ".",
            "..",
            "../x",
            "/etc/passwd",
            "a/b",
            "a_b",
            "a\nb",
            "a\u{1b}b",
            ".a",
            "-a",
            "_a",
            "ä",
            "\0",
        ];
        let mut paths: Vec<String> = names.iter().map(|name| of(name)).collect();
        for path in &paths {
            assert!(
                is_valid(path) && !path.contains('/') && !path.starts_with(['.', '-']),
                "{path}"
            );
        }
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), names.len());
    }

    #[test]
    fn the_longest_file_name_has_255_bytes() {
        let long = of(&"x".repeat(300));
        assert_eq!(Role::New(u64::MAX).path(&long).len(), 255);
        assert_ne!(long, of(&"x".repeat(301)));
        assert_eq!(of(&"x".repeat(226)), format!("{}.log", "x".repeat(226)));
        assert!(of(&"ä".repeat(200)).len() < 255);
    }

    #[test]
    fn directories_of_daemons_never_have_the_name_of_a_file() {
        for host in ["web.log", "web.log.1", "cursor.json", "cursor.json.lock"] {
            let path = on(host, "web");
            let directory = parent(&path);
            assert_ne!(directory, host);
            assert_eq!(Role::parse(directory), None, "{directory}");
        }
    }

    #[test]
    fn paths_that_leave_the_directory_are_invalid() {
        for path in [
            "../a.log",
            "/a.log",
            "a/../b.log",
            "a/b/c.log",
            ".log",
            "cursor.json",
            "a",
            "",
            "a/.log",
            "a\0.log",
        ] {
            assert!(!is_valid(path), "{path}");
        }
        assert!(is_valid("a.log") && is_valid("h/a.log"));
    }

    #[test]
    fn files_of_other_programs_have_no_role() {
        for path in [
            "a.log.01",
            "a.log.0",
            "a.log.x.new",
            "a.txt",
            "a.log.1.bz2",
            "cursor.json.new",
            "a.log.+1",
        ] {
            assert!(
                Role::parse(path).is_none_or(|(_, role)| role == Role::Current && is_valid(path)),
                "{path}"
            );
        }
    }

    proptest! {
        #[test]
        fn every_name_gives_a_valid_path_and_each_file_is_found_again(
            host in proptest::option::of(".{0,300}"), name in ".{0,300}", attempt in 0..3_u32, number in 1..u64::MAX,
        ) {
            let path = path(&FileKey { host, name }, attempt);
            prop_assert!(is_valid(&path), "{path}");
            for role in [Role::Current, Role::New(number), Role::Old(number), Role::OldCompressed(number), Role::Compressing] {
                let file = role.path(&path);
                prop_assert!(file.split('/').all(|part| part.len() <= 255));
                prop_assert_eq!(Role::parse(&file), Some((path.as_str(), role)));
            }
        }
    }
}
