//! The level at every look, checked parameters, and what must not matter.

use std::time::Duration;

use astern_detect::release::SequentialParams;
use astern_graph_core::signal::Verdict;
use astern_graph_core::{CallStatus, NodeKey, Record};
use proptest::prelude::*;

use super::{RELEASED, World, graph, same, says};
use crate::fixtures::minutes;
use crate::traffic::judged;

#[test]
fn unequal_numbers_of_calls_of_one_distribution_keep_the_level_at_every_look() {
    // The 95 % quantile of 5 calls is far below that of 80: quantiles of unequal counts would differ.
    let mut regressed = 0;
    for seed in 0..20 {
        let alike = World {
            old: 80,
            new: 5,
            until: RELEASED + 40,
            of_new: &same,
        };
        let graph = graph(alike.records(seed));
        let looks = (1..=20)
            .map(|look| 2 * look)
            .map(|since| says(&graph, RELEASED + since).verdict);
        regressed += u32::from(
            looks
                .into_iter()
                .any(|verdict| verdict == Verdict::Regressed),
        );
    }
    assert!(regressed == 0, "{regressed} of 20");
}

#[test]
fn parameters_of_the_sequential_comparison_are_checked() {
    let default = SequentialParams::default;
    for bad in [
        default().alpha(0.0),
        default().alpha(1.0),
        default().healthy_alpha(0.0),
        default().healthy_alpha(f64::NAN),
        default().rate_rise_min(1.1),
        default().rate_rise_relative_min(-0.1),
        default().latency_rise_min(100.1),
        default().latency_rise_ms_min(-1.0),
        default().start_up(Duration::from_secs(86_401)),
    ] {
        assert!(bad.clone().check().is_err(), "{bad:?}");
    }
    assert!(
        default()
            .rate_rise_min(0.0)
            .latency_rise_ms_min(0.0)
            .start_up(Duration::ZERO)
            .check()
            .is_ok()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn order_of_records_and_names_of_instances_do_not_matter(seed in 0..1_000u64, fails in 0.0..0.5f64, shift in 1..500usize) {
        let some = World { old: 20, new: 8, until: RELEASED + 10, of_new: &|_, rng, (ms, status)| {
            Some((ms, if rng.random::<f64>() < fails { CallStatus::Error } else { status }))
        } };
        let records = some.records(seed);
        let said = says(&graph(records.clone()), RELEASED + 10);
        let mut other = records.clone();
        let middle = shift % other.len();
        other.rotate_left(middle);
        prop_assert_eq!(&says(&graph(other), RELEASED + 10), &said);
        let renamed = records.into_iter().map(|record| match record {
            Record::Call(mut call) => {
                if let Some(NodeKey { name, .. }) = &call.callee.instance {
                    call.callee.instance = Some(NodeKey::instance(format!("a-{}", name.chars().rev().collect::<String>())));
                }
                Record::Call(call)
            }
            Record::Change(mut step) => {
                step.instances = step.instances.iter().map(|i| NodeKey::instance(format!("a-{}", i.name.chars().rev().collect::<String>()))).collect();
                Record::Change(step)
            }
            other => other,
        });
        let renamed = says(&graph(renamed), RELEASED + 10);
        prop_assert_eq!(renamed.verdict, said.verdict);
        prop_assert_eq!(renamed.anomalies.len(), said.anomalies.len());
    }

    #[test]
    fn all_durations_a_power_of_the_bins_longer_change_no_verdict(seed in 0..1_000u64, slower in 1.0..4.0f64, bins in 0..200i32) {
        // Bins of a sketch are 2.02 % wide, so that this moves every duration by whole bins.
        let by = 1.020_202_020_202_020_3_f64.powi(bins);
        let relative = SequentialParams::default().latency_rise_ms_min(0.0).check().unwrap();
        let verdict = |by: f64| {
            let some = World { old: 20, new: 8, until: RELEASED + 12, of_new: &|_, _, (ms, status)| Some((slower * ms, status)) };
            let scaled = some.records(seed).into_iter().map(|record| match record {
                Record::Call(mut call) => {
                    call.server = call.server.map(|took| took.mul_f64(by));
                    Record::Call(call)
                }
                other => other,
            });
            judged(&relative, &graph(scaled), RELEASED + 12, minutes(0, RELEASED)).verdict
        };
        prop_assert_eq!(verdict(1.0), verdict(by));
    }
}
