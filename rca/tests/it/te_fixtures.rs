//! Seeded series of 2,000 steps with known transfer entropy, one row a step, made with numpy for conformance to
//! other tools. Innovations e are independent standard normal.

/// `X = .6 X₋₁ + e`, `Y = .5 Y₋₁ + .4 X₋₁ + e`; columns X, Y. TE(X → Y) = .102074479919 nats.
pub(crate) const GAUSS_AR: &str = include_str!("../fixtures/gauss_ar_2000.csv");
/// `Z = .5 Z₋₁ + e`, `X = .3 X₋₁ + .8 Z₋₁ + e`, `Y = .3 Y₋₁ + .8 Z₋₂ + e`; columns X, Y, Z.
pub(crate) const GAUSS_DRIVER: &str = include_str!("../fixtures/gauss_driver_2000.csv");
/// Y is X of the step before half the time, else one of 8 symbols at random; columns X, Y. .783082813311 bits.
pub(crate) const DISC8_COPY: &str = include_str!("../fixtures/disc8_copy_2000.csv");
/// `Y = X₋₁ xor Y₋₁`, flipped one time in ten; columns X, Y. .531004406411 bits.
pub(crate) const BIN_XOR: &str = include_str!("../fixtures/bin_xor_2000.csv");
/// Logistic maps, X free, `Y = 4g(1 - g)` with `g = .3 X₋₁ + .7 Y₋₁`; columns X, Y.
pub(crate) const LOGISTIC: &str = include_str!("../fixtures/logistic_2000.csv");
/// Exponentials of two independent autoregressive series; columns X, Y.
pub(crate) const NULL_LOGNORMAL: &str = include_str!("../fixtures/null_lognormal_2000.csv");

/// The columns.
pub(crate) fn numbers<const COLUMNS: usize>(series: &str) -> [Vec<f64>; COLUMNS] {
    let mut columns = [const { Vec::new() }; COLUMNS];
    for line in series.lines() {
        for (column, value) in columns.iter_mut().zip(line.split(',')) {
            column.push(value.parse().unwrap());
        }
    }
    columns
}

/// The columns of symbols.
pub(crate) fn symbols(series: &str) -> [Vec<u8>; 2] {
    let whole = |value: &f64| format!("{value:.0}").parse().unwrap();
    numbers(series).map(|column: Vec<f64>| column.iter().map(whole).collect())
}
