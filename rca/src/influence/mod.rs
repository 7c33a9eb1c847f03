//! How strongly one node's past drives another's next step: on one edge, and on all.

mod blend;
mod edge;
mod graph;

pub use blend::BlendParams;
pub use edge::{Influence, influence};
pub use graph::{
    InfluenceEdge, InfluenceError, InfluenceGraph, InfluenceMethod, InfluenceParams, InfluenceScope,
};
