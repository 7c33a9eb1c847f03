//! Transfer entropy: how much the past of one series tells about the next value of another, beyond
//! that one's own past (Schreiber 2000). In nats.
//!
//! Every estimator is made from checked parameters and asked by the methods of [`Estimator`].

mod bins;
mod cholesky;
mod copula;
mod discrete;
mod embed;
mod error;
mod estimate;
mod gaussian;
mod kernel;
mod ksg;
mod lags;
mod neighbours;
mod pairs;
mod scale;
mod search;
mod significance;
mod stationary;
mod symbolic;

pub(crate) use pairs::on_threads;
pub(crate) use search::best_delay_of;

pub use bins::{equal_width_bins, quantile_bins};
pub use copula::{Copula, CopulaParams};
pub use discrete::{Correction, Discrete, DiscreteParams};
pub use embed::{Rows, Series, Value};
pub use error::TeError;
pub use estimate::{Estimate, Estimator, Information, Null};
pub use gaussian::{Gaussian, GaussianParams};
pub use kernel::{Kernel, KernelParams};
pub use ksg::{Ksg, KsgForm, KsgParams};
pub use lags::Lags;
pub use pairs::{Multiplicity, PairEstimate, Pairs};
pub use search::{BestDelay, Embedding, best_delay, best_prediction, best_storage};
pub use significance::Surrogates;
pub use stationary::{demeaned_by_regime, differenced};
pub use symbolic::{Symbolic, SymbolicParams};

#[cfg(test)]
mod tests {
    /// Independent values, near to normal.
    pub(super) fn noise(seed: u64, n: usize) -> Vec<f64> {
        let mut state = seed;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as f64 / f64::from(u32::MAX)
        };
        (0..n)
            .map(|_| (0..6).map(|_| next()).sum::<f64>())
            .collect()
    }
}
