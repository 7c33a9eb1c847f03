//! Two services on a platform in memory, of which releases fail every other call.

use std::collections::BTreeSet;
use std::time::Duration;

use astern::detect::catalogue::DetectionParams;
use astern::detect::pipeline::PipelineParams;
use astern::graph::{
    Call, CallStatus, ChangeEvent, ChangePhase, GraphParams, NodeKey, Party, Record, Timestamp,
};
use astern::policy::conformance::MemoryPlatform;
use astern::policy::{
    Action, Decision, Effect, Executor, Fact, Mode, Outcome, Plan, PlannerParams, Reason, Refusal,
    Request,
};
use astern::{Event, Guard, GuardParams, Withdrawal};

pub(crate) const STEP: u32 = 10;
/// The step of the releases.
pub(crate) const RELEASED: u32 = 24;
pub(crate) const SERVICES: [&str; 2] = ["cart", "pay"];

pub(crate) fn params() -> GuardParams {
    let graph = GraphParams::default()
        .step(Duration::from_secs(u64::from(STEP)))
        .retention_steps(200);
    let two_minutes = Duration::from_secs(120);
    let planner = PlannerParams::default()
        .settle_within(two_minutes)
        .recover_within(two_minutes)
        .traffic_window(Duration::from_secs(60));
    let detection = DetectionParams::default().pipeline(PipelineParams::default().steps_min(12));
    GuardParams::default()
        .graph(graph)
        .healthy_steps(20)
        .memory_steps(6)
        .detectors([("robust_z", detection)])
        .planner(planner)
        .mode(Mode::Apply)
}

pub(crate) fn at(step: u32) -> Timestamp {
    Timestamp::from_secs(1_700_000_040).plus(Duration::from_secs(u64::from(STEP * step)))
}

pub(crate) fn runs(service: &str, number: u32) -> Fact {
    Fact::Revision {
        service: NodeKey::service(service),
        revision: format!("{service}-{number}").as_str().into(),
    }
}

pub(crate) fn instance(service: &str, index: u32) -> NodeKey {
    NodeKey::instance(format!("{service}-{index}"))
}

/// A platform, what is released on it, and what was asked of it.
pub(crate) struct World {
    pub(crate) guard: Guard,
    pub(crate) platform: MemoryPlatform,
    pub(crate) forbids: bool,
    /// After a write nobody can see anything, and what it replaced goes on.
    pub(crate) is_blind: bool,
    /// The steps in which `cart` fails half of its calls, whatever it runs.
    pub(crate) fails: Option<std::ops::Range<u32>>,
    /// From which step on nothing is seen of anything.
    pub(crate) is_silent_from: u32,
    /// The way to a person is busy.
    pub(crate) nobody_answers: bool,
    /// What is announced in the next step.
    pub(crate) announced: Vec<Record>,
    pub(crate) asked: Vec<Action>,
    /// How often it was asked whether a person could be called.
    pub(crate) dry_pages: usize,
    pub(crate) decided: Vec<(u32, Decision)>,
    /// Plans that were begun less those that came to their end, and the most at a time.
    pub(crate) under_way: (usize, usize),
    /// Plans that were proposed, and why plans were withdrawn.
    pub(crate) proposed: Vec<Plan>,
    pub(crate) withdrawn: Vec<Withdrawal>,
    pub(crate) reasons: BTreeSet<String>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::on(MemoryPlatform::new())
    }

    pub(crate) fn on(platform: MemoryPlatform) -> Self {
        for service in SERVICES {
            platform.set(runs(service, 1));
        }
        Self {
            guard: Guard::new(params()).unwrap(),
            platform,
            forbids: false,
            is_blind: false,
            fails: None,
            is_silent_from: u32::MAX,
            nobody_answers: false,
            announced: Vec::new(),
            asked: Vec::new(),
            dry_pages: 0,
            decided: Vec::new(),
            under_way: (0, 0),
            proposed: Vec::new(),
            withdrawn: Vec::new(),
            reasons: BTreeSet::new(),
        }
    }

    /// The calls of a step: every other one to a second revision fails.
    pub(crate) fn calls(&self, step: u32) -> Vec<Record> {
        let web = || Party::new(NodeKey::service("web")).on(instance("web", 0), "web-1".into());
        let mut records = Vec::new();
        if step >= self.is_silent_from {
            return records;
        }
        let fails = self
            .fails
            .as_ref()
            .is_some_and(|steps| steps.contains(&step));
        for service in SERVICES {
            let has_left = self.is_blind && !self.platform.writes().is_empty();
            let bad = self.platform.holds(&runs(service, 2)) || has_left && service == SERVICES[0];
            let revision = format!("{service}-{}", if bad { 2 } else { 1 });
            for number in 0..40 {
                let when = at(step).plus(Duration::from_millis(240 * u64::from(number)));
                let callee = Party::new(NodeKey::service(service))
                    .on(instance(service, number % 4), revision.as_str().into());
                let fails = bad || fails && service == SERVICES[0];
                let failed = fails && (number / 4) % 2 == 0;
                let status = if failed {
                    CallStatus::Error
                } else {
                    CallStatus::Ok
                };
                let took = Some(Duration::from_millis(u64::from(
                    20 + (7 * number + step) % 9,
                )));
                let call = Call::new(when, callee)
                    .from(web())
                    .took(took, took)
                    .ended(status);
                let outer = Call::new(when, web()).took(None, took).ended(status);
                records.extend([call.into(), outer.into()]);
            }
        }
        records
    }

    pub(crate) fn release(&self, step: u32, service: &str) -> Record {
        self.platform.set(runs(service, 2));
        let revision = |number: u32| format!("{service}-{number}");
        let id = format!("release-of-{service}");
        let (from, to) = (revision(1), revision(2));
        let all = (0..4).map(|index| instance(service, index)).collect();
        ChangeEvent::new(
            id.as_str(),
            at(step),
            NodeKey::service(service),
            Some(from.as_str().into()),
            to.as_str().into(),
        )
        .reached(ChangePhase::Started, all)
        .into()
    }

    /// The platform announces in the next step that the release was rolled back.
    pub(crate) fn announce_rollback(&mut self, step: u32, service: &str) {
        let (id, to) = (format!("release-of-{service}"), format!("{service}-2"));
        let service = NodeKey::service(service);
        let change = ChangeEvent::new(id.as_str(), at(step + 1), service, None, to.as_str().into());
        let change = change.reached(ChangePhase::RolledBack, vec![]);
        self.announced.push(change.into());
    }

    pub(crate) fn execute(&mut self, request: &Request) -> Outcome {
        if let Effect::DryRun(Action::Escalate { .. }) = &request.effect {
            self.dry_pages += 1;
        }
        if let Effect::Apply(action) = &request.effect {
            if self.nobody_answers && matches!(action, Action::Escalate { .. }) {
                let (reason, retry_after) = ("engaged".into(), Duration::from_secs(1));
                return Outcome::Refused(Refusal::Busy {
                    reason,
                    retry_after,
                });
            }
            self.asked.push(action.clone());
            if self.forbids && action.changes_service() {
                let reason = "locked".into();
                return Outcome::Refused(Refusal::Forbidden { reason });
            }
        }
        let looks = matches!(request.effect, Effect::Observe(_));
        if self.is_blind && looks && !self.platform.writes().is_empty() {
            let what = "to look".into();
            return Outcome::Refused(Refusal::Unsupported { what });
        }
        self.platform.execute(request)
    }

    pub(crate) fn step(&mut self, step: u32, released: &[(u32, &str)]) {
        let mut records = std::mem::take(&mut self.announced);
        let now = released.iter().filter(|(at, _)| *at == step);
        records.extend(now.map(|(at, service)| self.release(*at, service)));
        records.extend(self.calls(step));
        let now = at(step + 1);
        let mut events = self.guard.observe(records, now);
        while !events.is_empty() {
            let mut next = Vec::new();
            for event in events {
                match event {
                    Event::Decided { ruling, .. } => {
                        self.decided.push((step, ruling.decision));
                        self.reasons
                            .extend(ruling.reasons.iter().map(Reason::to_string));
                    }
                    Event::Proposed { plan, .. } => self.proposed.push(plan),
                    Event::Withdrawn { why, .. } => self.withdrawn.push(why),
                    Event::Planned(_) => {
                        self.under_way.0 += 1;
                        self.under_way.1 = self.under_way.1.max(self.under_way.0);
                    }
                    Event::Finished(_) => {
                        self.under_way.0 -= 1;
                    }
                    Event::Execute(request) => {
                        let outcome = self.execute(&request);
                        next.extend(self.guard.report(&request.key, outcome, now).unwrap());
                    }
                    _ => {}
                }
            }
            events = next;
        }
    }

    pub(crate) fn play(&mut self, steps: std::ops::Range<u32>, released: &[(u32, &str)]) {
        for step in steps {
            self.step(step, released);
        }
    }

    /// How often it was asked to change a service.
    pub(crate) fn changes(&self) -> usize {
        let changing = self.asked.iter().filter(|action| action.changes_service());
        changing.count()
    }

    pub(crate) fn pages(&self) -> Vec<String> {
        let pages = self
            .asked
            .iter()
            .filter(|a| matches!(a, Action::Escalate { .. }));
        pages.map(ToString::to_string).collect()
    }
}
