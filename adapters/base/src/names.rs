//! Equal names share memory.

use std::collections::HashSet;
use std::sync::Arc;

/// Names seen so far: each is held once, however often a document says it.
///
/// # Example
/// ```
/// use std::sync::Arc;
///
/// let mut names = astern_adapters_base::Names::default();
/// assert!(Arc::ptr_eq(&names.get("cart"), &names.get("cart")));
/// ```
#[derive(Debug, Default, Clone)]
// Look-up only: nothing ever iterates it.
pub struct Names(HashSet<Arc<str>>);

impl Names {
    /// The one copy of this name.
    pub fn get(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.get(name) {
            return Arc::clone(known);
        }
        let name: Arc<str> = name.into();
        self.0.insert(Arc::clone(&name));
        name
    }
}
