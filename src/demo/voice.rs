//! The voices: lines of the containers of `--demo`, each in the form of another logger.
//!
//! A voice is pure: the same calls at the same times return the same lines. History and live lines come from one voice.

use fastrand::Rng;

use crate::engine::source::StdStream::{self, Stderr, Stdout};
use crate::engine::timestamp::Timestamp;

const PATHS: [&str; 6] =
    ["/", "/cart", "/checkout", "/api/items?page=2", "/static/app.css", "/login"];
const CUSTOMERS: [&str; 5] = ["anna", "bruno", "chen", "dora", "emil"];

/// Text that is written at once.
pub(super) type Lines = Vec<(StdStream, String)>;

/// The lines of one container.
#[derive(Debug)]
pub(super) struct Voice {
    pub(super) name: &'static str,
    rng: Rng,
    /// The number of lines.
    count: u64,
}

impl Voice {
    pub(super) fn new(name: &'static str) -> Self {
        let seed = name.bytes().fold(0, |seed, byte| seed * 31 + u64::from(byte));
        Self { name, rng: Rng::with_seed(seed), count: 0 }
    }

    /// A random time around this one: from half of it to one and a half.
    pub(super) fn around(&mut self, millis: u64) -> u64 {
        self.rng.u64(millis / 2..=millis * 3 / 2)
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.rng.usize(..of.len())]
    }

    /// Whether the job of `cron` is done.
    pub(super) fn is_between_jobs(&self) -> bool {
        self.count.is_multiple_of(3)
    }

    /// The lines at its start.
    pub(super) fn greeting(&self) -> Lines {
        let lines = ["is starting", "is ready"];
        lines.map(|what| (Stdout, format!("{} {what}", self.name))).into()
    }

    /// Its next lines.
    pub(super) fn next(&mut self, now: Timestamp) -> Lines {
        self.count += 1;
        match self.name {
            "web" => self.web(),
            "api" => self.api(),
            "db" => self.db(now),
            "cache" => self.cache(),
            "worker" => self.worker(),
            "cron" => self.cron(now),
            "mail" => self.mail(now),
            _ => self.console(),
        }
    }

    /// Access log in plain text, and errors with a level in brackets.
    fn web(&mut self) -> Lines {
        let status = self.pick(&[200, 200, 200, 200, 200, 200, 304, 304, 404, 500]);
        let (path, millis) = (self.pick(&PATHS), self.rng.u32(1..80));
        let mut lines = vec![(Stdout, format!("GET {path} {status} {millis}ms"))];
        if status == 500 {
            lines.push((Stderr, format!("[error] 7#7: *{} upstream api timed out", self.count)));
        }
        lines
    }

    /// JSON, and a traceback of Python.
    fn api(&mut self) -> Lines {
        let (customer, items) = (self.pick(&CUSTOMERS), self.rng.u32(1..9));
        let text = match self.count % 16 {
            3 => format!(r#"{{"level":"debug","msg":"cache miss","key":"cart:{customer}"}}"#),
            9 => {
                let millis = self.rng.u32(500..2000);
                let text = format!(r#"{{"level":"warn","msg":"slow query","ms":{millis}}}"#);
                return vec![(Stderr, text)];
            }
            _ => format!(
                r#"{{"level":"info","msg":"order placed","user":"{customer}","items":{items}}}"#
            ),
        };
        if self.count % 90 != 60 {
            return vec![(Stdout, text)];
        }
        let error = r#"{"level":"error","msg":"order failed","err":"KeyError: 'blue-mug'"}"#;
        stack_trace(&[
            error,
            "Traceback (most recent call last):",
            "  File \"/app/shop/orders.py\", line 88, in place",
            "    total = sum(PRICES[item] for item in cart)",
            "KeyError: 'blue-mug'",
        ])
    }

    /// Lines in the form of `PostgreSQL`, and a statement that takes two of the daemon's messages.
    fn db(&mut self, now: Timestamp) -> Lines {
        let head = format!("{} UTC [27]", format(now, "%Y-%m-%d %H:%M:%S%.3f"));
        match self.count % 240 {
            100 => {
                let ids: Vec<String> = (10_000..13_300).map(|id: u32| id.to_string()).collect();
                let ids = ids.join(",");
                vec![(
                    Stderr,
                    format!("{head} LOG:  duration: 912 ms  SELECT * WHERE id IN ({ids})"),
                )]
            }
            30 | 190 => {
                let what = "deadlock detected on table orders";
                vec![(Stderr, format!("{head} ERROR:  {what}"))]
            }
            _ => {
                let buffers = self.rng.u32(1..900);
                vec![(Stderr, format!("{head} LOG:  checkpoint wrote {buffers} buffers"))]
            }
        }
    }

    /// Levels in brackets.
    fn cache(&mut self) -> Lines {
        let text = match self.count % 20 {
            13 => format!("[WARN] memory is {} % full", self.rng.u32(85..99)),
            _ => format!("[INFO] evicted {} keys", self.rng.u32(1..200)),
        };
        vec![(Stdout, text)]
    }

    /// logfmt.
    fn worker(&mut self) -> Lines {
        let (job, millis) = (4000 + self.count, self.rng.u32(20..900));
        let text = match self.count % 25 {
            17 => format!("level=warn msg=\"job is retried\" job={job} attempt=2"),
            _ => format!("level=info msg=\"job done\" job={job} took={millis}ms"),
        };
        vec![(Stdout, text)]
    }

    /// klog.
    fn cron(&mut self, now: Timestamp) -> Lines {
        let time = format(now, "%m%d %H:%M:%S%.6f");
        let text = match self.count % 3 {
            1 => format!("I{time}       1 run.go:31] \"Job started\" job=\"rotate\""),
            2 => {
                let percent = self.rng.u32(70..95);
                format!("W{time}       1 disk.go:12] \"Disk fills up\" percent={percent}")
            }
            _ => format!("I{time}       1 run.go:58] \"Job finished\" job=\"rotate\""),
        };
        vec![(Stderr, text)]
    }

    /// Lines in the form of Logback, and a stack trace of Java.
    fn mail(&mut self, now: Timestamp) -> Lines {
        let (time, to) = (format(now, "%H:%M:%S%.3f"), self.pick(&CUSTOMERS));
        if self.count % 50 != 35 {
            return vec![(
                Stdout,
                format!("{time} INFO  [smtp-1] Sender - order confirmed to {to}"),
            )];
        }
        let error = format!("{time} ERROR [smtp-1] Sender - no mail to {to}");
        stack_trace(&[
            &error,
            "java.net.ConnectException: Connection refused",
            "\tat shop.mail.Smtp.connect(Smtp.java:57)",
            "\tat shop.mail.Sender.send(Sender.java:31)",
            "\t... 4 more",
        ])
    }

    /// A terminal, with colors.
    fn console(&mut self) -> Lines {
        vec![(Stdout, format!("\x1b[1m{}\x1b[0m@shop:~$ uptime", self.pick(&CUSTOMERS)))]
    }
}

/// A panic of Go.
pub(super) fn panic() -> Lines {
    stack_trace(&[
        "panic: runtime error: index out of range [7] with length 7",
        "",
        "goroutine 1 [running]:",
        "main.(*queue).take(...)",
        "\t/src/worker/queue.go:41",
        "main.main()",
        "\t/src/worker/main.go:23 +0x1d5",
    ])
}

fn stack_trace(lines: &[&str]) -> Lines {
    lines.iter().map(|line| (Stderr, (*line).to_owned())).collect()
}

/// A time in loggers' form, in UTC.
fn format(time: Timestamp, form: &str) -> String {
    let time = jiff::Timestamp::from_nanosecond(time.as_nanos()).unwrap_or_default();
    time.strftime(form).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voice_is_deterministic() {
        let lines = || -> Vec<Lines> {
            let mut voice = Voice::new("api");
            (0..200).map(|second| voice.next(Timestamp::from_nanos(second))).collect()
        };
        assert_eq!(lines(), lines());
        let text = format!("{:?}", lines());
        for part in ["debug", "info", "warn", "error"] {
            assert!(text.contains(&format!(r#"\"level\":\"{part}\""#)), "{part}: {text}");
        }
        assert!(text.contains("Traceback (most recent call last):"), "{text}");
    }

    #[test]
    fn loggers_write_the_time_in_their_forms() {
        let noon = Timestamp::from_nanos(1_795_953_600_123_456_789);
        let first = |name| Voice::new(name).next(noon).remove(0).1;
        assert_eq!(
            first("cron"),
            r#"I1129 12:00:00.123456       1 run.go:31] "Job started" job="rotate""#
        );
        assert!(first("db").starts_with("2026-11-29 12:00:00.123 UTC [27] LOG:  "));
        assert!(first("mail").starts_with("12:00:00.123 INFO  [smtp-1] "));
    }
}
