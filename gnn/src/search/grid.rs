//! Every combination of some values, tried in a fixed order.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::report::{GridReport, PointResult};
use super::{Fold, SearchError};

/// Largest number of points in a grid.
const MAX_POINTS: usize = 1_000_000;

/// A value of a setting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum GridValue {
    /// A number.
    Number(f64),
    /// A name.
    Text(String),
}

impl From<f64> for GridValue {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<u32> for GridValue {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<&str> for GridValue {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl fmt::Display for GridValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// One value of each axis. `Display` gives `name=value` pairs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point(Vec<(String, GridValue)>);

impl Point {
    /// The value of this name.
    pub fn get(&self, name: &str) -> Option<&GridValue> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value)
    }

    /// The number of this name.
    ///
    /// # Errors
    ///
    /// [`SearchError::Value`] when there is none.
    pub fn number(&self, name: &str) -> Result<f64, SearchError> {
        match self.get(name) {
            Some(GridValue::Number(number)) => Ok(*number),
            _ => Err(absent(name, "number")),
        }
    }

    /// The whole number of this name.
    ///
    /// # Errors
    ///
    /// [`SearchError::Value`] when there is none, or it is negative, broken or above `u32::MAX`.
    pub fn count(&self, name: &str) -> Result<usize, SearchError> {
        let number = self.number(name)?;
        let whole = number.fract().abs() <= 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
        if !whole {
            return Err(absent(name, "whole number"));
        }
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a whole number from 0 to u32::MAX"
        )]
        Ok(number as usize)
    }

    /// The text of this name.
    ///
    /// # Errors
    ///
    /// [`SearchError::Value`] when there is none.
    pub fn text(&self, name: &str) -> Result<&str, SearchError> {
        match self.get(name) {
            Some(GridValue::Text(text)) => Ok(text),
            _ => Err(absent(name, "text")),
        }
    }
}

fn absent(name: &str, wanted: &'static str) -> SearchError {
    let name = name.to_owned();
    SearchError::Value { name, wanted }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, value)) in self.0.iter().enumerate() {
            let gap = if i > 0 { " " } else { "" };
            write!(f, "{gap}{name}={value}")?;
        }
        Ok(())
    }
}

/// Named values of which every combination is tried; the last axis changes fastest.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Grid {
    axes: Vec<(String, Vec<GridValue>)>,
}

impl Grid {
    /// A grid without axes: one point without values.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an axis.
    ///
    /// # Errors
    ///
    /// [`SearchError::Axis`] for a name that is there or no value, [`SearchError::TooManyPoints`]
    /// above a million points.
    pub fn axis<V: Into<GridValue>>(
        mut self,
        name: &str,
        values: impl IntoIterator<Item = V>,
    ) -> Result<Self, SearchError> {
        let values: Vec<GridValue> = values.into_iter().map(Into::into).collect();
        if values.is_empty() || self.axes.iter().any(|(known, _)| known == name) {
            return Err(SearchError::Axis { name: name.into() });
        }
        let n_points = self.n_points().checked_mul(values.len());
        if n_points.is_none_or(|n| n > MAX_POINTS) {
            return Err(SearchError::TooManyPoints { limit: MAX_POINTS });
        }
        self.axes.push((name.into(), values));
        Ok(self)
    }

    /// Number of points: the product of the lengths of the axes.
    pub fn n_points(&self) -> usize {
        self.axes.iter().map(|(_, values)| values.len()).product()
    }

    /// Every point, in order.
    pub fn points(&self) -> impl Iterator<Item = Point> {
        (0..self.n_points()).map(|mut index| {
            let mut point = Vec::with_capacity(self.axes.len());
            for (name, values) in self.axes.iter().rev() {
                point.push((name.clone(), values[index % values.len()].clone()));
                index /= values.len();
            }
            point.reverse();
            Point(point)
        })
    }

    /// Scores every point on every fold, point by point; greater scores are better.
    ///
    /// `NaN` says that there is no score, as after a divergence: such a point is never the best.
    ///
    /// # Errors
    ///
    /// The first error of `score`, which ends the search.
    ///
    /// # Complexity
    ///
    /// One call of `score` for each point and fold, one after the other.
    pub fn search<E>(
        &self,
        folds: &[Fold],
        mut score: impl FnMut(&Point, &Fold) -> Result<f64, E>,
    ) -> Result<GridReport, E> {
        let mut results = Vec::with_capacity(self.n_points());
        for point in self.points() {
            let scores = folds.iter().map(|fold| score(&point, fold));
            let scores = scores.collect::<Result<Vec<f64>, E>>()?;
            results.push(PointResult::new(point, scores));
        }
        Ok(GridReport { results })
    }
}
