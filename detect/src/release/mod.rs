//! Is the new revision of a release worse than the old one at the same time?
//!
//! | judge | method | name in files |
//! |---|---|---|
//! | [`SequentialComparison`] (default) | shares of failed, refused and slow calls of new against old instances, step by step, by e-values; power and silence | `sequential` |
//! | [`ReleaseComparison`] | new instances against old ones: Fisher's exact test of failed calls, Mann-Whitney of latency | `comparison` |
//! | [`Kayenta`] (control) | values per step of new against old: the interval of the Mann-Whitney shift, as Kayenta's judge | `kayenta` |
//! | [`Flagger`] (control) | the new side alone: failed checks of fixed limits in total, as Flagger's analysis | `flagger` |
//! | [`ArgoRollouts`] (control) | the new side alone: measurements by fixed conditions, as an analysis of Argo Rollouts | `argo_rollouts` |

mod argo;
mod catalogue;
mod comparison;
mod flagger;
mod kayenta;
mod limits;
mod multiplicity;
mod sequential;
mod sides;

pub use argo::{ArgoRollouts, ArgoRolloutsParams};
pub use catalogue::{AnyReleaseJudge, ReleaseJudgeParams};
pub use comparison::{ReleaseComparison, ReleaseParams};
pub use flagger::{Flagger, FlaggerParams};
pub use kayenta::{Kayenta, KayentaParams};
pub use sequential::{SequentialComparison, SequentialParams};

use astern_graph_core::signal::Assessment;
use astern_graph_core::{ChangeEvent, TemporalGraph, TimeRange};

use crate::ScoreError;

/// Judges one change by the two sides of it: what it has reached, and what it has not.
pub trait ReleaseJudge {
    /// Judges a change over `range`, which begins with the change or later. `healthy` is a range in which the system was
    /// healthy; what of it lies before the change may stand in for an old side that is missing.
    ///
    /// The verdict is [`NoData`] where the new side was not seen, [`Inconclusive`] where too little was seen to find
    /// the least effect that matters. The default judge never says [`Healthy`] without the power to find it; the others
    /// say what it means of them. A judge that does not [compare sides] decides by any number of calls, and takes a new
    /// side without calls for a bad one where its original does. Anomalies carry the score from which severity counts.
    ///
    /// [compare sides]: ReleaseJudgeParams::compares_sides
    /// [`NoData`]: astern_graph_core::signal::Verdict::NoData
    /// [`Inconclusive`]: astern_graph_core::signal::Verdict::Inconclusive
    /// [`Healthy`]: astern_graph_core::signal::Verdict::Healthy
    ///
    /// # Errors
    /// [`ScoreError`] when the graph has no such range or the judge cannot read it.
    fn judge(
        &self,
        graph: &TemporalGraph,
        change: &ChangeEvent,
        range: TimeRange,
        healthy: TimeRange,
    ) -> Result<Assessment, ScoreError>;
}
