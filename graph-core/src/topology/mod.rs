//! What the shape of a system says: how far a fault reaches, in which order to undo, what all
//! requests pass. One question a file; all of them are methods of
//! [`TemporalGraph`](crate::TemporalGraph).
//!
//! Every answer depends on the graph alone, never on the order in which its edges came; ties are
//! broken by key. An id that the graph does not have reaches nothing and is reached by nothing. All
//! algorithms are iterative: a long chain of calls needs no deep stack.

mod articulation;
mod dominators;
mod feedback;
mod groups;
mod neighbourhood;
mod order;
mod reach;
mod walk;

pub use dominators::{ChokePoint, Dominators};
pub use neighbourhood::Neighbourhood;
pub use walk::Towards;
