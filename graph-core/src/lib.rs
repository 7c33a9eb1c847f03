#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod builder;
mod call_summary;
mod cell;
pub mod codec;
pub mod diff;
mod edge;
mod error;
pub mod export;
mod feature;
mod graph;
mod ingest;
mod key;
mod name;
mod params;
mod record;
pub mod schema;
mod share;
pub mod signal;
mod sketch;
mod slice;
mod store;
mod text;
mod time;
pub mod topology;
pub mod view;
mod window;

pub use ndarray;

pub use builder::{GraphBuilder, Loss};
pub use call_summary::CallSummary;
pub use edge::{EdgeKind, FaultFlow, Link, Subject};
pub use error::{CodecError, GraphError, MergeError, RestoreError};
pub use graph::TemporalGraph;
pub use ingest::IngestReport;
pub use key::{KeyError, NodeId, NodeKey, NodeKind};
pub use name::{ChangeId, MetricName, Revision, SpanId};
pub use params::GraphParams;
pub use record::{
    Artefact, BatchError, BoundError, Call, CallBatch, CallStatus, ChangeEvent, ChangeKind,
    ChangePhase, Dependency, Durations, Party, PlannedShare, Record, Reversibility, Sample,
    SampleSubject, Schedule, ScheduleError,
};
pub use share::TrafficShare;
pub use slice::{Slice, SliceBy};
pub use text::{Visible, visible};
pub use time::{TimeError, TimeRange, Timestamp};
pub use window::{EdgeWindow, Row, SliceWindow, Window};
