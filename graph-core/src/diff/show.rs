//! A diff as people read it.

use std::fmt;

use super::{GraphDiff, Moved};

/// Entries of each list that are shown unless all are asked for.
const SHOWN_MAX: usize = 10;

impl<T: fmt::Display> fmt::Display for Moved<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Option<T>| {
            let known = value.as_ref().map(ToString::to_string);
            known.unwrap_or_else(|| "unknown".to_owned())
        };
        let (from, to) = (shown(&self.from), shown(&self.to));
        f.pad(&format!("{}: {from} -> {to}", self.instance))
    }
}

impl fmt::Display for GraphDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("no difference\n");
        }
        writeln!(
            f,
            "nodes +{} -{}, edges +{} -{}, revisions {}, owners {}",
            self.nodes_added.len(),
            self.nodes_removed.len(),
            self.edges_added.len(),
            self.edges_removed.len(),
            self.revisions.len(),
            self.owners.len(),
        )?;
        list(f, '+', &self.nodes_added)?;
        list(f, '-', &self.nodes_removed)?;
        list(f, '+', &self.edges_added)?;
        list(f, '-', &self.edges_removed)?;
        list(f, '~', &self.revisions)?;
        list(f, '~', &self.owners)
    }
}

/// One entry a line, the first few unless all are asked for.
fn list(f: &mut fmt::Formatter<'_>, mark: char, entries: &[impl fmt::Display]) -> fmt::Result {
    let shown = if f.alternate() {
        entries.len()
    } else {
        entries.len().min(SHOWN_MAX)
    };
    for entry in &entries[..shown] {
        writeln!(f, "{mark} {entry}")?;
    }
    match entries.len() - shown {
        0 => Ok(()),
        hidden => writeln!(f, "{mark} … and {hidden} more"),
    }
}
