//! A release's new instances against its old ones: is the new revision worse at the same time?

mod comparison;

pub use comparison::{ReleaseComparison, ReleaseParams};
