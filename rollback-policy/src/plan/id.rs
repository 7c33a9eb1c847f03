//! Identity of plans and steps.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use astern_graph_core::codec::Format;
use astern_graph_core::{CodecError, Timestamp, visible};

use crate::plan::Step;

/// Number of a step within its plan, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(u32);

impl StepId {
    /// The step with this number.
    pub fn new(number: u32) -> Self {
        Self(number)
    }

    /// Its number.
    pub fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Identity of a plan: a hash of when it was made and of what it does, in 32 hexadecimal digits.
///
/// The same plan made of the same situation at the same time has the same id on every machine;
/// the same rollback needed again another day has another, so that no platform takes it for a
/// retry. Reasons do not count: what is done makes the plan, not why.
///
/// The hash is FNV-1a with 128 bits (Fowler, Noll, Vo; IETF draft 17) over the postcard encoding.
/// It tells plans apart that differ by accident; it does not resist forgery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct PlanId(u128);

const CONTENT: Format = Format {
    name: "the content of a plan",
    magic: *b"ASTNPLAN",
    version: 1,
};

impl PlanId {
    pub(crate) fn of(made: Timestamp, steps: &[Step]) -> Result<Self, CodecError> {
        let parts = steps
            .iter()
            .map(|s| (s.id, &s.after, &s.action, &s.requires, &s.verify));
        let content = (made, parts.collect::<Vec<_>>());
        Ok(Self(fnv1a(&CONTENT.encode(&content)?)))
    }
}

fn fnv1a(bytes: &[u8]) -> u128 {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    bytes.iter().fold(OFFSET, |hash, byte| {
        (hash ^ u128::from(*byte)).wrapping_mul(PRIME)
    })
}

impl fmt::Display for PlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:032x}", self.0))
    }
}

/// A text is not the id of a plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not the id of a plan; expected 32 hexadecimal digits", visible(.text))]
pub struct PlanIdError {
    /// The text given.
    pub text: String,
}

impl FromStr for PlanId {
    type Err = PlanIdError;

    fn from_str(text: &str) -> Result<Self, PlanIdError> {
        let digits = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let id = digits
            .then(|| u128::from_str_radix(text, 16).ok())
            .flatten();
        id.map(Self).ok_or_else(|| PlanIdError {
            text: text.to_owned(),
        })
    }
}

impl From<PlanId> for String {
    fn from(id: PlanId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for PlanId {
    type Error = PlanIdError;

    fn try_from(text: String) -> Result<Self, PlanIdError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv1a() {
        // Test vectors of the FNV reference code.
        assert_eq!(fnv1a(b""), 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
        assert_eq!(fnv1a(b"a"), 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
        assert_eq!(fnv1a(b"foobar"), 0x343e_1662_793c_64bf_6f0d_3597_ba44_6f18);
    }

    #[test]
    fn ids_round_trip_and_other_texts_are_refused() {
        let id = PlanId(0x2a);
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in [
            "",
            "2a",
            &"g".repeat(32),
            &"0".repeat(33),
            "+000000000000000000000000000002a",
        ] {
            assert!(bad.parse::<PlanId>().is_err(), "{bad}");
        }
    }
}
