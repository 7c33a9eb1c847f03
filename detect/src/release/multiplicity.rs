//! Many changes judged at one look: how many of those found worse are worse.

use astern_graph_core::signal::{Anomaly, Assessment, MissingEvidence, Verdict};
use astern_stats::multiplicity::benjamini_hochberg;
use astern_stats::order::ascending;

/// An e-value of exactly `1 / alpha` comes back from its logarithm with an error below this.
const ROUNDING: f64 = 1e-9;

/// Keeps the share of changes that make nothing worse, among those of one look that are found to, at `alpha` on average, however
/// many are judged and however they depend on each other.
///
/// ```text
/// k* = max { k : k e(k) / K >= 1 / alpha }      e(1) >= e(2) >= … of all K changes
/// ```
///
/// The `k*` changes with the greatest e-values stay regressed (e-BH); the others become inconclusive, or without data where their new
/// side is silent, with the probability that is left after adjustment. A change on its own stays as it is, as it has an e-value of at least `1 / alpha`. The e-value
/// of a change is the inverse of the least p-value of its anomalies, and 0 where it is not found worse: so this is the rule of
/// Benjamini and Hochberg for these p-values, which needs no condition on dependence where they come from e-values. P-values
/// of tests made for one look are none; a regression without any p-value counts as certain.
///
/// # Complexity
/// `O(K log K)`.
///
/// Source: Wang and Ramdas 2022, False discovery rate control with e-values.
pub(super) fn control_discoveries(assessments: &mut [&mut Assessment], alpha: f64) {
    let p_of = |assessment: &&mut Assessment| match assessment.verdict {
        Verdict::Regressed => strongest(assessment).and_then(|a| a.p_value).unwrap_or(0.0),
        _ => 1.0,
    };
    let adjusted = benjamini_hochberg(&assessments.iter().map(p_of).collect::<Vec<_>>());
    for (assessment, adjusted) in assessments.iter_mut().zip(adjusted) {
        if assessment.verdict != Verdict::Regressed || adjusted <= alpha * (1.0 + ROUNDING) {
            continue;
        }
        let metric = strongest(assessment).and_then(|anomaly| anomaly.metric.clone());
        let is_silent = assessment.missing.iter().any(is_silence);
        assessment.verdict = if is_silent {
            Verdict::NoData
        } else {
            Verdict::Inconclusive
        };
        assessment.anomalies.clear();
        let certainty = metric.map(|metric| MissingEvidence::Certainty {
            metric,
            p_value: adjusted,
        });
        assessment.missing.extend(certainty);
    }
}

/// Whether the new side should be seen and is not.
fn is_silence(missing: &MissingEvidence) -> bool {
    matches!(
        missing,
        MissingEvidence::Traffic { .. } | MissingEvidence::Telemetry { .. }
    )
}

/// The anomaly with the least p-value.
fn strongest(assessment: &Assessment) -> Option<&Anomaly> {
    let with_p = |anomaly: &&Anomaly| anomaly.p_value.is_some();
    let p = |anomaly: &Anomaly| anomaly.p_value.unwrap_or(1.0);
    let anomalies = assessment.anomalies.iter().filter(with_p);
    anomalies.min_by(|a, b| ascending(p(a), p(b)))
}

#[cfg(test)]
mod tests {
    use astern_graph_core::{NodeKey, Timestamp};
    use astern_stats::rng::seeded;
    use proptest::prelude::*;

    use super::*;

    const ALPHA: f64 = 0.005;

    /// A change with the e-value, found worse where it is at least `1 / alpha`.
    fn change(i: usize, e: f64) -> Assessment {
        let id = format!("change-{i}");
        let is_worse = e * ALPHA > 1.0 - 1e-9;
        if !is_worse {
            return Assessment::new(Verdict::Healthy).of_change(id.as_str().into());
        }
        let service = NodeKey::service("cart");
        let anomaly = Anomaly::new(service, 2.0, Timestamp::from_secs(0));
        let anomalies = vec![anomaly.in_metric("error_rate".into(), 1.0 / e)];
        let worse = Assessment::new(Verdict::Regressed).of_change(id.as_str().into());
        worse.with_anomalies(anomalies)
    }

    fn regressed(e_values: &[f64]) -> Vec<usize> {
        let changes = e_values.iter().enumerate();
        let mut changes: Vec<Assessment> = changes.map(|(i, e)| change(i, *e)).collect();
        control_discoveries(&mut changes.iter_mut().collect::<Vec<_>>(), ALPHA);
        let changes = changes.iter().enumerate();
        let regressed = changes.filter(|(_, change)| change.verdict == Verdict::Regressed);
        regressed.map(|(i, _)| i).collect()
    }

    #[test]
    fn the_rule_of_wang_and_ramdas() {
        // One change alone needs 1 / alpha = 200, one of ten 10 / (1 alpha) = 2000, the second 1000, the third 667.
        assert_eq!(regressed(&[200.0]), [0]);
        let mut ten = [0.0; 10];
        ten[3] = 1_999.0;
        assert_eq!(regressed(&ten), [0; 0]);
        ten[3] = 2_000.0;
        assert_eq!(regressed(&ten), [3]);
        (ten[5], ten[7]) = (999.0, 300.0);
        assert_eq!(regressed(&ten), [3]);
        ten[7] = 667.0;
        assert_eq!(regressed(&ten), [3, 5, 7]);
        // All together need no more than each alone.
        assert_eq!(regressed(&[200.0; 10]).len(), 10);
    }

    #[test]
    fn a_change_that_does_not_pass_is_inconclusive_and_says_so() {
        let mut pair = [change(0, 300.0), change(1, 0.0)];
        control_discoveries(&mut pair.iter_mut().collect::<Vec<_>>(), ALPHA);
        assert_eq!(pair[0].verdict, Verdict::Inconclusive);
        assert!(pair[0].anomalies.is_empty());
        let [MissingEvidence::Certainty { metric, p_value }] = &pair[0].missing[..] else {
            panic!("{}", pair[0])
        };
        assert!(metric.as_str() == "error_rate" && (p_value - 2.0 / 300.0).abs() < 1e-12);
        assert_eq!(pair[1], change(1, 0.0));
    }

    #[test]
    fn a_change_that_does_not_pass_keeps_what_is_missing() {
        let since = Timestamp::from_secs(0);
        let instance = NodeKey::instance("cart-0");
        let of_instance = MissingEvidence::InstanceTraffic {
            instance,
            expected: 50.0,
            since,
        };
        for (missing, verdict) in [
            (MissingEvidence::Telemetry { since }, Verdict::NoData),
            (of_instance, Verdict::Inconclusive),
        ] {
            let mut silent = change(0, 300.0).without([missing.clone()]);
            control_discoveries(&mut [&mut silent, &mut change(1, 0.0)], ALPHA);
            assert_eq!(silent.verdict, verdict);
            assert_eq!(silent.missing[0], missing);
        }
    }

    #[test]
    fn many_changes_without_effect_are_no_likelier_to_have_a_false_regression_than_one() {
        // The worst that an e-value can do: 1 / alpha, or more, with a probability of alpha.
        let mut rng = seeded(1, 0);
        let (looks, mut alone, mut together) = (4_000, 0, 0);
        for _ in 0..looks {
            let e_values: Vec<f64> = (0..40).map(|_| 1.0 / rng.random::<f64>()).collect();
            alone += usize::from(e_values.iter().any(|e| *e >= 1.0 / ALPHA));
            together += usize::from(!regressed(&e_values).is_empty());
        }
        assert!(alone > looks / 8, "{alone}");
        assert!(together < looks / 100, "{together}");
    }

    proptest! {
        #[test]
        fn what_stays_regressed_is_what_the_definition_says(e_values in prop::collection::vec(0.0..10_000.0f64, 1..20)) {
            let e_values: Vec<f64> = e_values.iter().map(|e| if *e < 200.0 { 0.0 } else { *e }).collect();
            let mut sorted = e_values.clone();
            sorted.sort_by(|a, b| b.total_cmp(a));
            let of_all = e_values.len() as f64;
            let passes = |k: &usize| *k as f64 * sorted[k - 1] / of_all >= 1.0 / ALPHA;
            let most = (1..=sorted.len()).rev().find(passes);
            let least = most.map_or(f64::INFINITY, |k| sorted[k - 1]);
            let expected: Vec<usize> = (0..e_values.len()).filter(|i| e_values[*i] >= least).collect();
            prop_assert_eq!(regressed(&e_values), expected);
        }
    }
}
