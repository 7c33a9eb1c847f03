//! What calls say, summed over edges or one by one.

use super::stance::{Role, Stance};
use crate::key::NodeKey;

pub(super) fn gap((from, to): (&NodeKey, &NodeKey), healthy: f64, observed: f64, z: f64) -> String {
    let waits = format!("{from} waits {observed:.1} ms longer than {to} works");
    format!("{waits}, healthy {healthy:.1} (z {z:.1})")
}

pub(super) fn own_time(healthy: f64, observed: f64, z: f64) -> String {
    format!("its self time is {observed:.1} ms, healthy {healthy:.1} (z {z:.1})")
}

pub(super) fn own_failures(healthy: f64, observed: f64, z: f64) -> String {
    let (now, before) = (100.0 * observed, 100.0 * healthy);
    let fail = format!("{now:.1} % of its calls fail though none of its own did");
    format!("{fail}, healthy {before:.1} (z {z:.1})")
}

pub(super) fn last_before_failure(caller: &NodeKey, healthy: f64, observed: f64, z: f64) -> String {
    let (now, before) = (100.0 * observed, 100.0 * healthy);
    let fail = format!("{now:.1} % of the calls of {caller} fail right after its answer");
    format!("{fail}, healthy {before:.1} (z {z:.1})")
}

pub(super) fn fewer_calls(to: &NodeKey, healthy: f64, observed: f64, z: f64) -> String {
    format!("it calls {to} {observed:.2} times a call, healthy {healthy:.2} (z {z:.1})")
}

pub(super) fn tenants(slower: usize, tenants: usize, z: f64) -> String {
    format!("{slower} of {tenants} services on it have a longer self time (z {z:.1})")
}

/// Each side as requests through it, and all of that side.
pub(super) fn spectrum(
    operation: Option<&str>,
    (abnormal_through, abnormal): (usize, usize),
    (normal_through, normal): (usize, usize),
) -> String {
    let through = format!("went through {}", operation.unwrap_or("it"));
    let wrong = format!("{abnormal_through} of {abnormal} requests that went wrong");
    format!("{wrong} {through}, {normal_through} of {normal} others")
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
