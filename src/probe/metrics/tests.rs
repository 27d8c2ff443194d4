//! Pages of several exporters, and invalid pages.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::names::{Rising, names};
use super::page::*;

const GO: &str = include_str!("../fixtures/prometheus.txt");

fn selector(text: &str) -> Selector {
    Selector::parse(text).unwrap()
}

#[test]
fn a_go_process_has_four_metrics_and_a_start_time() {
    let found = parse(GO).unwrap();
    let figures: Vec<(&str, f64)> = found.figures.into_iter().collect();
    let expected =
        [("fds", 11.0), ("goroutines", 42.0), ("rss_bytes", 17_854_464.0), ("threads", 9.0)];
    assert_eq!(figures, expected);
    assert_eq!(found.started, Some(1_795_559_082.57));
    assert_eq!(found.invalid, []);
}

#[test]
fn a_metric_is_the_sum_of_all_matching_series() {
    let sum = |text: &str| figure(GO, &selector(text));
    assert_eq!(sum("collector_rotations_total"), Ok(160.0));
    assert_eq!(sum(r#"collector_rotations_total{container="web"}"#), Ok(100.0));
    assert_eq!(sum(r#"collector_rotations_total{reason="age",container="db"}"#), Ok(60.0));
    // A label's value may hold a brace and quotes.
    assert_eq!(sum(r#"odd{path="a\"} b"}"#), Ok(7.0));
    let absent = sum(r#"collector_rotations_total{container="cache"}"#).unwrap_err();
    let message = r#"there is no metric `collector_rotations_total{container="cache"}`"#;
    assert_eq!(absent.to_string(), message);
}

#[test]
fn a_selector_is_written_as_it_is_read() {
    for text in ["a", r#"a{b="c"}"#, r#"a{b="\"\\ \n",d="\u{7}"}"#] {
        assert_eq!(selector(text).to_string(), text.replace("\\u", "u"), "{text}");
        assert_eq!(selector(&selector(text).to_string()), selector(text), "{text}");
    }
}

#[test]
fn values_that_are_no_count_are_errors() {
    let found = parse("go_goroutines -3\nprocess_open_fds NaN\ngo_threads +Inf\n").unwrap();
    assert!(found.figures.is_empty(), "{found:?}");
    let messages: Vec<String> = found.invalid.iter().map(|(_, error)| error.to_string()).collect();
    assert_eq!(
        messages,
        [
            "`go_goroutines` is -3: a count is never negative",
            "`go_threads` is infinite, which is no count"
        ]
    );
}

#[test]
fn names_in_quotes_and_openmetrics_are_read() {
    let text = "\u{feff}# HELP \"my.name\" what\n# TYPE \"my.name\" gauge\n# UNIT x s\n\
        {\"my.name\",label=\"v\"} 1\n{\"my.name\", \"a label\"=\"w }\"} 2.5 1700000000.1\n\
        { \"go_goroutines\" } 7\nprocess_open_fds 3 # {trace_id=\"a b\"} 1.0 17\n\
        plain{\"dotted.label\"=\"x\"} 4 1700.5 # {} 1\n# EOF\n";
    assert_eq!(check(text), Ok(()));
    let figures = parse(text).unwrap().figures;
    assert_eq!((figures["goroutines"], figures["fds"]), (7.0, 3.0));
    let sum = |name: &str| figure(text, &selector(name));
    assert_eq!(sum("{\"my.name\"}"), Ok(3.5));
    assert_eq!(sum("{\"my.name\",label=\"v\"}"), Ok(1.0));
    assert_eq!(sum("{\"my.name\",\"a label\"=\"w }\"}"), Ok(2.5));
    assert_eq!(sum("plain{\"dotted.label\"=\"x\"}"), Ok(4.0));
    for text in ["{} 1", "{\"\"} 1", "a{\"b\"} 1", "{\"a\",\"b\"} 1", "{\"a\"", "{a} 1"] {
        assert_eq!(check(text), Err(MetricsError::Other), "{text}");
    }
    let written = selector("{\"my.name\",\"a label\"=\"v\",b=\"c\"}").to_string();
    assert_eq!(written, "{\"my.name\",\"a label\"=\"v\",b=\"c\"}");
}

#[test]
fn common_names_of_other_languages_are_known() {
    let figures = |text: &str| {
        let found = parse(text).unwrap().figures.into_iter();
        found.map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>()
    };
    let spring = "jvm_threads_live_threads 31.0\njvm_threads_states_threads{state=\"a\"} 9\n\
        process_files_open_files 12\njvm_memory_used_bytes{area=\"heap\"} 5\n\
        jvm_memory_used_bytes{area=\"nonheap\"} 6\n";
    assert_eq!(figures(spring), ["fds 12", "heap_bytes 11", "threads 31"]);
    let java = "jvm_threads_current 23\nprocess_open_fds 4\n";
    assert_eq!(figures(java), ["fds 4", "threads 23"]);
    let otel = "jvm_thread_count{jvm_thread_daemon=\"true\"} 3\njvm_thread_count{jvm_thread_daemon=\"false\"} 4\n";
    assert_eq!(figures(otel), ["threads 7"]);
    let node = "nodejs_active_handles{type=\"Socket\"} 2\nnodejs_active_handles_total 2\n\
        nodejs_active_requests_total 0\nnodejs_active_resources_total 5\n\
        process_resident_memory_bytes 9\n";
    assert_eq!(figures(node), ["handles 2", "requests 0", "resources 5", "rss_bytes 9"]);
    let prefixed = "app_nodejs_active_handles{type=\"a\"} 2\napp_nodejs_active_handles{type=\"b\"} 3\n\
        web_tokio_alive_tasks 8\nredis_process_open_fds 4\n";
    assert_eq!(figures(prefixed), ["handles 5", "tasks 8"], "fds of another process");
    let net = "process_num_threads 7\nprocess_open_handles 90\nprocess_working_set_bytes 1\n";
    assert_eq!(figures(net), ["handles 90", "rss_bytes 1", "threads 7"]);
    let tokio = "tokio_live_tasks_count 12\n";
    assert_eq!(figures(tokio), ["tasks 12"]);
    // Several start times belong to several processes.
    let two = "process_start_time_seconds{w=\"1\"} 9\nprocess_start_time_seconds{w=\"2\"} 8\n";
    assert_eq!(parse(two).unwrap().started, None);
}

#[test]
fn selectable_metrics_are_listed_with_counts_first() {
    let text = "# TYPE a_bytes gauge\na_bytes 1\n# TYPE b_total counter\nb_total 1\n\
        # TYPE c counter\nc_total 1\nc_created 9\n# TYPE d histogram\nd_bucket{le=\"1\"} 1\nd_sum 1\n\
        d_count 1\n# TYPE handles_total gauge\nhandles_total{a=\"b\"} 1\nplain 2\n\
        # TYPE \"x.y\" counter\n{\"x.y\"} 1\n";
    let found = names(text);
    assert_eq!(found.listed().as_deref(), Some("`handles_total`, `plain`, `a_bytes`"));
    assert_eq!(found.example().as_deref(), Some("handles_total"));
    let rising = |name: &str| found.rising(&selector(name));
    for name in ["b_total", "c_total", "{\"x.y\"}"] {
        assert_eq!(rising(name), Some(Rising::Counter), "{name}");
    }
    for name in ["d_bucket{le=\"1\"}", "d_sum", "d_count"] {
        assert_eq!(rising(name), Some(Rising::Histogram), "{name}");
    }
    for name in ["handles_total", "plain", "d", "a_bytes", "plain_count"] {
        assert_eq!(rising(name), None, "{name}");
    }
    assert_eq!(found.near(&selector("handle_total")).as_deref(), Some("`handles_total`"));
    assert_eq!(found.near(&selector("zzz")), None);
    assert_eq!(names("b_total{a=\"\u{1b}\"} 1\n").listed().as_deref(), Some("`b_total`"));
    let many = (0..20).map(|n| format!("m{n} 1\n")).collect::<Vec<_>>().concat();
    assert!(names(&many).listed().unwrap().ends_with("`m7` and 12 more"));
    let quoted = names("{\"my\u{1b}.name\"} 1\n");
    assert_eq!(quoted.listed().as_deref(), Some("`my\\u{1b}.name`"));
}

#[test]
fn other_texts_are_refused() {
    assert_eq!(check(""), Err(MetricsError::Empty));
    assert_eq!(check("<!doctype html><p>"), Err(MetricsError::Html));
    assert_eq!(check("{\"a\": 1}"), Err(MetricsError::Other));
    assert_eq!(check("goroutine profile: total 5\n"), Err(MetricsError::Other));
    assert_eq!(check("OK 5 things\n"), Err(MetricsError::Other));
    for text in ["", "a b", "{}", "a{b}", "a{b=\"c}", "1a", "a{b=\"c\"} 5", "a{=\"c\"}"] {
        let error = Selector::parse(text).unwrap_err();
        assert!(matches!(error, MetricsError::Selector(_)), "{text}: {error}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic_or_return_a_negative_count(text in "(go_goroutines|[a-z]{0,3}|\\PC{0,9})([{}\"=,\\\\ a-z]{0,12})[ ]?(-?[0-9]{0,9}|NaN|.{0,6})\n?") {
        if let Ok(found) = parse(&text) {
            prop_assert!(found.figures.values().all(|value| 0.0 <= *value && value.is_finite()));
        }
    }
}

/// A second list of all known names, independent of the table.
#[test]
fn each_known_name_has_its_quantity() {
    let names = [
        ("goroutines", "go_goroutines"),
        ("fds", "process_open_fds"),
        ("fds", "process_files_open_files"),
        ("fds", "process_open_file_descriptor_count"),
        ("fds", "process_unix_file_descriptor_count"),
        ("threads", "process_threads"),
        ("threads", "process_num_threads"),
        ("threads", "process_thread_count"),
        ("threads", "go_threads"),
        ("threads", "jvm_threads_live_threads"),
        ("threads", "jvm_threads_live"),
        ("threads", "jvm_threads_current"),
        ("threads", "jvm_thread_count"),
        ("threads", "process_runtime_jvm_threads_count"),
        ("threads", "base_thread_count"),
        ("threads", "dotnet_thread_pool_thread_count"),
        ("threads", "dotnet_thread_pool_thread_count_total"),
        ("threads", "process_runtime_dotnet_thread_pool_threads_count"),
        ("handles", "nodejs_active_handles_total"),
        ("handles", "nodejs_active_handles"),
        ("handles", "process_open_handles"),
        ("requests", "nodejs_active_requests_total"),
        ("requests", "nodejs_active_requests"),
        ("resources", "nodejs_active_resources_total"),
        ("resources", "nodejs_active_resources"),
        ("tasks", "tokio_alive_tasks"),
        ("tasks", "tokio_num_alive_tasks"),
        ("tasks", "tokio_live_tasks_count"),
        ("tasks", "tokio_runtime_alive_tasks"),
        ("tasks", "tokio_runtime_num_alive_tasks"),
        ("tasks", "tokio_runtime_live_tasks_count"),
        ("rss_bytes", "process_resident_memory_bytes"),
        ("rss_bytes", "process_working_set_bytes"),
        ("rss_bytes", "process_memory_usage_bytes"),
        ("heap_bytes", "jvm_memory_used_bytes"),
        ("heap_bytes", "jvm_memory_bytes_used"),
        ("heap_bytes", "nodejs_heap_size_used_bytes"),
        ("heap_bytes", "dotnet_total_memory_bytes"),
    ];
    for (figure, name) in names {
        let found = parse(&format!("{name} 7\n")).unwrap().figures;
        assert_eq!(found, BTreeMap::from([(figure, 7.0)]), "{name}");
    }
}

#[test]
fn a_metric_that_is_not_a_number_is_unknown_and_not_absent() {
    let of = |text: &str| figure(text, &selector("b")).map_err(|error| error.to_string());
    assert_eq!(of("b NaN\n"), Err("`b` is NaN, which means that it is unknown".to_owned()));
    assert_eq!(of("b{x=\"1\"} NaN\nb{x=\"2\"} 3\n"), Ok(3.0));
    assert_eq!(of("a 1\n"), Err("there is no metric `b`".to_owned()));
}
