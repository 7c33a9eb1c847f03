//! What calls say, summed over edges or one by one.

use std::fmt;

use super::stance::{Role, Stance};
use crate::key::NodeKey;

pub(super) fn gap(
    f: &mut fmt::Formatter<'_>,
    (from, to): (&NodeKey, &NodeKey),
    healthy_ms: f64,
    observed_ms: f64,
    z: f64,
) -> fmt::Result {
    write!(
        f,
        "{from} waits {observed_ms:.1} ms longer than {to} works, healthy {healthy_ms:.1} (z {z:.1})"
    )
}

pub(super) fn own_time(
    f: &mut fmt::Formatter<'_>,
    healthy_ms: f64,
    observed_ms: f64,
    z: f64,
) -> fmt::Result {
    write!(
        f,
        "it takes {observed_ms:.1} ms by itself, healthy {healthy_ms:.1} (z {z:.1})"
    )
}

pub(super) fn own_failures(
    f: &mut fmt::Formatter<'_>,
    healthy: f64,
    observed: f64,
    z: f64,
) -> fmt::Result {
    let (now, before) = (100.0 * observed, 100.0 * healthy);
    write!(
        f,
        "{now:.1} % of its calls fail though none of its own did, healthy {before:.1} (z {z:.1})"
    )
}

pub(super) fn last_before_failure(
    f: &mut fmt::Formatter<'_>,
    caller: &NodeKey,
    healthy: f64,
    observed: f64,
    z: f64,
) -> fmt::Result {
    let (now, before) = (100.0 * observed, 100.0 * healthy);
    write!(
        f,
        "{now:.1} % of the calls of {caller} fail right after its answer, healthy {before:.1} (z {z:.1})"
    )
}

pub(super) fn fewer_calls(
    f: &mut fmt::Formatter<'_>,
    to: &NodeKey,
    healthy: f64,
    observed: f64,
    z: f64,
) -> fmt::Result {
    write!(
        f,
        "it calls {to} {observed:.2} times a call, healthy {healthy:.2} (z {z:.1})"
    )
}

pub(super) fn tenants(
    f: &mut fmt::Formatter<'_>,
    slower: usize,
    tenants: usize,
    z: f64,
) -> fmt::Result {
    write!(
        f,
        "{slower} of {tenants} services on it take longer by themselves (z {z:.1})"
    )
}

/// Each side as requests through it, and all of that side.
pub(super) fn spectrum(
    f: &mut fmt::Formatter<'_>,
    operation: Option<&str>,
    (abnormal_through, abnormal): (usize, usize),
    (normal_through, normal): (usize, usize),
) -> fmt::Result {
    let what = operation.unwrap_or("it");
    write!(
        f,
        "{abnormal_through} of {abnormal} requests that went wrong "
    )?;
    write!(
        f,
        "went through {what}, {normal_through} of {normal} others"
    )
}

pub(super) fn stance_of_node_itself(z: f64, role: Role) -> Stance {
    Stance::of_deviation(z).of_node_itself(role)
}

/// New code shows in what its service does; the network before the service only in the wait for it. So a wait
/// alone speaks against a change of either end, and its absence says nothing.
pub(super) fn stance_of_gap(z: f64, role: Role) -> Stance {
    match (role, Stance::of_deviation(z)) {
        (Role::Change, Stance::For) => Stance::Against,
        (Role::Change, _) => Stance::Neutral,
        (Role::Origin | Role::Passage, grown) => grown.of_node_itself(role),
    }
}

/// By the shares of both sides that went through; without requests on a side there is no share.
pub(super) fn stance_of_spectrum(
    (abnormal_through, abnormal): (usize, usize),
    (normal_through, normal): (usize, usize),
    role: Role,
) -> Stance {
    let share = |through: usize, all: usize| through as f64 / all as f64;
    let more = share(abnormal_through, abnormal) - share(normal_through, normal);
    Stance::of(more, |more| more > 0.0).of_node_itself(role)
}
