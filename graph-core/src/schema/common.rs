//! Metrics that are known by the names which common tools give them.
//!
//! Sources: OpenTelemetry semantic conventions (HTTP, RPC, database, messaging, process, JVM, container metrics) and their
//! Prometheus spelling; client libraries of Prometheus; standard metrics of Istio and Linkerd; statistics of Envoy; cAdvisor,
//! kube-state-metrics and the node exporter.

use super::{Feature, FeatureClass, Unit, Worse};

use FeatureClass::{Application, Behaviour, Infrastructure};
use Unit::{Bytes, Count, Milliseconds, PerSecond, Ratio, Seconds};
use Worse::{Both, Down, Up};

/// A name in the spelling of Prometheus, and what it means. Counters mean their rate.
type Known = (&'static str, Unit, FeatureClass, Worse);

/// OpenTelemetry semantic conventions.
const OPEN_TELEMETRY: [Known; 33] = [
    ("http_server_request_duration", Seconds, Application, Up),
    ("http_server_duration", Milliseconds, Application, Up),
    ("http_server_active_requests", Count, Behaviour, Both),
    ("http_client_request_duration", Seconds, Application, Up),
    ("http_client_duration", Milliseconds, Application, Up),
    ("rpc_server_call_duration", Seconds, Application, Up),
    ("rpc_server_duration", Milliseconds, Application, Up),
    ("rpc_client_call_duration", Seconds, Application, Up),
    ("rpc_client_duration", Milliseconds, Application, Up),
    ("db_client_operation_duration", Seconds, Application, Up),
    (
        "db_client_connection_wait_time",
        Seconds,
        Infrastructure,
        Up,
    ),
    (
        "db_client_connection_pending_requests",
        Count,
        Infrastructure,
        Up,
    ),
    (
        "db_client_connection_timeouts",
        PerSecond,
        Infrastructure,
        Up,
    ),
    ("db_client_connection_count", Count, Infrastructure, Both),
    ("messaging_process_duration", Seconds, Application, Up),
    (
        "messaging_client_operation_duration",
        Seconds,
        Application,
        Up,
    ),
    (
        "messaging_client_consumed_messages",
        PerSecond,
        Behaviour,
        Both,
    ),
    ("process_cpu_utilization", Ratio, Infrastructure, Up),
    ("process_cpu_time", PerSecond, Infrastructure, Up),
    ("process_memory_usage", Bytes, Infrastructure, Up),
    ("process_thread_count", Count, Infrastructure, Up),
    (
        "process_open_file_descriptor_count",
        Count,
        Infrastructure,
        Up,
    ),
    ("system_cpu_utilization", Ratio, Infrastructure, Up),
    ("system_memory_utilization", Ratio, Infrastructure, Up),
    ("container_cpu_usage", Count, Infrastructure, Up),
    ("container_memory_usage", Bytes, Infrastructure, Up),
    ("k8s_pod_cpu_usage", Count, Infrastructure, Up),
    ("k8s_pod_memory_usage", Bytes, Infrastructure, Up),
    ("k8s_container_restarts", Count, Infrastructure, Up),
    ("jvm_memory_used", Bytes, Infrastructure, Up),
    ("jvm_gc_duration", Seconds, Infrastructure, Up),
    ("jvm_thread_count", Count, Infrastructure, Up),
    ("jvm_cpu_recent_utilization", Ratio, Infrastructure, Up),
];

/// Client libraries of Prometheus.
const PROMETHEUS: [Known; 9] = [
    ("http_requests", PerSecond, Behaviour, Both),
    ("http_request_duration", Seconds, Application, Up),
    ("grpc_server_handled", PerSecond, Behaviour, Both),
    ("grpc_server_handling", Seconds, Application, Up),
    ("process_cpu_seconds", PerSecond, Infrastructure, Up),
    ("process_resident_memory", Bytes, Infrastructure, Up),
    ("process_open_fds", Count, Infrastructure, Up),
    ("go_goroutines", Count, Infrastructure, Up),
    ("go_gc_duration", Seconds, Infrastructure, Up),
];

/// Istio, Linkerd and Envoy.
const MESH: [Known; 14] = [
    ("istio_requests", PerSecond, Behaviour, Both),
    ("istio_request_duration", Milliseconds, Application, Up),
    ("request_total", PerSecond, Behaviour, Both),
    ("response_total", PerSecond, Behaviour, Both),
    ("response_latency_ms", Milliseconds, Application, Up),
    ("envoy_cluster_upstream_rq", PerSecond, Behaviour, Both),
    (
        "envoy_cluster_upstream_rq_time",
        Milliseconds,
        Application,
        Up,
    ),
    (
        "envoy_cluster_upstream_rq_timeout",
        PerSecond,
        Application,
        Up,
    ),
    (
        "envoy_cluster_upstream_rq_pending_active",
        Count,
        Infrastructure,
        Up,
    ),
    (
        "envoy_cluster_upstream_rq_pending_overflow",
        PerSecond,
        Application,
        Up,
    ),
    (
        "envoy_cluster_upstream_cx_connect_fail",
        PerSecond,
        Application,
        Up,
    ),
    ("envoy_cluster_membership_healthy", Count, Behaviour, Both),
    (
        "envoy_http_downstream_rq_time",
        Milliseconds,
        Application,
        Up,
    ),
    ("envoy_server_memory_allocated", Bytes, Infrastructure, Up),
];

/// cAdvisor, kube-state-metrics and the node exporter.
const MACHINES: [Known; 15] = [
    ("container_cpu_usage_seconds", PerSecond, Infrastructure, Up),
    (
        "container_cpu_cfs_throttled_seconds",
        PerSecond,
        Infrastructure,
        Up,
    ),
    (
        "container_cpu_cfs_throttled_periods",
        PerSecond,
        Infrastructure,
        Up,
    ),
    ("container_memory_working_set", Bytes, Infrastructure, Up),
    ("container_memory_rss", Bytes, Infrastructure, Up),
    ("container_oom_events", PerSecond, Infrastructure, Up),
    (
        "container_network_receive_errors",
        PerSecond,
        Infrastructure,
        Up,
    ),
    (
        "container_network_transmit_errors",
        PerSecond,
        Infrastructure,
        Up,
    ),
    ("container_fs_usage", Bytes, Infrastructure, Up),
    (
        "kube_pod_container_status_restarts",
        Count,
        Infrastructure,
        Up,
    ),
    (
        "kube_deployment_status_replicas_unavailable",
        Count,
        Behaviour,
        Both,
    ),
    (
        "kube_deployment_status_replicas_available",
        Count,
        Behaviour,
        Both,
    ),
    ("node_load1", Count, Infrastructure, Up),
    ("node_memory_MemAvailable", Bytes, Infrastructure, Down),
    ("node_filesystem_avail", Bytes, Infrastructure, Down),
];

/// The durations of received calls among them. Those of clients, of databases and of the network are parts of a call.
const RECEIVED: [&str; 9] = [
    "http_server_request_duration",
    "http_server_duration",
    "rpc_server_call_duration",
    "rpc_server_duration",
    "http_request_duration",
    "grpc_server_handling",
    "istio_request_duration",
    "response_latency_ms",
    "envoy_http_downstream_rq_time",
];

/// Endings that say in which unit a metric is, or how it is counted, or what part of a distribution it is, which the tables
/// above leave out.
const ENDINGS: [(&str, Option<Unit>); 14] = [
    ("_bytes", Some(Bytes)),
    ("_milliseconds", Some(Milliseconds)),
    ("_ratio", Some(Ratio)),
    ("_seconds", Some(Seconds)),
    ("_total", None),
    ("_p50", None),
    ("_p75", None),
    ("_p90", None),
    ("_p95", None),
    ("_p99", None),
    ("_p999", None),
    ("_mean", None),
    ("_avg", None),
    ("_max", None),
];

/// What a metric of this name means, whether it is spelt as in OpenTelemetry (`http.server.request.duration`) or as in
/// Prometheus (`http_server_request_duration_seconds`, also as a recorded quantile: `…_seconds_p99`); `None` for a name that is
/// not in the tables.
///
/// ```
/// use astern_graph_core::schema::{FeatureClass, Unit, Worse, common};
///
/// for name in ["http.server.request.duration", "http_server_request_duration_seconds_p99"] {
///     let feature = common(name).unwrap();
///     assert_eq!((feature.unit, feature.worse), (Unit::Seconds, Worse::Up));
///     assert_eq!(feature.class, FeatureClass::Application);
///     assert_eq!(feature.unit.in_ms(), Some(1e3));
/// }
/// assert!(common("jobs").is_none());
/// ```
pub fn common(name: &str) -> Option<Feature> {
    let ((_, unit, class, worse), stated) = known(name)?;
    let both_times = stated.and_then(Unit::in_ms).is_some() && unit.in_ms().is_some();
    let fits = stated.is_none_or(|stated| stated == *unit) || both_times;
    fits.then(|| Feature::new(name, stated.unwrap_or(*unit), *class, *worse))
}

/// Whether a metric of this name is the duration of the calls that a service receives, by the tables or by the name of a
/// [quantile](super::LATENCY_QUANTILES), so that it can be compared with calls that were counted.
pub fn is_received_duration(name: &str) -> bool {
    let quantiles = super::LATENCY_QUANTILES.map(|(quantile, _)| quantile);
    let is_received = |((base, ..), _): (&Known, _)| RECEIVED.contains(base);
    name == "latency_ms" || quantiles.contains(&name) || known(name).is_some_and(is_received)
}

/// The row of a name in the tables, and the unit that the name states by its ending.
fn known(name: &str) -> Option<(&'static Known, Option<Unit>)> {
    let spelt = name.replace('.', "_");
    let mut rest = spelt.as_str();
    let mut stated: Option<Unit> = None;
    loop {
        let all = OPEN_TELEMETRY
            .iter()
            .chain(&PROMETHEUS)
            .chain(&MESH)
            .chain(&MACHINES);
        let mut named = all.filter(|(known, ..)| *known == rest);
        if let Some(row) = named.next() {
            return Some((row, stated));
        }
        let (ending, unit) = ENDINGS.iter().find(|(ending, _)| rest.ends_with(ending))?;
        rest = rest.strip_suffix(ending)?;
        stated = stated.or(*unit);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn common_names_are_known_in_both_spellings() {
        for (name, unit, class, worse) in [
            ("process.cpu.utilization", Ratio, Infrastructure, Up),
            ("istio_requests_total", PerSecond, Behaviour, Both),
            (
                "istio_request_duration_milliseconds",
                Milliseconds,
                Application,
                Up,
            ),
            ("response_latency_ms", Milliseconds, Application, Up),
            (
                "container_cpu_usage_seconds_total",
                PerSecond,
                Infrastructure,
                Up,
            ),
            (
                "container_memory_working_set_bytes",
                Bytes,
                Infrastructure,
                Up,
            ),
            ("jvm_memory_used_bytes", Bytes, Infrastructure, Up),
            (
                "node_memory_MemAvailable_bytes",
                Bytes,
                Infrastructure,
                Down,
            ),
            (
                "envoy_cluster_upstream_rq_time_p95",
                Milliseconds,
                Application,
                Up,
            ),
        ] {
            assert_eq!(common(name), Some(Feature::new(name, unit, class, worse)));
        }
        for name in [
            "",
            "_total",
            "total",
            "seconds",
            "latency_ms_p95",
            "requests",
        ] {
            assert_eq!(common(name), None, "{name}");
        }
    }

    #[test]
    fn no_name_is_in_the_tables_twice() {
        let all = || {
            OPEN_TELEMETRY
                .iter()
                .chain(&PROMETHEUS)
                .chain(&MESH)
                .chain(&MACHINES)
        };
        let names: BTreeSet<&str> = all().map(|(name, ..)| *name).collect();
        assert_eq!(names.len(), all().count());
        assert!(RECEIVED.iter().all(|name| names.contains(name)));
    }

    #[test]
    fn durations_of_received_calls_are_distinguished_from_those_of_their_parts() {
        for name in [
            "latency_ms",
            "latency_ms_p99",
            "http.server.request.duration",
            "http_server_request_duration_seconds_p99",
            "istio_request_duration_milliseconds",
        ] {
            assert!(is_received_duration(name), "{name}");
        }
        for name in [
            "http_client_request_duration_seconds",
            "db.client.operation.duration",
            "exclusive_ms_p50",
            "request_rate",
            "jobs",
        ] {
            assert!(!is_received_duration(name), "{name}");
        }
    }
}
