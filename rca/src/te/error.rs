//! Why an information could not be estimated.

use astern_stats::ParamError;

/// A transfer entropy, or another information, could not be estimated.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TeError {
    /// A parameter is outside its rule.
    #[error(transparent)]
    Param(#[from] ParamError),
    /// Two series differ in length.
    #[error("a series of the {role} has {len} values, the target {target_len}")]
    Lengths {
        /// Whose series: `source`, `target` or `given`.
        role: &'static str,
        /// Its length.
        len: usize,
        /// Length of the target's first series.
        target_len: usize,
    },
    /// Too few complete samples.
    #[error("{have} complete samples; at least {need} are needed")]
    TooFew {
        /// Samples there are.
        have: usize,
        /// Samples needed.
        need: usize,
    },
    /// A series does not vary, or the target is a function of what is known of it: its transfer
    /// entropy would be 0/0 or infinite.
    #[error("a series is constant, or the target is determined by the others")]
    Degenerate,
    /// A pair names a series that is not there.
    #[error("there is no series {index}")]
    UnknownSeries {
        /// The index given.
        index: usize,
    },
    /// No candidate of a search could be estimated.
    #[error("none of {tried} candidates could be estimated")]
    NoCandidate {
        /// Candidates there were.
        tried: usize,
    },
}
