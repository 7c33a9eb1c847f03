//! Distances in the maximum norm: who is near, and how many are near in fewer dimensions.
//!
//! Nearest neighbours come from a k-d tree over all columns. Counts do not: all the subspaces that
//! are counted in hold the target's past, so the rows that can count are one range of the rows sorted
//! by its first column, and a range of ranks in each other column. Scanning that range over 16-bit
//! ranks is several times faster than a tree up to some hundred thousand rows.

mod column;
mod strip;
mod tree;

pub(super) use column::Column;
pub(super) use strip::{Bound, Strip};
pub(super) use tree::{Nearest, Tree};
