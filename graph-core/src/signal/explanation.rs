//! How a fault came from its cause to its symptom, and what the symptom would be without it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::key::NodeKey;
use crate::name::MetricName;
use crate::schema::Unit;
use crate::signal::Evidence;

/// A value with its unit, for people: three digits that matter.
struct Quantity(f64, Unit);

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (value, unit) = match self.1 {
            Unit::Milliseconds if self.0.abs() >= 1e4 => (self.0 / 1e3, " s"),
            Unit::Milliseconds => (self.0, " ms"),
            Unit::Seconds => (self.0, " s"),
            Unit::Ratio => (100.0 * self.0, " %"),
            Unit::Percent => (self.0, " %"),
            Unit::PerSecond => (self.0, " per second"),
            Unit::Bytes => (self.0 / 1e6, " MB"),
            Unit::Count | Unit::Other => (self.0, ""),
        };
        let decimals = match value.abs() {
            x if x >= 100.0 => 0,
            x if x >= 10.0 => 1,
            _ => 2,
        };
        write!(f, "{value:.decimals$}{unit}")
    }
}

/// One node on the way of a fault.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Hop {
    /// Which node.
    pub node: NodeKey,
    /// The metric in which it shows there.
    pub metric: MetricName,
    /// Its unit.
    pub unit: Unit,
    /// Healthy median; `None` where too little was seen.
    #[serde(with = "astern_stats::real::option", default)]
    pub healthy: Option<f64>,
    /// Value during the incident; `None` where nothing was seen.
    #[serde(with = "astern_stats::real::option", default)]
    pub observed: Option<f64>,
    /// What speaks for the fault having come this way.
    pub supporting: Vec<Evidence>,
    /// What speaks against it.
    pub opposing: Vec<Evidence>,
}

impl Hop {
    /// A node with its healthy and its present value; the fields are public for the rest.
    pub fn new(
        node: NodeKey,
        metric: MetricName,
        unit: Unit,
        healthy: Option<f64>,
        observed: Option<f64>,
    ) -> Self {
        Self {
            node,
            metric,
            unit,
            healthy,
            observed,
            supporting: Vec::new(),
            opposing: Vec::new(),
        }
    }
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.node, self.metric)?;
        match self.observed {
            Some(value) => write!(f, " is {}", Quantity(value, self.unit))?,
            None => f.write_str(" was not seen")?,
        }
        if let Some(value) = self.healthy {
            write!(f, ", normally {}", Quantity(value, self.unit))?;
        }
        Ok(())
    }
}

/// What the symptom would be if its cause were normal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Counterfactual {
    /// The node that is thought to be normal.
    pub cause: NodeKey,
    /// Metric of the symptom.
    pub metric: MetricName,
    /// Its unit.
    pub unit: Unit,
    /// Value of the symptom now.
    #[serde(with = "astern_stats::real")]
    pub observed: f64,
    /// Value that it would have.
    #[serde(with = "astern_stats::real")]
    pub expected: f64,
    /// Lower end of the 90 % interval of that value.
    #[serde(with = "astern_stats::real")]
    pub low: f64,
    /// Upper end of it.
    #[serde(with = "astern_stats::real")]
    pub high: f64,
    /// Healthy steps that it was learnt from.
    pub steps: usize,
}

impl Counterfactual {
    /// A value that the symptom would have, with its interval.
    pub fn new(
        cause: NodeKey,
        (metric, unit): (MetricName, Unit),
        observed: f64,
        (low, expected, high): (f64, f64, f64),
        steps: usize,
    ) -> Self {
        Self {
            cause,
            metric,
            unit,
            observed,
            expected,
            low,
            high,
            steps,
        }
    }
}

impl fmt::Display for Counterfactual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |value| Quantity(value, self.unit);
        write!(f, "were {} normal, {}", self.cause, self.metric)?;
        write!(f, " would be {}", show(self.expected))?;
        write!(f, " ({} to {})", show(self.low), show(self.high))?;
        write!(f, " and not {}", show(self.observed))
    }
}

/// How a fault came to be felt.
///
/// ```
/// use astern_graph_core::signal::{Explanation, Hop};
/// use astern_graph_core::schema::Unit;
/// use astern_graph_core::NodeKey;
///
/// let hop = |name, healthy, observed| {
///     let metric = "latency_ms_p95".into();
///     Hop::new(NodeKey::service(name), metric, Unit::Milliseconds, Some(healthy), Some(observed))
/// };
/// let explanation = Explanation::new(vec![hop("cart", 20.0, 95.0), hop("web", 41.5, 180.0)]);
/// assert_eq!(
///     explanation.to_string(),
///     "began at service/cart: latency_ms_p95 is 95.0 ms, normally 20.0 ms\n\
///      felt at  service/web: latency_ms_p95 is 180 ms, normally 41.5 ms\n"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Explanation {
    /// The way of the fault: cause first, symptom last.
    pub hops: Vec<Hop>,
    /// What the symptom would be without it, where that can be estimated.
    pub counterfactual: Option<Counterfactual>,
    /// Methods that could not run.
    pub fallbacks: Vec<Evidence>,
}

impl Explanation {
    /// A way without counterfactual; the fields are public for the rest.
    pub fn new(hops: Vec<Hop>) -> Self {
        Self {
            hops,
            counterfactual: None,
            fallbacks: Vec::new(),
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = self.hops.len().saturating_sub(1);
        for (place, hop) in self.hops.iter().enumerate() {
            let part = match place {
                0 => "began at",
                place if place == last => "felt at ",
                _ => "went by ",
            };
            writeln!(f, "{part} {hop}")?;
            for evidence in &hop.supporting {
                writeln!(f, "  + {evidence}")?;
            }
            for evidence in &hop.opposing {
                writeln!(f, "  - {evidence}")?;
            }
        }
        if let Some(counterfactual) = &self.counterfactual {
            writeln!(f, "{counterfactual}")?;
        }
        for evidence in &self.fallbacks {
            writeln!(f, "({evidence})")?;
        }
        Ok(())
    }
}
