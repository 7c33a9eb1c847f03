//! Is one sample greater than another? Tests of two samples, each made for one look.
//!
//! | function | samples | alternative |
//! |---|---|---|
//! | [`mann_whitney_greater`] | values on each side | the new ones tend to be greater |
//! | [`mann_whitney_greater_counted`] | how often each value came on each side | the same |
//! | [`mann_whitney_shift`] | values on each side | no test: by how much, with its interval |
//! | [`fisher_greater`] | hits among trials on each side | a hit is likelier on the new side |
//!
//! What may be looked at after every observation is in [`sequential`](crate::sequential).

mod fisher;
mod mann_whitney;
mod shift;

pub use fisher::fisher_greater;
pub use mann_whitney::{mann_whitney_greater, mann_whitney_greater_counted};
pub use shift::{Shift, mann_whitney_shift};
