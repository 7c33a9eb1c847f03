//! The flowchart language of Mermaid.

use std::collections::BTreeSet;

use super::label::mermaid as label;
use super::params::Mark;
use super::scene::{Node, Scene};
use crate::key::NodeKind;

/// The scene as a flowchart.
pub(super) fn write(scene: &Scene<'_>) -> String {
    let mut lines = vec!["flowchart LR".to_owned()];
    for (at, frame) in scene.frames.iter().enumerate() {
        let title = scene.nodes[frame[0]].key.to_string();
        lines.push(format!("  subgraph f{at}[{}]", label(&title)));
        for place in frame {
            lines.push(format!("    {}", node(*place, &scene.nodes[*place])));
        }
        lines.push("  end".to_owned());
    }
    for place in &scene.unframed {
        lines.push(format!("  {}", node(*place, &scene.nodes[*place])));
    }
    for (from, to, kind) in &scene.edges {
        let kind = kind.map(|kind| format!("|{}|", label(&kind.to_string())));
        lines.push(format!("  n{from} -->{} n{to}", kind.unwrap_or_default()));
    }
    if let Some(more) = &scene.more {
        lines.push(format!("  more[{}]", label(more)));
    }
    let marks: BTreeSet<Mark> = scene.nodes.iter().filter_map(|node| node.mark).collect();
    for mark in marks {
        let (class, fill) = (mark.as_str(), mark.fill());
        lines.push(format!("  classDef {class} fill:{fill},color:#000"));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn node(place: usize, node: &Node<'_>) -> String {
    let (open, close) = match node.key.kind {
        NodeKind::Service => ("[", "]"),
        NodeKind::Instance => ("(", ")"),
        NodeKind::Host => ("[[", "]]"),
        NodeKind::Database | NodeKind::Cache => ("[(", ")]"),
        NodeKind::Queue => ("[/", "/]"),
        NodeKind::Function => ("{{", "}}"),
        NodeKind::External => ("([", "])"),
    };
    let class = node.mark.map(|mark| format!(":::{}", mark.as_str()));
    let (label, class) = (label(&node.key.to_string()), class.unwrap_or_default());
    format!("n{place}{open}{label}{close}{class}")
}
