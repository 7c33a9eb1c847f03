//! One type for any detector, and one for its fitted form.

#[cfg(feature = "gnn")]
use std::sync::Arc;

use astern_graph_core::{TemporalGraph, TimeRange};
use serde::{Deserialize, Serialize};

use super::NoDetector;
#[cfg(feature = "gnn")]
use crate::learned::{Hypersphere, HypersphereModel};
use crate::score::{RobustZ, RobustZParams};
use crate::{Detector, FitError, FittedDetector, ScoreError, Scores};

/// Any detector of the catalogue, or one of the user's own.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum AnyDetector<D = NoDetector> {
    /// Robust z-score.
    RobustZ(RobustZParams),
    /// The user's own.
    Own(D),
    /// Distance from the centre of a hypersphere of embeddings.
    #[cfg(feature = "gnn")]
    Hypersphere(Arc<HypersphereModel>),
}

/// The fitted form of [`AnyDetector`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AnyFitted<F = NoDetector> {
    /// Of the robust z-score.
    RobustZ(RobustZ),
    /// Of the user's own.
    Own(F),
    /// Of a hypersphere.
    #[cfg(feature = "gnn")]
    Hypersphere(Box<Hypersphere>),
}

impl<D: Detector> Detector for AnyDetector<D> {
    type Fitted = AnyFitted<D::Fitted>;

    fn fit(&self, graph: &TemporalGraph, healthy: TimeRange) -> Result<Self::Fitted, FitError> {
        Ok(match self {
            Self::RobustZ(detector) => AnyFitted::RobustZ(detector.fit(graph, healthy)?),
            Self::Own(detector) => AnyFitted::Own(detector.fit(graph, healthy)?),
            #[cfg(feature = "gnn")]
            Self::Hypersphere(model) => {
                AnyFitted::Hypersphere(Box::new(model.fit(graph, healthy)?))
            }
        })
    }
}

impl<F: FittedDetector> AnyFitted<F> {
    fn as_dyn(&self) -> &dyn FittedDetector {
        match self {
            Self::RobustZ(fitted) => fitted,
            Self::Own(fitted) => fitted,
            #[cfg(feature = "gnn")]
            Self::Hypersphere(fitted) => &**fitted,
        }
    }
}

impl<F: FittedDetector> FittedDetector for AnyFitted<F> {
    fn score(&self, graph: &TemporalGraph, range: TimeRange) -> Result<Scores, ScoreError> {
        self.as_dyn().score(graph, range)
    }

    fn levels(&self) -> &RobustZ {
        self.as_dyn().levels()
    }
}
