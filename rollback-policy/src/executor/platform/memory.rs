//! What an executor must remember between requests.

use std::collections::{BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::executor::{IdempotencyKey, Refusal};

/// Most keys that are remembered; a plan has at most some hundred, and none is sent again after it is over.
const KEYS_MAX: usize = 100_000;

/// The effects that were carried out, and the greatest fence that was seen. Store it with your platform's state, or beside
/// it: an executor that has forgotten a page calls a person twice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct ExecutorMemory {
    fence: u64,
    /// Oldest first.
    order: VecDeque<IdempotencyKey>,
    done: BTreeSet<IdempotencyKey>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    fence: u64,
    done: Vec<IdempotencyKey>,
}

impl From<Stored> for ExecutorMemory {
    fn from(stored: Stored) -> Self {
        let mut memory = Self {
            fence: stored.fence,
            ..Self::default()
        };
        stored.done.into_iter().for_each(|key| memory.remember(key));
        memory
    }
}

impl From<ExecutorMemory> for Stored {
    fn from(memory: ExecutorMemory) -> Self {
        Self {
            fence: memory.fence,
            done: memory.order.into(),
        }
    }
}

impl ExecutorMemory {
    /// Takes a fence for the greatest seen, or refuses it.
    pub(super) fn admit(&mut self, fence: u64) -> Result<(), Refusal> {
        let newest = self.fence;
        if fence < newest {
            return Err(Refusal::Fenced { fence, newest });
        }
        self.fence = fence;
        Ok(())
    }

    pub(super) fn has_done(&self, key: &IdempotencyKey) -> bool {
        self.done.contains(key)
    }

    pub(super) fn remember(&mut self, key: IdempotencyKey) {
        if !self.done.insert(key) {
            return;
        }
        self.order.push_back(key);
        if self.order.len() > KEYS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.done.remove(&oldest);
        }
    }
}
