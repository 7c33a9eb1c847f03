//! Masked-subsequence transformer: its settings, and what it hides.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use super::at_least_1;
use super::transformer::TransformerConfig;
use crate::error::ConfigError;

/// Settings of a transformer over patches of time that learns by rebuilding hidden ones.
///
/// A patch is `patch_length` steps of all features of one node, `L F` numbers, and becomes one
/// token. Defaults of Shao et al. (2022): 4 encoder layers, 1 decoder layer, dropout .1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default = "PatchTransformerConfig::unset", deny_unknown_fields)]
#[non_exhaustive]
pub struct PatchTransformerConfig {
    /// Number of features of a step, F.
    pub features: usize,
    /// Steps of a patch, L.
    pub patch_length: usize,
    /// Largest number of patches that can be distinguished: those that have a position.
    pub max_patches: usize,
    /// Number of encoder layers.
    pub layers: usize,
    /// Every encoder layer, and the decoder layer.
    pub layer: TransformerConfig,
}

impl PatchTransformerConfig {
    /// A model of `features` per step with patches of `patch_length` steps, at most `max_patches`
    /// of them, whose layers are each `layer`.
    pub fn new(
        features: usize,
        patch_length: usize,
        max_patches: usize,
        layer: TransformerConfig,
    ) -> Self {
        Self {
            features,
            patch_length,
            max_patches,
            layers: 4,
            layer,
        }
    }

    /// What a file leaves out; [`check`](Self::check) refuses the widths.
    fn unset() -> Self {
        Self::new(0, 0, 0, TransformerConfig::new(0, 0))
    }

    /// Holds every setting against its range.
    ///
    /// # Errors
    ///
    /// [`ConfigError::OutOfRange`] for a number of features, steps, patches or layers of 0, and
    /// those of [`TransformerConfig::check`].
    pub fn check(&self) -> Result<(), ConfigError> {
        at_least_1("features", self.features)?;
        at_least_1("patch_length", self.patch_length)?;
        at_least_1("max_patches", self.max_patches)?;
        at_least_1("layers", self.layers)?;
        self.layer.check()
    }
}

astern_stats::setters!(PatchTransformerConfig {
    /// Sets the number of encoder layers.
    layers: usize,
});

/// Which patches are hidden, the same for every node.
///
/// # Example
///
/// ```
/// use astern_gnn::layer::PatchMask;
///
/// let mask = PatchMask::random(8, 0.75, 7)?;
/// assert_eq!((mask.hidden().len(), mask.shown().len()), (6, 2));
/// assert_eq!(mask, PatchMask::random(8, 0.75, 7)?);
/// # Ok::<(), astern_gnn::ConfigError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchMask {
    hidden: Vec<usize>,
    shown: Vec<usize>,
}

/// Greatest number of patches of a mask: the place of each is held.
const MAX_PATCHES: usize = 1 << 24;

fn check_count(n_patches: usize) -> Result<(), ConfigError> {
    if n_patches > MAX_PATCHES {
        return Err(ConfigError::OutOfRange {
            name: "patches",
            value: n_patches as f64,
            allowed: "at most 2^24",
        });
    }
    Ok(())
}

impl PatchMask {
    /// Hides the patches `hidden` of `n_patches`.
    ///
    /// # Errors
    ///
    /// [`ConfigError::OutOfRange`] when a patch is not there, or none is hidden, or none shown.
    pub fn new(
        n_patches: usize,
        hidden: impl IntoIterator<Item = usize>,
    ) -> Result<Self, ConfigError> {
        check_count(n_patches)?;
        let mut hidden: Vec<usize> = hidden.into_iter().collect();
        hidden.sort_unstable();
        hidden.dedup();
        if let Some(&last) = hidden.last().filter(|&&last| last >= n_patches) {
            return Err(ConfigError::OutOfRange {
                name: "hidden patch",
                value: last as f64,
                allowed: "below the number of patches",
            });
        }
        if hidden.is_empty() || hidden.len() == n_patches {
            return Err(ConfigError::OutOfRange {
                name: "hidden patches",
                value: hidden.len() as f64,
                allowed: "at least 1, fewer than all",
            });
        }
        let shown = (0..n_patches).filter(|p| hidden.binary_search(p).is_err());
        Ok(Self {
            shown: shown.collect(),
            hidden,
        })
    }

    /// Hides `share` of `n_patches`, rounded down, drawn from `seed` without replacement.
    ///
    /// # Errors
    ///
    /// [`ConfigError::OutOfRange`] when that hides none or all.
    pub fn random(n_patches: usize, share: f64, seed: u64) -> Result<Self, ConfigError> {
        if !(0.0..1.0).contains(&share) {
            return Err(ConfigError::OutOfRange {
                name: "share",
                value: share,
                allowed: "at least 0, below 1",
            });
        }
        check_count(n_patches)?;
        // A share below 1 of a count is a count.
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and the number of patches"
        )]
        let n_hidden = (n_patches as f64 * share) as usize;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut patches: Vec<usize> = (0..n_patches).collect();
        // The first steps of the shuffle of Fisher and Yates.
        for i in 0..n_hidden {
            let left = (n_patches - i) as u64;
            // Off uniform by less than left / 2^64.
            let draw = (u128::from(rng.next_u64()) * u128::from(left)) >> 64;
            let draw = usize::try_from(draw).unwrap_or(0);
            patches.swap(i, i + draw);
        }
        patches.truncate(n_hidden);
        Self::new(n_patches, patches)
    }

    /// Number of patches, P.
    pub fn n_patches(&self) -> usize {
        self.hidden.len() + self.shown.len()
    }

    /// The hidden patches, ascending.
    pub fn hidden(&self) -> &[usize] {
        &self.hidden
    }

    /// The patches that are seen, ascending.
    pub fn shown(&self) -> &[usize] {
        &self.shown
    }
}
