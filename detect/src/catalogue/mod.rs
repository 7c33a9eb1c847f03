//! All detectors by name: in files of parameters, in a guard, and in its stored state.
//!
//! The tables of the methods are on [the crate's front page](crate).
//!
//! # Example
//! ```
//! use astern_detect::catalogue::{AnyDetector, DetectionParams, Models};
//!
//! let json = r#"{ "method": { "robust_z": { "subjects": { "edges": "calls" } } }, "pipeline": { "score_min": 4 } }"#;
//! let params: DetectionParams = serde_json::from_str(json)?;
//! let (detector, pipeline) = params.check(&Models::default())?;
//! # let _: (AnyDetector, _) = (detector, pipeline);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod any;
mod models;
mod none;

pub use any::{AnyDetector, AnyFitted};
pub use models::Models;
pub use none::NoDetector;

use std::sync::Arc;

use astern_stats::ParamError;
use serde::{Deserialize, Serialize};

#[cfg(feature = "gnn")]
use crate::learned::{HypersphereModel, ModelParams};
use crate::pipeline::{Pipeline, PipelineParams};
use crate::score::RobustZParams;

/// Parameters of any detector, by its name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DetectorParams {
    /// [`RobustZ`](crate::score::RobustZ).
    RobustZ(RobustZParams),
    /// [`Hypersphere`](crate::learned::Hypersphere) around a trained model.
    #[cfg(feature = "gnn")]
    Hypersphere(ModelParams),
}

impl Default for DetectorParams {
    fn default() -> Self {
        Self::RobustZ(RobustZParams::default())
    }
}

impl DetectorParams {
    /// Every detector with its default parameters.
    pub fn all() -> Vec<Self> {
        vec![
            Self::default(),
            #[cfg(feature = "gnn")]
            Self::Hypersphere(ModelParams::default()),
        ]
    }

    /// Name of the trained model that the detector needs.
    pub fn model(&self) -> Option<&Arc<str>> {
        match self {
            Self::RobustZ(_) => None,
            #[cfg(feature = "gnn")]
            Self::Hypersphere(params) => Some(params.name()),
        }
    }
}

/// A detector with the pipeline that its scores run through.
///
/// | parameter | default | rule |
/// |---|---|---|
/// | `method` | robust z | any [detector](DetectorParams) |
/// | `pipeline` | those of [`PipelineParams`] | see there |
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct DetectionParams {
    method: DetectorParams,
    pipeline: PipelineParams,
}

astern_stats::setters!(DetectionParams {
    /// Sets the detector.
    method: DetectorParams,
    /// Sets how anomalies are made of its scores.
    pipeline: PipelineParams,
});

impl DetectionParams {
    /// Name of the trained model that the detector needs.
    pub fn model(&self) -> Option<&Arc<str>> {
        self.method.model()
    }

    /// Checks the parameters, and reads the model that the detector needs.
    ///
    /// # Errors
    /// [`DetectionError`] for a parameter outside its rule, a model that is not there and one that cannot be read.
    pub fn check<D>(self, models: &Models) -> Result<(AnyDetector<D>, Pipeline), DetectionError> {
        #[cfg_attr(
            not(feature = "gnn"),
            expect(unused_variables, reason = "only learned detectors read a model")
        )]
        let bytes = match self.model() {
            None => &[][..],
            Some(model) => models.get(model).ok_or_else(|| {
                let model = model.clone();
                DetectionError::NoModel { model }
            })?,
        };
        let detector = match self.method {
            DetectorParams::RobustZ(params) => AnyDetector::RobustZ(params),
            #[cfg(feature = "gnn")]
            DetectorParams::Hypersphere(params) => {
                let model = HypersphereModel::from_bytes(bytes);
                let model = model.map_err(|cause| DetectionError::Model {
                    model: params.name().clone(),
                    cause: Box::new(cause),
                })?;
                AnyDetector::Hypersphere(Arc::new(model))
            }
        };
        Ok((detector, self.pipeline.check()?))
    }
}

/// A detector cannot be made of its parameters.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DetectionError {
    /// A parameter is outside its rule.
    #[error(transparent)]
    Param(#[from] ParamError),
    /// The parameters name a trained model that was not handed over.
    #[error("there is no model `{model}`")]
    NoModel {
        /// Its name in the parameters.
        model: Arc<str>,
    },
    /// The trained model cannot be used.
    #[error("model `{model}`: {cause}")]
    Model {
        /// Its name in the parameters.
        model: Arc<str>,
        /// Why.
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
}
