//! A fitted detector as bytes, and back.

use astern_gnn::OneClass;
use astern_graph_core::NodeKind;
use astern_graph_core::codec::Format;
use serde::{Deserialize, Serialize};

use super::calibration::Calibration;
use super::networks::Networks;
use super::{Hypersphere, HypersphereParams};
use crate::error::FitError;
use crate::learned::LearnedError;
use crate::score::RobustZ;

const FORMAT: Format = Format {
    name: "a hypersphere detector",
    magic: *b"ASTNHSPH",
    version: 1,
};

#[derive(Serialize, Deserialize)]
struct Stored {
    params: HypersphereParams,
    kind: NodeKind,
    healthy: RobustZ,
    calibration: Calibration,
    /// Bytes of [`OneClass`].
    gnn: Vec<u8>,
    mlp: Vec<u8>,
}

impl Hypersphere {
    /// The detector as bytes; [`from_bytes`](Self::from_bytes) gives back one that scores the same
    /// to the last bit, with or without libtorch.
    ///
    /// # Errors
    /// [`LearnedError::Network`] and [`LearnedError::File`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, LearnedError> {
        Ok(FORMAT.encode(&Stored {
            params: self.params.clone(),
            kind: self.networks.kind,
            healthy: self.networks.healthy.clone(),
            calibration: self.calibration.clone(),
            gnn: self.networks.gnn.to_bytes()?,
            mlp: self.networks.mlp.to_bytes()?,
        })?)
    }

    /// A detector from [`to_bytes`](Self::to_bytes).
    ///
    /// # Errors
    /// [`LearnedError::File`] for bytes of another format or version, or damaged ones;
    /// [`LearnedError::Network`] for a damaged network in them, [`LearnedError::Encode`] for two
    /// networks that take different features,
    /// [`LearnedError::Fit`] for parameters outside their rules.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LearnedError> {
        let stored: Stored = FORMAT.decode(bytes)?;
        stored.params.check().map_err(FitError::from)?;
        let gnn = OneClass::from_bytes(&stored.gnn)?;
        let mlp = OneClass::from_bytes(&stored.mlp)?;
        Ok(Self {
            networks: Networks::new(stored.kind, stored.healthy, gnn, mlp)?,
            params: stored.params,
            calibration: stored.calibration,
        })
    }
}
