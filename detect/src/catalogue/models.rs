//! Trained models, as they are handed over.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Bytes of trained models under the names by which parameters ask for them.
///
/// # Example
/// ```
/// use astern_detect::catalogue::Models;
///
/// let models = Models::default().with("shop", *b"bytes of a file");
/// assert_eq!(models.get("shop"), Some(&b"bytes of a file"[..]));
/// assert_eq!(models.get("bank"), None);
/// ```
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Models(BTreeMap<Arc<str>, Arc<[u8]>>);

impl Models {
    /// With one more model, or another one under a name.
    #[must_use]
    pub fn with(mut self, name: impl Into<Arc<str>>, bytes: impl Into<Arc<[u8]>>) -> Self {
        self.0.insert(name.into(), bytes.into());
        self
    }

    /// The bytes of a model.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name).map(AsRef::as_ref)
    }
}

impl fmt::Debug for Models {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes = self.0.iter().map(|(name, bytes)| (name, bytes.len()));
        f.debug_map().entries(sizes).finish()
    }
}
