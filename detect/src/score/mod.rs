//! Scorers: how far from healthy is a value? One file each; higher is worse.

mod robust_z;

pub use robust_z::{Level, RobustZ, RobustZParams};
