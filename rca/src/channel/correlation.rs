//! What worsens with the symptom.

use astern_graph_core::schema::Worse;
use astern_stats::correlation::pearson;
use astern_stats::robust;

use crate::candidates::{Candidate, filled};

/// Correlation with the symptom, positive where the two worsen together. Missing values count as
/// the mean, so a series that is mostly missing correlates little.
pub(crate) fn worsening_together(symptom: &Candidate, node: &Candidate) -> f64 {
    pearson(&worsening(symptom), &worsening(node)).unwrap_or(0.0)
}

/// The abnormal series so that greater is worse: where either direction is, its distance from the
/// healthy median.
fn worsening(candidate: &Candidate) -> Vec<f64> {
    let abnormal = &candidate.abnormal;
    match candidate.feature.worse {
        Worse::Up => filled(abnormal),
        Worse::Down => filled(abnormal).iter().map(|x| -x).collect(),
        Worse::Both => match robust::median(&candidate.healthy) {
            Some(median) => {
                let distances: Vec<f64> = abnormal.iter().map(|x| (x - median).abs()).collect();
                filled(&distances)
            }
            None => filled(abnormal),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::candidates::tests::series;

    #[test]
    fn a_fall_worsens_where_either_direction_is_worse() {
        let rises = [100.0, 120.0, 150.0, 180.0];
        let falls = [100.0, 80.0, 50.0, 20.0];
        let r = |symptom: Worse, node: Worse, abnormal: &[f64]| {
            let healthy = [100.0; 5];
            let symptom = series(symptom, &healthy, &rises);
            worsening_together(&symptom, &series(node, &healthy, abnormal))
        };
        for (node, of_rises, of_falls) in [
            (Worse::Up, 1.0, -1.0),
            (Worse::Down, -1.0, 1.0),
            (Worse::Both, 1.0, 1.0),
        ] {
            assert!((r(Worse::Up, node, &rises) - of_rises).abs() < 1e-9);
            assert!((r(Worse::Both, node, &falls) - of_falls).abs() < 1e-9);
        }
    }

    #[test]
    fn without_a_healthy_median_the_values_themselves_are_compared() {
        let rises = series(Worse::Both, &[], &[1.0, f64::NAN, 3.0]);
        assert!((worsening_together(&rises, &rises) - 1.0).abs() < 1e-9);
    }
}
