//! The information-theoretic anomaly score.

use astern_stats::order::sorted_finite;
use astern_stats::robust;

use crate::candidates::{Candidate, HEALTHY_MIN};

/// How surprising the abnormal values are, in nats.
///
/// `-ln((1 + #{n healthy: d(x_n) >= d(x)}) / (1 + N))` with `d(x) = |x - median|`, the greatest over
/// the abnormal steps: 0 for the median itself, `ln(1 + N)` beyond all that was seen. `O(T log T)`.
pub(super) fn information(series: &Candidate) -> Option<f64> {
    let median = robust::median(&series.healthy)?;
    let off = |values: &[f64]| {
        values
            .iter()
            .map(|x| (x - median).abs())
            .collect::<Vec<_>>()
    };
    let distances = sorted_finite(&off(&series.healthy));
    if distances.len() < HEALTHY_MIN {
        return None;
    }
    let farthest = robust::max(&off(&series.abnormal))?;
    let as_far = distances.len() - distances.partition_point(|d| *d < farthest);
    let share = (1 + as_far) as f64 / (1 + distances.len()) as f64;
    Some(-share.ln())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::candidates::tests::series;
    use astern_graph_core::schema::Worse;

    #[test]
    fn surprise_is_the_share_of_healthy_values_as_far_off() {
        // Distances from the median 5: 4 3 2 1 0 1 2 3 4.
        let healthy = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];
        let score = |abnormal: &[f64]| information(&series(Worse::Up, &healthy, abnormal)).unwrap();
        // Of the nine, 2 are as far off as 1.5 is (3.5), 4 as far as 3.
        assert!((score(&[5.0, 1.5]) - (10.0_f64 / 3.0).ln()).abs() < 1e-12);
        assert!((score(&[8.0, 5.0]) - 2.0_f64.ln()).abs() < 1e-12);
        assert!((score(&[-80.0]) - 10.0_f64.ln()).abs() < 1e-12);
        assert!(score(&[5.0]).abs() < 1e-12);
        assert!(information(&series(Worse::Up, &healthy[..4], &[1.0])).is_none());
        assert!(information(&series(Worse::Up, &healthy, &[f64::NAN])).is_none());
    }
}
