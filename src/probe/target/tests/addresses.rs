//! Errors for invalid addresses. None contains the password.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::docker::endpoint::Address;
use crate::probe::target::given::{Kind, parse};
use crate::probe::target::url::*;

fn error(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

#[test]
fn an_invalid_address_is_an_error_with_a_correction() {
    let cases = [
        ("HTTP://h:80", "`HTTP://h:80`: write `http://` in lower case"),
        ("Https://h", "`Https://h`: write `https://` in lower case"),
        ("PID:12", "`PID:12`: write `pid:` in lower case"),
        ("http://h:80 ", "`http://h:80 ` has a blank after the address: remove it"),
        ("\tpid:12", "`\tpid:12` has a blank before the address: remove it"),
        ("http://h :80", "`http://h :80` has a blank in the address: remove it"),
        ("http://h:80/a b", "`http://h:80/a b` has a blank in the path: write it as %20"),
        (
            "http://::1:80",
            "`http://::1:80`: an IPv6 address needs brackets; did you mean `http://[::1]:80`?",
        ),
        (
            "https://fe80::2/m",
            "`https://fe80::2/m`: an IPv6 address needs brackets; did you mean \
             `https://[fe80::2]/m`?",
        ),
        (
            "http://h:0",
            "`http://h:0`: the port is not a number from 1 to 65535; write http://HOST:PORT",
        ),
        ("https://:80", "`https://:80`: it names no host; write https://HOST:PORT"),
    ];
    for (text, message) in cases {
        assert_eq!(error(text), message);
    }
}

#[test]
fn an_address_without_a_scheme_is_an_error_with_a_suggestion() {
    let cases = [
        ("localhost:6060", "`http://localhost:6060`"),
        ("127.0.0.1:6060/metrics", "`http://127.0.0.1:6060/metrics`"),
        ("[::1]:9", "`http://[::1]:9`"),
        (":6060", "`http://localhost:6060`"),
        ("6060", "`pid:6060` or `http://localhost:6060`"),
        ("//h:80/m", "`http://h:80/m`"),
        ("http:/h:80", "`http://h:80`"),
        ("https:h", "`https://h`"),
        ("tcp://h:80", "`http://h:80`"),
        ("/run/x.sock", "`unix:///run/x.sock`"),
        ("unix:/run/x.sock", "`unix:///run/x.sock`"),
        ("unix://run/x.sock", "`unix:///run/x.sock`"),
        ("web", "`container:web`"),
        ("127.0.0.1", "`http://127.0.0.1`"),
        ("localhost", "`http://localhost`"),
        ("u:secret@h:80", "`http://u:***@h:80`"),
    ];
    for (text, suggestion) in cases {
        let error = error(text);
        assert!(error.ends_with(&format!("; did you mean {suggestion}?")), "{error}");
    }
    for text in ["", "a b", "unix:", "::"] {
        assert!(error(text).ends_with("or unix:///path"), "{}", error(text));
    }
}

#[test]
fn a_login_is_sent_but_hidden_in_texts() {
    let read = |text: &str| match parse(text).unwrap() {
        (Kind::Http(url), shown) => (url, shown),
        other => panic!("{other:?}"),
    };
    let (url, shown) = read("https://me:s%40cret@h/m#up");
    assert_eq!(shown, "https://me:***@h/m#up");
    let debug = format!("{url:?}");
    assert!(!debug.contains("cret") && !debug.contains(&STANDARD.encode("me:s@cret")), "{debug}");
    let header = |url: &Url| url.login.as_ref().unwrap().to_str().unwrap().to_owned();
    assert_eq!(header(&url), format!("Basic {}", STANDARD.encode("me:s@cret")));
    assert_eq!(url.address, Address::Tcp { host: "h".to_owned(), port: 443 });
    // A password may contain an @ and a colon, or be absent.
    let (url, shown) = read("http://me:a@b:c@[::1]:80");
    assert_eq!(header(&url), format!("Basic {}", STANDARD.encode("me:a@b:c")));
    assert_eq!(shown, "http://me:***@[::1]:80");
    let (url, shown) = read("http://me@h:1/x@y");
    assert_eq!(header(&url), format!("Basic {}", STANDARD.encode("me:")));
    assert_eq!(shown, "http://me@h:1/x@y");
    for text in ["http://h:80/a:b@c", "http://h/x@y:z@w", "http://[::1]:80/x@y", "http://h/#a:b@c"]
    {
        let shown = parse(text).map_or_else(|_| without_password(text), |(_, shown)| shown);
        assert_eq!(shown, text, "there is no login in it");
    }
}

#[test]
fn no_error_shows_a_password() {
    let texts = [
        "http://me:secret@",
        "http://me:secret@h:x",
        "http://me:secret@h:80 ",
        "HTTP://me:secret@h",
        "me:secret@h:80",
        "ftp://me:secret@h",
        "http://me:sec/secret@h",
        "http://me:sec#secret@h",
        "http://me:sec?secret@h:80",
        "http://me:%zzsecret@h",
        "http://me:secret@::1:80",
        "http://me:secret@h#",
        "http:/me:secret@h",
    ];
    for text in texts {
        let error = error(text);
        assert!(!error.contains("sec"), "{error}");
    }
    assert!(error("http://me:sec/ret@h").contains("write / as %2F"));
}

#[test]
fn the_fragment_selects_a_metric() {
    let figure = |text: &str| match parse(text) {
        Ok((Kind::Http(url), _)) => url.choice.map(|choice| choice.figure()),
        other => panic!("{other:?}"),
    };
    assert_eq!(figure("http://h:1/v#/pools/open").as_deref(), Some("open"));
    assert_eq!(figure("http://h:1/v#/a.b").as_deref(), Some("a-b"));
    let live = figure("http://h:1#jvm_threads_live_threads");
    assert_eq!(live.as_deref(), Some("jvm_threads_live_threads"));
    assert_eq!(figure("unix:///run/x.sock#a_b").as_deref(), Some("a_b"));
    let labels = figure("http://h:1/m#pool_size{pool=\"a.b\"}");
    assert_eq!(labels.as_deref(), Some("pool_size-pool--a-b"));
    for text in ["http://h/v#", "http://h#a b", "http://h/#a{b}", "http://h/#a{b=\"c}"] {
        assert!(error(text).contains("after the #, write the name of a Prometheus metric"));
    }
}
