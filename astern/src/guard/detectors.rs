//! The detectors of a guard: those that its parameters name, and the user's own.

use std::collections::BTreeSet;
use std::sync::Arc;

use astern_detect::catalogue::{AnyDetector, NoDetector};
use astern_detect::pipeline::{Pipeline, PipelineParams};

use astern_graph_core::codec::fingerprint;

use super::params::GuardParams;
use crate::error::Error;

/// A detector of the user's own, for a [`Guard`](crate::Guard), beside those of its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnDetector<D = NoDetector> {
    name: Arc<str>,
    detector: D,
    pipeline: PipelineParams,
}

impl<D> OwnDetector<D> {
    /// A detector under a name of its own, with the default pipeline.
    pub fn new(name: impl Into<Arc<str>>, detector: D) -> Self {
        Self {
            name: name.into(),
            detector,
            pipeline: PipelineParams::default(),
        }
    }

    /// With other parameters of how anomalies are made of its scores.
    #[must_use]
    pub fn pipeline(mut self, pipeline: PipelineParams) -> Self {
        self.pipeline = pipeline;
        self
    }
}

/// A detector that was checked, with its pipeline, under the name by which its fitted form is stored.
#[derive(Debug)]
pub(super) struct Detection<D> {
    pub(super) name: Arc<str>,
    pub(super) detector: AnyDetector<D>,
    pub(super) pipeline: Pipeline,
    /// Of the parameters and the model, so that a stored fit is not used under others.
    pub(super) fingerprint: u32,
}

/// All detectors of a guard, in the order of their names.
pub(super) fn detections<D>(
    params: &GuardParams,
    own: impl IntoIterator<Item = OwnDetector<D>>,
) -> Result<Vec<Detection<D>>, Error> {
    let mut all = Vec::new();
    for (name, detection) in &params.detectors {
        let (detector, pipeline) = detection.clone().check(&params.models)?;
        let model = detection.model().and_then(|name| params.models.get(name));
        all.push(Detection {
            name: name.clone(),
            fingerprint: fingerprint(&(detection, model))?,
            detector,
            pipeline,
        });
    }
    for OwnDetector {
        name,
        detector,
        pipeline,
    } in own
    {
        all.push(Detection {
            name,
            fingerprint: fingerprint(&pipeline)?,
            detector: AnyDetector::Own(detector),
            pipeline: pipeline.check()?,
        });
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    let mut names = BTreeSet::new();
    for Detection { name, pipeline, .. } in &all {
        if !names.insert(name) {
            let name = name.clone();
            return Err(Error::SameDetector { name });
        }
        params.covers(pipeline.least_steps())?;
    }
    if all.is_empty() {
        return Err(Error::NoDetector);
    }
    Ok(all)
}
