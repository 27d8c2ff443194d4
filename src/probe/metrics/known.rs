//! Metric names of common client libraries.

/// Quantities with their names in Prometheus text. The first name that is present counts. Series of one name (like
/// threads by state) are added up.
pub(super) const FIGURES: [(&str, &[&str]); 9] = [
    ("goroutines", &["go_goroutines"]),
    (
        "fds",
        &[
            // Go, Python, Java, Node.js, Rust.
            "process_open_fds",
            // Micrometer (Spring Boot).
            "process_files_open_files",
            // OpenTelemetry.
            "process_open_file_descriptor_count",
            "process_unix_file_descriptor_count",
        ],
    ),
    (
        "threads",
        &[
            "process_threads",
            // prometheus-net.
            "process_num_threads",
            "process_thread_count",
            "go_threads",
            // Micrometer, new and old.
            "jvm_threads_live_threads",
            "jvm_threads_live",
            // Prometheus' own client for Java.
            "jvm_threads_current",
            // OpenTelemetry, new and old.
            "jvm_thread_count",
            "process_runtime_jvm_threads_count",
            // MicroProfile.
            "base_thread_count",
            // The .NET thread pool, if the process has no such metric.
            "dotnet_thread_pool_thread_count",
            "dotnet_thread_pool_thread_count_total",
            "process_runtime_dotnet_thread_pool_threads_count",
        ],
    ),
    // Handles of the Node.js event loop, of Windows and of .NET.
    ("handles", &["nodejs_active_handles_total", "nodejs_active_handles", "process_open_handles"]),
    ("requests", &["nodejs_active_requests_total", "nodejs_active_requests"]),
    ("resources", &["nodejs_active_resources_total", "nodejs_active_resources"]),
    // tokio has no client library. These are its metrics with the prefix `tokio_`.
    (
        "tasks",
        &[
            "tokio_alive_tasks",
            "tokio_num_alive_tasks",
            "tokio_live_tasks_count",
            "tokio_runtime_alive_tasks",
            "tokio_runtime_num_alive_tasks",
            "tokio_runtime_live_tasks_count",
        ],
    ),
    (
        "rss_bytes",
        &[
            "process_resident_memory_bytes",
            // prometheus-net.
            "process_working_set_bytes",
            "process_memory_usage_bytes",
        ],
    ),
    (
        "heap_bytes",
        &[
            "jvm_memory_used_bytes",
            "jvm_memory_bytes_used",
            "nodejs_heap_size_used_bytes",
            "dotnet_total_memory_bytes",
        ],
    ),
];

/// The start time of the process.
pub(super) const STARTED: &str = "process_start_time_seconds";

/// Counters that only a restart resets.
pub(super) const TOTALS: [&str; 6] = [
    "process_cpu_seconds_total",
    "process_cpu_time_ns_total",
    "process_uptime_seconds",
    "go_memstats_alloc_bytes_total",
    "go_memstats_mallocs_total",
    "jvm_gc_memory_allocated_bytes_total",
];

/// The known name of a sample. A program may prefix the names of Node.js and tokio (`app_tokio_alive_tasks`).
pub(super) fn find(name: &str) -> Option<&'static str> {
    let all = || FIGURES.into_iter().flat_map(|(_, names)| names.iter().copied());
    let mut exact = all().chain(TOTALS).chain([STARTED]);
    let with_prefix = |known: &&'static str| {
        let prefixed = known.starts_with("nodejs_") || known.starts_with("tokio_");
        prefixed && name.strip_suffix(*known).is_some_and(|before| before.ends_with('_'))
    };
    exact.find(|known| *known == name).or_else(|| all().find(with_prefix))
}
