//! Parameters of a detector around a trained model.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Which trained model a detector uses.
///
/// The caller hands its bytes over by this name. A guard calibrates it on healthy data, and never trains.
///
/// | parameter | default | rule |
/// |---|---|---|
/// | `model` | `model` | name of a model that was handed over |
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ModelParams {
    model: Arc<str>,
}

impl Default for ModelParams {
    fn default() -> Self {
        let model = "model".into();
        Self { model }
    }
}

impl ModelParams {
    /// The model that was handed over under a name.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self { model: name.into() }
    }

    /// Name of the model.
    pub fn name(&self) -> &Arc<str> {
        &self.model
    }
}
