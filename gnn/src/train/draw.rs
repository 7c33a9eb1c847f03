//! Draws that several samplers share.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

/// A number below `n`, which is above 0; the bias of the product is under n / 2⁶⁴.
pub(crate) fn below(rng: &mut ChaCha8Rng, n: usize) -> usize {
    let product = u128::from(rng.next_u64()) * n as u128;
    usize::try_from(product >> 64).unwrap_or(0)
}

/// A number in [0, 1).
pub(crate) fn unit(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// Fisher and Yates' shuffle.
pub(crate) fn shuffle(items: &mut [u32], rng: &mut ChaCha8Rng) {
    for i in (1..items.len()).rev() {
        items.swap(i, below(rng, i + 1));
    }
}
