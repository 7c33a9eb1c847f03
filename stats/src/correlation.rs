//! Linear correlation over the pairs that are both present.

/// Pearson's correlation of `x` and `y`, over positions where both are finite.
///
/// `None` when fewer than two pairs are present or either side does not vary there. `O(n)`.
///
/// ```
/// use astern_stats::correlation::pearson;
/// let r = pearson(&[1.0, 2.0, f64::NAN, 4.0], &[2.0, 4.0, 9.0, 8.0]).unwrap();
/// assert!((r - 1.0).abs() < 1e-12);
/// assert_eq!(pearson(&[1.0, 1.0], &[2.0, 3.0]), None);
/// ```
pub fn pearson(x: &[f64], y: &[f64]) -> Option<f64> {
    let pairs: Vec<(f64, f64)> = x
        .iter()
        .zip(y)
        .map(|(a, b)| (*a, *b))
        .filter(|(a, b)| a.is_finite() && b.is_finite())
        .collect();
    if pairs.len() < 2 {
        return None;
    }
    let n = pairs.len() as f64;
    let mean_x = pairs.iter().map(|p| p.0).sum::<f64>() / n;
    let mean_y = pairs.iter().map(|p| p.1).sum::<f64>() / n;
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (a, b) in &pairs {
        let (dx, dy) = (a - mean_x, b - mean_y);
        xx += dx * dx;
        yy += dy * dy;
        xy += dx * dy;
    }
    // Rounding noise of a constant column must not count as variation.
    let varies = |sum: f64, mean: f64| sum > n * (mean.abs() * 1e-12).powi(2);
    let r = xy / (xx.sqrt() * yy.sqrt());
    (varies(xx, mean_x) && varies(yy, mean_y) && r.is_finite()).then(|| r.clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn too_few_or_constant_has_no_correlation() {
        assert_eq!(pearson(&[], &[]), None);
        assert_eq!(pearson(&[1.0], &[1.0]), None);
        assert_eq!(pearson(&[0.1, 0.1, 0.1], &[1.0, 2.0, 3.0]), None);
        assert_eq!(pearson(&[1e300, -1e300], &[1e300, -1e300]), None);
    }

    proptest! {
        #[test]
        fn bounded_and_invariant_to_scale(
            x in prop::collection::vec(-1e3..1e3f64, 3..30), shift in -1e3..1e3f64, scale in 0.1..10.0f64,
        ) {
            let y: Vec<f64> = x.iter().enumerate().map(|(i, v)| v + (i as f64).sin()).collect();
            let z: Vec<f64> = y.iter().map(|v| shift + scale * v).collect();
            if let (Some(a), Some(b)) = (pearson(&x, &y), pearson(&x, &z)) {
                prop_assert!(a.abs() <= 1.0);
                prop_assert!((a - b).abs() < 1e-6);
            }
        }
    }
}
