//! The dense product `x W^T + b`.

use std::slice::ChunksExactMut;

use super::Real;

/// Weights of a dense layer, laid out for [`add_to`](Self::add_to).
///
/// The columns of `W^T` are cut into panels of [`COLUMNS`](super::real::Number::COLUMNS), each
/// contiguous by input, the last one filled with zeros. A block of rows of the input and a panel
/// give a tile of the output that stays in registers; within it every entry is one sum over the
/// inputs in order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dense<F> {
    inputs: usize,
    outputs: usize,
    /// `[panel][inputs][COLUMNS]`.
    panels: Vec<F>,
    bias: Vec<F>,
}

impl<F: Real> Dense<F> {
    /// From a weight of `shape` `[outputs, inputs]` in row-major order; an empty bias is none.
    pub(crate) fn new(weight: &[F], shape: [usize; 2], bias: Vec<F>) -> Self {
        let [outputs, inputs] = shape;
        let columns = F::COLUMNS;
        let mut panels = vec![F::ZERO; outputs.div_ceil(columns) * columns * inputs];
        for (o, row) in weight.chunks_exact(inputs.max(1)).enumerate() {
            let start = o / columns * columns * inputs + o % columns;
            let column = panels[start..].iter_mut().step_by(columns);
            column.zip(row).for_each(|(place, &w)| *place = w);
        }
        Self {
            inputs,
            outputs,
            panels,
            bias,
        }
    }

    pub(crate) fn inputs(&self) -> usize {
        self.inputs
    }

    pub(crate) fn outputs(&self) -> usize {
        self.outputs
    }

    /// `x W^T + b` for rows `x` `[N, inputs]`.
    pub(crate) fn apply(&self, x: &[F]) -> Vec<F> {
        let n_rows = x.len().checked_div(self.inputs).unwrap_or(0);
        let mut y = filled(&self.bias, n_rows, self.outputs);
        self.add_to(x, &mut y);
        y
    }

    /// Adds `x W^T` to `y` `[N, outputs]`.
    pub(crate) fn add_to(&self, x: &[F], y: &mut [F]) {
        let (inputs, outputs) = (self.inputs.max(1), self.outputs.max(1));
        let mut block = vec![F::ZERO; inputs * F::ROWS];
        let blocks = x.chunks(F::ROWS * inputs);
        for (x, y) in blocks.zip(y.chunks_mut(F::ROWS * outputs)) {
            for (r, row) in x.chunks_exact(inputs).enumerate() {
                let places = block[r..].iter_mut().step_by(F::ROWS);
                places.zip(row).for_each(|(place, &v)| *place = v);
            }
            let panels = self.panels.chunks_exact(F::COLUMNS * inputs);
            for (panel, start) in panels.zip((0..).step_by(F::COLUMNS)) {
                F::multiply(&block, panel, y.chunks_exact_mut(outputs), start);
            }
        }
    }
}

/// `n_rows` rows of the bias, or of `width` zeros where that is empty.
pub(crate) fn filled<F: Real>(bias: &[F], n_rows: usize, width: usize) -> Vec<F> {
    if bias.is_empty() {
        return vec![F::ZERO; n_rows * width];
    }
    bias.repeat(n_rows)
}

/// Adds `rows · panel`, with `rows` `[K, R]` and `panel` `[K, C]`, to the columns from `start` of up
/// to R rows: the sums stay in registers over all K.
pub(super) fn multiply<F: Real, const R: usize, const C: usize>(
    rows: &[F],
    panel: &[F],
    mut out: ChunksExactMut<'_, F>,
    start: usize,
) {
    let mut out: [&mut [F]; R] = std::array::from_fn(|_| {
        out.next()
            .and_then(|y| y.get_mut(start..))
            .unwrap_or_default()
    });
    let mut sums = [[F::ZERO; C]; R];
    for (sums, out) in sums.iter_mut().zip(&out) {
        match out.first_chunk() {
            Some(full) => *sums = *full,
            None => sums[..out.len()].copy_from_slice(out),
        }
    }
    let ((rows, _), (panel, _)) = (rows.as_chunks::<R>(), panel.as_chunks::<C>());
    for (x, w) in rows.iter().zip(panel) {
        for (sums, &x) in sums.iter_mut().zip(x) {
            for (sum, &w) in sums.iter_mut().zip(w) {
                *sum += x * w;
            }
        }
    }
    for (sums, out) in sums.iter().zip(&mut out) {
        match out.first_chunk_mut() {
            Some(full) => *full = *sums,
            None => out.copy_from_slice(&sums[..out.len()]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All small sizes, so that every kind of unfilled tile is met; the sums are whole numbers.
    #[test]
    fn every_size_equals_the_plain_product() {
        for (n, inputs, outputs) in (0..7).flat_map(|n| (1..6).map(move |i| (n, i, 3 * i + n))) {
            let value = |i: usize| (i * 7 % 11) as f32 - 5.0;
            let x: Vec<f32> = (0..n * inputs).map(value).collect();
            let w: Vec<f32> = (0..inputs * outputs).map(|i| value(i + 3)).collect();
            let bias: Vec<f32> = (0..outputs).map(value).collect();
            let dense = Dense::new(&w, [outputs, inputs], bias.clone());
            let mut expected = Vec::new();
            for x in x.chunks(inputs) {
                for (w, b) in w.chunks(inputs).zip(&bias) {
                    expected.push(b + x.iter().zip(w).map(|(x, w)| x * w).sum::<f32>());
                }
            }
            assert_eq!(dense.apply(&x), expected, "{n} rows, {inputs} to {outputs}");
        }
    }
}
