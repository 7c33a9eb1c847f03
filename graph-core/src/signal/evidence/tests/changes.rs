//! What is seen of a change.

use std::time::Duration;

use super::{AS_ALWAYS, BY_ITSELF, Row};
use crate::signal::evidence::Evidence;
use crate::signal::evidence::Stance::{Against, For, Neutral};

pub(super) fn rows() -> Vec<Row> {
    [of_comparisons(), of_time_and_traffic()].concat()
}

fn of_comparisons() -> Vec<Row> {
    let new_against_old = |p_value| Evidence::NewAgainstOld {
        metric: "error_rate".into(),
        old: 0.01,
        new: 0.2,
        p_value,
    };
    let contrast = |p_value| Evidence::Contrast {
        metric: "latency_ms_p95".into(),
        ratio: 1.354,
        low: 1.2,
        high: 1.523,
        p_value,
        steps: 12,
    };
    let beyond_limit = |worst, without_value| Evidence::BeyondLimit {
        metric: "error_rate".into(),
        limit: 0.01,
        worst,
        checks: 8,
        failed: 5,
        without_value,
    };
    vec![
        (
            beyond_limit(Some(0.25), 2),
            "error_rate is up to 0.250 on new instances, limit 0.010: 5 of 8 checks fail, 2 without a value",
            [Neutral; 3],
        ),
        (
            beyond_limit(None, 8),
            "error_rate is unknown on new instances, limit 0.010: 5 of 8 checks fail, 8 without a value",
            [Neutral; 3],
        ),
        (
            new_against_old(0.0005),
            "error_rate is 0.200 on new instances, 0.010 on old (p 5.0e-4)",
            BY_ITSELF,
        ),
        (
            new_against_old(1.0),
            "error_rate is 0.200 on new instances, 0.010 on old (p 1.000)",
            AS_ALWAYS,
        ),
        (
            contrast(1e-4),
            "latency_ms_p95 on new instances is 1.35 times (1.20 to 1.52) that on old ones \
             over 12 steps (p 1.0e-4)",
            BY_ITSELF,
        ),
        (
            contrast(0.429),
            "latency_ms_p95 on new instances is 1.35 times (1.20 to 1.52) that on old ones \
             over 12 steps (p 0.429)",
            [Against, Neutral, Neutral],
        ),
    ]
}

fn of_time_and_traffic() -> Vec<Row> {
    let dose = |r| Evidence::Dose {
        change: "cart@2".into(),
        r,
        steps: 20,
    };
    let not_found_worse = |is_ruled_out| Evidence::NotFoundWorse {
        change: "cart@2".into(),
        is_ruled_out,
    };
    vec![
        (
            dose(0.91),
            "the symptom follows the traffic on cart@2 (r 0.91 over 20 steps)",
            [Neutral, Neutral, For],
        ),
        (
            dose(0.3),
            "the symptom does not follow the traffic on cart@2 (r 0.30 over 20 steps)",
            [Neutral; 3],
        ),
        (
            dose(-0.2),
            "the symptom does not follow the traffic on cart@2 (r -0.20 over 20 steps)",
            [Neutral, Neutral, Against],
        ),
        (
            Evidence::ChangedBefore {
                change: "cart@2".into(),
                delay: Duration::from_secs(30),
            },
            "cart@2 came 30 s before",
            [Neutral, Neutral, For],
        ),
        (
            Evidence::OlderThanChange {
                change: "cart@2".into(),
                lead: Duration::from_secs(9),
            },
            "the fault is 9 s older than cart@2",
            [Neutral, Neutral, Against],
        ),
        (
            not_found_worse(true),
            "cart@2 is no worse than what it replaces",
            [Neutral, Neutral, Against],
        ),
        (
            not_found_worse(false),
            "cart@2 is so far not found worse than what it replaces",
            [Neutral, Neutral, Against],
        ),
    ]
}
