//! Lines and names with control sequences: in each form, only text and colors reach the terminal.

use std::process::{Command, Stdio};

use cmon::engine::source::StdStream::{Stderr, Stdout};

use super::support::{Container, Dockerd, Scene};

/// Output that imitates the terminal's own, or hides.
const HOSTILE: [&str; 14] = [
    "clipboard \x1b]52;c;aGFja2Vk\x07 end",
    "title \x1b]0;hacked\x07 and \x1b]2;hacked\x1b\\ end",
    "link \x1b]8;;http://evil.example\x1b\\text\x1b]8;;\x1b\\ end",
    "cursor \x1b[10A\x1b[2K\x1b[1;1H\x1b7\x1b8 end",
    "clear \x1b[2J\x1b[3J\x1b[H\x1bc end",
    "bell \x07\x07 backspace \x08\x08 return \rover",
    "screen \x1b[?1049h\x1b[?25l\x1b[?2004h mouse \x1b[?1000h end",
    "device \x1bP$q\"p\x1b\\ answer \x1b[6n\x1b[c\x05 end",
    "eight bits \u{9b}2J\u{9d}0;hacked\u{9c}\u{90}\u{85} end",
    "direction \u{202e}nimda\u{2066}\u{2069}\u{200e}\u{061c} end",
    "charset \x1b(0\x0e\x0f tabs \x1b[3g\x1bH end",
    "open color \x1b[31;1;7m",
    "half \x1b[",
    "{\"level\":\"info\",\"msg\":\"json \\u001b]0;x\\u0007 \\u202e\",\"k\\u001b[2J\":\"\\u009b2J\"}",
];

/// Sequences that must not reach a terminal, colors aside.
fn forbidden(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| {
        (c.is_control() && !"\n\r\t".contains(c))
            || "\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}"
                .contains(c)
    }) {
        let from = &rest[at..];
        let color = from.strip_prefix("\x1b[").and_then(|codes| {
            let end = codes.find(|c: char| !c.is_ascii_digit() && c != ';')?;
            codes[end..].strip_prefix('m')
        });
        rest = color.unwrap_or_else(|| {
            found.push(from.chars().take(12).collect());
            &from[from.chars().next().unwrap().len_utf8()..]
        });
    }
    found
}

/// The output of cmon on a terminal; its status line is on stderr.
fn on_terminal(url: &str, args: &str) -> String {
    let cmon = env!("CARGO_BIN_EXE_cmon");
    let line = format!("exec {cmon} tail --no-follow -n all {args} 2>/dev/null");
    let mut command = Command::new("script");
    command.args(["-qefc", &line, "/dev/null"]).stdin(Stdio::null()).env("TERM", "xterm");
    command.env("DOCKER_HOST", url);
    let done = command.output().unwrap();
    assert!(done.status.success(), "{args}: {}", String::from_utf8_lossy(&done.stdout));
    String::from_utf8(done.stdout).unwrap()
}

#[test]
fn hostile_lines_reach_a_terminal_as_text_and_colors() {
    let name = "we\x1b]0;hacked\x07b\u{202e}";
    let scene = Scene::of(&[name, "db"]);
    for (at, line) in HOSTILE.iter().enumerate() {
        let stream = if at % 2 == 0 { Stdout } else { Stderr };
        scene.fake.write(name, stream, format!("{line}\n"));
        scene.fake.write("db", stream, format!("after {at}\n"));
    }
    let marks = "\u{301}".repeat(10_000);
    scene.fake.write("db", Stdout, format!("e{marks} end\n"));
    let forms = [
        "",
        "-t=full",
        "--color never",
        "-o pretty",
        "-o json",
        "-o raw",
        "--template '{{ container }} {{ msg }}'",
        "-H end -i '.*'",
        "--strip-ansi",
        "--join-stacks",
    ];
    for form in forms {
        let text = on_terminal(&scene.url(), &format!("-a {form}"));
        assert_eq!(forbidden(&text), Vec::<String>::new(), "{form}: {text:?}");
        // No text is lost, and an open color ends with its line.
        let shown = (0..HOSTILE.len()).filter(|at| text.contains(&format!("after {at}")));
        assert_eq!(shown.count(), HOSTILE.len(), "{form}");
        assert!(text.contains(&marks) || form == "-o json", "{form}");
        for line in
            text.split("\r\n").filter(|line| line.contains("open color") && form != "-o json")
        {
            assert!(
                !line.contains("\x1b[31;1;7m") || line.ends_with("\x1b[0m"),
                "{form}: {line:?}"
            );
        }
    }
    assert_eq!(forbidden("a\x1b[31mb\x1b[0m\r\n"), Vec::<String>::new());
    assert_eq!(forbidden("\x1b[2J\u{9b}").len(), 2);
}

#[test]
fn labels_reach_a_terminal_as_text() {
    let labels = HOSTILE.iter().enumerate().map(|(at, text)| format!("evil.{at}={text}"));
    let labels: Vec<String> = labels.collect();
    let keys: Vec<String> = (0..HOSTILE.len()).map(|at| format!("evil.{at}")).collect();
    let option = format!("labels={}", keys.join(","));
    let mut args = vec!["--log-opt", &option];
    args.extend(labels.iter().flat_map(|label| ["--label", label]));
    let container = Container::named("hostile-labels", &args, "echo a line");
    container.wait_for_log("a line");
    for form in ["", "-o json", "-o pretty", "-t", "--template '{{ details }} {{ msg }}'"] {
        let text =
            on_terminal(&Dockerd::shared().url(), &format!("hostile-labels --details {form}"));
        assert_eq!(forbidden(&text), Vec::<String>::new(), "{form}: {text:?}");
        assert!(text.contains("a line") && text.contains("evil.0"), "{form}: {text:?}");
        assert!(text.contains("clipboard") && text.contains("aGFja2Vk"), "{form}: {text:?}");
    }
}
