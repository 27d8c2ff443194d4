//! Gated metrics of a page, and the selection of one.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{figures, hint, read, start};
use crate::probe::tests::fake::{Reply, with_server};

const PROFILE: &str = include_str!("../../fixtures/go1.19.txt");

#[tokio::test]
async fn a_target_without_a_gated_metric_is_refused_with_an_example() {
    let script = |path: &str, _| match path {
        "/memory" => Reply::ok("process_resident_memory_bytes 2e8\napp_handles 5\n"),
        "/counters" => Reply::ok("# TYPE a_total counter\na_total 2\nrotations_total 2\n"),
        "/only" => Reply::ok("# TYPE a_total counter\na_total 2\n"),
        "/vars" => Reply::ok(
            "{\"memstats\": {\"HeapAlloc\": 2}, \"cmdline\": [], \"pool\": {\"open\": 3}}",
        ),
        "/bare" => Reply::ok("{\"memstats\": {\"HeapAlloc\": 2}}"),
        "/go" => Reply::ok("go_goroutines 5\n"),
        "/node" => Reply::ok("nodejs_active_handles_total 5\nprocess_resident_memory_bytes 1\n"),
        "/spring" => Reply::ok("jvm_threads_live_threads 5\n"),
        _ => Reply::none(),
    };
    with_server(script, async |port, _| {
        let url = |path: &str| format!("http://127.0.0.1:{port}{path}");
        let shown = async |paths: &[&str], cycles| {
            let urls: Vec<String> = paths.iter().map(|path| url(path)).collect();
            match start(&urls, cycles).await {
                Ok(_) => String::new(),
                Err(error) => format!("{error}; try: {}", hint(&error)).replace(&url(""), ""),
            }
        };
        let expected = "target `/memory`: it shows nothing that decides by itself: `/memory` has \
                        `app_handles`, `process_resident_memory_bytes`; try: name a figure: --target \
                        '/memory#app_handles'";
        assert_eq!(shown(&["/memory"], None).await, expected);
        // Of several targets, the one without a gated metric.
        assert_eq!(shown(&["/go", "/memory"], None).await, expected);
        let counters = shown(&["/counters"], None).await;
        assert!(counters.contains("`/counters` has `rotations_total`; try: "), "{counters}");
        let only = shown(&["/only"], None).await;
        assert!(only.contains("it has no figure at all; try: give a page with process"), "{only}");
        let vars = shown(&["/vars"], None).await;
        let expected = "`/vars` has no goroutines, only memory; try: name a figure: --target '/vars#/pool/open'";
        assert!(vars.ends_with(expected), "{vars}");
        assert!(shown(&["/bare"], None).await.contains("only memory; try: give a page"));
        for path in ["/go", "/node", "/spring", "/memory#app_handles", "/vars#/pool/open"] {
            assert_eq!(shown(&[path], None).await, "", "{path}");
        }
        // A target that counts the cycles needs no gated metric if another has one.
        assert_eq!(shown(&["/counters", "/go"], Some("rotations_total")).await, "");
        assert!(shown(&["/counters"], Some("rotations_total")).await.contains("decides by itself"));
    })
    .await;
}

#[tokio::test]
async fn a_metric_is_selected_by_name_and_labels() {
    const PAGE: &str = "# TYPE pool_open gauge\npool_open{db=\"a\"} 5\npool_open{db=\"b\"} 7\n\
        # TYPE done counter\ndone_total 3\n{\"my.name\",x=\"y\"} 4\nprocess_resident_memory_bytes 1\n";
    let script = |path: &str, _| match path {
        "/actuator/prometheus" | "/m" => Reply::ok(PAGE),
        "/v" => Reply::ok("{\"open\": 1}"),
        "/p" => Reply::ok(PROFILE),
        _ => Reply::none(),
    };
    with_server(script, async |port, _| {
        let url = |rest: &str| format!("http://127.0.0.1:{port}{rest}");
        let reading = async |rest: &str| match start(&[url(rest)], None).await {
            Ok(mut probes) => {
                let message = probes.found()[1].readable.to_string();
                let sample = read(&mut probes, 0.0).await;
                assert_eq!(
                    sample.values.iter().filter(|(name, _)| name.starts_with("target.")).count(),
                    1
                );
                let (name, value) = figures(&sample)[0];
                format!("{message}: {}={value}", name.split_once('.').unwrap().1)
            }
            Err(error) => error.to_string(),
        };
        // Several matching series are added up.
        assert_eq!(
            reading("#pool_open").await,
            "the figure `pool_open` at /actuator/prometheus: pool_open=12"
        );
        let one = "the figure `pool_open{db=\"b\"}` at /m: pool_open-db--b=7";
        assert_eq!(reading("/m#pool_open{db=\"b\"}").await, one);
        assert_eq!(
            reading("/m#{\"my.name\"}").await,
            "the figure `{\"my.name\"}` at /m: my-name=4"
        );
        let refused = async |rest: &str| {
            let error = reading(rest).await;
            error.replace(&url(""), "").split_once("`: ").unwrap().1.to_owned()
        };
        assert_eq!(
            refused("/m#pool_opem").await,
            "`/m`: there is no metric `pool_opem`; it has `pool_open`"
        );
        assert_eq!(
            refused("#zz").await.split("; ").next().unwrap(),
            "`/actuator/prometheus`: there is no metric `zz`"
        );
        let counter = refused("/m#done_total").await;
        assert!(
            counter.contains("declares `done_total` as a counter, which only rises"),
            "{counter}"
        );
        // The error explains how to select a metric of this format.
        let pointer = refused("/m#/pool/open").await;
        assert!(
            pointer.ends_with("it is Prometheus text, where a figure is named like /m#pool_open"),
            "{pointer}"
        );
        let json = refused("/v#open").await;
        assert!(json.ends_with("it is JSON, where a figure is named like /v#/open"), "{json}");
        let profile = refused("/p#open").await;
        assert!(profile.ends_with("it is a goroutine profile, which needs no #: /p"), "{profile}");
        let profile = refused("/p#/open").await;
        assert!(profile.ends_with("it is a goroutine profile, which needs no #: /p"), "{profile}");
    })
    .await;
}

#[tokio::test]
async fn an_error_mentions_the_given_address() {
    let script = |path: &str, _| match path {
        "/prof" | "/broken" => Reply::ok(b"\x1f\x8b\x08\0binary"),
        // The text form of it is broken.
        "/broken?debug=1" => Reply::Raw(b"not HTTP\r\n\r\n"),
        "/each" => Reply::ok("goroutine 7 [running, labels:{\"id\": \"17\"}]:\nmain.main()\n"),
        "/labels" => {
            Reply::ok("goroutine 7 gp=0xc0 m=0 [chan receive] {\"id\": \"17\"}:\nmain.main()\n")
        }
        _ => Reply::none(),
    };
    with_server(script, async |port, _| {
        let message = async |path: &str| {
            let error = start(&[format!("http://127.0.0.1:{port}{path}")], None).await.unwrap_err();
            error.to_string().split_once("`: ").unwrap().1.to_owned()
        };
        let binary = "`/prof`: the answer is a binary profile; the text form has `debug=1`";
        assert_eq!(message("/prof").await, binary);
        assert_eq!(message("/broken").await, binary.replace("/prof", "/broken"));
        for path in ["/each", "/labels"] {
            let each = "the answer lists each goroutine by itself (`debug=2`); the counted form has `debug=1`";
            assert_eq!(message(path).await, format!("`{path}`: {each}"));
        }
    })
    .await;
}

#[tokio::test]
async fn a_compressed_page_is_read_and_an_unknown_encoding_is_an_error() {
    const PAGE: &[u8] = b"{\"my.name\"} 1\ngo_goroutines 5\n";
    let packed = |encoding: &str| {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(PAGE).unwrap();
        let body = gzip.finish().unwrap();
        let head = format!("HTTP/1.1 200 X\r\n{encoding}Content-Length: {}\r\n\r\n", body.len());
        Reply::Raw(Vec::leak([head.as_bytes(), &body].concat()))
    };
    let script = |path: &str, _| {
        match path {
        "/gzip" => packed("Content-Encoding: gzip\r\n"),
        "/file" => packed(""),
        "/br" => packed("Content-Encoding: br\r\n"),
        "/damaged" => packed("Content-Encoding: deflate\r\n"),
        "/gone" => Reply::Raw(
            b"HTTP/1.1 410 X\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nbad",
        ),
        "/protobuf" => Reply::Raw(
            b"HTTP/1.1 200 X\r\nContent-Type: application/vnd.google.protobuf; a=b\r\nContent-Length: 3\r\n\r\n\x0a\0\x01",
        ),
        _ => Reply::none(),
    }
    };
    with_server(script, async |port, _| {
        for path in ["/gzip", "/file"] {
            let mut probes = start(&[format!("http://127.0.0.1:{port}{path}")], None).await.unwrap();
            let sample = read(&mut probes, 0.0).await;
            assert_eq!(figures(&sample), [(format!("port{port}.goroutines").as_str(), 5.0)]);
        }
        let refused = async |path: &str| {
            let error = start(&[format!("http://127.0.0.1:{port}{path}")], None).await.unwrap_err();
            error.to_string().split_once("`: ").unwrap().1.to_owned()
        };
        let br = "`/br` could not be read: it is compressed as `br`, which cmon did not ask for and cannot \
                  read";
        assert_eq!(refused("/br").await, br);
        let damaged = "`/damaged` could not be read: its deflate body is damaged";
        assert_eq!(refused("/damaged").await, damaged);
        // The status counts, even if the body is damaged.
        assert_eq!(refused("/gone").await, "`/gone` was answered with status 410");
        assert!(refused("/protobuf").await.starts_with("`/protobuf`: the answer is in the protobuf"));
    })
    .await;
}
