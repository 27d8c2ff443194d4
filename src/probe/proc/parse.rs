//! Parses the files of `/proc`. Pure.

use std::collections::HashMap;

/// The used fields of `/proc/PID/stat`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// The name, truncated by the kernel to 15 bytes.
    pub name: String,
    /// It is a zombie or dead.
    pub ended: bool,
    /// Start time in ticks since boot.
    pub born: u64,
    /// Processor time, in ticks.
    pub busy: u64,
}

/// Parses `12 (a name) S 1 …`. The name may contain spaces and brackets.
pub fn stat(text: &str) -> Option<Stat> {
    let (head, rest) = text.rsplit_once(") ")?;
    let (_, name) = head.split_once('(')?;
    let mut fields = rest.split_ascii_whitespace();
    let ended = matches!(fields.next()?, "Z" | "X" | "x");
    // Fields: 3 state, 14 user time, 15 system time, 22 start time.
    let (user, system): (u64, u64) = (fields.nth(10)?.parse().ok()?, fields.next()?.parse().ok()?);
    let born = fields.nth(6)?.parse().ok()?;
    Some(Stat { name: name.to_owned(), ended, born, busy: user.saturating_add(system) })
}

/// The used fields of `/proc/PID/status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    pub threads: u64,
    /// Resident memory; 0 only for the kernel's own threads.
    pub rss_bytes: u64,
}

/// Reads `/proc/PID/status`.
pub fn status(text: &str) -> Option<Status> {
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_ascii_whitespace().next()?.parse::<u64>().ok()
    };
    let rss_bytes = field("VmRSS:").unwrap_or(0).checked_mul(1024)?;
    Some(Status { threads: field("Threads:")?, rss_bytes })
}

/// The paths of a process' cgroup.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cgroup {
    /// The path in cgroup v2.
    pub unified: Option<String>,
    /// The path in the memory hierarchy of cgroup v1.
    pub memory: Option<String>,
}

impl Cgroup {
    /// Whether it belongs to the container with this id.
    pub fn holds(&self, id: &str) -> bool {
        [&self.unified, &self.memory].into_iter().flatten().any(|path| path.contains(id))
    }
}

/// Reads `/proc/PID/cgroup`: `0::/path` and, before version 2, `4:memory:/path`.
pub fn cgroup(text: &str) -> Cgroup {
    let mut found = Cgroup::default();
    for line in text.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(number), Some(kinds), Some(path)) = (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        if number == "0" && kinds.is_empty() {
            found.unified = Some(path.to_owned());
        } else if kinds.split(',').any(|kind| kind == "memory") {
            found.memory = Some(path.to_owned());
        }
    }
    found
}

/// Anonymous memory of a cgroup, without the page cache: `anon` in `memory.stat` of v2, `total_rss` of v1.
pub fn anonymous(text: &str) -> Option<u64> {
    let field = |name: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once(' '));
        lines.find(|(key, _)| *key == name)?.1.trim().parse().ok()
    };
    field("total_rss").or_else(|| field("anon"))
}

/// A table of sockets under `/proc/PID/net`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// TCP over IPv4.
    Tcp,
    /// TCP over IPv6.
    Tcp6,
    /// UDP over IPv4.
    Udp,
    /// UDP over IPv6.
    Udp6,
    /// Unix sockets.
    Unix,
}

impl Table {
    /// All of them.
    pub const ALL: [Table; 5] = [Table::Tcp, Table::Tcp6, Table::Udp, Table::Udp6, Table::Unix];

    /// Its file.
    pub fn file(self) -> &'static str {
        match self {
            Table::Tcp => "tcp",
            Table::Tcp6 => "tcp6",
            Table::Udp => "udp",
            Table::Udp6 => "udp6",
            Table::Unix => "unix",
        }
    }
}

/// Classes of sockets by inode.
#[derive(Clone, Debug, Default)]
pub struct Sockets(HashMap<u64, String>);

impl Sockets {
    /// Adds a table.
    pub fn add(&mut self, table: Table, text: &str) {
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split_ascii_whitespace().collect();
            let (inode, class) = match table {
                // Num RefCount Protocol Flags Type St Inode Path
                Table::Unix => {
                    let path = fields.get(7).copied().unwrap_or_default();
                    (fields.get(6), unix(path))
                }
                Table::Tcp | Table::Tcp6 => {
                    let state = tcp_state(fields.get(3).copied().unwrap_or_default());
                    (fields.get(9), format!("socket tcp {state}"))
                }
                Table::Udp | Table::Udp6 => (fields.get(9), "socket udp".to_owned()),
            };
            // An orphaned socket has inode 0.
            let inode = inode.and_then(|inode| inode.parse().ok()).filter(|inode| *inode != 0);
            if let Some(inode) = inode {
                self.0.insert(inode, class);
            }
        }
    }
}

/// The last part of the path; `@name` for an abstract socket.
fn unix(path: &str) -> String {
    match path.rsplit('/').next().unwrap_or_default() {
        "" => "socket unix".to_owned(),
        name => format!("socket unix {}", collapse(name)),
    }
}

fn tcp_state(number: &str) -> &'static str {
    match number {
        "01" => "ESTABLISHED",
        "02" => "SYN_SENT",
        "03" => "SYN_RECV",
        "04" => "FIN_WAIT1",
        "05" => "FIN_WAIT2",
        "06" => "TIME_WAIT",
        "07" => "CLOSE",
        "08" => "CLOSE_WAIT",
        "09" => "LAST_ACK",
        "0A" => "LISTEN",
        "0B" => "CLOSING",
        _ => "of unknown state",
    }
}

/// The number in `socket:[12]`, `pipe:[12]`.
pub fn inode(link: &str) -> Option<u64> {
    link.split_once(":[")?.1.strip_suffix(']')?.parse().ok()
}

/// The inode in `fdinfo` (Linux 5.14 and newer).
pub fn ino(fdinfo: &str) -> Option<u64> {
    fdinfo.lines().find_map(|line| line.strip_prefix("ino:")?.trim().parse().ok())
}

/// The class of a descriptor.
pub fn class(link: &str, sockets: &Sockets) -> String {
    match link.split_once(':') {
        Some(("socket", _)) => {
            let known = inode(link).and_then(|inode| sockets.0.get(&inode));
            known.cloned().unwrap_or_else(|| "socket".to_owned())
        }
        Some(("pipe", _)) => "pipe".to_owned(),
        Some(("anon_inode", what)) => format!("anon {}", what.trim_matches(['[', ']'])),
        Some((space, rest)) if rest.starts_with('[') => format!("namespace {space}"),
        _ => format!("file {}", collapse(link)),
    }
}

/// The minimum length of a hexadecimal id.
const ID_MIN_CHARS: usize = 8;

/// Replaces numbers and ids in a path with `*`.
fn collapse(path: &str) -> String {
    let mut out = String::new();
    let mut rest = path;
    while let Some(c) = rest.chars().next() {
        let hex = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        // A run of letters only, like `deadbeef`, is no id.
        let id = ID_MIN_CHARS <= hex && rest[..hex].bytes().any(|b| b.is_ascii_digit());
        let taken = if id { hex } else { digits };
        if taken == 0 {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        } else {
            out.push('*');
            rest = &rest[taken..];
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let fields: Vec<String> = (4..=52).map(|field| (field * 10).to_string()).collect();
        let text = format!("12 (a) b (c) S {}\n", fields.join(" "));
        let expected = Stat { name: "a) b (c".to_owned(), ended: false, born: 220, busy: 290 };
        assert_eq!(stat(&text), Some(expected));
        assert!(stat(&text.replace(" S ", " Z ")).unwrap().ended);
        assert_eq!(stat("12 (cat) S 1 2"), None);
    }

    #[test]
    fn status_shows_threads_and_memory() {
        let text = "Name:\tcat\nVmRSS:\t     900 kB\nThreads:\t3\n";
        assert_eq!(status(text), Some(Status { threads: 3, rss_bytes: 921_600 }));
        assert_eq!(status("Name:\tcat\n"), None);
    }

    #[test]
    fn the_cgroup_is_found_in_both_versions() {
        let one = cgroup("12:pids:/docker/ab12\n4:cpu,memory:/docker/ab12\n0::/\n");
        assert_eq!(one.memory.as_deref(), Some("/docker/ab12"));
        assert!(one.holds("ab12") && !one.holds("cd34"));
        let two = cgroup("0::/system.slice/docker-ab12.scope\n");
        assert_eq!(two.unified.as_deref(), Some("/system.slice/docker-ab12.scope"));
        assert!(two.holds("ab12") && two.memory.is_none());
        assert_eq!(anonymous("cache 5\nrss 7\ntotal_cache 6\ntotal_rss 8\n"), Some(8));
        assert_eq!(anonymous("anon 4096\nfile 8192\n"), Some(4096));
        assert_eq!(anonymous("file 8192\n"), None);
    }

    #[test]
    fn descriptors_have_a_class() {
        let mut sockets = Sockets::default();
        let tcp = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             \x20  0: 0100007F:A3B5 0100007F:0CEA 08 00000000:00000001 00:00000000 00000000     0        0 77 1 0\n";
        sockets.add(Table::Tcp, tcp);
        let unix = "Num       RefCount Protocol Flags    Type St Inode Path\n\
             ffff8: 00000003 00000000 00000000 0001 03 88 /run/docker.sock\n\
             ffff9: 00000003 00000000 00000000 0001 03 89\n";
        sockets.add(Table::Unix, unix);
        let id = "0123456789abcdef".repeat(4);
        let log = format!("/var/lib/docker/containers/{id}/{id}-json.log");
        let cases = [
            ("socket:[77]", "socket tcp CLOSE_WAIT"),
            ("socket:[88]", "socket unix docker.sock"),
            ("socket:[89]", "socket unix"),
            ("socket:[90]", "socket"),
            ("pipe:[5]", "pipe"),
            ("anon_inode:[eventpoll]", "anon eventpoll"),
            ("anon_inode:inotify", "anon inotify"),
            ("net:[4026531840]", "namespace net"),
            ("/dev/null", "file /dev/null"),
            ("/dev/pts/12", "file /dev/pts/*"),
            ("/tmp/a7 (deleted)", "file /tmp/a* (deleted)"),
            (log.as_str(), "file /var/lib/docker/containers/*/*-json.log"),
        ];
        for (link, expected) in cases {
            assert_eq!(class(link, &sockets), expected, "{link}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parsers_panic(text in "\\PC{0,80}", more in "[0-9a-f(): \n]{0,80}") {
            let text = format!("{text}{more}");
            let _ = (stat(&text), status(&text), cgroup(&text), anonymous(&text), inode(&text));
            let mut sockets = Sockets::default();
            for table in Table::ALL {
                sockets.add(table, &text);
            }
            let class = class(&text, &sockets);
            prop_assert!(!class.is_empty());
        }
    }
}
