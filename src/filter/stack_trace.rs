//! Recognizes the lines of stack traces from Java, Go, Python, Node and Rust.
//!
//! A trace is parsed line by line, since a line's meaning depends on the one before. The first line of a trace
//! begins an event, or belongs to the logger's line before it.

/// The state after the lines before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum StackTrace {
    /// No trace.
    #[default]
    None,
    /// Frames of Java or Node.
    Frames,
    /// Behind `Traceback (most recent call last):`.
    Python,
    /// Behind the exception that ends it; another traceback may follow.
    PythonEnd,
    /// Behind `panic:` or `goroutine N [...]:`.
    Go,
    /// Behind the source location that Node prints first.
    Node,
    /// Behind `thread 'main' panicked at`: the next line is the message.
    RustMessage,
    /// Behind the message.
    Rust,
    /// Behind `Error:`; anyhow's list of causes may follow.
    RustError,
}
use StackTrace::{Frames, Go, Node, Python, PythonEnd, Rust, RustError, RustMessage};

impl StackTrace {
    /// Takes the next line. Returns whether it belongs to the event before it.
    pub(super) fn next(&mut self, line: &[u8]) -> bool {
        let (belongs, state) = self.step(line);
        *self = state;
        belongs
    }

    fn step(self, line: &[u8]) -> (bool, Self) {
        let trimmed = line.trim_ascii_start();
        let (blank, indented) = (trimmed.is_empty(), trimmed.len() < line.len());
        let begins = |prefix: &[u8]| line.starts_with(prefix);
        // Lines with one meaning in every state.
        if begins(b"Traceback (most recent call last):") {
            return (true, Python);
        }
        if is_goroutine(line) {
            return (true, Go);
        }
        if begins(b"Caused by:") || begins(b"Stack backtrace:") || begins(b"stack backtrace:") {
            let state = if line.ends_with(b":") { Rust } else { Frames };
            return (true, state);
        }
        if indented && is_frame(trimmed) {
            let state = if matches!(self, Python | Go | Node | Rust) { self } else { Frames };
            return (true, state);
        }
        if self != Python && is_qualified_exception(line) {
            return (true, Frames);
        }
        let belongs = match self {
            Frames => indented || line == b"}",
            Python if indented || blank => true,
            // The exception itself.
            Python if is_exception(line) => return (true, PythonEnd),
            StackTrace::None | Python => false,
            PythonEnd => {
                blank
                    || begins(b"During handling of the above exception")
                    || begins(b"The above exception was the direct cause")
            }
            Go => {
                blank
                    || indented
                    || is_go_frame(line)
                    || [b"created by ".as_slice(), b"[signal ", b"exit status ", b"goroutine "]
                        .iter()
                        .any(|prefix| begins(prefix))
            }
            Node if begins(b"Node.js v") => return (true, StackTrace::None),
            Node => blank || indented || line == b"}" || exception_name(line).is_some(),
            RustMessage => return (!blank, Rust),
            Rust => blank || indented || begins(b"note: "),
            RustError => return (blank, if blank { Rust } else { begun_by(line) }),
        };
        (belongs, if belongs { self } else { begun_by(line) })
    }
}

/// The state after a line that begins a trace.
fn begun_by(line: &[u8]) -> StackTrace {
    let begins = |prefix: &[u8]| line.starts_with(prefix);
    if begins(b"panic: ") || begins(b"fatal error: ") || begins(b"SIGQUIT: quit") {
        Go
    } else if begins(b"thread '") && contains(line, b"' panicked at ")
        || begins(b"thread '") && contains(line, b") panicked at ")
    {
        if line.ends_with(b":") { RustMessage } else { Rust }
    } else if begins(b"Error: ") {
        RustError
    } else if is_script_place(line) {
        Node
    } else {
        StackTrace::None
    }
}

fn contains(line: &[u8], text: &[u8]) -> bool {
    line.windows(text.len()).any(|window| window == text)
}

/// `goroutine 7 [running]:`
fn is_goroutine(line: &[u8]) -> bool {
    let Some(rest) = line.strip_prefix(b"goroutine ") else { return false };
    rest[0..1.min(rest.len())].iter().all(u8::is_ascii_digit) && rest.ends_with(b"]:")
}

/// A frame of Java or Node, or a line between frames, without its indentation.
fn is_frame(trimmed: &[u8]) -> bool {
    trimmed.starts_with(b"at ")
        || trimmed.starts_with(b"Caused by: ")
        || trimmed.starts_with(b"Suppressed: ")
        || trimmed.starts_with(b"... ")
            && (trimmed.ends_with(b" more") || trimmed.ends_with(b" common frames omitted"))
}

/// `java.lang.IllegalStateException: closed`, which a logger prints behind its own line.
fn is_qualified_exception(line: &[u8]) -> bool {
    exception_name(line).is_some_and(|name| name.contains(&b'.'))
}

/// `ValueError: not a number`, or the name of any class alone.
fn is_exception(line: &[u8]) -> bool {
    let end = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
    let name = &line[..end];
    !name.is_empty() && is_name(name)
}

/// The name of the exception at the beginning of a line.
fn exception_name(line: &[u8]) -> Option<&[u8]> {
    let end = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
    let name = &line[..end];
    let ends = |word: &[u8]| name.ends_with(word);
    let is_one = ends(b"Exception") || ends(b"Error") || ends(b"Throwable");
    (is_one && is_name(name)).then_some(name)
}

fn is_name(name: &[u8]) -> bool {
    name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'$'))
}

/// `main.(*Server).run(0xc000012345, 0x1)`
fn is_go_frame(line: &[u8]) -> bool {
    let name = line.split(|byte| *byte == b'(').next().unwrap_or_default();
    !name.is_empty()
        && line.ends_with(b")")
        && name.contains(&b'.')
        && !name.iter().any(u8::is_ascii_whitespace)
}

/// `/app/index.js:3`, or `node:internal/modules/cjs/loader:1080`.
fn is_script_place(line: &[u8]) -> bool {
    let Some(at) = line.iter().rposition(|byte| *byte == b':') else { return false };
    let (file, number) = (&line[..at], &line[at + 1..]);
    let is_script =
        [b".js".as_slice(), b".cjs", b".mjs", b".ts"].iter().any(|end| file.ends_with(end));
    (is_script || file.starts_with(b"node:"))
        && !number.is_empty()
        && number.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Each line of a text with whether it belongs to the one before, marked by a leading `+`.
    #[track_caller]
    fn check(text: &str) {
        let mut trace = StackTrace::default();
        for line in text.trim_start_matches('\n').lines() {
            let (mark, line) = line.split_at(line.len().min(1));
            assert_eq!(trace.next(line.as_bytes()), mark == "+", "{line:?} in {text}");
        }
    }

    #[test]
    fn traces_of_java() {
        check(
            r"
 2026-11-28 12:00:00 ERROR [main] c.e.App - cannot start
+java.lang.IllegalStateException: closed
+	at com.example.App.run(App.java:12)
+	at com.example.App.main(App.java:5)
+	Suppressed: java.io.IOException: x
+		at com.example.App.close(App.java:9)
+Caused by: java.io.IOException: no space
+	at java.base/java.io.FileOutputStream.write(Native Method)
+	... 12 more
 2026-11-28 12:00:01 INFO [main] c.e.App - next
 Exception in thread 'main' java.lang.RuntimeException: x
+	at A.main(A.java:1)
 done",
        );
    }

    #[test]
    fn traces_of_go() {
        check(
            "
 panic: runtime error: index out of range [7] with length 7
+
+goroutine 1 [running]:
+main.(*Server).run(0xc000012345)
+\t/app/main.go:12 +0x1d
+main.main()
+\t/app/main.go:5 +0x1d
+created by main.start in goroutine 1
+\t/app/main.go:3 +0x1d
+exit status 2
 server is starting
 2026/11/28 12:00:00 http: panic serving 10.0.0.1:5000: x
+goroutine 12 [running]:
+net/http.(*conn).serve.func1()
+\t/usr/local/go/src/net/http/server.go:1 +0xb0
 2026/11/28 12:00:01 GET /",
        );
    }

    #[test]
    fn traces_of_python() {
        check(
            r#"
 ERROR:root:failed
+Traceback (most recent call last):
+  File "/app/a.py", line 3, in <module>
+    int("x")
+    ~~~^^^^^
+ValueError: invalid literal
+
+During handling of the above exception, another exception occurred:
+
+Traceback (most recent call last):
+  File "/app/a.py", line 5, in <module>
+    raise KeyError
+KeyError
 INFO:root:next
+Traceback (most recent call last):
+  File "/app/a.py", line 5, in <module>
+app.errors.Unavailable: x
 next"#,
        );
    }

    #[test]
    fn traces_of_node() {
        check(
            "
 /app/index.js:3
+  throw new TypeError('x');
+  ^
+
+TypeError: x
+    at Object.<anonymous> (/app/index.js:3:9)
+    at node:internal/main/run_main_module:23:47 {
+  code: 'ENOENT'
+}
+
+Node.js v20.0.0
 listening
 Error: connect ECONNREFUSED
+    at TCPConnectWrap.afterConnect (node:net:1)
 listening",
        );
    }

    #[test]
    fn traces_of_rust() {
        check(
            "
 thread 'main' panicked at src/main.rs:2:5:
+index out of bounds
+stack backtrace:
+   0: rust_begin_unwind
+             at /rustc/1/library/std/src/panicking.rs:1
+   1: app::main
+note: Some details are omitted
 next
 thread 'main' panicked at 'boom', src/main.rs:2:5
+note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
 Error: cannot start
+
+Caused by:
+    0: could not read
+    1: no such file
 next",
        );
    }

    #[test]
    fn plain_lines_are_separate_events() {
        check(
            "
 one
   indented
 
 at home
 Error: x
 note: y
 }",
        );
    }

    proptest! {
        #[test]
        fn a_stack_trace_reads_any_lines(lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..20)) {
            let mut trace = StackTrace::default();
            lines.iter().for_each(|line| { trace.next(line); });
        }
    }
}
