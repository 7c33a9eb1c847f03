//! What the symptom would be if the cause were normal.

use astern_graph_core::TemporalGraph;
use astern_graph_core::schema::Unit;
use astern_graph_core::signal::{Counterfactual, Evidence, Hop};
use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::incident::Incident;

/// Fewest healthy steps with both values.
const STEPS_MIN: usize = 20;
/// Tail on each side of the 90 % interval.
const TAIL: f64 = 0.05;
/// Level of the slope's own test.
const ALPHA: f64 = 0.05;

/// Least squares of the symptom on the cause over the healthy steps, `y = a + b x + e`; then, with the
/// cause back at its healthy median, `y* = y - b (x - x_healthy)`: what else makes the symptom high
/// stays (abduction, action and prediction of a linear structural model; Pearl 2009, 7.1).
/// What has a unit is cut off at 0. The interval is that of the slope and of one residual: `t · √((x - x_healthy)² s_b² + s²)`.
///
/// `None` where cause and symptom are one node, or there are no values to compare; the fallback
/// where the slope is not known from the healthy steps.
pub(super) fn of(
    graph: &TemporalGraph,
    incident: &Incident,
    hops: &[Hop],
) -> Option<Result<Counterfactual, Evidence>> {
    let (cause, symptom) = (hops.first()?, hops.last()?);
    if hops.len() < 2 || cause.node == symptom.node || symptom.metric != incident.symptom.metric {
        return None;
    }
    let (x, x_healthy) = cause.observed.zip(cause.healthy)?;
    let y = symptom.observed?;
    let series = |hop: &Hop| graph.series(&hop.node, &hop.metric, incident.healthy).ok();
    let line = Line::fit(&series(cause)?, &series(symptom)?);
    let found = line.and_then(|line| {
        let away = x - x_healthy;
        let expected = y - line.slope * away;
        let half = line.t * (away * away * line.slope_variance + line.residual_variance).sqrt();
        let named = (symptom.metric.clone(), symptom.unit);
        // No line knows that times, rates and shares do not fall below 0.
        let least = if symptom.unit == Unit::Other {
            f64::NEG_INFINITY
        } else {
            0.0
        };
        let bounds = [expected - half, expected, expected + half].map(|x| x.max(least));
        half.is_finite()
            .then(|| Counterfactual::new(cause.node.clone(), named, y, bounds.into(), line.steps))
            .ok_or("the healthy steps do not vary")
    });
    Some(found.map_err(|reason| Evidence::Fallback {
        wanted: "what the symptom would be without the cause".into(),
        used: "no figure".into(),
        reason: reason.into(),
    }))
}

#[derive(Debug)]
struct Line {
    slope: f64,
    slope_variance: f64,
    residual_variance: f64,
    /// Quantile of Student's distribution for the interval.
    t: f64,
    steps: usize,
}

impl Line {
    /// Only a slope that differs from 0 beyond chance: otherwise healthy steps say nothing of how
    /// the symptom follows the cause.
    fn fit(x: &[f64], y: &[f64]) -> Result<Self, &'static str> {
        let pairs: Vec<(f64, f64)> = x
            .iter()
            .copied()
            .zip(y.iter().copied())
            .filter(|(x, y)| x.is_finite() && y.is_finite())
            .collect();
        if pairs.len() < STEPS_MIN {
            return Err("too few healthy steps with both");
        }
        let n = pairs.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / n;
        let (mx, my) = (mean(|p| p.0), mean(|p| p.1));
        let sum = |of: &dyn Fn(f64, f64) -> f64| -> f64 {
            pairs.iter().map(|(x, y)| of(x - mx, y - my)).sum()
        };
        let (xx, xy, yy) = (sum(&|x, _| x * x), sum(&|x, y| x * y), sum(&|_, y| y * y));
        if xx <= 0.0 || yy <= 0.0 {
            return Err("the healthy steps do not vary");
        }
        let slope = xy / xx;
        let residual_variance = ((yy - slope * xy) / (n - 2.0)).max(0.0);
        let slope_variance = residual_variance / xx;
        let student =
            StudentsT::new(0.0, 1.0, n - 2.0).map_err(|_| "too few healthy steps with both")?;
        if slope.abs() <= student.inverse_cdf(1.0 - ALPHA / 2.0) * slope_variance.sqrt() {
            return Err("the symptom does not follow the cause while healthy");
        }
        Ok(Self {
            slope,
            slope_variance,
            residual_variance,
            t: student.inverse_cdf(1.0 - TAIL),
            steps: pairs.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_that_of_least_squares() {
        // y = 2x + 1 with residuals 1, -1, -1, 1 in turn, which are orthogonal to x and sum to 0.
        let x: Vec<f64> = (0..40).map(f64::from).collect();
        let off = |i: usize| if matches!(i % 4, 0 | 3) { 1.0 } else { -1.0 };
        let y: Vec<f64> = x
            .iter()
            .enumerate()
            .map(|(i, x)| 2.0 * x + 1.0 + off(i))
            .collect();
        let line = Line::fit(&x, &y).unwrap();
        assert!((line.slope - 2.0).abs() < 1e-9, "{line:?}");
        assert!((line.residual_variance - 40.0 / 38.0).abs() < 1e-9);
        assert!((line.slope_variance - 40.0 / 38.0 / 5_330.0).abs() < 1e-9);
        // Student's t with 38 degrees of freedom: .95 quantile 1.685954.
        assert!((line.t - 1.685_954).abs() < 1e-5, "{}", line.t);
    }

    #[test]
    fn too_little_for_a_figure_is_reported() {
        let rising: Vec<f64> = (0..40).map(f64::from).collect();
        let noise: Vec<f64> = (0..40_u32).map(|i| f64::from(i * i % 7)).collect();
        let gaps: Vec<f64> = (0..40)
            .map(|i| if i < 25 { f64::NAN } else { f64::from(i) })
            .collect();
        assert!(
            Line::fit(&rising, &gaps)
                .unwrap_err()
                .starts_with("too few")
        );
        assert!(
            Line::fit(&[1.0; 40], &rising)
                .unwrap_err()
                .ends_with("vary")
        );
        assert!(Line::fit(&rising, &noise).unwrap_err().ends_with("healthy"));
    }
}
