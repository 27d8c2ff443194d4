//! Selects the frame that names a stack: the first one that belongs to the program itself.
//!
//! The innermost frames of a waiting goroutine are in the runtime, in `net`, `crypto/tls` or `encoding/json`, and in a
//! client library. They do not identify the goroutine, so they are skipped by package.

use std::sync::LazyLock;

/// The first elements of the import paths of Go's standard library. A module may lack the dot in its first element
/// too (`module collector`), so the missing dot alone does not prove the standard library.
static STANDARD: LazyLock<Vec<&str>> =
    LazyLock::new(|| include_str!("standard.txt").lines().collect());

/// Generic modules: transports, SDK internals, drivers, telemetry, routers.
static PLUMBING: LazyLock<Vec<&str>> =
    LazyLock::new(|| include_str!("plumbing.txt").lines().collect());

/// A frame: function and position in the source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    pub(super) function: &'a str,
    pub(super) place: &'a str,
}

impl<'a> Frame<'a> {
    /// `\t0x6b1c24\tmain.(*follower).follow+0x64\t\t/src/main.go:22`; the place may be absent.
    pub(super) fn parse(line: &'a str) -> Option<Self> {
        let mut parts = line.split('\t').map(str::trim).filter(|part| !part.is_empty());
        let address = parts.next()?;
        if !address.starts_with("0x") {
            return None;
        }
        let function = parts.next().unwrap_or("(unknown)");
        let function = match function.rsplit_once("+0x") {
            Some((name, offset)) if offset.bytes().all(|b| b.is_ascii_hexdigit()) => name,
            _ => function,
        };
        Some(Self { function, place: parts.next().unwrap_or_default() })
    }
}

/// The last two parts of a path: `loggerutils/follow.go:151`.
pub(super) fn shorten(place: &str) -> &str {
    let from = place.rmatch_indices('/').nth(1).map_or(0, |(at, _)| at + 1);
    place[from..].trim_start_matches('/')
}

/// The owner of the code of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// The program itself.
    Program,
    /// A dependency of the program that is not plumbing.
    Dependency,
    /// The standard library or well-known plumbing.
    Plumbing,
}

/// The frame that names a stack (innermost first). If all frames are plumbing, the outermost one describes the purpose
/// best.
pub(super) fn naming<'a>(frames: &[Frame<'a>]) -> Option<Frame<'a>> {
    let goroot = goroot(frames);
    let first = |owner: Owner| frames.iter().find(|frame| owner_of(frame, goroot) == owner);
    let outermost = || frames.iter().rfind(|frame| package(frame.function) != Some("runtime"));
    let found = first(Owner::Program).or_else(|| first(Owner::Dependency)).or_else(outermost);
    found.or(frames.last()).copied()
}

/// Whether a function belongs to the program or to one of its dependencies.
pub(super) fn is_program(function: &str) -> bool {
    owner_of(&Frame { function, place: "" }, None) != Owner::Plumbing
}

fn owner_of(frame: &Frame<'_>, goroot: Option<&str>) -> Owner {
    // A C function has no package.
    let Some(package) = package(frame.function) else { return Owner::Plumbing };
    let package = package.replace("%2e", ".");
    let own = unvendored(&package);
    if is_standard(own) || is_plumbing(own) || is_in_goroot(frame.place, goroot) {
        return Owner::Plumbing;
    }
    // Paths in the module cache contain the version after an @.
    let depends = own.len() < package.len() || frame.place.contains('@');
    if depends { Owner::Dependency } else { Owner::Program }
}

/// The import path of a function's package: `example.com/app/pool` of `example.com/app/pool.(*Pool[...]).Get.func1`.
fn package(function: &str) -> Option<&str> {
    // A receiver or a type argument may contain another package's path.
    let name = &function[..function.find(['(', '[', '{']).unwrap_or(function.len())];
    let last = name.rfind('/').map_or(0, |at| at + 1);
    let end = last + name[last..].find('.')?;
    Some(&name[..end]).filter(|package| !package.is_empty())
}

/// The import path of a vendored package.
fn unvendored(package: &str) -> &str {
    let inner = package.rsplit_once("/vendor/").map(|(_, inner)| inner);
    inner.or_else(|| package.strip_prefix("vendor/")).unwrap_or(package)
}

fn is_standard(package: &str) -> bool {
    STANDARD.contains(&package.split('/').next().unwrap_or_default())
}

fn is_plumbing(package: &str) -> bool {
    PLUMBING.iter().any(|module| {
        let rest = package.strip_prefix(module);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// The source folder of the standard library, from one of its frames. A newer Go may have packages that are not in the
/// list.
fn goroot<'a>(frames: &[Frame<'a>]) -> Option<&'a str> {
    frames.iter().find_map(|frame| {
        let package = package(frame.function).filter(|package| is_standard(package))?;
        let (folder, _) = frame.place.rsplit_once('/')?;
        folder.strip_suffix(package).filter(|root| root.ends_with("/src/"))
    })
}

fn is_in_goroot(place: &str, goroot: Option<&str>) -> bool {
    goroot.is_some_and(|goroot| place.starts_with(goroot))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(stack: &[&'static str]) -> &'static str {
        let frames: Vec<Frame<'static>> = stack
            .iter()
            .map(|line| {
                let (function, place) = line.split_once(' ').unwrap_or((line, ""));
                Frame { function, place }
            })
            .collect();
        naming(&frames).unwrap().function
    }

    #[test]
    fn the_package_of_any_function_name_is_found() {
        let cases = [
            ("main.main", Some("main")),
            ("main.(*ring[...]).take", Some("main")),
            ("main.Map[go.shape.string,example.com/x/y.T].func1", Some("main")),
            ("example.com/app/pool.(*Pool[...]).Get.func1.2", Some("example.com/app/pool")),
            ("gopkg.in/yaml%2ev3.Unmarshal", Some("gopkg.in/yaml%2ev3")),
            ("net/http.(*persistConn).readLoop", Some("net/http")),
            ("example.com/x.Do-fm", Some("example.com/x")),
            ("example.com/x.glob..func1", Some("example.com/x")),
            ("main.run.gowrap1", Some("main")),
            ("_cgo_wait", None),
            ("(no stack)", None),
            ("", None),
        ];
        for (function, expected) in cases {
            assert_eq!(package(function), expected, "{function}");
        }
    }

    #[test]
    fn the_standard_library_and_plumbing_name_no_group() {
        let skipped = [
            "bytes.(*Buffer).ReadFrom",
            "encoding/json.(*Decoder).refill",
            "crypto/tls.(*Conn).readRecordOrCCS",
            "database/sql.(*DB).connectionOpener",
            "compress/gzip.(*Reader).Read",
            "log/slog.(*Logger).log",
            "text/template.(*state).walk",
            "net/rpc.(*Client).input",
            "os/signal.loop",
            "internal/sync.(*HashTrieMap[...]).Load",
            "unique.Make[...]",
            "vendor/golang.org/x/net/http/httpguts.ValidHeaderFieldName",
            "golang.org/x/net/http2.(*clientConnReadLoop).run",
            "golang.org/x/sync/errgroup.(*Group).Go.func1",
            "example.com/app/vendor/golang.org/x/net/http2.(*ClientConn).readLoop",
            "example.com/app/vendor/google.golang.org/grpc/internal/transport.(*http2Client).reader",
            "google.golang.org/grpc/internal/transport.(*http2Server).HandleStreams",
            "github.com/aws/aws-sdk-go-v2/service/s3.(*Client).invokeOperation",
            "github.com/aws/smithy-go/middleware.(*Stack).HandleMiddleware",
            "cloud.google.com/go/pubsub.(*Subscription).Receive.func2",
            "go.opentelemetry.io/otel/sdk/trace.(*batchSpanProcessor).processQueue",
            "go.uber.org/zap/zapcore.(*BufferedWriteSyncer).flushLoop",
            "github.com/jackc/pgx/v5/pgxpool.(*Pool).backgroundHealthCheck",
            "gopkg.in/yaml%2ev3.(*decoder).unmarshal",
            "_cgo_sys_thread_start",
        ];
        for function in skipped {
            assert_eq!(named(&[function, "main.(*job).run"]), "main.(*job).run");
        }
    }

    #[test]
    fn names_that_resemble_plumbing_belong_to_the_program() {
        for own in [
            "main.main.func1",
            "main.(*Pool[...]).Get",
            "collector/pkg/docker.(*PoolManager).GetClient",
            "bytesize.Parse",
            "networks/dhcp.serve",
            "github.com/jackcool/app.run",
            "github.com/aws/aws-sdk-gone.run",
            "example.com/vendored.run",
            "golang.org.example.com/x.run",
            "github.com/docker/docker/daemon.(*Daemon).ContainerLogs.func2",
        ] {
            assert_eq!(named(&["io.ReadAll", own, "main.main"]), own);
        }
    }

    #[test]
    fn the_program_names_a_stack_before_its_dependencies() {
        let lib = "github.com/fsnotify/fsnotify.(*Watcher).readEvents \
                   /root/go/pkg/mod/github.com/fsnotify/fsnotify@v1.7.0/inotify.go:174";
        let own = "example.com/app/watch.(*Files).run /src/app/watch/files.go:20";
        assert_eq!(named(&["syscall.Read", lib, own]), "example.com/app/watch.(*Files).run");
        let only = "github.com/fsnotify/fsnotify.(*Watcher).readEvents";
        assert_eq!(named(&["syscall.Read", lib, "runtime.goexit"]), only);
        let vendored = "example.com/app/vendor/github.com/fsnotify/fsnotify.(*Watcher).readEvents";
        assert_eq!(named(&["syscall.Read", vendored, own]), "example.com/app/watch.(*Files).run");
        assert_eq!(named(&["syscall.Read", vendored]), vendored);
    }

    #[test]
    fn the_outermost_frame_names_a_stack_of_plumbing() {
        let idle = [
            "internal/poll.(*FD).Read",
            "bufio.(*Reader).Peek",
            "net/http.(*persistConn).readLoop",
        ];
        assert_eq!(named(&idle), "net/http.(*persistConn).readLoop");
        assert_eq!(
            named(&[idle[0], idle[2], "runtime.goexit"]),
            "net/http.(*persistConn).readLoop"
        );
        assert_eq!(named(&["runtime.gopark"]), "runtime.gopark");
        assert!(naming(&[]).is_none());
    }

    #[test]
    fn a_package_of_a_newer_go_is_known_by_its_folder() {
        let new = "quantum/net.(*Link).wait /usr/local/go/src/quantum/net/link.go:9";
        let known = "io.ReadAll /usr/local/go/src/io/io.go:700";
        assert_eq!(named(&[new, known, "main.run /src/app/main.go:3"]), "main.run");
        // A module without a dot in its name is in another folder.
        let own = "quantum/net.(*Link).wait /go/src/quantum/net/link.go:9";
        assert_eq!(named(&[own, known, "main.run /src/app/main.go:3"]), "quantum/net.(*Link).wait");
    }
}
