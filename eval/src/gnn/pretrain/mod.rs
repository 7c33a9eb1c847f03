//! Whether pre-training and meta-learning help: each beside the same training without it, on the
//! same splits and from the same first weights, paired over seeds.
//!
//! Settings were fixed before any test figure was read; they are those of the libraries' defaults
//! where nothing else is stated.

mod few;
mod hops;
mod masked;

use std::error::Error;
use std::ops::RangeInclusive;
use std::path::Path;

use astern_stats::paired::PairedDifference;

use crate::table::markdown;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Values of one comparison over the seeds.
struct Comparison {
    name: String,
    metric: &'static str,
    plain: Vec<f64>,
    helped: Vec<f64>,
}

/// Runs all comparisons on the data sets below `root` (`graph-anomaly/`, `telemetry-anomaly/`).
///
/// # Errors
///
/// When a file cannot be read, a training fails, or there are fewer than two seeds.
pub fn evaluate(root: &Path, seeds: RangeInclusive<u64>) -> Result<String, Box<dyn Error>> {
    let mut all = hops::compare(root, seeds.clone())?;
    all.extend(masked::compare(root, seeds.clone())?);
    all.extend(few::compare(root, seeds)?);
    table(&all)
}

fn table(all: &[Comparison]) -> Outcome<String> {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let row = |c: &Comparison| -> Outcome<Vec<String>> {
        let paired = PairedDifference::new(&c.helped, &c.plain, 0.95)?;
        let interval = paired.interval.as_ref();
        let interval = interval.map(|i| format!("[{:+.4}, {:+.4}]", i.low, i.high));
        let p = paired.p_permutation.map(|p| format!("{p:.3}"));
        Ok(vec![
            c.name.clone(),
            c.metric.to_owned(),
            format!("{:.4}", mean(&c.plain)),
            format!("{:.4}", mean(&c.helped)),
            format!("{:+.4}", paired.mean),
            interval.unwrap_or_else(|| "-".into()),
            p.unwrap_or_else(|| "-".into()),
        ])
    };
    let rows = all.iter().map(row).collect::<Outcome<Vec<_>>>()?;
    let header = [
        "comparison",
        "metric",
        "without",
        "with",
        "difference",
        "95 %",
        "p",
    ];
    Ok(markdown(&header, &rows))
}
