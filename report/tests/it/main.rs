//! The page of a diagnosis: always whole, never more than it was given, the same for the same.
#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use std::time::Duration;

use astern_graph_core::signal::{
    Abstention, Anomaly, Assessment, BlamedChange, Diagnosis, Evidence, RankedCause, SourceFault,
    Verdict,
};
use astern_graph_core::{
    Call, CallStatus, ChangeEvent, EdgeKind, GraphBuilder, GraphParams, NodeKey, NodeKind, Party,
    Record, Sample, TemporalGraph, TimeRange, Timestamp,
};
use astern_report::Page;
use astern_rollback_policy::{
    Action, Blame, Check, Limit, Plan, Precondition, RejectedAlternative, Rejection, Step, StepId,
};
use proptest::prelude::*;

const ODD: &str = "<script>\"&";

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_767_600_000 + secs)
}

fn hour() -> TimeRange {
    TimeRange::new(at(0), at(3_600)).unwrap()
}

fn service(name: &str) -> NodeKey {
    NodeKey::service(name)
}

fn graph(records: Vec<Record>) -> TemporalGraph {
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    let count = records.len() as u64;
    assert_eq!(builder.extend(records).accepted, count);
    builder.build()
}

fn calls(from: &str, to: &str) -> Vec<Record> {
    let call = |minute: i64| {
        let slow = if minute < 40 { 0 } else { 100 };
        let took = Duration::from_millis(u64::try_from(20 + minute % 7 + slow).unwrap());
        let caller = Party::new(service(from));
        let callee = Party::new(service(to));
        let status = if minute % 9 == 8 {
            CallStatus::Error
        } else {
            CallStatus::Ok
        };
        Call::new(at(60 * minute), callee)
            .from(caller)
            .took(None, Some(took))
            .ended(status)
            .into()
    };
    (0..60).map(call).collect()
}

fn release(id: &str, of: &str, secs: i64) -> Record {
    ChangeEvent::new(id, at(secs), service(of), Some("r1".into()), "r2".into()).into()
}

/// `web` calls `cart` calls a store with an odd name, which a release made slow.
struct Case {
    graph: TemporalGraph,
    assessments: Vec<Assessment>,
    diagnosis: Diagnosis,
    plan: Plan,
}

impl Case {
    fn new() -> Self {
        let mut records = [
            calls("web", "cart"),
            calls("cart", ODD),
            calls("web", "ads"),
        ]
        .concat();
        records.push(release("bad-1", ODD, 2_370));
        records.push(release("good-1", "ads", 2_100));
        let odd = service(ODD);
        let shift = || Evidence::Shift {
            metric: "latency_ms_p95".into(),
            healthy: 23.0,
            observed: 124.0,
            z: 31.0,
        };
        let mut assessment = Assessment::new(Verdict::Regressed).with_anomalies(vec![
            Anomaly::new(odd.clone(), 31.0, at(2_400)).because(shift()),
            Anomaly::new(service("cart"), 12.0, at(2_400)),
        ]);
        assessment
            .source_faults
            .push(SourceFault::new(service("ads"), Some("cpu".into()), at(60)));
        let fallback = Evidence::Fallback {
            wanted: "transfer entropy".into(),
            used: "equal weights".into(),
            reason: "too few samples".into(),
        };
        let path = vec![odd.clone(), service("cart"), service("web")];
        let causes = vec![
            RankedCause::new(odd.clone(), 4.2)
                .along(path)
                .because([shift(), fallback]),
        ];
        let came = Evidence::ChangedBefore {
            change: "bad-1".into(),
            delay: Duration::from_secs(30),
        };
        let older = Evidence::OlderThanChange {
            change: "good-1".into(),
            lead: Duration::from_secs(9),
        };
        let changes = vec![
            BlamedChange::new("bad-1".into(), odd, Some(0.93))
                .hurting(vec![service("cart")])
                .because([came]),
            BlamedChange::new("good-1".into(), service("ads"), Some(0.02)).because([older]),
        ];
        Self {
            graph: graph(records),
            assessments: vec![
                assessment,
                Assessment::new(Verdict::Healthy).of_change("good-1".into()),
            ],
            diagnosis: Diagnosis::new(causes, changes),
            plan: plan(),
        }
    }

    fn page(&self) -> Page<'_> {
        Page::new(format!("Slow {ODD}"), &self.graph, hour())
            .healthy_until(at(2_100))
            .onset(Some(at(2_400)))
            .assessments(&self.assessments)
            .diagnosis(&self.diagnosis)
            .plan(&self.plan)
            .learned([
                (service(ODD), (1.4, -0.2)),
                (service("web"), (-0.6, f64::NAN)),
            ])
            .notes(vec![format!("a note on {ODD}")])
    }
}

fn plan() -> Plan {
    let odd = service(ODD);
    let hold = Step::new(
        StepId::new(1),
        Action::Hold {
            service: odd.clone(),
        },
    );
    let set = Step::new(
        StepId::new(2),
        Action::SetRevision {
            service: odd.clone(),
            to: "r1".into(),
        },
    )
    .after([StepId::new(1)])
    .answering([Blame::new("bad-1".into(), 0.93)])
    .requiring([Precondition::NoOtherPlan {
        service: odd.clone(),
    }])
    .verified_by([Check::metric(
        odd,
        "errors".into(),
        Limit::AtMost(0.1),
        Duration::from_secs(600),
    )]);
    let rejected = RejectedAlternative::new(
        Action::SetRevision {
            service: service("ads"),
            to: "r1".into(),
        },
        Rejection::NotBlamed {
            change: "good-1".into(),
            probability: Some(0.02),
            min_confidence: 0.5,
        },
    );
    Plan::new(at(3_600), vec![hold, set], vec![rejected]).unwrap()
}

/// Checks that every element is closed in its turn, that nothing is left unescaped, and that no
/// script and no address is there. Gives the page back.
fn whole(html: String) -> String {
    const VOID: [&str; 3] = ["meta", "br", "!DOCTYPE"];
    let mut open: Vec<&str> = Vec::new();
    let mut rest = html.as_str();
    while let Some(start) = rest.find('<') {
        let tag = &rest[start + 1..];
        let end = tag.find('>').unwrap();
        let (tag, after) = (&tag[..end], &tag[end + 1..]);
        assert!(!tag.contains('<'), "<{tag}>");
        assert_eq!(tag.matches('"').count() % 2, 0, "<{tag}>");
        let name = tag.split_whitespace().next().unwrap();
        if let Some(closed) = name.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed), "</{closed}>");
        } else if !VOID.contains(&name) {
            open.push(name);
        }
        rest = after;
    }
    assert_eq!(open, Vec::<&str>::new());
    assert!(
        !html.contains("NaN") && !html.contains("inf "),
        "a number leaked"
    );
    for foreign in [
        "<script", "http://", "https://", "url(http", "@import", "<img", "<link",
    ] {
        assert!(!html.contains(foreign), "{foreign}");
    }
    html
}

#[test]
fn a_full_page_has_all_sections_and_is_the_same_each_time() {
    let html = whole(Case::new().page().to_html());
    assert_eq!(html, Case::new().page().to_html());
    for part in [
        "Regressed",
        "bad-1",
        "93 %",
        "Plan of <a href=\"#plan\">2 steps</a>, 1 alternative rejected",
        "after step 1",
        "no other plan acts on",
        "within 10 min",
        "good-1 is to blame with 2 %, 50 % needed",
        "its own instances are healthy",
        "equal weights in place of transfer entropy: too few samples",
        "no <code>cpu</code>",
        "onset 08:40:00",
        "1 service is outside for the trained network only",
    ] {
        assert!(html.contains(part), "{part}");
    }
    assert_eq!(
        html.matches("<path class=\"edge path\"").count(),
        2 + 1,
        "two arrows and the legend"
    );
    assert_eq!(html.matches("<svg class=\"chart\"").count(), 2 * 4);
}

/// The cell of the changes' first row that has this label.
fn of_first_change<'h>(html: &'h str, label: &str) -> &'h str {
    let row = html.find("<section id=\"changes\">").unwrap();
    let cell = format!("data-label=\"{label}\">");
    let start = row + html[row..].find(&cell).unwrap() + cell.len();
    let end = start + html[start..].find("</td>").unwrap();
    &html[start..end]
}

#[test]
fn what_is_too_weak_to_acquit_a_blamed_change_is_not_held_against_it() {
    let contrast = |metric: &str, p_value| Evidence::Contrast {
        metric: metric.into(),
        ratio: 1.3,
        low: 1.04,
        high: 1.62,
        p_value,
        steps: 14,
    };
    let gap = Evidence::Gap {
        from: service("cart"),
        to: service(ODD),
        healthy_ms: 2.0,
        observed_ms: 90.0,
        z: 12.0,
    };
    let mut case = Case::new();
    let evidence = [
        contrast("better", 1.0),
        contrast("unsure", 0.235),
        contrast("worse", 0.01),
        gap,
    ];
    case.diagnosis.changes[0].evidence.extend(evidence);
    let html = whole(case.page().to_html());
    let cells = ["For", "Against", "Neither"].map(|label| of_first_change(&html, label));
    for (words, holds) in [
        ("came 30 s before", [true, false, false]),
        ("worse on new", [true, false, false]),
        ("better on new", [false, true, false]),
        // New code shows in what a service does, and not in the wait for it alone.
        ("ms longer than", [false, true, false]),
        ("unsure on new", [false, false, true]),
    ] {
        assert_eq!(cells.map(|cell| cell.contains(words)), holds, "{words}");
    }
}

#[test]
fn names_are_escaped_everywhere() {
    let html = whole(Case::new().page().decision(format!("do {ODD}")).to_html());
    assert!(!html.contains(ODD));
    assert!(html.matches("&lt;script&gt;&quot;&amp;").count() > 10);
}

#[test]
fn characters_that_steer_who_reads_are_written_out() {
    let evil = "\u{1b}[2Jcart\r\u{202e}";
    let graph = graph([calls("web", evil), vec![release(evil, evil, 2_380)]].concat());
    let page = Page::new(evil, &graph, hour()).decision(format!("do {evil}"));
    let html = whole(page.notes(vec![evil.to_owned()]).to_html());
    let unseen = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!html.contains(unseen));
    assert!(html.contains(r"\u{1b}[2Jcart\r\u{202e}"));
}

#[test]
fn a_graph_without_anything_makes_a_page() {
    let empty = graph(Vec::new());
    let html = whole(Page::new("Nothing", &empty, hour()).to_html());
    assert!(html.contains("No service is known") && html.contains("No plan was given"));
    let abstained = Diagnosis::abstain(Abstention::NoAnomaly);
    let html = whole(
        Page::new("", &empty, hour())
            .diagnosis(&abstained)
            .to_html(),
    );
    assert!(html.contains("Nothing is anomalous."));
}

#[test]
fn the_culprit_is_named_only_where_a_change_explains() {
    let mut case = Case::new();
    case.diagnosis.abstained = Some(Abstention::NoChangeExplains);
    let html = whole(case.page().to_html());
    assert!(!html.contains("blamed first") && html.contains("No change explains what is wrong."));
}

#[test]
fn the_way_shown_is_that_of_the_blamed_service() {
    let mut case = Case::new();
    let other = RankedCause::new(service("ads"), 9.0).along(vec![service("ads"), service("web")]);
    case.diagnosis.causes.insert(0, other);
    let html = whole(case.page().to_html());
    assert!(html.contains("cause number 2"));
    assert_eq!(html.matches("<path class=\"edge path\"").count(), 2 + 1);
}

#[test]
fn circles_and_selves_are_drawn() {
    let records = [
        calls("a", "b"),
        calls("b", "c"),
        calls("c", "a"),
        calls("a", "a"),
    ]
    .concat();
    let html = whole(Page::new("Circle", &graph(records), hour()).to_html());
    assert_eq!(html.matches("marker-end").count(), 3);
}

#[test]
fn one_node_without_calls_is_drawn() {
    let lone = Sample::new(at(0), service("lone"), "latency_ms", 20.0);
    let graph = graph(vec![lone.into()]);
    let assessments = [
        Assessment::new(Verdict::Regressed).with_anomalies(vec![Anomaly::new(
            service("lone"),
            f64::INFINITY,
            at(0),
        )]),
    ];
    let html = whole(
        Page::new("One", &graph, hour())
            .assessments(&assessments)
            .to_html(),
    );
    assert!(html.contains("class=\"node s4\"") && html.contains("latency_ms, ms"));
}

#[test]
fn a_service_that_was_never_seen_has_charts_without_data() {
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    builder.declare_edge(service("web"), service("cart"), EdgeKind::Calls);
    let path = vec![service("cart"), service("web")];
    let cause = RankedCause::new(service("cart"), f64::NAN).along(path);
    let diagnosis = Diagnosis::new(vec![cause], Vec::new());
    let graph = builder.build();
    let page = Page::new("Silent", &graph, hour())
        .diagnosis(&diagnosis)
        .healthy_until(at(60));
    let html = page.to_html();
    assert_eq!(html.matches("no data").count(), 4);
}

#[test]
fn instances_are_not_drawn_and_count_for_their_service() {
    let pod = NodeKey::instance("cart-7f");
    let party = Party::new(service("cart")).on(pod.clone(), "r2".into());
    let call = Call::new(at(60), party).took(None, Some(Duration::from_millis(5)));
    let graph = graph(vec![call.into()]);
    let anomaly = Anomaly::new(pod, 7.0, at(60));
    let assessments = [Assessment::new(Verdict::Regressed).with_anomalies(vec![anomaly])];
    let html = whole(
        Page::new("Pods", &graph, hour())
            .assessments(&assessments)
            .to_html(),
    );
    assert!(html.contains("score 7.00") && !html.contains("cart-7f"));
}

#[test]
fn too_much_is_left_out_and_counted() {
    let mut records = Vec::new();
    for callee in 0..80 {
        let name = format!("a-rather-long-name-of-a-service-number-{callee}");
        records.extend(calls("web", &name).into_iter().take(2));
        records.push(release(&format!("change-{callee}"), &name, 60 + callee));
    }
    let html = whole(Page::new("Much", &graph(records), hour()).to_html());
    assert!(html.contains("33 quieter nodes") && html.contains("and 68 more, not marked"));
    assert!(html.contains(">a-rather-lon…"), "long names are shortened");
    assert!(
        html.contains("service/a-rather-long-name-of-a-service-number-1,"),
        "and told in full"
    );
}

#[test]
fn ranges_of_any_length_are_drawn() {
    let case = Case::new();
    let ends = [
        Timestamp::MIN,
        at(0),
        at(1),
        at(90),
        at(200_000),
        Timestamp::MAX,
    ];
    for start in ends {
        for end in ends {
            let range = TimeRange { start, end };
            let page = Page::new("Range", &case.graph, range).diagnosis(&case.diagnosis);
            whole(page.onset(Some(at(0))).healthy_until(end).to_html());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_graph_and_any_names_make_a_page(
        names in prop::collection::vec(".{0,12}", 1..9),
        pairs in prop::collection::vec((0usize..9, 0usize..9, 0usize..6), 0..30),
        scores in prop::collection::vec(any::<f64>(), 0..9),
    ) {
        const KINDS: [EdgeKind; 6] = [
            EdgeKind::Calls, EdgeKind::RunsOn, EdgeKind::Reads, EdgeKind::Writes,
            EdgeKind::Publishes, EdgeKind::Consumes,
        ];
        let key = |i: usize| NodeKey::new(NodeKind::ALL[i % 8], names[i % names.len()].as_str());
        let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
        for (from, to, kind) in pairs {
            builder.declare_edge(key(from), key(to), KINDS[kind]);
        }
        let graph = builder.build();
        let anomalies = scores.iter().enumerate().map(|(i, s)| Anomaly::new(key(i), *s, at(0)));
        let assessments = [Assessment::new(Verdict::Regressed).with_anomalies(anomalies.collect())];
        let causes = scores.iter().enumerate();
        let causes = causes.map(|(i, s)| RankedCause::new(key(i), *s).along(vec![key(i), key(i + 1)]));
        let change = BlamedChange::new(names[0].as_str().into(), key(0), scores.first().copied());
        let diagnosis = Diagnosis::new(causes.collect(), vec![change]);
        let html = Page::new(names[0].as_str(), &graph, hour())
            .assessments(&assessments).diagnosis(&diagnosis).to_html();
        // Names may say anything, so only the marks are checked.
        prop_assert_eq!(html.matches("<g").count(), html.matches("</g>").count());
        prop_assert!(html.ends_with("</html>"));
    }
}
