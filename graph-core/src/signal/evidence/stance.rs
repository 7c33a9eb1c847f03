//! Which way evidence points, and for what.

use super::Evidence;

/// The claim that a piece of evidence is held against.
///
/// The same finding can speak for one claim and against another: a node with a longer self time is a reason
/// to look for the fault there, and a reason to doubt that the fault only passed through it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Role {
    /// The fault began at the node.
    Origin,
    /// The fault began at another node and passed through this one, or is felt here.
    Passage,
    /// The change is to blame for the fault.
    Change,
}

/// Which way a piece of evidence points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stance {
    /// For the claim.
    For,
    /// Against it.
    Against,
    /// Neither: it says how far something reaches or how it was found, is too weak to tell, or lacks a value.
    Neutral,
}

impl Stance {
    /// For where the value passes, against where it does not, neither where it is missing.
    pub(super) fn of(value: f64, speaks_for: impl FnOnce(f64) -> bool) -> Self {
        match value {
            missing if missing.is_nan() => Self::Neutral,
            value if speaks_for(value) => Self::For,
            _ => Self::Against,
        }
    }

    /// A deviation of `z`, positive is worse.
    pub(super) fn of_deviation(z: f64) -> Self {
        Self::of(z, |z| z >= Evidence::DEVIATION_MIN)
    }

    /// A difference with this p-value, one-sided towards worse.
    pub(super) fn of_p_value(p_value: f64) -> Self {
        Self::of(p_value, |p| p <= Evidence::CHANCE_P)
    }

    /// Neither where what would speak against the claim is too weak to do so.
    pub(super) fn unless_weak(self, is_weak: bool) -> Self {
        match self {
            Self::Against if is_weak => Self::Neutral,
            stance => stance,
        }
    }

    /// Turns the stance for a fault that began at a node into that for a role of it.
    ///
    /// What a node does by itself speaks for a fault that began there. Further on it speaks for another one, and
    /// normal work says nothing: a fault passes on through nodes that work as always.
    pub(super) fn of_node_itself(self, role: Role) -> Self {
        match (role, self) {
            (Role::Origin | Role::Change, stance) => stance,
            (Role::Passage, Self::For) => Self::Against,
            (Role::Passage, Self::Against | Self::Neutral) => Self::Neutral,
        }
    }
}
