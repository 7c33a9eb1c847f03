//! The judge of Kayenta, with what it sees and what it is known not to see.

use astern_detect::release::KayentaParams;
use astern_graph_core::signal::{Assessment, Evidence, Verdict};

use crate::fixtures::minutes;
use crate::traffic::{Minute, graph_of, judged, new, old};

fn judge(params: KayentaParams, traffic: impl Iterator<Item = Minute>) -> Assessment {
    let graph = graph_of(traffic.collect(), Vec::new());
    judged(&params.check().unwrap(), &graph, 120, minutes(0, 60))
}

/// Forty minutes of a hundred calls a side, of which so many fail.
fn failing(of_old: i64, of_new: i64) -> impl Iterator<Item = Minute> {
    (70..110).flat_map(move |at| {
        let more = at % 3;
        let failed = |failed: i64| if failed > 0 { failed + more } else { 0 };
        [
            old(at, 100, failed(of_old), Some(20)),
            new(at, 100, failed(of_new), Some(20)),
        ]
    })
}

#[test]
fn a_shift_is_high_and_none_is_not() {
    let verdict = |of_new| judge(KayentaParams::default(), failing(2, of_new)).verdict;
    assert_eq!(verdict(2), Verdict::Healthy);
    assert_eq!(verdict(1), Verdict::Healthy);
    let found = judge(KayentaParams::default(), failing(2, 9));
    assert_eq!(found.verdict, Verdict::Regressed);
    assert_eq!(found.anomalies[0].metric, Some("error_rate".into()));
    // From a mean of 3 % to 10 %.
    let by = |ratio: f64| KayentaParams::default().allowed_increase(ratio);
    assert_eq!(judge(by(3.2), failing(2, 9)).verdict, Verdict::Regressed);
    assert_eq!(judge(by(3.5), failing(2, 9)).verdict, Verdict::Healthy);
}

#[test]
fn nothing_is_seen_beside_an_old_side_without_failures_as_users_report() {
    let verdict = judge(KayentaParams::default(), failing(0, 50)).verdict;
    assert_eq!(verdict, Verdict::Healthy);
}

#[test]
fn fewer_than_three_values_a_side_are_inconclusive() {
    let steps = |count: usize| failing(2, 50).take(2 * count);
    let verdict = |count| judge(KayentaParams::default(), steps(count)).verdict;
    assert_eq!(verdict(0), Verdict::NoData);
    assert_eq!(verdict(2), Verdict::Inconclusive);
    assert_ne!(verdict(3), Verdict::Inconclusive);
}

#[test]
fn without_an_old_side_the_time_before_stands_in_and_the_evidence_says_so() {
    let before = (20..60).map(|at| old(at, 10, 0, Some(20 + u64::try_from(at % 3).unwrap())));
    let after = (70..110).map(|at| new(at, 10, 0, Some(60 + u64::try_from(at % 3).unwrap())));
    let found = judge(KayentaParams::default(), before.chain(after));
    assert_eq!(found.verdict, Verdict::Regressed, "{found}");
    for anomaly in &found.anomalies {
        let fallback = |e: &Evidence| matches!(e, Evidence::Fallback { .. });
        assert!(anomaly.evidence.iter().any(fallback));
    }
}

#[test]
fn parameters_are_checked() {
    let default = KayentaParams::default;
    for bad in [
        default().confidence(0.0),
        default().confidence(1.0),
        default().tolerance(-0.1),
        default().tolerance(f64::NAN),
        default().allowed_increase(1_000.1),
    ] {
        assert!(bad.clone().check().is_err(), "{bad:?}");
    }
}
