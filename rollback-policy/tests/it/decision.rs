//! What is decided, and why.

use astern_graph_core::signal::{
    Abstention, Assessment, BlamedChange, Diagnosis, RankedCause, SourceFault, Verdict,
};
use astern_graph_core::{ChangeEvent, ChangeKind, ChangePhase, Reversibility};
use astern_rollback_policy::{
    Decision, Policy, PolicyParams, Reason, Rejection, Risk, Ruling, WhenUnsure,
};

use crate::world::{at, blame, regressed, release, service};

fn policy() -> Policy {
    Policy::new(PolicyParams::default()).unwrap()
}

fn risk(value: f64) -> Risk {
    Risk::new(value, 1.0).unwrap()
}

fn high(diagnosis: &Diagnosis, changes: &[ChangeEvent]) -> Ruling {
    policy().decide(&risk(1.0), &regressed(), Some(diagnosis), changes)
}

fn blaming(change: &ChangeEvent, probability: f64) -> Diagnosis {
    Diagnosis::new(vec![], vec![blame(change, probability)])
}

#[test]
fn without_evidence_nothing_is_changed() {
    let change = release("left");
    let diagnosis = blaming(&change, 1.0);
    for verdict in [Verdict::NoData, Verdict::Inconclusive] {
        for value in [0.0, 0.7, 1.0] {
            let mut assessment = Assessment::new(verdict);
            let fault = SourceFault::new(service("left"), None, at(5));
            assessment.source_faults.push(fault.clone());
            let changes = std::slice::from_ref(&change);
            let ruling = policy().decide(&risk(value), &assessment, Some(&diagnosis), changes);
            assert_eq!(ruling.decision, Decision::Hold);
            assert_eq!(
                ruling.reasons,
                [Reason::Verdict(verdict), Reason::EvidenceFault(fault)]
            );
        }
    }
}

#[test]
fn the_risk_bands_of_a_healthy_system() {
    let decide =
        |value| policy().decide(&risk(value), &Assessment::new(Verdict::Healthy), None, &[]);
    assert_eq!(decide(0.49).decision, Decision::Continue);
    assert_eq!(decide(0.5).decision, Decision::Hold);
    assert_eq!(decide(1.0).decision, Decision::Hold);
}

#[test]
fn a_raised_risk_shrinks_only_a_blamed_canary_in_progress() {
    let decide = |change: ChangeEvent, probability| {
        let diagnosis = blaming(&change, probability);
        policy()
            .decide(&risk(0.7), &regressed(), Some(&diagnosis), &[change])
            .decision
    };
    let canary = || release("left").by(ChangeKind::Canary);
    assert_eq!(decide(canary(), 0.9), Decision::ShrinkCanary);
    assert_eq!(decide(canary(), 0.4), Decision::Hold);
    assert_eq!(
        decide(canary().reached(ChangePhase::Completed, vec![]), 0.9),
        Decision::Hold
    );
    assert_eq!(decide(release("left"), 0.9), Decision::Hold);
    let ruling = policy().decide(&risk(0.7), &regressed(), None, &[]);
    assert_eq!(ruling.decision, Decision::Hold);
    assert_eq!(
        policy()
            .decide(&risk(0.4), &regressed(), None, &[])
            .decision,
        Decision::Continue
    );
}

#[test]
fn a_high_risk_rolls_back_what_is_blamed_and_can_be_undone() {
    let change = release("left");
    let ruling = high(&blaming(&change, 0.9), std::slice::from_ref(&change));
    assert_eq!(
        ruling.to_string(),
        "roll back\n  - the verdict is: regressed\n  - risk 1.00 = severity 1.00 x persistence 1.00 + segment 0.00: high\n  - left@2 is to blame with 90 % and can be undone"
    );
}

#[test]
fn what_cannot_be_undone_is_escalated() {
    let min_compatible = "left-2".into();
    let mut unknown = release("left");
    unknown.from = None;
    for change in [
        release("left").undo(Reversibility::ForwardOnly { min_compatible }),
        unknown,
    ] {
        let ruling = high(&blaming(&change, 0.9), &[change]);
        assert_eq!(ruling.decision, Decision::Escalate);
        assert!(matches!(
            ruling.reasons.last(),
            Some(Reason::NotUndoable { .. })
        ));
    }
    let ruling = high(&blaming(&release("left"), 0.9), &[]);
    let Some(Reason::NotUndoable { because, .. }) = ruling.reasons.last() else {
        panic!()
    };
    assert!(matches!(because, Rejection::NotActive { .. }));
}

#[test]
fn an_unsure_diagnosis_never_rolls_back() {
    let change = release("left");
    let unknown = BlamedChange::new(change.id.clone(), service("left"), None);
    let hold = PolicyParams::default().when_unsure(WhenUnsure::Hold);
    for diagnosis in [
        blaming(&change, 0.49),
        Diagnosis::new(vec![], vec![unknown]),
    ] {
        let changes = std::slice::from_ref(&change);
        let ruling = high(&diagnosis, changes);
        assert_eq!(ruling.decision, Decision::Escalate);
        assert!(matches!(ruling.reasons.last(), Some(Reason::Unsure { .. })));
        let policy = Policy::new(hold.clone()).unwrap();
        let ruling = policy.decide(&risk(1.0), &regressed(), Some(&diagnosis), changes);
        assert_eq!(ruling.decision, Decision::Hold);
    }
    assert_eq!(
        policy()
            .decide(&risk(1.0), &regressed(), None, &[])
            .decision,
        Decision::Escalate
    );
}

#[test]
fn a_cause_without_a_change_is_remediated_only_where_allowed() {
    let mut diagnosis = Diagnosis::abstain(Abstention::NoChangeExplains);
    diagnosis
        .causes
        .push(RankedCause::new(service("left"), 3.0));
    assert_eq!(high(&diagnosis, &[]).decision, Decision::Escalate);
    let policy = Policy::new(PolicyParams::default().remediate(true)).unwrap();
    let ruling = policy.decide(&risk(1.0), &regressed(), Some(&diagnosis), &[]);
    assert_eq!(ruling.decision, Decision::Remediate);
    assert_eq!(ruling.reasons.last(), Some(&Reason::NoChangeBlamed));
}

#[test]
fn what_is_over_or_is_load_is_held_and_calls_nobody() {
    let policy = Policy::new(PolicyParams::default().remediate(true)).unwrap();
    for (abstention, expected) in [
        (Abstention::NoAnomaly, Decision::Hold),
        (Abstention::NoRegression, Decision::Hold),
        (Abstention::Load, Decision::Hold),
        (Abstention::CannotTell, Decision::Escalate),
        (Abstention::OutsideGraph, Decision::Escalate),
    ] {
        let diagnosis = Diagnosis::abstain(abstention);
        let ruling = policy.decide(&risk(1.0), &regressed(), Some(&diagnosis), &[]);
        assert_eq!(ruling.decision, expected, "{ruling}");
    }
}

#[test]
fn what_changes_the_platform_by_itself() {
    let changes = |decision: Decision| decision.changes_platform();
    let acts = [
        Decision::ShrinkCanary,
        Decision::Remediate,
        Decision::RollBack,
    ];
    let waits = [Decision::Continue, Decision::Hold, Decision::Escalate];
    assert_eq!(acts.map(changes), [true; 3]);
    assert_eq!(waits.map(changes), [false; 3]);
}
