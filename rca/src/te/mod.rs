//! Transfer entropy: how much the past of one series tells about the next value of another, beyond
//! that one's own past (Schreiber 2000). In nats. One file per estimator.

mod gaussian;

pub use gaussian::{GaussianTe, GaussianTeParams, TeError};
