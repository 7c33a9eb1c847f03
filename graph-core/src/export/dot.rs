//! The DOT language of Graphviz.

use super::label::dot as label;
use super::params::Mark;
use super::scene::{Node, Scene};
use crate::key::NodeKind;

/// The scene as a digraph.
pub(super) fn write(scene: &Scene<'_>) -> String {
    let mut lines = vec![
        "digraph {".to_owned(),
        "  rankdir=LR;".to_owned(),
        "  node [shape=box];".to_owned(),
    ];
    for (at, frame) in scene.frames.iter().enumerate() {
        let title = scene.nodes[frame[0]].key.to_string();
        lines.push(format!("  subgraph cluster_{at} {{"));
        lines.push(format!("    label={};", label(&title)));
        for place in frame {
            lines.push(format!("    {}", node(*place, &scene.nodes[*place])));
        }
        lines.push("  }".to_owned());
    }
    for place in &scene.unframed {
        lines.push(format!("  {}", node(*place, &scene.nodes[*place])));
    }
    for (from, to, kind) in &scene.edges {
        let kind = kind.map(|kind| format!(" [label={}]", label(&kind.to_string())));
        lines.push(format!("  n{from} -> n{to}{};", kind.unwrap_or_default()));
    }
    if let Some(more) = &scene.more {
        lines.push(format!("  more [label={}, shape=plaintext];", label(more)));
    }
    lines.push("}\n".to_owned());
    lines.join("\n")
}

fn node(place: usize, node: &Node<'_>) -> String {
    let shape = match node.key.kind {
        NodeKind::Service => None,
        NodeKind::Instance => Some("note"),
        NodeKind::Host => Some("box3d"),
        NodeKind::Database | NodeKind::Cache => Some("cylinder"),
        NodeKind::Queue => Some("cds"),
        NodeKind::Function => Some("hexagon"),
        NodeKind::External => Some("ellipse"),
    };
    let mut attributes = vec![format!("label={}", label(&node.key.to_string()))];
    attributes.extend(shape.map(|shape| format!("shape={shape}")));
    let fill = node.mark.map(Mark::fill);
    attributes.extend(fill.map(|fill| format!("style=filled, fillcolor=\"{fill}\"")));
    format!("n{place} [{}];", attributes.join(", "))
}
