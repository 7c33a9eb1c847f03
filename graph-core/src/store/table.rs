//! Things by key, each in a numbered slot.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use foldhash::fast::RandomState;

/// Number of a slot; stays with its key until that is removed, and is then used again.
pub(crate) type Slot = u32;

/// Keys and what belongs to them, shared with the graphs that were built before and copied on
/// write.
///
/// Keys are looked up by hash and never iterated in that order: [`sorted`](Self::sorted) gives the
/// slots by key.
#[derive(Debug, Clone)]
pub(crate) struct Table<K, V> {
    index: HashMap<K, Slot, RandomState>,
    slots: Vec<Option<(K, Arc<V>)>>,
    free: Vec<Slot>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self {
            index: HashMap::default(),
            slots: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<K: Clone + Eq + Hash + Ord, V: Clone + Default> Table<K, V> {
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    pub(crate) fn slot(&self, key: &K) -> Option<Slot> {
        self.index.get(key).copied()
    }

    /// Gives a new key a slot.
    pub(crate) fn insert(&mut self, key: K, value: Arc<V>) -> Slot {
        let entry = Some((key.clone(), value));
        let slot = if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = entry;
            slot
        } else {
            self.slots.push(entry);
            // Limits on nodes and edges are `u32`, so slots are.
            u32::try_from(self.slots.len() - 1).unwrap_or(Slot::MAX)
        };
        self.index.insert(key, slot);
        slot
    }

    pub(crate) fn get(&self, slot: Slot) -> Option<&(K, Arc<V>)> {
        self.slots.get(slot as usize)?.as_ref()
    }

    /// What a slot holds, to be changed; `None` for an empty slot.
    pub(crate) fn get_mut(&mut self, slot: Slot) -> Option<&mut V> {
        let (_, value) = self.slots.get_mut(slot as usize)?.as_mut()?;
        Some(Arc::make_mut(value))
    }

    /// Keys and their slots, in the order of the slots.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&K, Slot)> {
        let slots = (0..).zip(&self.slots);
        slots.filter_map(|(slot, entry)| entry.as_ref().map(|(key, _)| (key, slot)))
    }

    /// Slots in the order of their keys.
    pub(crate) fn sorted(&self) -> Vec<Slot> {
        let mut taken: Vec<(&K, Slot)> = self.entries().collect();
        taken.sort_unstable();
        taken.into_iter().map(|(_, slot)| slot).collect()
    }

    /// Everything held, in the order of the slots.
    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.slots.iter().flatten().map(|(_, value)| value.as_ref())
    }

    /// Removes what a slot holds.
    pub(crate) fn remove(&mut self, slot: Slot) {
        let entry = self.slots.get_mut(slot as usize).and_then(Option::take);
        if let Some((key, _)) = entry {
            self.index.remove(&key);
            self.free.push(slot);
        }
    }

    /// Lets `keep` change everything and removes that for which it says no; says whether any was.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&mut Arc<V>) -> bool) -> bool {
        let before = self.free.len();
        for (slot, entry) in (0..).zip(&mut self.slots) {
            let Some((key, value)) = entry else { continue };
            if !keep(value) {
                self.index.remove(key);
                *entry = None;
                self.free.push(slot);
            }
        }
        self.free.len() > before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_used_again_and_sorted_by_key() {
        let mut table = Table::<&str, u32>::default();
        for (key, value) in [("c", 1), ("a", 2), ("b", 1)] {
            table.insert(key, Arc::new(value));
        }
        let keys = |table: &Table<&'static str, u32>| {
            let key = |slot| table.get(slot).unwrap().0;
            table.sorted().into_iter().map(key).collect::<Vec<_>>()
        };
        assert_eq!(keys(&table), ["a", "b", "c"]);
        assert!(table.retain(|count| **count == 1));
        assert_eq!(keys(&table), ["b", "c"]);
        assert_eq!(table.insert("d", Arc::default()), 1);
        assert_eq!((table.len(), table.slot(&"a")), (3, None));
        assert_eq!(table.values().sum::<u32>(), 2);
        table.remove(1);
        table.remove(1);
        assert_eq!((table.len(), table.slot(&"d")), (2, None));
        assert_eq!((table.insert("e", Arc::default()), table.len()), (1, 3));
    }
}
