//! The features that are computed from calls, by name.

use crate::name::MetricName;
use crate::schema::{
    CLIENT_ERROR_RATE, ERROR_RATE, EXCLUSIVE_MS_P50, EXCLUSIVE_MS_P95, GAP_MS_P50, GAP_MS_P95,
    LATENCY_MS_P50, LATENCY_MS_P75, LATENCY_MS_P95, LATENCY_MS_P99, REQUEST_RATE,
    SERVER_LATENCY_MS_P50, SERVER_LATENCY_MS_P95, SERVER_LATENCY_MS_P99,
};

/// Which duration of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timing {
    /// Of a node: as it saw it itself, or its caller where it is silent. Of an edge: as the source
    /// saw it, or the target where that is silent.
    Latency,
    /// Of an edge: as the target saw it.
    Server,
    /// Of an edge: what the source saw beyond what the target did.
    Gap,
    /// Of a node: what it did not spend waiting for its callees.
    Exclusive,
}

/// How a feature is computed from the calls of a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Computed {
    RequestRate,
    ErrorRate,
    ClientErrorRate,
    Quantile(Timing, f64),
}

impl Computed {
    /// `None` for a name that only samples can have.
    pub(crate) fn of(metric: &MetricName) -> Option<Self> {
        use Timing::{Exclusive, Gap, Latency, Server};
        Some(match metric.as_str() {
            REQUEST_RATE => Self::RequestRate,
            ERROR_RATE => Self::ErrorRate,
            CLIENT_ERROR_RATE => Self::ClientErrorRate,
            LATENCY_MS_P50 => Self::Quantile(Latency, 0.5),
            LATENCY_MS_P75 => Self::Quantile(Latency, 0.75),
            LATENCY_MS_P95 => Self::Quantile(Latency, 0.95),
            LATENCY_MS_P99 => Self::Quantile(Latency, 0.99),
            SERVER_LATENCY_MS_P50 => Self::Quantile(Server, 0.5),
            SERVER_LATENCY_MS_P95 => Self::Quantile(Server, 0.95),
            SERVER_LATENCY_MS_P99 => Self::Quantile(Server, 0.99),
            GAP_MS_P50 => Self::Quantile(Gap, 0.5),
            GAP_MS_P95 => Self::Quantile(Gap, 0.95),
            EXCLUSIVE_MS_P50 => Self::Quantile(Exclusive, 0.5),
            EXCLUSIVE_MS_P95 => Self::Quantile(Exclusive, 0.95),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{CALL_FEATURES, EDGE_FEATURES, FeatureCatalogue, Unit};

    #[test]
    fn every_column_is_computed_and_has_a_meaning() {
        for name in CALL_FEATURES.iter().chain(&EDGE_FEATURES) {
            let name = MetricName::from(*name);
            assert!(Computed::of(&name).is_some(), "{name}");
            let unit = FeatureCatalogue::default().get(&name).unit;
            assert_ne!(unit, Unit::Other, "{name}");
        }
        assert_eq!(Computed::of(&"cpu_utilisation".into()), None);
    }
}
