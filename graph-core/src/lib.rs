//! The typed temporal graph of services that Astern works on, the records that it is made of,
//! and the values that cross the borders between Astern's crates.
//!
//! ```text
//! calls, samples, changes ──► GraphBuilder ──► TemporalGraph ──► Window [T, N, F]
//! ```
//!
//! Pure data and functions: no clock, no IO. Within the limits of [`GraphParams`], results never
//! depend on the order of arrival.
//!
//! ```
//! use std::time::Duration;
//! use astern_graph_core::{GraphBuilder, GraphParams, NodeKey, NodeKind, Sample, TimeRange, Timestamp};
//!
//! let cart = NodeKey::service("cart");
//! let start = Timestamp::from_secs(0);
//! let mut builder = GraphBuilder::new(GraphParams::default().step(Duration::from_secs(10)))?;
//! builder.extend([
//!     Sample::new(start, cart.clone(), "cpu_utilisation", 0.25).into(),
//!     Sample::new(Timestamp::from_secs(25), cart.clone(), "cpu_utilisation", 0.75).into(),
//! ]);
//!
//! let graph = builder.build();
//! let window = graph.window(NodeKind::Service, TimeRange::new(start, Timestamp::from_secs(30))?)?;
//! assert_eq!(window.values.dim(), (3, 1, 1));
//! assert_eq!(window.missing(), 1); // nothing was seen in the second step
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod builder;
mod call_summary;
mod cell;
pub mod codec;
mod diff;
mod edge;
mod error;
mod export;
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
mod time;
mod topology;
mod view;
mod window;

pub use ndarray;

pub use builder::GraphBuilder;
pub use call_summary::CallSummary;
pub use diff::{GraphDiff, Moved};
pub use edge::{EdgeKind, FaultFlow, Link, Subject};
pub use error::{CodecError, GraphError, MergeError, RestoreError};
pub use export::{EdgeLabels, ExportParams, Mark};
pub use graph::TemporalGraph;
pub use ingest::IngestReport;
pub use key::{KeyError, NodeId, NodeKey, NodeKind};
pub use name::{ChangeId, MetricName, Revision, SpanId};
pub use params::GraphParams;
pub use record::{
    Call, CallStatus, ChangeEvent, ChangeKind, ChangePhase, Party, Record, Reversibility, Sample,
};
pub use schema::{Feature, FeatureCatalogue, FeatureClass, Unit, Worse};
pub use share::TrafficShare;
pub use slice::{Slice, SliceBy};
pub use time::{TimeError, TimeRange, Timestamp};
pub use topology::{ChokePoint, Dominators, Neighbourhood, Towards};
pub use view::{
    ChangeSide, Rollout, SideOverTime, SideRule, Sides, WINDOW_STEPS_MAX, WINDOW_VALUES_MAX,
};
pub use window::{EdgeWindow, Row, SliceWindow, Window};
