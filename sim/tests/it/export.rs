use std::sync::Arc;
use std::time::Duration;

use astern_graph_core::{
    Call, CallStatus, ChangeEvent, ChangeKind, ChangePhase, EdgeKind, NodeKey, NodeKind, Party,
    PlannedShare, Record, Reversibility, Revision, Sample, Schedule, SpanId, Subject, Timestamp,
    TrafficShare,
};
use astern_sim::export::{ExportError, Tables, records_from_csv, records_to_csv};
use astern_sim::{GroundTruth, Scenario, run, sort_records};
use proptest::prelude::*;

use crate::seconds;

#[test]
fn a_whole_run_comes_back_as_it_was() {
    let simulation = run(&Scenario::releases(9)).unwrap();
    let tables = records_to_csv(&simulation.records).unwrap();
    assert_eq!(records_from_csv(&tables).unwrap(), simulation.records);
    assert!(tables.calls.len() < 3_000_000);
    for truth in [&simulation.truth, &run(&Scenario::benign(9)).unwrap().truth] {
        let text = truth.to_json().unwrap();
        assert_eq!(&GroundTruth::from_json(&text).unwrap(), truth);
    }
    assert!(matches!(
        GroundTruth::from_json("[]"),
        Err(ExportError::Truth { .. })
    ));
}

#[test]
fn nothing_is_four_tables_of_headers() {
    let tables = records_to_csv(&[]).unwrap();
    let texts = [
        &tables.parties,
        &tables.calls,
        &tables.samples,
        &tables.changes,
    ];
    assert!(texts.iter().all(|text| text.lines().count() == 1));
    assert_eq!(records_from_csv(&tables).unwrap(), []);
}

#[test]
fn the_texts_are_short_and_plain() {
    let web = Party::new(NodeKey::service("web")).on(NodeKey::instance("web-0"), "w1".into());
    let at = Timestamp::from_millis(1_500);
    let mut call = Call::new(at, Party::new(NodeKey::service("cart")))
        .from(web)
        .took(Some(Duration::from_nanos(2_500_999)), None)
        .over(EdgeKind::Reads)
        .ended(CallStatus::ClientError);
    call.id = Some(SpanId::new(0x2a, 1));
    call.operation = Some("Get, set".into());
    call.exclusive = Some(Duration::from_nanos(1_999));
    let sample = Sample::new(at, NodeKey::service("web"), "load", 1.0 / 3.0);
    let tables = records_to_csv(&[call.into(), sample.into()]).unwrap();
    let line = |text: &str| text.lines().nth(1).unwrap().to_owned();
    assert_eq!(line(&tables.parties), "0,service/web,instance/web-0,w1,,");
    assert_eq!(
        line(&tables.calls),
        "1500000,2a/1,reads,0,1,\"Get, set\",2500,,1,client_error"
    );
    assert_eq!(line(&tables.samples), "1500000,service/web,,,load,0.333333");
}

#[test]
fn errors_name_the_line_and_the_column() {
    let good = {
        let mut scenario = Scenario::releases(1);
        scenario.span = seconds(1_950);
        records_to_csv(&run(&scenario).unwrap().records).unwrap()
    };
    let spoilt = |text: &str, column: usize, by: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let mut fields: Vec<&str> = lines[1].split(',').collect();
        fields[column] = by;
        lines[1] = fields.join(",");
        lines.join("\n")
    };
    let fault = |tables: &Tables| match records_from_csv(tables).unwrap_err() {
        ExportError::Field {
            table,
            line,
            column,
            ..
        } => {
            assert_eq!(line, 2);
            (table, column)
        }
        other => panic!("{other}"),
    };
    for (column, by, name) in [
        (0, "soon", "at_us"),
        (0, "9999999999999999999", "at_us"),
        (0, "9223372036854775807", "at_us"),
        (1, "1-2", "span"),
        (1, "xyz/1", "span"),
        (2, "asks", "kind"),
        (3, "900", "caller"),
        (4, "", "callee"),
        (4, "-1", "callee"),
        (6, "1.5", "client_us"),
        (7, "-3", "server_us"),
        (8, "x", "own_us"),
        (9, "fine", "status"),
    ] {
        let calls = spoilt(&good.calls, column, by);
        assert_eq!(
            fault(&Tables {
                calls,
                ..good.clone()
            }),
            ("calls", name),
            "{by}"
        );
    }
    for (column, by, name) in [
        (0, "1", "party"),
        (1, "pod/a", "service"),
        (2, "a", "instance"),
        (4, "a", "host"),
    ] {
        let mut tables = good.clone();
        tables.parties = spoilt(&good.parties, column, by);
        // A number that occurs twice is reported where it occurs again.
        if name == "party" {
            assert!(records_from_csv(&tables).is_err());
        } else {
            assert_eq!(fault(&tables), ("parties", name));
        }
    }
    for (column, by, name) in [
        (1, "a", "subject"),
        (2, "service/a", "edge"),
        (3, "calls", "edge"),
        (3, "hates", "edge"),
        (5, "many", "value"),
    ] {
        let samples = spoilt(&good.samples, column, by);
        assert_eq!(
            fault(&Tables {
                samples,
                ..good.clone()
            }),
            ("samples", name),
            "{by}"
        );
    }
    for (column, by, name) in [
        (3, "flying", "kind"),
        (5, "over", "phase"),
        (8, "instance/a;b", "instances"),
        (9, "10001", "share_bp"),
        (10, "never", "undo"),
        (10, "forward_only", "min_compatible"),
    ] {
        let changes = spoilt(&good.changes, column, by);
        assert_eq!(
            fault(&Tables {
                changes,
                ..good.clone()
            }),
            ("changes", name),
            "{by}"
        );
    }
}

#[test]
fn tables_of_another_shape_are_refused() {
    let good = records_to_csv(&[]).unwrap();
    let calls = good.calls.replace("status", "state");
    let missing = records_from_csv(&Tables {
        calls,
        ..good.clone()
    })
    .unwrap_err();
    assert_eq!(
        missing.to_string(),
        "the table of calls has no column `status`"
    );
    let samples = format!("{}1,2\n", good.samples);
    let ragged = records_from_csv(&Tables {
        samples,
        ..good.clone()
    })
    .unwrap_err();
    assert!(matches!(
        ragged,
        ExportError::Malformed {
            table: "samples",
            ..
        }
    ));
    assert!(matches!(
        records_from_csv(&Tables::default()).unwrap_err(),
        ExportError::MissingColumn {
            table: "parties",
            ..
        }
    ));
}

#[test]
fn names_that_would_come_back_as_others_and_schedules_are_refused() {
    let event = ChangeEvent::new(
        "a",
        Timestamp::from_secs(0),
        NodeKey::service("a"),
        None,
        "2".into(),
    );
    let planned = PlannedShare::new(event.at, TrafficShare::FULL);
    let scheduled = event.clone().scheduled(Schedule::new([planned]).unwrap());
    let event = event.reached(ChangePhase::Started, vec![NodeKey::instance("a;b")]);
    for event in [event, scheduled] {
        let refused = records_to_csv(&[event.into()]).unwrap_err();
        assert!(matches!(refused, ExportError::Unsupported { index: 0, .. }));
    }
}

#[test]
fn values_of_a_part_of_a_service_are_refused() {
    let party = Party::new(NodeKey::service("a")).on(NodeKey::instance("a-0"), "1".into());
    let sample = Sample::new(Timestamp::from_secs(0), party, "load", 1.0);
    let refused = records_to_csv(&[sample.into()]).unwrap_err();
    assert!(matches!(refused, ExportError::Unsupported { index: 0, .. }));
}

#[test]
fn no_text_is_a_formula() {
    let texts = ["=1+1", "+1", "-1", "@a", "\t=1", "'=1", "''@", "a=1", "'a"];
    let records = texts.map(|text| {
        let mut call = Call::new(Timestamp::from_secs(0), Party::new(NodeKey::service("a")));
        call.operation = Some(text.into());
        call.callee.revision = Some(text.into());
        Record::from(call)
    });
    let tables = records_to_csv(&records).unwrap();
    let fields = |text: &str| {
        text.split([',', '\n'])
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    for field in [fields(&tables.calls), fields(&tables.parties)].concat() {
        assert!(!field.starts_with(['=', '+', '-', '@', '\t']), "{field}");
    }
    let mut read = records_from_csv(&tables).unwrap();
    let mut records = records.to_vec();
    sort_records(&mut records);
    sort_records(&mut read);
    assert_eq!(read, records);
}

fn name() -> impl Strategy<Value = Arc<str>> {
    prop_oneof!["[ -~äß]{1,8}", "[a'=@]{1,2}", "['=+@\t\r\n-]{1,3}"].prop_map(Arc::from)
}

fn key() -> impl Strategy<Value = NodeKey> {
    let any = (0..8usize, name()).prop_map(|(kind, name)| NodeKey::new(NodeKind::ALL[kind], name));
    // Some twice, so that parties differ in one field only.
    let few = ["a", "b"].map(NodeKey::service).to_vec();
    prop_oneof![any, proptest::sample::select(few)]
}

fn at() -> impl Strategy<Value = Timestamp> {
    let most = i64::MAX / 1000;
    (-most..most).prop_map(|micros| Timestamp::from_nanos(micros * 1000))
}

fn party() -> impl Strategy<Value = Party> {
    let revision = proptest::option::of(name().prop_map(Revision::new));
    let segment = proptest::option::of(name());
    let instance = (proptest::option::of(key()), proptest::option::of(key()));
    (key(), instance, revision, segment).prop_map(
        |(service, (instance, host), revision, segment)| {
            let mut party = Party::new(service);
            party.instance = instance;
            party.revision = revision;
            party.host = host;
            party.segment = segment;
            party
        },
    )
}

fn call() -> impl Strategy<Value = Record> {
    let span = || proptest::option::of(any::<u64>().prop_map(Duration::from_micros));
    let id = proptest::option::of(any::<(u128, u64)>());
    let caller = proptest::option::of(party());
    let operation = proptest::option::of(name());
    let kind = prop_oneof![Just(EdgeKind::Calls), Just(EdgeKind::Consumes)];
    let spans = (span(), span(), span());
    (at(), id, caller, party(), operation, spans, kind).prop_map(
        |(at, id, caller, callee, operation, (client, server, own), kind)| {
            let mut call = Call::new(at, callee).took(client, server).over(kind);
            call.exclusive = own;
            call.id = id.map(|(trace, span)| SpanId::new(trace, span));
            call.caller = caller;
            call.operation = operation;
            call.into()
        },
    )
}

fn sample() -> impl Strategy<Value = Record> {
    let edge = (key(), key()).prop_map(|(from, to)| Subject::Edge {
        from,
        to,
        kind: EdgeKind::Publishes,
    });
    let subject = prop_oneof![key().prop_map(Subject::Node), edge];
    (at(), subject, name(), -1_000_000_000..1_000_000_000_i64).prop_map(
        |(at, subject, metric, millionths)| {
            Sample::new(at, subject, &*metric, millionths as f64 / 1e6).into()
        },
    )
}

fn change() -> impl Strategy<Value = Record> {
    let kind = prop_oneof![
        Just(ChangeKind::BlueGreen),
        Just(ChangeKind::Config),
        name().prop_map(|flag| ChangeKind::FeatureFlag { flag }),
    ];
    let undo = prop_oneof![
        Just(Reversibility::ExpandContract),
        name().prop_map(|name| Reversibility::ForwardOnly {
            min_compatible: Revision::new(name)
        }),
    ];
    let from = proptest::option::of(name().prop_map(Revision::new));
    let instances = proptest::collection::vec("[a-z, \"/]{0,5}", 0..4);
    let share = proptest::option::of(0..=10_000_u16);
    let event = (at(), key(), name());
    (event, from, name(), kind, undo, instances, share).prop_map(
        |((at, service, id), from, to, kind, undo, instances, share)| {
            let instances = instances.into_iter().map(NodeKey::instance).collect();
            let mut event = ChangeEvent::new(&*id, at, service, from, Revision::new(to))
                .by(kind)
                .undo(undo)
                .reached(ChangePhase::Progressed, instances);
            event.share = share.map(|points| TrafficShare::basis_points(points).unwrap());
            event.into()
        },
    )
}

proptest! {
    #[test]
    fn any_records_come_back(
        mut records in proptest::collection::vec(prop_oneof![call(), sample(), change()], 0..20)
    ) {
        sort_records(&mut records);
        let tables = records_to_csv(&records).unwrap();
        prop_assert_eq!(records_from_csv(&tables).unwrap(), records);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[0-9a-z/,;\"\n]{0,80}") {
        let mut tables = records_to_csv(&[]).unwrap();
        tables.calls += &text;
        tables.changes += &text;
        let _ = records_from_csv(&tables);
        tables.calls = text;
        let _ = records_from_csv(&tables);
    }
}
