//! Tables in Markdown, with Wilson intervals for shares.

use astern_stats::interval::wilson;
use astern_stats::reliability::Reliability;
use comfy_table::{Cell, CellAlignment, Table, presets};

/// A table of figures; the first column is aligned left, the others right.
pub fn markdown(header: &[&str], rows: &[Vec<String>]) -> String {
    aligned(header, rows, CellAlignment::Right)
}

/// A table of sentences, all aligned left.
pub fn prose(header: &[&str], rows: &[Vec<String>]) -> String {
    aligned(header, rows, CellAlignment::Left)
}

fn aligned(header: &[&str], rows: &[Vec<String>], others: CellAlignment) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::ASCII_MARKDOWN)
        .set_header(header.to_vec());
    for row in rows {
        let cells = row.iter().enumerate().map(|(column, text)| {
            let side = if column == 0 {
                CellAlignment::Left
            } else {
                others
            };
            Cell::new(text).set_alignment(side)
        });
        table.add_row(cells);
    }
    table.to_string()
}

/// A share with its 95 % Wilson interval: `.75 [.41, .93]`.
pub fn share(hits: usize, cases: usize) -> String {
    if cases == 0 {
        return "-".to_owned();
    }
    let value = hits as f64 / cases as f64;
    match wilson(hits, cases, 0.95) {
        Ok(interval) => {
            format!(
                "{} [{}, {}]",
                short(value),
                short(interval.low),
                short(interval.high)
            )
        }
        Err(_) => short(value),
    }
}

/// A share in 0..=1 with three digits and no leading zero.
pub fn short(value: f64) -> String {
    let text = format!("{value:.3}");
    text.strip_prefix('0')
        .map_or_else(|| text.clone(), str::to_owned)
}

/// Predicted against observed as Markdown, with the figures below.
pub fn calibration(found: &Reliability) -> String {
    let number = |x: Option<f64>| x.map_or("-".to_owned(), |x| format!("{x:.2}"));
    let rows: Vec<Vec<String>> = found
        .bins
        .iter()
        .map(|bin| {
            vec![
                format!("{:.1} to {:.1}", bin.low, bin.high),
                bin.count.to_string(),
                number(bin.predicted),
                number(bin.observed),
                format!("{:.2} to {:.2}", bin.interval.low, bin.interval.high),
            ]
        })
        .collect();
    let header = [
        "probability",
        "told",
        "mean told",
        "came true",
        "95 % Wilson",
    ];
    format!(
        "{}\n\nExpected calibration error {:.3}, Brier score {:.3}, of {} probabilities.",
        markdown(&header, &rows),
        found.expected_calibration_error,
        found.brier,
        found.count,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_read_well() {
        assert_eq!(share(3, 4), ".750 [.301, .954]");
        assert_eq!(share(4, 4), "1.000 [.510, 1.000]");
        assert_eq!(share(0, 0), "-");
    }
}
