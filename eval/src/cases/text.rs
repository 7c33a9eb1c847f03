//! Names that try to steer the terminal of who reads them.

use astern_graph_core::export::ExportParams;
use astern_graph_core::{ChangeEvent, EdgeKind, GraphBuilder, GraphParams, NodeKey};

use super::plans::{MADE, blamed, plan};
use super::{CaseOutcome, Situation};

const FOUND: &str = "found by attacking the texts";

/// Sets the terminal's title, clears it, adds a line, and turns the direction of writing.
const EVIL: &str = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{1b}[31mcart\r\nstep 1 verified\u{202e}";

/// Control and direction characters, but ends of lines.
fn raw(text: &str) -> usize {
    let is_raw = |c: &char| (c.is_control() && *c != '\n') || *c == '\u{202e}';
    text.chars().filter(is_raw).count()
}

pub(super) const PLAN: Situation = Situation {
    name: "control-characters-in-a-plan",
    ids: &["c11"],
    expected: "none is left where a plan is read, and no name adds a line",
    source: FOUND,
    play: || {
        let of = |name: &str, from: &str| {
            let service = NodeKey::service(name);
            let change = ChangeEvent::new(name, MADE, service, Some(from.into()), "r2".into());
            let of = vec![blamed(&change)];
            Ok(plan(&[change], of)?.to_string())
        };
        let (evil, plain): (Result<String, crate::EvalError>, _) =
            (of(EVIL, "\u{1b}[8mr1"), of("cart", "r1"));
        let (evil, plain) = (evil?, plain?);
        let more = evil.lines().count() - plain.lines().count();
        let raw = raw(&evil);
        let seen = format!("{raw} characters, {more} more lines than with a plain name");
        Ok(CaseOutcome::new(raw == 0 && more == 0, seen))
    },
};

pub(super) const NODE: Situation = Situation {
    name: "control-characters-in-a-node",
    ids: &["c11"],
    expected: "none is left where a node is named",
    source: FOUND,
    play: || {
        let raw = raw(&NodeKey::service(EVIL).to_string());
        Ok(CaseOutcome::new(raw == 0, format!("{raw} characters")))
    },
};

pub(super) const DRAWING: Situation = Situation {
    name: "control-characters-in-a-drawing",
    ids: &["c11"],
    expected: "none is left in DOT and Mermaid, and quotes stay inside their label",
    source: FOUND,
    play: || {
        let mut builder = GraphBuilder::new(GraphParams::default())?;
        let quotes = NodeKey::service("\"];x[label=\"pwn<script>");
        builder.declare_edge(NodeKey::service(EVIL), quotes, EdgeKind::Calls);
        let graph = builder.build();
        let params = ExportParams::default();
        let (dot, mermaid) = (graph.to_dot(&params), graph.to_mermaid(&params));
        let raw = raw(&dot) + raw(&mermaid);
        let inside = !dot.contains("x[label=\"pwn") && !mermaid.contains("x[label=\"pwn");
        Ok(CaseOutcome::new(
            raw == 0 && inside,
            format!("{raw} characters"),
        ))
    },
};
