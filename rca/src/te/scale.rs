//! Columns with mean 0 and variance 1.

use super::error::TeError;

/// A column with mean 0 and variance 1.
#[derive(Debug)]
pub(super) struct Scaled {
    pub(super) values: Vec<f64>,
    /// Standard deviation in units of `unit`; the product of both may overflow.
    deviation: f64,
    unit: f64,
}

impl Scaled {
    /// The ratio of the deviations that two columns had.
    pub(super) fn deviation_over(&self, other: &Self) -> f64 {
        (self.deviation / other.deviation) * (self.unit / other.unit)
    }
}

/// The column less its mean and over its standard deviation (with N - 1); an error for a constant
/// one.
pub(super) fn standardised(column: &[f64]) -> Result<Vec<f64>, TeError> {
    scaled(column).map(|column| column.values)
}

/// [`standardised`], with the deviation.
pub(super) fn scaled(column: &[f64]) -> Result<Scaled, TeError> {
    let peak = column.iter().fold(0.0_f64, |peak, x| peak.max(x.abs()));
    // Squares of very great or small values would over- or underflow.
    let scale = if (1e-100..1e100).contains(&peak) {
        1.0
    } else if peak > 0.0 {
        peak
    } else {
        return Err(TeError::Degenerate);
    };
    let n = column.len() as f64;
    let mut column: Vec<f64> = column.iter().map(|x| x / scale).collect();
    let mean = column.iter().sum::<f64>() / n;
    for x in &mut column {
        *x -= mean;
    }
    let sd = (column.iter().map(|x| x * x).sum::<f64>() / (n - 1.0)).sqrt();
    // Rounding noise of a constant column must not count as variation.
    if sd.is_nan() || sd <= 1e-12 * peak / scale {
        return Err(TeError::Degenerate);
    }
    for x in &mut column {
        *x /= sd;
    }
    Ok(Scaled {
        values: column,
        deviation: sd,
        unit: scale,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_scale_is_standardised_and_constants_are_refused() {
        for scale in [1e-300, 1e-20, 1.0, 1e20, 1e300] {
            let column = standardised(&[scale, 2.0 * scale, 3.0 * scale]).unwrap();
            let off = column
                .iter()
                .zip([-1.0, 0.0, 1.0])
                .map(|(a, b)| (a - b).abs());
            assert!(off.sum::<f64>() < 1e-12, "{column:?}");
        }
        for constant in [
            vec![],
            vec![1.0],
            vec![0.0; 5],
            vec![0.1; 7],
            vec![1e300; 3],
        ] {
            assert_eq!(standardised(&constant), Err(TeError::Degenerate));
        }
    }
}
