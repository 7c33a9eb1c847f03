//! libtorch's generator of random numbers, for one trainer at a time.

use std::cell::Cell;
use std::sync::{Mutex, MutexGuard, PoisonError};

static GENERATOR: Mutex<()> = Mutex::new(());

thread_local! {
    static HELD: Cell<bool> = const { Cell::new(false) };
}

/// Keeps other trainers from drawing. Within a loss that trains another model, nothing is waited
/// for: it is the same thread.
pub(super) struct Generator(Option<MutexGuard<'static, ()>>);

impl Generator {
    /// Waits for the generator and seeds it.
    pub(super) fn seeded(seed: u64) -> Self {
        let held = HELD.replace(true);
        // A panic elsewhere leaves nothing half done: the generator is seeded again.
        let lock = || GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
        let guard = (!held).then(lock);
        tch::manual_seed(seed.cast_signed());
        Self(guard)
    }
}

impl Drop for Generator {
    fn drop(&mut self) {
        if self.0.is_some() {
            HELD.set(false);
        }
    }
}
