//! The names under which the usual client libraries show what a leak shows in.

/// By the last part of the metric's name in a recording; of several names the first that is there counts.
/// Several series of one name (threads by state, say) are added up.
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
            // Micrometer, of two ages.
            "jvm_threads_live_threads",
            "jvm_threads_live",
            // Prometheus' own client for Java.
            "jvm_threads_current",
            // OpenTelemetry, of two ages.
            "jvm_thread_count",
            "process_runtime_jvm_threads_count",
            // MicroProfile.
            "base_thread_count",
            // The pool of .NET, where the process has no figure of its own.
            "dotnet_thread_pool_thread_count",
            "dotnet_thread_pool_thread_count_total",
            "process_runtime_dotnet_thread_pool_threads_count",
        ],
    ),
    // What keeps the event loop of Node.js busy; handles of Windows and .NET.
    ("handles", &["nodejs_active_handles_total", "nodejs_active_handles", "process_open_handles"]),
    ("requests", &["nodejs_active_requests_total", "nodejs_active_requests"]),
    ("resources", &["nodejs_active_resources_total", "nodejs_active_resources"]),
    // tokio has no client library of its own; these are the names of its metrics behind `tokio_`.
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

/// When the process began.
pub(super) const STARTED: &str = "process_start_time_seconds";

/// What only rises while a process lives.
pub(super) const TOTALS: [&str; 6] = [
    "process_cpu_seconds_total",
    "process_cpu_time_ns_total",
    "process_uptime_seconds",
    "go_memstats_alloc_bytes_total",
    "go_memstats_mallocs_total",
    "jvm_gc_memory_allocated_bytes_total",
];

/// The name that a sample is taken under. A program may put a name of its own before those of Node.js and
/// tokio (`app_tokio_alive_tasks`).
pub(super) fn find(name: &str) -> Option<&'static str> {
    let all = || FIGURES.into_iter().flat_map(|(_, names)| names.iter().copied());
    let mut exact = all().chain(TOTALS).chain([STARTED]);
    let behind = |known: &&'static str| {
        let prefixed = known.starts_with("nodejs_") || known.starts_with("tokio_");
        prefixed && name.strip_suffix(*known).is_some_and(|before| before.ends_with('_'))
    };
    exact.find(|known| *known == name).or_else(|| all().find(behind))
}
