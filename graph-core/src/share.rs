//! Shares of traffic.

use std::fmt;

use serde::{Deserialize, Serialize};

use astern_stats::ParamError;
use astern_stats::param::in_range;

/// Share of a service's traffic, in basis points: hundredths of a per cent, 0 to 10,000.
///
/// A whole number, so that two shares are either equal or not, and platforms that count in per
/// cent, per mille or weights can be served without rounding twice.
///
/// ```
/// use astern_graph_core::TrafficShare;
/// assert_eq!(TrafficShare::percent(5)?.to_string(), "5 %");
/// assert_eq!(TrafficShare::basis_points(250)?.to_string(), "2.5 %");
/// assert!(TrafficShare::basis_points(10_001).is_err());
/// # Ok::<(), astern_stats::ParamError>(())
/// ```
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(into = "u16", try_from = "u16")]
pub struct TrafficShare(u16);

impl TrafficShare {
    /// None of the traffic.
    pub const ZERO: Self = Self(0);
    /// All of the traffic.
    pub const FULL: Self = Self(10_000);

    /// From basis points.
    ///
    /// # Errors
    /// [`ParamError::OutOfRange`] above 10,000.
    pub fn basis_points(points: u16) -> Result<Self, ParamError> {
        let full = f64::from(Self::FULL.0);
        in_range(
            "traffic share in basis points",
            f64::from(points),
            0.0,
            full,
        )?;
        Ok(Self(points))
    }

    /// From per cent.
    ///
    /// # Errors
    /// [`ParamError::OutOfRange`] above 100.
    pub fn percent(percent: u8) -> Result<Self, ParamError> {
        in_range("traffic share in per cent", f64::from(percent), 0.0, 100.0)?;
        Ok(Self(100 * u16::from(percent)))
    }

    /// In basis points.
    pub fn as_basis_points(self) -> u16 {
        self.0
    }

    /// As a fraction, 0 to 1.
    pub fn fraction(self) -> f64 {
        f64::from(self.0) / f64::from(Self::FULL.0)
    }
}

impl From<TrafficShare> for u16 {
    fn from(share: TrafficShare) -> Self {
        share.0
    }
}

impl TryFrom<u16> for TrafficShare {
    type Error = ParamError;

    fn try_from(points: u16) -> Result<Self, ParamError> {
        Self::basis_points(points)
    }
}

impl fmt::Display for TrafficShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{} %", f64::from(self.0) / 100.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_per_cent_is_all() {
        assert_eq!(TrafficShare::percent(100), Ok(TrafficShare::FULL));
        assert_eq!(TrafficShare::percent(0), Ok(TrafficShare::ZERO));
        assert!(TrafficShare::percent(101).is_err());
    }

    #[test]
    fn a_share_above_all_is_refused_in_files_too() {
        assert!(serde_json::from_str::<TrafficShare>("10001").is_err());
        let full = serde_json::from_str::<TrafficShare>("10000").unwrap();
        assert_eq!(
            (full, full.fraction().to_string()),
            (TrafficShare::FULL, "1".to_owned())
        );
    }
}
