//! What a metric means: unit, class, and which direction is worse.

mod common;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use common::{common, is_received_duration};

use crate::name::MetricName;

/// Calls received per second.
pub const REQUEST_RATE: &str = "request_rate";
/// Share of calls that failed by the fault of the callee.
pub const ERROR_RATE: &str = "error_rate";
/// Share of calls that the callee refused by the fault of the caller (4xx and the like). No column of a window unless
/// asked for.
pub const CLIENT_ERROR_RATE: &str = "client_error_rate";
/// Median duration of calls as the callee saw them.
pub const LATENCY_MS_P50: &str = "latency_ms_p50";
/// 75 % quantile of the duration of calls as the callee saw them. No column of a window unless asked for.
pub const LATENCY_MS_P75: &str = "latency_ms_p75";
/// 95 % quantile of the duration of calls as the callee saw them.
pub const LATENCY_MS_P95: &str = "latency_ms_p95";

/// 99 % quantile of the duration of calls as the callee saw them. No column of a window unless asked
/// for: of fewer than a few hundred calls a step it is the slowest call.
pub const LATENCY_MS_P99: &str = "latency_ms_p99";

/// Names of the quantiles of the duration of calls as the callee saw them, ascending.
pub const LATENCY_QUANTILES: [(&str, f64); 4] = [
    (LATENCY_MS_P50, 0.5),
    (LATENCY_MS_P75, 0.75),
    (LATENCY_MS_P95, 0.95),
    (LATENCY_MS_P99, 0.99),
];

/// Median time that the callee did not wait for callees of its own. No column of a window unless
/// asked for.
pub const EXCLUSIVE_MS_P50: &str = "exclusive_ms_p50";
/// 95 % quantile of the time that the callee did not wait for callees of its own. No column of a
/// window unless asked for.
pub const EXCLUSIVE_MS_P95: &str = "exclusive_ms_p95";
/// Of an edge: median duration as the target saw it.
pub const SERVER_LATENCY_MS_P50: &str = "server_latency_ms_p50";
/// Of an edge: 95 % quantile of the duration as the target saw it.
pub const SERVER_LATENCY_MS_P95: &str = "server_latency_ms_p95";
/// Of an edge: 99 % quantile of the duration as the target saw it.
pub const SERVER_LATENCY_MS_P99: &str = "server_latency_ms_p99";
/// Of an edge: median of what the source waited beyond what the target took.
pub const GAP_MS_P50: &str = "gap_ms_p50";
/// Of an edge: 95 % quantile of what the source waited beyond what the target took.
pub const GAP_MS_P95: &str = "gap_ms_p95";

/// Names of the features of a node that are computed from calls, in the order of a window's columns.
pub const CALL_FEATURES: [&str; 4] = [REQUEST_RATE, ERROR_RATE, LATENCY_MS_P50, LATENCY_MS_P95];

/// Names of the features of an edge that are computed from calls, in the order of a window's columns.
/// The first four are as the source of the edge saw the calls.
pub const EDGE_FEATURES: [&str; 8] = [
    REQUEST_RATE,
    ERROR_RATE,
    LATENCY_MS_P50,
    LATENCY_MS_P95,
    SERVER_LATENCY_MS_P50,
    SERVER_LATENCY_MS_P95,
    GAP_MS_P50,
    GAP_MS_P95,
];

/// Unit of a feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Unit {
    /// Milliseconds.
    Milliseconds,
    /// A share in 0..=1.
    Ratio,
    /// A share in 0..=100.
    Percent,
    /// Events per second.
    PerSecond,
    /// Bytes.
    Bytes,
    /// A count.
    Count,
    /// Unknown.
    Other,
    /// Seconds.
    Seconds,
}

impl Unit {
    /// Milliseconds in one of it; `None` for what is no duration.
    pub fn in_ms(self) -> Option<f64> {
        match self {
            Self::Milliseconds => Some(1.0),
            Self::Seconds => Some(1e3),
            _ => None,
        }
    }
}

/// Where a feature comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FeatureClass {
    /// What users of the service feel: latency, errors.
    Application,
    /// What it consumes: processor, memory.
    Infrastructure,
    /// How it is used: request rate, call structure.
    Behaviour,
    /// What was deployed.
    Deployment,
    /// Nobody said: such a metric is held and shown, and counts for nothing.
    Undeclared,
}

/// Which direction of a feature is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Worse {
    /// More is worse (latency).
    Up,
    /// Less is worse (availability).
    Down,
    /// Either may be (request rate).
    Both,
}

impl Worse {
    /// How bad a signed standardised deviation is: positive is worse.
    pub fn badness(self, z: f64) -> f64 {
        match self {
            Self::Up => z,
            Self::Down => -z,
            Self::Both => z.abs(),
        }
    }
}

/// Meaning of one metric.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Feature {
    /// Its name.
    pub name: MetricName,
    /// Its unit.
    pub unit: Unit,
    /// Where it comes from.
    pub class: FeatureClass,
    /// Which direction is worse.
    pub worse: Worse,
}

impl Feature {
    /// A feature.
    pub fn new(name: &str, unit: Unit, class: FeatureClass, worse: Worse) -> Self {
        Self {
            name: name.into(),
            unit,
            class,
            worse,
        }
    }

    /// The smallest deviation that matters in this unit, whatever the healthy spread was.
    ///
    /// A healthy window of constant zeros (an error rate) has no spread; without a floor the
    /// first failed call would be infinitely anomalous.
    ///
    /// | unit | floor, with m = the absolute value of the healthy median |
    /// |---|---|
    /// | milliseconds | max(0.5, 2 % of m) |
    /// | seconds | max(0.0005, 2 % of m) |
    /// | percent | 0.5 |
    /// | ratio | 0.005 |
    /// | per second | max(0.1, 2 % of m) |
    /// | bytes | max(1,000,000, 2 % of m) |
    /// | count | max(1, 2 % of m): a single event is no anomaly |
    /// | other | max(1e-9, 5 % of m), as nothing is known of its scale; 1e-3 where m is 0 |
    pub fn noise_floor(&self, healthy_median: f64) -> f64 {
        let level = healthy_median.abs();
        let (absolute, share) = match self.unit {
            Unit::Milliseconds => (0.5, 0.02),
            Unit::Seconds => (5e-4, 0.02),
            Unit::Percent => (0.5, 0.0),
            Unit::Ratio => (0.005, 0.0),
            Unit::PerSecond => (0.1, 0.02),
            Unit::Bytes => (1e6, 0.02),
            Unit::Count => (1.0, 0.02),
            Unit::Other if level > 0.0 => (1e-9, 0.05),
            Unit::Other => (1e-3, 0.0),
        };
        f64::max(absolute, share * level)
    }
}

/// The meaning of metrics by name. A name that nobody declared means what [`common`] tools mean by it; any other is
/// [undeclared](FeatureClass::Undeclared) and counts for nothing.
///
/// A file names what differs, metric by metric: `{"jobs": {"unit": "count", "worse": "up"}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(
    from = "BTreeMap<MetricName, Stated>",
    into = "BTreeMap<MetricName, Stated>"
)]
pub struct FeatureCatalogue(BTreeMap<MetricName, Feature>);

/// What a file says of a metric; the rest is as in the default catalogue.
#[derive(Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
struct Stated {
    unit: Option<Unit>,
    class: Option<FeatureClass>,
    worse: Option<Worse>,
}

impl From<BTreeMap<MetricName, Stated>> for FeatureCatalogue {
    fn from(stated: BTreeMap<MetricName, Stated>) -> Self {
        stated
            .into_iter()
            .fold(Self::default(), |known, (name, stated)| {
                let before = known.get(&name);
                // What is declared without a class is what users feel.
                let class = match before.class {
                    FeatureClass::Undeclared => FeatureClass::Application,
                    class => class,
                };
                known.with(Feature {
                    unit: stated.unit.unwrap_or(before.unit),
                    class: stated.class.unwrap_or(class),
                    worse: stated.worse.unwrap_or(before.worse),
                    name,
                })
            })
    }
}

impl From<FeatureCatalogue> for BTreeMap<MetricName, Stated> {
    fn from(catalogue: FeatureCatalogue) -> Self {
        let stated = |feature: Feature| Stated {
            unit: Some(feature.unit),
            class: Some(feature.class),
            worse: Some(feature.worse),
        };
        let features = catalogue.0.into_iter();
        features
            .map(|(name, feature)| (name, stated(feature)))
            .collect()
    }
}

impl Default for FeatureCatalogue {
    fn default() -> Self {
        use FeatureClass::{Application, Behaviour, Infrastructure};
        let known = [
            Feature::new(REQUEST_RATE, Unit::PerSecond, Behaviour, Worse::Both),
            Feature::new(ERROR_RATE, Unit::Ratio, Application, Worse::Up),
            Feature::new(CLIENT_ERROR_RATE, Unit::Ratio, Application, Worse::Up),
            Feature::new(
                "availability_percent",
                Unit::Percent,
                Application,
                Worse::Down,
            ),
            Feature::new("request_count", Unit::Count, Behaviour, Worse::Both),
            Feature::new("cpu_utilisation", Unit::Ratio, Infrastructure, Worse::Up),
            Feature::new("memory_bytes", Unit::Bytes, Infrastructure, Worse::Up),
            Feature::new("queue_depth", Unit::Count, Infrastructure, Worse::Up),
        ];
        let durations = [
            LATENCY_MS_P50,
            LATENCY_MS_P75,
            LATENCY_MS_P95,
            LATENCY_MS_P99,
            EXCLUSIVE_MS_P50,
            EXCLUSIVE_MS_P95,
            SERVER_LATENCY_MS_P50,
            SERVER_LATENCY_MS_P95,
            SERVER_LATENCY_MS_P99,
            GAP_MS_P50,
            GAP_MS_P95,
            "latency_ms",
        ]
        .map(|name| Feature::new(name, Unit::Milliseconds, Application, Worse::Up));
        let known = known.into_iter().chain(durations);
        Self(known.map(|f| (f.name.clone(), f)).collect())
    }
}

impl FeatureCatalogue {
    /// With a feature added, or its meaning replaced.
    #[must_use]
    pub fn with(mut self, feature: Feature) -> Self {
        self.0.insert(feature.name.clone(), feature);
        self
    }

    /// The meaning of a metric: as it was declared, else as [`common`] tools have it, else
    /// [undeclared](FeatureClass::Undeclared).
    pub fn get(&self, name: &MetricName) -> Feature {
        let declared = self.0.get(name).cloned();
        declared
            .or_else(|| common(name.as_str()))
            .unwrap_or_else(|| {
                let (unit, class) = (Unit::Other, FeatureClass::Undeclared);
                Feature::new(name.as_str(), unit, class, Worse::Both)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_that_nobody_declared_has_no_class() {
        let catalogue = FeatureCatalogue::default();
        let feature = catalogue.get(&"jobs".into());
        assert_eq!((feature.worse, feature.unit), (Worse::Both, Unit::Other));
        assert_eq!(feature.class, FeatureClass::Undeclared);
        let common = catalogue.get(&"jvm.gc.duration".into());
        assert_eq!(common.class, FeatureClass::Infrastructure);
        let mine = Feature::new(
            "jvm.gc.duration",
            Unit::Seconds,
            FeatureClass::Application,
            Worse::Up,
        );
        assert_eq!(catalogue.with(mine.clone()).get(&mine.name), mine);
    }

    #[test]
    fn a_users_feature_replaces_ours() {
        let mine = Feature::new(
            ERROR_RATE,
            Unit::Percent,
            FeatureClass::Application,
            Worse::Up,
        );
        let catalogue = FeatureCatalogue::default().with(mine.clone());
        assert_eq!(catalogue.get(&ERROR_RATE.into()), mine);
    }

    #[test]
    fn a_file_names_only_what_differs() {
        let read = |json| serde_json::from_str::<FeatureCatalogue>(json).unwrap();
        assert_eq!(read("{}"), FeatureCatalogue::default());
        let percent = read(r#"{"error_rate": {"unit": "percent"}}"#).get(&ERROR_RATE.into());
        let class = FeatureClass::Application;
        let jobs = read(r#"{"jobs": {"worse": "up"}}"#).get(&"jobs".into());
        assert_eq!(jobs, Feature::new("jobs", Unit::Other, class, Worse::Up));
        assert_eq!(
            percent,
            Feature::new(ERROR_RATE, Unit::Percent, class, Worse::Up)
        );
        let catalogue = FeatureCatalogue::default().with(percent);
        let json = serde_json::to_string(&catalogue).unwrap();
        assert_eq!(read(&json), catalogue);
        let bytes = postcard::to_stdvec(&catalogue).unwrap();
        assert_eq!(
            postcard::from_bytes::<FeatureCatalogue>(&bytes).unwrap(),
            catalogue
        );
    }

    #[test]
    fn the_floor_fits_the_unit() {
        let floor = |unit, median| {
            Feature::new("x", unit, FeatureClass::Application, Worse::Up).noise_floor(median)
        };
        for (unit, median, expected) in [
            (Unit::Count, 0.0, 1.0),
            (Unit::Count, -1_000.0, 20.0),
            (Unit::Other, 0.0, 1e-3),
            (Unit::Other, f64::NAN, 1e-3),
            (Unit::Other, 1e-6, 5e-8),
            (Unit::Other, 1e-12, 1e-9),
            (Unit::Other, -200.0, 10.0),
            (Unit::Ratio, 1.0, 0.005),
            (Unit::Percent, 100.0, 0.5),
            (Unit::Milliseconds, 1_000.0, 20.0),
            (Unit::Seconds, 0.001, 5e-4),
            (Unit::PerSecond, 0.0, 0.1),
            (Unit::Bytes, 0.0, 1e6),
        ] {
            let found = floor(unit, median);
            assert!(
                (found - expected).abs() <= 1e-12 * expected,
                "{unit:?} {found}"
            );
        }
    }

    #[test]
    fn badness_is_positive_where_it_hurts() {
        assert!(Worse::Up.badness(2.0) > 0.0 && Worse::Down.badness(2.0) < 0.0);
        assert!(Worse::Both.badness(-2.0) > 0.0);
    }
}
