//! What the graph says: where a fault can have come from, and whom it reaches.

use super::Evidence;
use super::stance::{Role, Stance};
use crate::key::NodeKey;
use crate::signal::p_value::PValue;

pub(super) fn distance(from: &NodeKey, to: &NodeKey, hops: Option<u32>) -> String {
    match hops {
        None => format!("no fault can come from {from} to {to}"),
        Some(0) => format!("{to} itself is where it is felt"),
        Some(1) => format!("{from} is 1 hop from {to}"),
        Some(hops) => format!("{from} is {hops} hops from {to}"),
    }
}

pub(super) fn unknown_distance(from: &NodeKey, to: &NodeKey, without_edges: &NodeKey) -> String {
    format!("no edge of {without_edges} is known, nor whether a fault can come from {from} to {to}")
}

pub(super) fn influence(from: &NodeKey, to: &NodeKey, te_nats: f64, p_value: f64) -> String {
    let drives = if p_value <= Evidence::CHANCE_P {
        "drives"
    } else {
        "is not seen to drive"
    };
    let p = PValue(p_value);
    format!("{from} {drives} {to} ({te_nats:.3} nats, {p})")
}

pub(super) fn origin(anomalous_dependencies: usize) -> String {
    match anomalous_dependencies {
        0 => "nothing that it depends on is anomalous".to_owned(),
        n => format!("{n} of its dependencies are anomalous too"),
    }
}

pub(super) fn blast_radius(nodes: usize, calls_per_second: f64) -> String {
    let depend = match nodes {
        0 => return "nothing depends on it".to_owned(),
        1 => "node depends",
        _ => "nodes depend",
    };
    format!("{nodes} {depend} on it, {calls_per_second:.1} calls/s at risk there")
}

/// That a fault can come from there is no reason to think that it does.
pub(super) fn stance_of_distance(hops: Option<u32>) -> Stance {
    match hops {
        Some(_) => Stance::Neutral,
        None => Stance::Against,
    }
}

/// P-value above which an influence speaks against a change rather than for it: where there is none, half of
/// all p-values lie on either side.
const EVEN: f64 = 0.5;

pub(super) fn stance_of_influence(p_value: f64, role: Role) -> Stance {
    let drives = Stance::of_p_value(p_value);
    match role {
        Role::Origin | Role::Passage => drives,
        Role::Change => drives.unless_weak(p_value <= EVEN),
    }
}

/// What a node depends on says nothing of whether a fault passed through it.
pub(super) fn stance_of_origin(anomalous_dependencies: usize, role: Role) -> Stance {
    match role {
        Role::Origin | Role::Change if anomalous_dependencies == 0 => Stance::For,
        Role::Origin | Role::Change => Stance::Against,
        Role::Passage => Stance::Neutral,
    }
}
