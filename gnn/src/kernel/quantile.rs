//! The radius that holds a share of distances.

/// The `(1 - nu)`-quantile of the distances, by linear interpolation between order statistics
/// (`torch.quantile`'s default); 0 for no distance.
pub(crate) fn quantile_radius(squared: &mut [f64], nu: f64) -> f64 {
    squared.sort_unstable_by(f64::total_cmp);
    let position = (1.0 - nu) * squared.len().saturating_sub(1) as f64;
    let (below, share) = (position.floor(), position.fract());
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index, >= 0"
    )]
    let below = below as usize;
    let distance = |i: usize| squared.get(i).or(squared.last()).map_or(0.0, |d| d.sqrt());
    let (low, high) = (distance(below), distance(below + 1));
    low + share * (high - low)
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::*;

    /// `torch.quantile(torch.sqrt(d), 0.5)` of torch 2.11.0, `f64`.
    #[test]
    fn radius_equals_torch_quantile() {
        let mut squared = [
            1.172_109_826_984_765,
            10.260_734_976_745_384,
            4.354_616_932_552_157,
            4.949_420_610_015_475,
            2.242_529_664_891_606,
            3.739_973_710_074_371,
        ];
        let radius = quantile_radius(&mut squared, 0.5);
        assert_relative_eq!(radius, 2.010_336_528_132_137_7, max_relative = 1e-14);
    }

    #[test]
    fn radius_reaches_both_ends() {
        assert_relative_eq!(quantile_radius(&mut [9.0, 1.0, 4.0], 1.0), 1.0);
        assert_relative_eq!(quantile_radius(&mut [9.0, 1.0, 4.0], 1e-300), 3.0);
        assert_relative_eq!(quantile_radius(&mut [4.0], 0.3), 2.0);
        assert_relative_eq!(quantile_radius(&mut [], 0.3), 0.0);
    }
}
