//! What keeps a plan from being carried out, however sure it is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use astern_graph_core::{NodeKey, Timestamp};
use astern_stats::ParamError;
use astern_stats::param::{duration, in_range};

use crate::decision::{Reason, Ruling};
use crate::plan::Plan;

/// Longest time that any brake looks back.
const LOOKS_BACK_MAX: Duration = Duration::from_secs(30 * 86_400);

/// Parameters of the brakes, checked with those of the [`Policy`](crate::Policy). A plan is one whole: what holds one of its services
/// holds it all. A run under way when a freeze begins goes on.
///
/// | parameter | default | rule |
/// |---|---|---|
/// | `freezes` | none | times in which a person decides; at most 1,000 |
/// | `cool_down` | 1 min | how long a service is left alone after a run that changed it has ended, at most 30 days |
/// | `undos_max` | 3 | runs that may change one service within `undos_within`; from the next one on a person decides; 1 to 1,000 |
/// | `undos_within` | 1 h | that time, at most 30 days |
///
/// ```
/// use astern_rollback_policy::BrakesParams;
///
/// let brakes: BrakesParams = serde_json::from_str(
///     r#"{ "freezes": [{ "from": "2026-12-24T00:00:00Z", "until": "2026-12-27T00:00:00Z", "why": "holidays" }] }"#,
/// )?;
/// assert!(brakes != BrakesParams::default());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct BrakesParams {
    pub(crate) freezes: Vec<Freeze>,
    #[serde(with = "duration")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub(crate) cool_down: Duration,
    pub(crate) undos_max: u32,
    #[serde(with = "duration")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub(crate) undos_within: Duration,
}

impl Default for BrakesParams {
    fn default() -> Self {
        Self {
            freezes: Vec::new(),
            cool_down: Duration::from_secs(60),
            undos_max: 3,
            undos_within: Duration::from_secs(3_600),
        }
    }
}

astern_stats::setters!(BrakesParams {
    /// Sets the times in which a person decides.
    freezes: Vec<Freeze>,
    /// Sets how long a service is left alone after a run that changed it.
    cool_down: Duration,
    /// Sets how many runs may change one service within a time.
    undos_max: u32,
    /// Sets that time.
    undos_within: Duration,
});

impl BrakesParams {
    pub(crate) fn check(&self) -> Result<(), ParamError> {
        let freezes = self.freezes.len() as f64;
        in_range("number of freezes", freezes, 0.0, 1_000.0)?;
        for freeze in &self.freezes {
            // The end of a freeze is the first instant after it.
            let lasts = freeze.until.since(freeze.from).as_secs_f64();
            in_range("length of a freeze in seconds", lasts, 1e-9, f64::MAX)?;
        }
        let max = LOOKS_BACK_MAX.as_secs_f64();
        in_range(
            "cool_down in seconds",
            self.cool_down.as_secs_f64(),
            0.0,
            max,
        )?;
        in_range("undos_max", f64::from(self.undos_max), 1.0, 1_000.0)?;
        let within = self.undos_within.as_secs_f64();
        in_range("undos_within in seconds", within, 0.0, max)?;
        Ok(())
    }
}

/// A time in which nothing is rolled back without a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Freeze {
    /// When it begins.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub from: Timestamp,
    /// The first instant after it.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub until: Timestamp,
    /// The services that it is about; all where none is named.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>"))]
    pub services: Vec<NodeKey>,
    /// Why, for people.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub why: Arc<str>,
}

impl Freeze {
    /// A freeze of all services.
    pub fn new(from: Timestamp, until: Timestamp, why: impl Into<Arc<str>>) -> Self {
        Self {
            from,
            until,
            services: Vec::new(),
            why: why.into(),
        }
    }

    /// A freeze of these services alone.
    #[must_use]
    pub fn of(mut self, services: impl IntoIterator<Item = NodeKey>) -> Self {
        self.services = services.into_iter().collect();
        self
    }

    fn holds(&self, service: &NodeKey, now: Timestamp) -> bool {
        let is_of = self.services.is_empty() || self.services.contains(service);
        is_of && (self.from..self.until).contains(&now)
    }
}

/// When runs have changed each service. Kept from step to step.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undos(BTreeMap<NodeKey, Vec<Undo>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Undo {
    began: Timestamp,
    /// When it has ended; when it began, as long as it has not.
    ended: Timestamp,
}

impl Undos {
    /// Takes note that a plan begins to be carried out. What is older than any brake looks back is forgotten.
    pub fn began(&mut self, plan: &Plan, now: Timestamp) {
        let oldest = now.minus(LOOKS_BACK_MAX);
        self.0.retain(|_, undos| {
            undos.retain(|undo| undo.ended >= oldest);
            !undos.is_empty()
        });
        for service in plan.changed_services() {
            let undo = Undo {
                began: now,
                ended: now,
            };
            self.0.entry(service.clone()).or_default().push(undo);
        }
    }

    /// Takes note that the run of a plan is over.
    pub fn ended(&mut self, plan: &Plan, now: Timestamp) {
        for service in plan.changed_services() {
            let undos = self.0.get_mut(service);
            if let Some(last) = undos.and_then(|undos| undos.last_mut()) {
                last.ended = last.ended.max(now);
            }
        }
    }

    fn of(&self, service: &NodeKey) -> &[Undo] {
        self.0.get(service).map_or(&[], Vec::as_slice)
    }
}

impl BrakesParams {
    /// Says in the ruling why a plan must not be carried out now, where it must not. A wait longer than `page_after` is a person's
    /// matter.
    pub(super) fn restrain(
        &self,
        ruling: &mut Ruling,
        undos: &Undos,
        plan: &Plan,
        now: Timestamp,
        page_after: Duration,
    ) -> bool {
        let services = plan.changed_services();
        let freeze = |service: &&NodeKey| {
            let mut freezes = self.freezes.iter();
            freezes.find(|freeze| freeze.holds(service, now))
        };
        if let Some(freeze) = services.iter().find_map(freeze) {
            ruling.escalate(Reason::Frozen {
                until: freeze.until,
                why: freeze.why.clone(),
            });
            return true;
        }
        let recent = |service: &&NodeKey| {
            let undos = undos.of(service).iter();
            let recent = undos.filter(|undo| now.since(undo.began) < self.undos_within);
            u32::try_from(recent.count()).unwrap_or(u32::MAX)
        };
        if let Some(service) = services
            .iter()
            .find(|service| recent(service) >= self.undos_max)
        {
            ruling.escalate(Reason::Flapping {
                service: (*service).clone(),
                undos: recent(service),
                within: self.undos_within,
            });
            return true;
        }
        let until = |service: &&NodeKey| {
            let last = undos.of(service).iter().map(|undo| undo.ended).max();
            let until = last?.plus(self.cool_down);
            (now < until).then(|| ((*service).clone(), until))
        };
        if let Some((service, until)) = services.iter().find_map(until) {
            let is_long = until.since(now) > page_after;
            let reason = Reason::CoolDown { service, until };
            if is_long {
                ruling.escalate(reason);
            } else {
                ruling.hold(reason);
            }
            return true;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Action;
    use crate::decision::{Decision, Policy, PolicyParams};
    use crate::plan::{Step, StepId};

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_secs(60 * minute)
    }

    fn plan(service: &str, minute: i64) -> Plan {
        let action = Action::SetRevision {
            service: NodeKey::service(service),
            to: "v1".into(),
        };
        Plan::new(at(minute), vec![Step::new(StepId::new(1), action)], vec![]).unwrap()
    }

    fn restrained(brakes: BrakesParams, undos: &Undos, minute: i64) -> Option<(Decision, Reason)> {
        let policy = Policy::new(PolicyParams::default().brakes(brakes)).unwrap();
        let mut ruling = Ruling {
            decision: Decision::RollBack,
            reasons: vec![],
        };
        let plan = plan("cart", minute);
        let is_restrained = policy.restrain(&mut ruling, undos, &plan, at(minute));
        assert_eq!(is_restrained, ruling.decision != Decision::RollBack);
        Some((ruling.decision, ruling.reasons.pop()?))
    }

    #[test]
    fn in_a_freeze_a_person_decides() {
        let christmas = Freeze::new(at(10), at(20), "christmas");
        let brakes = |freeze| BrakesParams::default().freezes(vec![freeze]);
        let none = Undos::default();
        let frozen = Reason::Frozen {
            until: at(20),
            why: "christmas".into(),
        };
        for (minute, is_frozen) in [(9, false), (10, true), (19, true), (20, false)] {
            let expected = is_frozen.then(|| (Decision::Escalate, frozen.clone()));
            let found = restrained(brakes(christmas.clone()), &none, minute);
            assert_eq!(found, expected, "{minute}");
        }
        let of_web = christmas.clone().of([NodeKey::service("web")]);
        assert_eq!(restrained(brakes(of_web), &none, 15), None);
        let of_cart = christmas.of([NodeKey::service("cart")]);
        assert!(restrained(brakes(of_cart), &none, 15).is_some());
    }

    #[test]
    fn after_a_run_the_service_is_left_alone_for_a_while() {
        let mut undos = Undos::default();
        undos.began(&plan("cart", 5), at(5));
        undos.ended(&plan("cart", 5), at(8));
        let brakes = BrakesParams::default().cool_down(Duration::from_secs(300));
        let early = restrained(brakes.clone(), &undos, 10);
        assert_eq!(
            early.map(|(decision, _)| decision),
            Some(Decision::Escalate)
        );
        let until = at(13);
        let service = NodeKey::service("cart");
        let cooling = Some((Decision::Hold, Reason::CoolDown { service, until }));
        assert_eq!(restrained(brakes.clone(), &undos, 12), cooling);
        assert_eq!(restrained(brakes.clone(), &undos, 13), None);
        let elsewhere = {
            let mut undos = Undos::default();
            undos.began(&plan("web", 5), at(5));
            undos
        };
        assert_eq!(restrained(brakes, &elsewhere, 6), None);
    }

    #[test]
    fn a_service_that_is_rolled_back_again_and_again_needs_a_person() {
        let mut undos = Undos::default();
        let brakes = BrakesParams::default().undos_max(2);
        for minute in [0, 10] {
            assert_eq!(restrained(brakes.clone(), &undos, minute), None);
            undos.began(&plan("cart", minute), at(minute));
        }
        let flapping = Reason::Flapping {
            service: NodeKey::service("cart"),
            undos: 2,
            within: Duration::from_secs(3_600),
        };
        let found = restrained(brakes.clone(), &undos, 59);
        assert_eq!(found, Some((Decision::Escalate, flapping)));
        assert_eq!(restrained(brakes, &undos, 60), None);
    }

    #[test]
    fn each_rule_refuses() {
        for (name, bad) in [
            ("freezes", vec![Freeze::new(at(0), at(1), ""); 1_001]),
            ("freeze", vec![Freeze::new(at(1), at(1), "")]),
        ] {
            let refused = BrakesParams::default().freezes(bad).check().unwrap_err();
            assert!(refused.to_string().contains(name), "{refused}");
        }
        let long = LOOKS_BACK_MAX + Duration::from_secs(1);
        let with = BrakesParams::default;
        for (name, bad) in [
            ("cool_down", with().cool_down(long)),
            ("undos_max", with().undos_max(0)),
            ("undos_max", with().undos_max(1_001)),
            ("undos_within", with().undos_within(long)),
        ] {
            let refused = bad.check().unwrap_err().to_string();
            assert!(refused.contains(name), "{refused}");
        }
    }
}
