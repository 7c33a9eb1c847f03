//! Trained networks, and their bytes.

use astern_gnn::{EncodeError, OneClass};
use astern_graph_core::NodeKind;
use astern_graph_core::codec::Format;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use crate::learned::LearnedError;

const FORMAT: Format = Format {
    name: "a hypersphere model",
    magic: *b"ASTNHSPH",
    version: 2,
};

/// Two networks, trained or with their initial weights: what a [`Hypersphere`](super::Hypersphere) is fitted around.
///
/// [`HypersphereParams`](super::HypersphereParams) makes one. It is a [`Detector`](crate::Detector): fitting recalibrates
/// it on healthy data of the system at hand, and trains nothing. The bytes are what a guard is handed.
#[derive(Debug, Clone, PartialEq)]
pub struct HypersphereModel {
    kind: NodeKind,
    gnn: OneClass,
    mlp: OneClass,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    kind: NodeKind,
    /// Bytes of [`OneClass`].
    gnn: Vec<u8>,
    mlp: Vec<u8>,
}

impl HypersphereModel {
    /// Of two networks that were trained elsewhere on nodes of a kind: `gnn` on
    /// [`training_data`](super::HypersphereParams::training_data) of the graph, `mlp` on that of none.
    ///
    /// # Errors
    /// [`LearnedError::Encode`] for networks that take different features: they are compared on the same data.
    pub fn new(kind: NodeKind, gnn: OneClass, mlp: OneClass) -> Result<Self, LearnedError> {
        let (expected, got) = (gnn.features(), mlp.features());
        if expected.len() != got.len() {
            let (expected, got) = (expected.len(), got.len());
            return Err(EncodeError::FeatureCount { expected, got }.into());
        }
        let mut pairs = expected.iter().zip(got).enumerate();
        match pairs.find(|(_, (expected, got))| expected != got) {
            Some((index, (expected, got))) => Err(EncodeError::FeatureName {
                index,
                expected: expected.clone(),
                got: got.clone(),
            }
            .into()),
            None => Ok(Self { kind, gnn, mlp }),
        }
    }

    /// The model as bytes; [`from_bytes`](Self::from_bytes) gives back one that scores the same to the last bit,
    /// with or without libtorch.
    ///
    /// # Errors
    /// [`LearnedError::Network`] and [`LearnedError::File`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, LearnedError> {
        Ok(FORMAT.encode(&Stored {
            kind: self.kind,
            gnn: self.gnn.to_bytes()?,
            mlp: self.mlp.to_bytes()?,
        })?)
    }

    /// A model from [`to_bytes`](Self::to_bytes).
    ///
    /// # Errors
    /// [`LearnedError::File`] for bytes of another format or version, or damaged ones;
    /// [`LearnedError::Network`] for a damaged network in them, [`LearnedError::Encode`] for two
    /// networks that take different features.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LearnedError> {
        let stored: Stored = FORMAT.decode(bytes)?;
        let gnn = OneClass::from_bytes(&stored.gnn)?;
        let mlp = OneClass::from_bytes(&stored.mlp)?;
        Self::new(stored.kind, gnn, mlp)
    }

    /// Kind of the nodes that it scores.
    pub fn kind(&self) -> NodeKind {
        self.kind
    }

    /// The network that receives messages from neighbours; its report says how training went and where.
    pub fn gnn(&self) -> &OneClass {
        &self.gnn
    }

    /// The network that sees each node by itself.
    pub fn mlp(&self) -> &OneClass {
        &self.mlp
    }

    /// Radii of the trained network, of its untrained twin, and of the MLP.
    pub(super) fn radii(&self) -> [f64; 3] {
        let control = self.gnn.report().control_radius;
        [self.gnn.radius(), control, self.mlp.radius()]
    }
}

/// As [`to_bytes`](HypersphereModel::to_bytes).
impl Serialize for HypersphereModel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes = self.to_bytes().map_err(ser::Error::custom)?;
        bytes.serialize(serializer)
    }
}

/// As [`from_bytes`](HypersphereModel::from_bytes).
impl<'de> Deserialize<'de> for HypersphereModel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = Vec::<u8>::deserialize(deserializer)?;
        Self::from_bytes(&bytes).map_err(de::Error::custom)
    }
}
