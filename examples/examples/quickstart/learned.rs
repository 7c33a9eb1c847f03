//! The learned detector's scores, where the example was built with libtorch.

use astern::graph::NodeKey;
use astern_examples::{Incident, Sample};

/// Distance from the centre in the last step, in each service's own healthy standard deviations.
#[derive(Debug, Clone)]
pub(crate) struct Learned {
    pub(crate) key: NodeKey,
    pub(crate) trained: f64,
    pub(crate) untrained: f64,
    pub(crate) mlp: f64,
}

/// Trains on the healthy part and scores the last step.
#[cfg(feature = "torch")]
pub(crate) fn scores(
    sample: &Sample,
    incident: &Incident,
) -> Result<Option<Vec<Learned>>, Box<dyn std::error::Error>> {
    use astern::detect::learned::HypersphereParams;
    use astern::detect::pipeline::PipelineParams;
    use astern::graph::{NodeKind, TimeRange};

    let graph = &incident.graph;
    let Some(extent) = graph.extent() else {
        return Ok(None);
    };
    let healthy = TimeRange::new(extent.start, sample.healthy_until)?;
    let later = TimeRange::new(sample.healthy_until, extent.end)?;
    let window = |range| graph.window(NodeKind::Service, range);
    let model = HypersphereParams::default().train(graph, &window(healthy)?)?;
    let pipeline = PipelineParams::default().check()?;
    let fitted = pipeline.fit(&model, graph, healthy)?;
    let later = window(later)?;
    let scores = fitted.detector().deviations(graph, &later)?;
    let last = later.len().saturating_sub(1);
    let rows = later.rows.iter().enumerate().map(|(row, key)| Learned {
        key: key.clone(),
        trained: scores.trained[[last, row]],
        untrained: scores.untrained[[last, row]],
        mlp: scores.mlp[[last, row]],
    });
    Ok(Some(rows.collect()))
}

/// Without libtorch there is nothing to train with.
#[cfg(not(feature = "torch"))]
#[expect(
    clippy::unnecessary_wraps,
    reason = "the same signature as with libtorch"
)]
pub(crate) fn scores(
    _: &Sample,
    _: &Incident,
) -> Result<Option<Vec<Learned>>, Box<dyn std::error::Error>> {
    Ok(None)
}

/// One sentence on what the learned scores are, or why they are missing.
pub(crate) fn note(present: bool) -> &'static str {
    if present {
        "robust z decides. The learned distances stand beside it, in healthy standard deviations of \
         each service: of the trained network, of the same untrained, and of an MLP without a graph."
    } else {
        "The learned scores are missing: this was built without libtorch. cargo xtask demo sets \
         it up where it can be had."
    }
}
