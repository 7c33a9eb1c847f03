//! All release judges by name, for files of parameters.

use astern_graph_core::signal::Assessment;
use astern_graph_core::{ChangeEvent, TemporalGraph, TimeRange};
use astern_stats::ParamError;
use serde::{Deserialize, Serialize};

use super::{
    ArgoRollouts, ArgoRolloutsParams, Flagger, FlaggerParams, Kayenta, KayentaParams,
    ReleaseComparison, ReleaseJudge, ReleaseParams, SequentialComparison, SequentialParams,
    multiplicity,
};
use crate::ScoreError;

/// Parameters of any release judge, by its name: `{"comparison": {"alpha": 0.01}}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ReleaseJudgeParams {
    /// [`SequentialComparison`].
    Sequential(SequentialParams),
    /// [`ReleaseComparison`].
    Comparison(ReleaseParams),
    /// [`Kayenta`].
    Kayenta(KayentaParams),
    /// [`Flagger`].
    Flagger(FlaggerParams),
    /// [`ArgoRollouts`].
    ArgoRollouts(ArgoRolloutsParams),
}

impl Default for ReleaseJudgeParams {
    fn default() -> Self {
        Self::Sequential(SequentialParams::default())
    }
}

impl From<SequentialParams> for ReleaseJudgeParams {
    fn from(params: SequentialParams) -> Self {
        Self::Sequential(params)
    }
}

impl From<ReleaseParams> for ReleaseJudgeParams {
    fn from(params: ReleaseParams) -> Self {
        Self::Comparison(params)
    }
}

impl From<KayentaParams> for ReleaseJudgeParams {
    fn from(params: KayentaParams) -> Self {
        Self::Kayenta(params)
    }
}

impl From<FlaggerParams> for ReleaseJudgeParams {
    fn from(params: FlaggerParams) -> Self {
        Self::Flagger(params)
    }
}

impl From<ArgoRolloutsParams> for ReleaseJudgeParams {
    fn from(params: ArgoRolloutsParams) -> Self {
        Self::ArgoRollouts(params)
    }
}

impl ReleaseJudgeParams {
    /// Every judge with its default parameters.
    pub fn all() -> Vec<Self> {
        vec![
            Self::Sequential(SequentialParams::default()),
            Self::Comparison(ReleaseParams::default()),
            Self::Kayenta(KayentaParams::default()),
            Self::Flagger(FlaggerParams::default()),
            Self::ArgoRollouts(ArgoRolloutsParams::default()),
        ]
    }

    /// The name in files.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sequential(_) => "sequential",
            Self::Comparison(_) => "comparison",
            Self::Kayenta(_) => "kayenta",
            Self::Flagger(_) => "flagger",
            Self::ArgoRollouts(_) => "argo_rollouts",
        }
    }

    /// Whether the new side is compared with the old one. A judge that holds the new side against fixed limits finds no
    /// change within them, and has no number of calls that is too small to decide by.
    pub fn compares_sides(&self) -> bool {
        match self {
            Self::Sequential(_) | Self::Comparison(_) | Self::Kayenta(_) => true,
            Self::Flagger(_) | Self::ArgoRollouts(_) => false,
        }
    }

    /// Checks the parameters.
    ///
    /// # Errors
    /// [`ParamError`] for a parameter outside its rule.
    pub fn check(self) -> Result<AnyReleaseJudge, ParamError> {
        match self {
            Self::Sequential(params) => params.check().map(AnyReleaseJudge::Sequential),
            Self::Comparison(params) => params.check().map(AnyReleaseJudge::Comparison),
            Self::Kayenta(params) => params.check().map(AnyReleaseJudge::Kayenta),
            Self::Flagger(params) => params.check().map(AnyReleaseJudge::Flagger),
            Self::ArgoRollouts(params) => params.check().map(AnyReleaseJudge::ArgoRollouts),
        }
    }
}

/// Any release judge of the catalogue, with parameters that were checked.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum AnyReleaseJudge {
    /// New instances against old ones at every step.
    Sequential(SequentialComparison),
    /// New instances against old ones, pooled.
    Comparison(ReleaseComparison),
    /// The judge of Kayenta.
    Kayenta(Kayenta),
    /// The analysis of Flagger.
    Flagger(Flagger),
    /// The analysis of Argo Rollouts.
    ArgoRollouts(ArgoRollouts),
}

impl AnyReleaseJudge {
    /// Adjusts the assessments of all changes that it judged at one look for their number, so that of those found worse the share that
    /// makes nothing worse is as small on average as the level of one, however many are judged. Those that are not certain enough become
    /// inconclusive, or without data where their new side is silent. Only the sequential comparison can:
    /// the others have no e-values, or no probabilities at all, and theirs stay as they are.
    pub fn adjust<'a>(&self, assessments: impl IntoIterator<Item = &'a mut Assessment>) {
        if let Self::Sequential(judge) = self {
            let mut assessments: Vec<&mut Assessment> = assessments.into_iter().collect();
            multiplicity::control_discoveries(&mut assessments, judge.alpha());
        }
    }
}

impl ReleaseJudge for AnyReleaseJudge {
    fn judge(
        &self,
        graph: &TemporalGraph,
        change: &ChangeEvent,
        range: TimeRange,
        healthy: TimeRange,
    ) -> Result<Assessment, ScoreError> {
        match self {
            Self::Sequential(judge) => judge.judge(graph, change, range, healthy),
            Self::Comparison(judge) => judge.judge(graph, change, range, healthy),
            Self::Kayenta(judge) => judge.judge(graph, change, range, healthy),
            Self::Flagger(judge) => judge.judge(graph, change, range, healthy),
            Self::ArgoRollouts(judge) => judge.judge(graph, change, range, healthy),
        }
    }
}
