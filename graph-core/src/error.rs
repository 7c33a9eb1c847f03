//! Errors of a graph, of merging and of files, one enum per family of operations.

use std::time::Duration;

use astern_stats::ParamError;

use crate::edge::EdgeKind;
use crate::key::{NodeKey, NodeKind};
use crate::slice::SliceBy;
use crate::time::{TimeRange, Timestamp};

/// A question that a graph cannot answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// The graph has no node of this kind.
    #[error("the graph has no node of kind {kind}")]
    NoNodes {
        /// The kind asked for.
        kind: NodeKind,
    },
    /// The graph has no edge of this kind.
    #[error("the graph has no edge of kind {kind}")]
    NoEdges {
        /// The kind asked for.
        kind: EdgeKind,
    },
    /// Nothing distinguishes the traffic of this service in this way.
    #[error("no call that {service} received states its {by}")]
    NoSlices {
        /// The service asked for.
        service: NodeKey,
        /// By what its traffic was to be distinguished.
        by: SliceBy,
    },
    /// No such node.
    #[error("the graph has no node {key}")]
    UnknownNode {
        /// The key asked for.
        key: NodeKey,
    },
    /// No such edge.
    #[error("the graph has no edge {from} {kind} {to}")]
    UnknownEdge {
        /// Source asked for.
        from: NodeKey,
        /// Target asked for.
        to: NodeKey,
        /// Kind asked for.
        kind: EdgeKind,
    },
    /// The range holds no instant: it ends where it starts, or before.
    #[error("the range from {} to {} is empty", range.start, range.end)]
    EmptyRange {
        /// The range asked for.
        range: TimeRange,
    },
    /// The range would need more steps than a window may have.
    #[error("{range} spans {steps} steps; a window has at most {limit}")]
    TooLong {
        /// The range asked for.
        range: TimeRange,
        /// Steps in it.
        steps: u64,
        /// Greatest number of steps.
        limit: u64,
    },
    /// The window would have more values (steps · rows · features) than a window may have.
    #[error(
        "a window of kind {kind} over {range} has {values} values; a window has at most {limit}"
    )]
    TooLarge {
        /// The kind of rows asked for.
        kind: String,
        /// The range asked for.
        range: TimeRange,
        /// Values in it.
        values: u64,
        /// Greatest number of values.
        limit: u64,
    },
    /// The split point leaves one side empty.
    #[error("splitting at {at} leaves no step on one side")]
    EmptySide {
        /// Where it was to be split.
        at: Timestamp,
    },
}

/// Two builders that cannot become one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MergeError {
    /// They have different parameters.
    #[error("the two builders have different parameters")]
    Params,
    /// Both hold the same spans, so their calls would count twice.
    #[error("{spans} spans are in both builders; give each span to one of them")]
    SameSpans {
        /// How many.
        spans: usize,
    },
    /// Together they hold more than a limit allows.
    #[error("together the two builders hold {count} {what}; the limit is {limit}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there would be.
        count: usize,
        /// Greatest number.
        limit: u32,
    },
}

/// Bytes are not a file of the expected format.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The first bytes are not the format's magic.
    #[error("not {expected}: the file starts with other bytes")]
    WrongMagic {
        /// What was expected.
        expected: &'static str,
    },
    /// The version is not one that this library reads.
    #[error("{format} version {found} cannot be read; this library reads version {supported}")]
    WrongVersion {
        /// Name of the format.
        format: &'static str,
        /// Version in the file.
        found: u32,
        /// Version that can be read.
        supported: u32,
    },
    /// The body is not what was written, or does not decode.
    #[error("{format} is damaged: {cause}")]
    Damaged {
        /// Name of the format.
        format: &'static str,
        /// What the check or the decoder reports.
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// A stored state cannot be taken over.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The bytes cannot be read.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// A parameter of the new holder is outside its rule.
    #[error(transparent)]
    Param(#[from] ParamError),
    /// The state was summed up by steps of another length.
    #[error("the stored steps are {stored:?} long, the parameters say {given:?}")]
    Step {
        /// Length of a stored step.
        stored: Duration,
        /// Length of a step by the parameters.
        given: Duration,
    },
}
