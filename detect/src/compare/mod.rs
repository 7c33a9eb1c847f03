//! A release's new instances against its old ones: is the new revision worse at the same time?

mod mann_whitney;
mod proportion;
mod release;

pub use mann_whitney::mann_whitney_greater;
pub use proportion::fisher_greater;
pub use release::{ReleaseComparison, ReleaseParams};
