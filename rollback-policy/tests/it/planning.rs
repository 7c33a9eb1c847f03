//! What is planned, in which order, and what is not.

use std::time::Duration;

use astern_graph_core::signal::{Anomaly, BlamedChange, Diagnosis, Evidence};
use astern_graph_core::{
    ChangeEvent, ChangeKind, ChangePhase, Reversibility, Subject, TemporalGraph,
};
use astern_rollback_policy::{
    Action, Check, Limit, Plan, PlanError, Planner, PlannerParams, Rejection, Step,
};
use proptest::prelude::*;

use crate::world::{
    NOW, at, blame, diamond, graph, outline, plan_for, plan_with, regressed, rejected, release,
    service,
};

#[test]
fn a_diamond_is_undone_callers_first() {
    let plan = plan_for(&diamond(), &[release("base"), release("left")]).unwrap();
    let expected = [
        "set service/left to revision left-1",
        "set service/base to revision base-1 after 1",
    ];
    assert_eq!(outline(&plan), expected);
}

#[test]
fn of_independent_services_the_one_with_more_at_stake_comes_first() {
    let plan = plan_for(
        &diamond(),
        &[release("left"), release("right"), release("base")],
    )
    .unwrap();
    let expected = [
        "set service/right to revision right-1",
        "set service/left to revision left-1",
        "set service/base to revision base-1 after 1,2",
    ];
    assert_eq!(outline(&plan), expected);
}

#[test]
fn services_in_a_circle_are_undone_one_by_one_and_say_why() {
    let graph = graph(&[("a", "b", 10), ("b", "a", 100), ("a", "c", 5)]);
    let plan = plan_for(&graph, &[release("a"), release("b"), release("c")]).unwrap();
    assert_eq!(plan.steps.len(), 3);
    assert_eq!(plan.steps[1].after, [plan.steps[0].id]);
    assert_eq!(plan.steps[2].after, [plan.steps[1].id]);
    let says_so = |e: &Evidence| matches!(e, Evidence::Fallback { .. });
    assert!(plan.steps[0].because.iter().any(says_so));
    assert!(!plan.steps[2].because.iter().any(says_so));
}

#[test]
fn each_kind_of_change_has_its_undo() {
    let undo = |kind, phase| {
        let change = release("left").by(kind).reached(phase, vec![]);
        outline(&plan_for(&diamond(), &[change]).unwrap())
    };
    let (going, done) = (ChangePhase::Progressed, ChangePhase::Completed);
    let back = "set service/left to revision left-1";
    assert_eq!(undo(ChangeKind::Rolling, going), [back]);
    assert_eq!(undo(ChangeKind::Canary, done), [back]);
    assert_eq!(
        undo(ChangeKind::Canary, going),
        [
            "give left-2 0 % of the traffic of service/left",
            &format!("{back} after 1")
        ]
    );
    let switch = ["switch all traffic of service/left to left-1"];
    assert_eq!(undo(ChangeKind::BlueGreen, done), switch);
    assert_eq!(
        undo(ChangeKind::Config, done),
        ["set service/left to config left-1"]
    );
    let flag = ChangeKind::FeatureFlag {
        flag: "fast".into(),
    };
    assert_eq!(undo(flag, done), ["turn flag fast of service/left off"]);
}

#[test]
fn a_flag_that_was_turned_off_is_turned_on_again_if_it_was_on() {
    let flip = |from: Option<&str>, to: &str| {
        let mut change = release("left").by(ChangeKind::FeatureFlag {
            flag: "fast".into(),
        });
        change.from = from.map(Into::into);
        change.to = to.into();
        outline(&plan_for(&diamond(), &[change]).unwrap())
    };
    assert_eq!(
        flip(Some("on"), "off"),
        ["turn flag fast of service/left on"]
    );
    assert_eq!(flip(None, "on"), ["turn flag fast of service/left off"]);
    assert!(
        flip(None, "off")
            .last()
            .unwrap()
            .starts_with("call a person")
    );
    assert!(
        flip(Some("on"), "on")
            .last()
            .unwrap()
            .starts_with("call a person")
    );
}

#[test]
fn an_unknown_revision_before_is_never_guessed() {
    let mut change = release("left");
    change.from = None;
    let plan = plan_for(&diamond(), std::slice::from_ref(&change)).unwrap();
    let call = "call a person about service/left: the revision before left@2 is not known";
    assert_eq!(outline(&plan), ["hold rollouts of service/left", call]);

    // A canary loses its traffic: that needs no target.
    let plan = plan_for(&diamond(), &[change.by(ChangeKind::Canary)]).unwrap();
    let drain = "give left-2 0 % of the traffic of service/left";
    assert_eq!(outline(&plan), [drain, call]);
}

#[test]
fn changes_on_top_of_each_other_are_undone_together_or_not_at_all() {
    let older = release("left");
    let mut newer = release("left");
    newer.id = "left@3".into();
    newer.at = at(200);
    newer.from = Some("left-2".into());
    newer.to = "left-3".into();
    let both = plan_for(&diamond(), &[older.clone(), newer.clone()]).unwrap();
    assert_eq!(outline(&both), ["set service/left to revision left-1"]);
    assert_eq!(both.steps[0].answers.len(), 2);

    let diagnosis = Diagnosis::new(vec![], vec![blame(&older, 0.9), blame(&newer, 0.1)]);
    let planner = Planner::new(PlannerParams::default()).unwrap();
    let plan = planner
        .plan(
            &diamond(),
            &regressed(),
            &diagnosis,
            &[older.clone(), newer.clone()],
            at(NOW),
        )
        .unwrap();
    assert!(plan.steps.iter().all(|step| !step.action.changes_service()));
    assert_eq!(
        rejected(&plan),
        [
            "set service/left to revision left-1: undoing left@2 would undo left@3 too, which is not to blame",
            "set service/left to revision left-2: left@3 is to blame with 10 %, 50 % needed",
        ]
    );

    // What cannot be undone is to blame too: to go back to it would help nobody.
    let min_compatible = older.to.clone();
    let migrated = older
        .clone()
        .undo(Reversibility::ForwardOnly { min_compatible });
    let plan = plan_for(&diamond(), &[migrated, newer.clone()]).unwrap();
    assert!(plan.steps.iter().all(|step| !step.action.changes_service()));
    assert!(rejected(&plan)[0].ends_with("left@2 is forward-only: data needs left-2 or newer"));
    let bad =
        "set service/left to revision left-2: left-2, which left@3 replaced, is bad itself: left@2";
    assert_eq!(rejected(&plan)[1], bad);

    // Without the link between them, nobody knows what lies below.
    newer.from = Some("left-2b".into());
    let plan = plan_for(&diamond(), &[older, newer]).unwrap();
    assert_eq!(
        plan.steps[0].action.to_string(),
        "set service/left to revision left-2b"
    );
    assert!(rejected(&plan)[0].ends_with("left@2 cannot be undone safely"));
}

#[test]
fn a_blamed_caller_that_stays_keeps_its_callee() {
    let mut left = release("left");
    left.from = None;
    let base = release("base");
    let plan = plan_for(&diamond(), &[left.clone(), base.clone()]).unwrap();
    assert!(plan.steps.iter().all(|step| !step.action.changes_service()));
    let text = "set service/base to revision base-1: service/left keeps its new revision and may need this one";
    assert_eq!(rejected(&plan), [text]);

    // A flag below it changes no revision.
    let flag = base.by(ChangeKind::FeatureFlag {
        flag: "fast".into(),
    });
    let plan = plan_for(&diamond(), &[left, flag]).unwrap();
    assert_eq!(outline(&plan)[0], "turn flag fast of service/base off");
}

#[test]
fn what_does_not_fit_the_budget_is_answered_by_a_person() {
    let changes = [release("left"), release("right"), release("base")];
    let plan = plan_with(PlannerParams::default().max_steps(1), &diamond(), &changes).unwrap();
    assert_eq!(outline(&plan)[0], "set service/right to revision right-1");
    let cut = |plan: &Plan| {
        plan.rejected
            .iter()
            .map(|r| r.reason.clone())
            .collect::<Vec<_>>()
    };
    let reasons = cut(&plan);
    assert!(matches!(
        reasons[0],
        Rejection::TooManySteps { steps: 2, limit: 1 }
    ));
    assert!(matches!(&reasons[1], Rejection::CallerKept { caller } if *caller == service("left")));
    let calls = plan
        .steps
        .iter()
        .filter(|s| matches!(s.action, Action::Escalate { .. }));
    assert_eq!(calls.count(), 2);

    let limit = PlannerParams::default().max_calls_per_second(0.1);
    let plan = plan_with(limit, &diamond(), &changes[..1]).unwrap();
    assert!(matches!(cut(&plan)[0], Rejection::TooMuchTraffic { limit, .. } if limit < 0.15));
}

#[test]
fn nothing_blamed_is_nothing_to_do() {
    let change = release("left");
    let planner = Planner::new(PlannerParams::default()).unwrap();
    for blamed in [vec![], vec![blame(&change, 0.49)]] {
        let count = blamed.len();
        let diagnosis = Diagnosis::new(vec![], blamed);
        let changes = std::slice::from_ref(&change);
        let plan = planner.plan(&diamond(), &regressed(), &diagnosis, changes, at(NOW));
        assert!(matches!(plan, Err(PlanError::NothingToDo { blamed, .. }) if blamed == count));
    }
}

#[test]
fn services_that_the_graph_does_not_know_are_refused() {
    let plan = plan_for(&diamond(), &[release("ghost")]);
    assert!(matches!(plan, Err(PlanError::UnknownService { service: s }) if s == service("ghost")));
}

#[test]
fn blame_that_fits_no_active_change_calls_a_person() {
    let change = release("left");
    let undone = release("left").reached(ChangePhase::RolledBack, vec![]);
    let mut later = release("left");
    later.at = at(NOW + 1);
    let elsewhere = BlamedChange::new(change.id.clone(), service("right"), Some(0.9));
    let planner = Planner::new(PlannerParams::default()).unwrap();
    for (blamed, active) in [
        (blame(&change, 0.9), vec![]),
        (blame(&change, 0.9), vec![change.clone(), undone]),
        (blame(&change, 0.9), vec![later]),
        (elsewhere, vec![change.clone()]),
    ] {
        let diagnosis = Diagnosis::new(vec![], vec![blamed]);
        let plan = planner
            .plan(&diamond(), &regressed(), &diagnosis, &active, at(NOW))
            .unwrap();
        assert!(
            matches!(plan.steps[0].action, Action::Escalate { .. }),
            "{plan}"
        );
    }
}

#[test]
fn changes_of_two_services_under_one_id_go_back_each_to_its_own_revision() {
    let (left, mut right) = (release("left"), release("right"));
    right.id = left.id.clone();
    let plan = plan_for(&diamond(), &[left.clone(), right]).unwrap();
    let set = |name: &str| Action::SetRevision {
        service: service(name),
        to: format!("{name}-1").as_str().into(),
    };
    let actions: Vec<&Action> = plan.steps.iter().map(|step| &step.action).collect();
    assert_eq!(actions, [&set("right"), &set("left")]);
}

#[test]
fn an_attempt_goes_back_to_what_it_came_from_and_not_to_what_an_earlier_one_did() {
    let mut earlier = release("left");
    earlier.from = Some("left-0".into());
    let mut back = earlier.clone();
    (back.at, back.phase) = (at(110), ChangePhase::RolledBack);
    let mut again = release("left");
    (again.at, again.from) = (at(200), None);
    // Where the second attempt does not say what it came from, the first one does not say it either.
    let plan = plan_for(&diamond(), &[earlier, back, again]).unwrap();
    let sets = |step: &Step| matches!(step.action, Action::SetRevision { .. });
    assert!(!plan.steps.iter().any(sets), "{plan}");
}

#[test]
fn the_last_step_of_a_service_must_bring_its_metrics_back() {
    let shift = |healthy, observed| Evidence::Shift {
        metric: "latency_ms_p95".into(),
        healthy,
        observed,
        z: 9.0,
    };
    let anomalies = vec![
        Anomaly::new(service("left"), 9.0, at(NOW)).because(shift(100.0, 500.0)),
        Anomaly::new(service("edge"), 5.0, at(NOW)).because(shift(200.0, 240.0)),
        Anomaly::new(service("base"), 4.0, at(NOW)).because(shift(1.0, 9.0)),
    ];
    let change = release("left").by(ChangeKind::Canary);
    let blamed = blame(&change, 0.9).hurting(vec![service("edge")]);
    let diagnosis = Diagnosis::new(vec![], vec![blamed]);
    let planner = Planner::new(PlannerParams::default()).unwrap();
    let assessment = regressed().with_anomalies(anomalies);
    let plan = planner
        .plan(&diamond(), &assessment, &diagnosis, &[change], at(NOW))
        .unwrap();
    assert_eq!(plan.steps[0].verify.len(), 1);
    let check = |name, limit| {
        let subject = Subject::from(service(name));
        Check::metric(
            subject,
            "latency_ms_p95".into(),
            limit,
            Duration::from_secs(900),
        )
    };
    let metrics = [
        check("edge", Limit::AtMost(210.0)),
        check("left", Limit::AtMost(200.0)),
    ];
    assert_eq!(plan.steps[1].verify[1..], metrics);
}

#[test]
fn infinite_evidence_is_kept_also_in_files() {
    let infinite = Evidence::Correlation {
        metric: "errors".into(),
        r: f64::INFINITY,
    };
    let change = release("left");
    let blamed = blame(&change, 0.9).because([infinite.clone()]);
    let diagnosis = Diagnosis::new(vec![], vec![blamed]);
    let planner = Planner::new(PlannerParams::default()).unwrap();
    let plan = planner
        .plan(&diamond(), &regressed(), &diagnosis, &[change], at(NOW))
        .unwrap();
    assert!(plan.steps[0].because.contains(&infinite));
    assert_eq!(Plan::from_json(&plan.to_json().unwrap()).unwrap(), plan);
}

#[test]
fn the_ends_of_time_are_planned_for_too() {
    let change = release("left");
    let diagnosis = Diagnosis::new(vec![], vec![blame(&change, 0.9)]);
    let planner = Planner::new(PlannerParams::default()).unwrap();
    for now in [
        astern_graph_core::Timestamp::MIN,
        astern_graph_core::Timestamp::MAX,
    ] {
        let active = std::slice::from_ref(&change);
        assert!(
            planner
                .plan(&diamond(), &regressed(), &diagnosis, active, now)
                .is_ok()
        );
    }
}

/// Whether every step comes after all steps on services that depend on its own, and not it on them.
fn is_callers_first(graph: &TemporalGraph, plan: &Plan) -> bool {
    let depends = |caller: &Step, callee: &Step| {
        let id = |step: &Step| graph.id(step.action.node()).unwrap();
        graph.fault_ancestry(id(caller)).contains_key(&id(callee))
    };
    let is_after = |later: &Step, earlier: &Step| {
        let mut open = later.after.clone();
        while let Some(id) = open.pop() {
            if id == earlier.id {
                return true;
            }
            open.extend(&plan.step(id).unwrap().after);
        }
        false
    };
    let acting = || {
        plan.steps
            .iter()
            .filter(|step| step.action.changes_service())
    };
    acting().all(|callee| {
        let callers = acting().filter(|caller| depends(caller, callee) && !depends(callee, caller));
        callers.into_iter().all(|caller| is_after(callee, caller))
    })
}

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn plans_do_not_depend_on_the_order_of_their_inputs(
        calls in prop::collection::vec((0..5usize, 0..5usize, 0..20u32), 1..10),
        changed in prop::collection::vec(any::<(bool, bool, bool)>(), 5),
        order in Just((0..5).collect::<Vec<usize>>()).prop_shuffle(),
    ) {
        let calls: Vec<_> = calls.iter().map(|(u, v, n)| (NAMES[*u], NAMES[*v], *n)).collect();
        let mut everything = calls.clone();
        everything.extend(NAMES.map(|name| (name, "sink", 1)));
        let graph = graph(&everything);
        let change = |index: usize| {
            let mut change = release(NAMES[index]);
            let (canary, known, _) = changed[index];
            if canary { change = change.by(ChangeKind::Canary); }
            if !known { change.from = None; }
            change
        };
        let blamed = |index: usize| blame(&change(index), if changed[index].2 { 0.8 } else { 0.2 });
        let make = |order: &[usize]| {
            let diagnosis = Diagnosis::new(vec![], order.iter().map(|i| blamed(*i)).collect());
            let active: Vec<_> = order.iter().map(|i| change(*i)).collect();
            let planner = Planner::new(PlannerParams::default().max_steps(3)).unwrap();
            planner.plan(&graph, &regressed(), &diagnosis, &active, at(NOW))
        };
        let sorted: Vec<usize> = (0..5).collect();
        match (make(&sorted), make(&order)) {
            (Ok(plan), Ok(other)) => {
                prop_assert_eq!(&plan, &other);
                let json = plan.to_json().unwrap();
                prop_assert_eq!(&json, &other.to_json().unwrap());
                prop_assert_eq!(&Plan::from_json(&json).unwrap(), &plan);
                for (index, (_, _, guilty)) in changed.iter().enumerate() {
                    let id = change(index).id;
                    let answers = |step: &Step| step.answers.iter().any(|b| b.change == id);
                    prop_assert_eq!(plan.steps.iter().any(answers), *guilty, "{}", plan);
                }
                prop_assert!(is_callers_first(&graph, &plan), "{}", plan);
                let acting = plan.steps.iter().filter(|s| s.action.changes_service()).count();
                prop_assert!(acting <= 3);
            }
            (Err(a), Err(b)) => prop_assert_eq!(a.to_string(), b.to_string()),
            (a, b) => prop_assert!(false, "{:?} {:?}", a, b),
        }
    }
}

/// A release of left from a revision to another, at a time.
fn release_of_left(id: &str, secs: i64, from: &str, to: &str) -> ChangeEvent {
    let mut event = release("left");
    (event.id, event.at) = (id.into(), at(secs));
    (event.from, event.to) = (Some(from.into()), to.into());
    event
}

#[test]
fn a_revision_that_was_rolled_back_is_no_target_until_it_is_released_again() {
    let bad = release_of_left("a", 10, "r1", "r2");
    let mut back = bad.clone().reached(ChangePhase::RolledBack, vec![]);
    back.at = at(20);
    let next = release_of_left("b", 100, "r2", "r3");
    let of = |steps: &[ChangeEvent]| {
        let diagnosis = Diagnosis::new(vec![], vec![blame(&next, 0.9)]);
        let planner = Planner::new(PlannerParams::default()).unwrap();
        let plan = planner.plan(&diamond(), &regressed(), &diagnosis, steps, at(NOW));
        outline(&plan.unwrap())
    };
    let steps = [bad.clone(), back.clone(), next.clone()];
    let reason = "r2, which b replaced, is bad itself: a";
    let held = format!("call a person about service/left: {reason}");
    assert_eq!(of(&steps), ["hold rollouts of service/left", held.as_str()]);
    // It was released again, and nobody took it back.
    let again = release_of_left("c", 50, "r1", "r2");
    let steps = [bad, back, again, next.clone()];
    assert_eq!(of(&steps), ["set service/left to revision r2"]);
}

#[test]
fn of_two_revisions_that_reports_name_neither_is_a_target() {
    let first = release_of_left("a", 10, "r1", "r2");
    let second = release_of_left("a", 20, "r7", "r2");
    let plan = plan_for(&diamond(), &[first, second]).unwrap();
    let why = "call a person about service/left: the revision before a is not known";
    assert_eq!(outline(&plan).last().map(String::as_str), Some(why));
    assert!(plan.steps.iter().all(|step| !step.action.changes_service()));
}
