//! Drawings: what is in them, and that no name breaks them.

use astern_graph_core::export::{EdgeLabels, ExportParams, Mark};
use astern_graph_core::{
    ChangeEvent, ChangePhase, EdgeKind, GraphBuilder, GraphParams, NodeKey, NodeKind, Revision,
    TemporalGraph, Timestamp,
};
use proptest::prelude::*;

fn shop() -> TemporalGraph {
    let [web, cart] = ["web", "cart"].map(NodeKey::service);
    let db = NodeKey::new(NodeKind::Database, "orders");
    let instances = ["cart-1", "cart-2"].map(NodeKey::instance).to_vec();
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    builder.declare_edge(web, cart.clone(), EdgeKind::Calls);
    builder.declare_edge(cart.clone(), db, EdgeKind::Reads);
    let v2 = Revision::from("v2");
    let release = ChangeEvent::new("cart@2", Timestamp::from_secs(0), cart, None, v2);
    builder.extend([release.reached(ChangePhase::Completed, instances).into()]);
    builder.build()
}

#[test]
fn a_shop_in_dot() {
    let params = ExportParams::default()
        .mark(
            Mark::Changed,
            [NodeKey::service("cart"), NodeKey::service("web")],
        )
        .mark(Mark::Cause, [NodeKey::service("cart")]);
    let expected = r##"digraph {
  rankdir=LR;
  node [shape=box];
  subgraph cluster_0 {
    label="service/cart";
    n0 [label="service/cart", style=filled, fillcolor="#f4a3a3"];
    n2 [label="instance/cart-1", shape=note];
    n3 [label="instance/cart-2", shape=note];
  }
  n1 [label="service/web", style=filled, fillcolor="#b9d9f5"];
  n4 [label="database/orders", shape=cylinder];
  n0 -> n4 [label="reads"];
  n1 -> n0;
}
"##;
    assert_eq!(shop().to_dot(&params), expected);
}

#[test]
fn a_shop_in_mermaid() {
    let params = ExportParams::default().mark(Mark::Symptom, [NodeKey::service("web")]);
    let expected = r#"flowchart LR
  subgraph f0["service/cart"]
    n0["service/cart"]
    n2("instance/cart-1")
    n3("instance/cart-2")
  end
  n1["service/web"]:::symptom
  n4[("database/orders")]
  n0 -->|"reads"| n4
  n1 --> n0
  classDef symptom fill:#fbe3a4,color:#000
"#;
    assert_eq!(shop().to_mermaid(&params), expected);
}

#[test]
fn what_is_not_asked_for_is_not_drawn() {
    let drawn = |params: ExportParams| shop().to_mermaid(&params);
    let services = drawn(ExportParams::default().node_kinds([NodeKind::Service].into()));
    assert_eq!(
        services,
        "flowchart LR\n  n0[\"service/cart\"]\n  n1[\"service/web\"]\n  n1 --> n0\n"
    );
    let reads = drawn(ExportParams::default().edge_kinds([EdgeKind::Reads].into()));
    assert!(reads.contains("n0 -->") && !reads.contains("n1 -->"));
    let only = drawn(ExportParams::default().only([NodeKey::service("web")].into()));
    assert_eq!(only, "flowchart LR\n  n0[\"service/web\"]\n");
    assert!(!drawn(ExportParams::default().grouped(false)).contains("subgraph"));
    let all = drawn(ExportParams::default().edge_labels(EdgeLabels::All));
    assert!(all.contains("n1 -->|\"calls\"| n0"));
    let none = drawn(ExportParams::default().edge_labels(EdgeLabels::None));
    assert!(none.contains("n0 --> n4"));
}

#[test]
fn what_there_is_no_room_for_is_counted() {
    let params =
        ExportParams::default().mark(Mark::Cause, [NodeKey::new(NodeKind::Database, "orders")]);
    let few = shop().to_dot(&params.clone().nodes_max(2));
    // The marked node stays, then the first by key.
    assert!(few.contains("n0 [label=\"service/cart\"]"), "{few}");
    assert!(few.contains("n1 [label=\"database/orders\""), "{few}");
    assert!(few.contains("more [label=\"… and 3 more nodes, 1 more edge\", shape=plaintext];"));
    let few = shop().to_mermaid(&params.clone().edges_max(1));
    assert!(few.contains("more[\"#8230; and 1 more edge\"]"), "{few}");
    let none = shop().to_mermaid(&params.nodes_max(0));
    assert_eq!(
        none,
        "flowchart LR\n  more[\"#8230; and 5 more nodes, 2 more edges\"]\n"
    );
}

#[test]
fn a_node_that_owns_itself_is_drawn_once() {
    let odd = NodeKey::instance("odd");
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    let v1 = Revision::from("v1");
    let change = ChangeEvent::new("c", Timestamp::from_secs(0), odd.clone(), None, v1);
    builder.extend([change.reached(ChangePhase::Completed, vec![odd]).into()]);
    let drawn = builder.build().to_mermaid(&ExportParams::default());
    assert_eq!(drawn, "flowchart LR\n  n0(\"instance/odd\")\n");
}

#[test]
fn names_are_escaped() {
    let names = [
        ("", "service/", "service/"),
        ("end", "service/end", "service/end"),
        ("a\"b", "service/a\\\"b", "service/a#34;b"),
        ("a\\", "service/a\\\\", "service/a#92;"),
        ("a\nb", "service/a\\\\nb", "service/a#92;nb"),
        (
            "[x](y){z}",
            "service/[x](y){z}",
            "service/#91;x#93;#40;y#41;#123;z#125;",
        ),
        (
            "&lt;#35;",
            "service/&amp;lt;#35;",
            "service/#38;lt#59;#35;35#59;",
        ),
        ("größe-数", "service/größe-数", "service/größe-数"),
        (
            "\u{202e}x",
            "service/\\\\u{202e}x",
            "service/#92;u#123;202e#125;x",
        ),
        ("`x`", "service/`x`", "service/#96;x#96;"),
        ("%%{init", "service/%%{init", "service/#37;#37;#123;init"),
        ("__a__", "service/__a__", "service/#95;#95;a#95;#95;"),
        ("www.a.b", "service/www.a.b", "service/www#46;a#46;b"),
    ];
    for (name, dot, mermaid) in names {
        let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
        builder.declare_node(NodeKey::service(name));
        let graph = builder.build();
        let all = ExportParams::default();
        let expected = format!("  n0 [label=\"{dot}\"];");
        assert_eq!(graph.to_dot(&all).lines().nth(3).unwrap(), expected);
        let expected = format!("flowchart LR\n  n0[\"{mermaid}\"]\n");
        assert_eq!(graph.to_mermaid(&all), expected);
    }
}

#[test]
fn a_long_name_is_cut() {
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    builder.declare_node(NodeKey::service("ü".repeat(5_000)));
    let label = format!("\"service/{}…\"", "ü".repeat(91));
    assert!(
        builder
            .build()
            .to_dot(&ExportParams::default())
            .contains(&label)
    );
}

/// The quoted strings of a line of DOT, unescaped; `None` when a quote is left open or a quoted
/// string holds a control character.
fn quoted_in_dot(line: &str) -> Option<Vec<String>> {
    let mut found = Vec::new();
    let mut chars = line.chars();
    while chars.by_ref().any(|c| c == '"') {
        let mut text = String::new();
        loop {
            match chars.next()? {
                '"' => break,
                '\\' => text.push(chars.next()?),
                c if c.is_control() => return None,
                c => text.push(c),
            }
        }
        found.push(text.replace("&amp;", "&"));
    }
    Some(found)
}

/// The text that Mermaid shows for a label; `None` when it holds more than plain characters and
/// numeric entities.
fn shown_by_mermaid(label: &str) -> Option<String> {
    let mut text = String::new();
    let mut rest = label;
    while let Some(c) = rest.chars().next() {
        if c == '#' {
            let (code, after) = rest[1..].split_once(';')?;
            text.push(char::from_u32(code.parse().ok()?)?);
            rest = after;
        } else if c.is_alphanumeric() || " ,-/".contains(c) {
            text.push(c);
            rest = &rest[c.len_utf8()..];
        } else {
            return None;
        }
    }
    Some(text)
}

proptest! {
    #[test]
    fn any_name_stays_within_its_label(
        names in prop::collection::btree_set("(?s).{0,20}", 1..5),
        kind in 0..NodeKind::ALL.len(),
    ) {
        let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
        for name in &names {
            builder.declare_node(NodeKey::new(NodeKind::ALL[kind], name.as_str()));
        }
        let graph = builder.build();
        let dot = graph.to_dot(&ExportParams::default());
        let mermaid = graph.to_mermaid(&ExportParams::default());
        // A heading, three lines of DOT, and one line a node.
        prop_assert_eq!(dot.lines().count(), names.len() + 4);
        prop_assert_eq!(mermaid.lines().count(), names.len() + 1);
        let nodes = graph.keys().iter().zip(dot.lines().skip(3)).zip(mermaid.lines().skip(1));
        for ((key, dot), mermaid) in nodes {
            let quoted = quoted_in_dot(dot).unwrap();
            prop_assert_eq!(quoted.len(), 1);
            let (_, label) = mermaid.split_once('"').unwrap();
            let (label, _) = label.rsplit_once('"').unwrap();
            prop_assert_eq!(&shown_by_mermaid(label).unwrap(), &quoted[0]);
            if !key.name.contains(|c: char| c.is_control() || !c.is_alphanumeric()) {
                prop_assert_eq!(&quoted[0], &key.to_string());
            }
        }
    }

    #[test]
    fn a_drawing_is_no_larger_than_asked_for(
        pairs in prop::collection::vec((0..9_u8, 0..9_u8), 0..40),
        nodes_max in 0..10_u32,
        edges_max in 0..10_u32,
    ) {
        let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
        let key = |i: &u8| NodeKey::service(format!("s{i}"));
        for (from, to) in &pairs {
            builder.declare_edge(key(from), key(to), EdgeKind::Calls);
        }
        let graph = builder.build();
        let params = ExportParams::default().nodes_max(nodes_max).edges_max(edges_max);
        let drawn = graph.to_mermaid(&params);
        let count = |what: &str| drawn.lines().filter(|line| line.contains(what)).count();
        let (nodes, edges) = (count("[\"service"), count("-->"));
        prop_assert_eq!(nodes, graph.node_count().min(nodes_max as usize));
        prop_assert!(edges <= edges_max as usize);
        let complete = nodes == graph.node_count() && edges == graph.edge_count();
        prop_assert_eq!(count("more["), usize::from(!complete));
    }
}
