//! Tables in Markdown, with Wilson intervals for shares.

use astern_stats::interval::wilson;
use comfy_table::{Cell, CellAlignment, Table, presets};

/// A table of text cells; the first column is aligned left, the others right.
pub fn markdown(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::ASCII_MARKDOWN)
        .set_header(header.to_vec());
    for row in rows {
        let cells = row.iter().enumerate().map(|(column, text)| {
            let side = if column == 0 {
                CellAlignment::Left
            } else {
                CellAlignment::Right
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
