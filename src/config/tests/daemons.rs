//! The choice of the daemon and its name.

use super::support::{around, config, docker_dir, only};
use crate::config::*;
use crate::docker::endpoint::{Address, Origin, Route};

#[test]
fn each_of_several_daemons_has_a_name() {
    let (_dir, contexts) = docker_dir("");
    let around = Surroundings { contexts, ..around() };
    let named = |args: &str| match config(args, &around).unwrap().daemons {
        Daemons::Several(several) => {
            let line = |(name, daemon): &(String, Daemon)| format!("{name} {}", daemon.route);
            several.iter().map(line).collect::<Vec<_>>().join(", ")
        }
        other => panic!("several are meant, not {other:?}"),
    };
    for (flags, expected) in [
        ("--host tcp://a --host tcp://b:1", "a:2375 tcp://a:2375, b:1 tcp://b:1"),
        ("--host x=tcp://a --host y.z=ssh://me@b:22", "x tcp://a:2375, y.z ssh://me@b:22"),
        (
            "--host ssh://me@b --host ssh://b:22/s --host unix:///run/d.sock",
            "b ssh://me@b, b:22 ssh://b:22/s, d unix:///run/d.sock",
        ),
        (
            "--host unix:///var/run/docker.sock --host tcp://[::1]",
            "local unix:///var/run/docker.sock, [::1]:2375 tcp://[::1]:2375",
        ),
        ("--host unix:///a=b.sock --host x=unix:///c=d", "a=b unix:///a=b.sock, x unix:///c=d"),
        ("--context far --context default", "far ssh://far, default unix:///var/run/docker.sock"),
    ] {
        assert_eq!(named(&format!("cmon tail web {flags}")), expected, "{flags}");
    }
    // A single daemon stays one, even with a name.
    let one = only(config("cmon tail web --host x=tcp://a", &around).unwrap());
    assert_eq!(one.route.to_string(), "tcp://a:2375");
}

#[test]
fn the_daemon_is_the_one_named_first() {
    let with_env = Surroundings { docker_host: Some("unix:///env".into()), ..around() };
    let cases = [
        ("cmon tail web", &around(), Some(("/var/run/docker.sock", Origin::Default))),
        ("cmon tail web", &with_env, Some(("/env", Origin::DockerHost))),
        ("cmon tail web --host unix:///flag", &with_env, Some(("/flag", Origin::Host))),
        ("cmon tail --demo", &with_env, None),
    ];
    for (args, around, expected) in cases {
        let expected = match expected {
            Some((path, origin)) => {
                Daemons::One(Daemon { route: Route::Direct(Address::Unix(path.into())), origin })
            }
            None => Daemons::Embedded,
        };
        assert_eq!(config(args, around).unwrap().daemons, expected, "{args}");
    }
}

#[test]
fn contexts_and_variables_count_in_the_docker_commands_order() {
    let (dir, contexts) = docker_dir("far");
    let around = Surroundings { contexts, ..around() };
    let chosen = |args: &str, around: &Surroundings| {
        let Daemon { route, origin } = only(config(args, around).unwrap());
        (format!("{route} ({origin})"), matches!(route, Route::Tls { .. }))
    };
    let by = |variable: Option<&str>, host: Option<&str>| Surroundings {
        docker_context: variable.map(str::to_owned),
        docker_host: host.map(str::to_owned),
        ..around.clone()
    };
    let current = "ssh://far (context `far`, from `docker context use`)";
    assert_eq!(chosen("cmon tail web", &around).0, current);
    let (named, secure) = chosen("cmon tail web", &by(Some("remote"), None));
    assert_eq!(named, "tcp://remote:2376 (context `remote`, from DOCKER_CONTEXT)");
    assert!(secure, "the context has certificates");
    let host = by(Some("remote"), Some("tcp://h"));
    assert_eq!(
        chosen("cmon tail web", &host),
        ("tcp://h:2375 (from DOCKER_HOST)".to_owned(), false)
    );
    let flag = "cmon tail web --context far";
    assert_eq!(chosen(flag, &host).0, "ssh://far (context `far`, from --context)");
    let usual = "unix:///var/run/docker.sock (the default)";
    assert_eq!(chosen("cmon tail web --context default", &around).0, usual);
    // TLS by variables, as for the docker command.
    let secure = Surroundings { docker_tls_verify: true, ..host.clone() };
    let Route::Tls { port, files, .. } = only(config("cmon tail web", &secure).unwrap()).route
    else {
        panic!("no TLS");
    };
    assert_eq!((port, files.dir.as_deref()), (2376, Some(dir.path())));
    let lax = Surroundings { docker_tls: true, ..host };
    let error = config("cmon tail web", &lax).unwrap_err().to_string();
    assert!(error.contains("only with a verified certificate"), "{error}");
}

#[test]
fn a_single_socket_of_another_product_is_used() {
    let with = |sockets: &[(&'static str, &str)]| Surroundings {
        sockets: sockets.iter().map(|(name, path)| (*name, path.into())).collect(),
        ..around()
    };
    let daemon = |around| config("cmon tail web", &around).map(only);
    let Daemon { route, origin } = daemon(with(&[("Colima", "/h/c.sock")])).unwrap();
    assert_eq!(format!("{route} ({origin})"), "unix:///h/c.sock (found: Colima)");
    let error = daemon(with(&[("Colima", "/h/c"), ("Podman", "/p")])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "which daemon? /var/run/docker.sock is not there; there are: unix:///h/c (Colima), unix:///p (Podman)"
    );
}

#[test]
fn two_paths_of_one_socket_are_one_daemon() {
    let dir = tempfile::tempdir().unwrap();
    let (socket, link) = (dir.path().join("s.sock"), dir.path().join("l.sock"));
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    std::os::unix::fs::symlink(&socket, &link).unwrap();
    let up = dir.path().join("x/../s.sock");
    std::fs::create_dir(dir.path().join("x")).unwrap();
    for other in [&link, &up] {
        let (one, other) = (socket.display(), other.display());
        let args = format!("cmon tail web --host A=unix://{one} --host B=unix://{other}");
        let expected = format!(
            "`unix://{one}` and `unix://{other}` are one socket, so each of its lines would come twice"
        );
        assert_eq!(config(&args, &around()).unwrap_err().to_string(), expected);
    }
}
