//! Why folds or a grid cannot be made or read.

/// Folds or a grid that cannot be.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// More folds than items, or fewer than two.
    #[error("{folds} folds of {items} items; there must be 2 to {items}")]
    Folds {
        /// Folds asked for.
        folds: usize,
        /// Items there are.
        items: usize,
    },
    /// More items than can be numbered.
    #[error("{items} items, at most {limit} can be numbered")]
    TooManyItems {
        /// Items given.
        items: usize,
        /// Largest number of items.
        limit: usize,
    },
    /// A class is too small to be in every fold.
    #[error("class {class} has {items} items for {folds} folds")]
    SmallClass {
        /// The class.
        class: u32,
        /// Items of the class.
        items: usize,
        /// Folds asked for.
        folds: usize,
    },
    /// A name is given twice, or has no value.
    #[error("axis `{name}` is given twice or has no value")]
    Axis {
        /// Name of the axis.
        name: String,
    },
    /// More points than the limit.
    #[error("the grid has more than {limit} points")]
    TooManyPoints {
        /// Largest number of points.
        limit: usize,
    },
    /// A point has no such value, or one of another type.
    #[error("the point has no {wanted} named `{name}`")]
    Value {
        /// Name that was asked for.
        name: String,
        /// What was asked for: `number`, `whole number`, `text`.
        wanted: &'static str,
    },
}
