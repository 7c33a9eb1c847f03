//! Choosing settings: folds of cross-validation and a grid search. Needs no libtorch.
//!
//! # Example
//!
//! Which threshold separates the two classes best?
//!
//! ```
//! use astern_gnn::search::{Grid, stratified_k_fold};
//!
//! let x = [0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9];
//! let labels = [0, 0, 0, 0, 1, 1, 1, 1];
//! let folds = stratified_k_fold(&labels, 4, 7)?;
//! let grid = Grid::new().axis("threshold", [0.25, 0.5, 0.75])?;
//!
//! let report = grid.search(&folds, |point, fold| {
//!     let threshold = point.number("threshold")?;
//!     let right = |&&n: &&u32| (x[n as usize] > threshold) == (labels[n as usize] == 1);
//!     let hits = fold.validation.iter().filter(right).count();
//!     Ok::<_, astern_gnn::search::SearchError>(hits as f64 / fold.validation.len() as f64)
//! })?;
//! let best = report.best().ok_or("no point has a score")?;
//! assert_eq!((best.point.number("threshold")?, best.mean), (0.5, 1.0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod fold;
mod grid;
mod report;

pub use error::SearchError;
pub use fold::{Fold, k_fold, stratified_k_fold};
pub use grid::{Grid, GridValue, Point};
pub use report::{GridReport, PointResult};
