//! The world of one run: messages under way, holders of the run, a person, and what is true.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use astern_graph_core::Timestamp;
use astern_rollback_policy::conformance::MemoryPlatform;
use astern_rollback_policy::{
    Effect, ExecError, Executor, IdempotencyKey, Mode, Observed, Outcome, Place, Plan,
    Precondition, Request, Run, RunParams, RunState, Step, StepId, StepStatus,
};
use astern_stats::rng::seeded;
use rand::RngExt;

use super::plans::{Bad, KINDS, situation};
use crate::world::{NOW, at};

/// Events after which a run that has not ended hangs.
const EVENTS_MAX: u32 = 20_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ending {
    Succeeded,
    Unverified,
    Failed,
}

#[derive(Debug)]
enum Parcel {
    Request(Request),
    /// To the holder with this fence. With the targets that held when the platform answered.
    Reply {
        fence: u64,
        key: IdempotencyKey,
        outcome: Outcome,
        held: BTreeSet<StepId>,
        acts: usize,
    },
}

/// How much of what a person did had happened when each place was looked at, of the looks that a run knows of.
type Looked = BTreeMap<Place, usize>;

/// Who holds the run: one that was thought dead may go on.
#[derive(Debug)]
struct Holder {
    run: Run,
    fence: u64,
    /// Of each step, the targets that held at the last answer that it took.
    seen: BTreeMap<StepId, bool>,
}

pub(super) struct World<R = rand_chacha::ChaCha8Rng> {
    seed: u64,
    rng: R,
    now: Timestamp,
    bad: Vec<Bad>,
    plan: Plan,
    params: RunParams,
    platform: MemoryPlatform,
    wire: Vec<(Timestamp, Parcel)>,
    holders: Vec<Holder>,
    /// With the holder that saved.
    saves: Vec<(Vec<u8>, Looked, u64)>,
    /// By the fence of the holder.
    looked: BTreeMap<u64, Looked>,
    acts_left: u32,
    /// Where a person acted.
    acts: Vec<Place>,
    /// Places that an effect was sent to.
    sent: BTreeSet<Place>,
    written: Vec<IdempotencyKey>,
    /// How much of what a person did had happened when the plan last wrote to a place.
    acted: BTreeMap<Place, usize>,
    /// Holders, by their fences, that had not looked at a place yet when an older one wrote there: a limit that is stated.
    late: BTreeSet<(u64, Place)>,
    /// Steps whose targets have held at some time.
    reached: BTreeSet<StepId>,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = seeded(seed, 0);
        let kinds: Vec<_> = (0..rng.random_range(1..=4))
            .map(|_| KINDS[rng.random_range(0..KINDS.len())])
            .collect();
        let (bad, plan, platform) = situation(&kinds, seed.is_multiple_of(2));
        let params = RunParams::default().max_parallel(rng.random_range(1..=3));
        let run = Run::new(plan.clone(), Mode::Apply, 1, params.clone(), at(NOW)).unwrap();
        let holder = Holder {
            run,
            fence: 1,
            seen: BTreeMap::new(),
        };
        Self {
            seed,
            now: at(NOW),
            acts_left: rng.random_range(0..=2),
            rng,
            bad,
            plan,
            params,
            platform,
            wire: Vec::new(),
            holders: vec![holder],
            saves: Vec::new(),
            looked: BTreeMap::new(),
            acts: Vec::new(),
            sent: BTreeSet::new(),
            written: Vec::new(),
            acted: BTreeMap::new(),
            late: BTreeSet::new(),
            reached: BTreeSet::new(),
        }
    }

    /// Plays to the end of the newest holder's run.
    pub(super) fn play(mut self) -> Ending {
        for _ in 0..EVENTS_MAX {
            let newest = self.holders.last().unwrap();
            if newest.run.state() != RunState::Running {
                return self.ended();
            }
            self.step();
        }
        let newest = self.holders.last().unwrap();
        panic!("seed {}: no end: {}", self.seed, newest.run.summary());
    }

    fn ended(&self) -> Ending {
        match self.holders.last().unwrap().run.state() {
            RunState::Succeeded => Ending::Succeeded,
            RunState::Unverified => Ending::Unverified,
            _ => Ending::Failed,
        }
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    fn delay(&mut self) -> Duration {
        let longest = if self.chance(90) { 2_000 } else { 60_000 };
        Duration::from_millis(self.rng.random_range(0..longest))
    }

    /// One thing happens: a message arrives, a holder goes on, a person acts, something breaks.
    fn step(&mut self) {
        if self.acts_left > 0 && self.chance(10) {
            self.acts_left -= 1;
            self.somebody_acts();
        }
        if self.chance(1) {
            self.platform.forget();
        }
        if self.chance(1) {
            self.restore();
        }
        let arrival = self.wire.iter().map(|(due, _)| *due).min();
        let deadlines = self
            .holders
            .iter()
            .filter_map(|holder| holder.run.deadline());
        let next = deadlines.chain(arrival).min().unwrap_or(self.now);
        self.now = self.now.max(next);
        let mut index = 0;
        while index < self.wire.len() {
            if self.wire[index].0 <= self.now {
                let (_, parcel) = self.wire.remove(index);
                self.deliver(parcel);
            } else {
                index += 1;
            }
        }
        for index in 0..self.holders.len() {
            let now = self.clock();
            let requests = self.holders[index].run.poll(now);
            if self.chance(40) {
                let holder = &self.holders[index];
                let looked = self.looked.get(&holder.fence).cloned();
                let bytes = holder.run.to_bytes().unwrap();
                let fence = holder.fence;
                self.saves.push((bytes, looked.unwrap_or_default(), fence));
            }
            for request in requests {
                self.send(&request);
            }
        }
    }

    /// The time as a holder reads it: now and then it is wrong by minutes.
    fn clock(&mut self) -> Timestamp {
        let wrong = Duration::from_secs(self.rng.random_range(0..600));
        match self.rng.random_range(0..100) {
            0 => self.now.plus(wrong),
            1 | 2 => self.now.minus(wrong * 100),
            _ => self.now,
        }
    }

    fn send(&mut self, request: &Request) {
        if let Effect::Apply(action) = &request.effect {
            self.sent.extend(action.place());
        }
        if self.chance(10) {
            return;
        }
        let copies = if self.chance(10) { 2 } else { 1 };
        for _ in 0..copies {
            let due = self.now.plus(self.delay());
            self.wire.push((due, Parcel::Request(request.clone())));
        }
    }

    fn deliver(&mut self, parcel: Parcel) {
        match parcel {
            Parcel::Request(request) => {
                let outcome = self.execute(&request);
                if self.chance(10) {
                    return;
                }
                let due = self.now.plus(self.delay());
                let held = self.held();
                let acts = self.acts.len();
                let (fence, key) = (request.fence, request.key);
                let reply = Parcel::Reply {
                    fence,
                    key,
                    outcome,
                    held,
                    acts,
                };
                self.wire.push((due, reply));
            }
            Parcel::Reply {
                fence,
                key,
                outcome,
                held,
                acts,
            } => self.report(fence, key, outcome, (&held, acts)),
        }
    }

    /// Steps whose targets hold.
    fn held(&self) -> BTreeSet<StepId> {
        let holds = |step: &&Step| {
            let target = step.action.target().unwrap();
            self.platform.holds(&target)
        };
        self.plan
            .steps
            .iter()
            .filter(holds)
            .map(|step| step.id)
            .collect()
    }

    fn execute(&mut self, request: &Request) -> Outcome {
        let held = self.held();
        self.reached.extend(held);
        let outcome = self.platform.execute(request);
        let writes = self.platform.writes();
        for (key, action) in &writes[self.written.len()..] {
            let seed = self.seed;
            let place = action.place().unwrap();
            let step = self.plan.step(key.step).unwrap();
            // What the plan says is since it was made. Else since the first look, of which a late message of a holder that is
            // dead is its deed still.
            let is_stated = |one: &Precondition| matches!(one, Precondition::Unchanged { .. });
            let is_stated = step.requires.iter().any(is_stated);
            let looked = if is_stated {
                0
            } else {
                self.looked[&request.fence][&place]
            };
            // Whoever goes on after a write of another holder goes on from what that one has made.
            let since = self
                .acted
                .get(&place)
                .map_or(looked, |acts| looked.max(*acts));
            let is_new = !self.acts[since..].contains(&place);
            assert!(
                is_new,
                "seed {seed}: {key} overwrites what somebody did at {place}"
            );
            let is_late = !is_stated && self.late.contains(&(request.fence, place.clone()));
            let is_first = !self.written.contains(key) || is_late;
            assert!(is_first, "seed {seed}: {key} is done twice");
            let looks_yet = |holder: &&Holder| {
                let mut steps = self.plan.steps.iter();
                steps.any(|step| {
                    step.action.place().as_ref() == Some(&place)
                        && holder.run.status(step.id) == Some(&StepStatus::Looking)
                })
            };
            let others = self.holders.iter().filter(looks_yet);
            let late = others.map(|holder| (holder.fence, place.clone()));
            self.late.extend(late.collect::<Vec<_>>());
            for earlier in &step.after {
                let in_order = self.reached.contains(earlier);
                assert!(in_order, "seed {seed}: {key} before step {earlier}");
            }
            self.written.push(*key);
            self.acted.insert(place, self.acts.len());
            self.reached.insert(key.step);
        }
        match self.rng.random_range(0..100) {
            0..3 => Outcome::Unknown(ExecError::Broken {
                reason: "reset".into(),
            }),
            // It shows nothing.
            3..5 if matches!(request.effect, Effect::Observe(_)) => Outcome::Done(Observed::new()),
            _ => outcome,
        }
    }

    fn report(
        &mut self,
        fence: u64,
        key: IdempotencyKey,
        outcome: Outcome,
        (held, acts): (&BTreeSet<StepId>, usize),
    ) {
        let now = self.clock();
        let (is_seen, is_silent) = match &outcome {
            Outcome::Done(seen) | Outcome::AlreadyDone(seen) => (true, seen.facts.is_empty()),
            _ => (false, false),
        };
        let Some(holder) = self.holders.iter_mut().find(|holder| holder.fence == fence) else {
            return;
        };
        let status = |run: &Run| run.status(key.step) == Some(&StepStatus::Looking);
        let was_looking = status(&holder.run);
        // A late reply, or the second to one request, is dropped.
        if holder.run.report(&key, outcome, now).is_err() {
            return;
        }
        if was_looking && !status(&holder.run) {
            let step = self.plan.step(key.step).unwrap();
            let place = step.action.place().unwrap();
            self.looked.entry(fence).or_default().insert(place, acts);
        }
        if is_seen {
            let is_held = held.contains(&key.step) && !is_silent;
            holder.seen.insert(key.step, is_held);
        }
        for (step, was_held) in &holder.seen {
            let verified = holder.run.status(*step) == Some(&StepStatus::Verified);
            assert!(
                !verified || *was_held,
                "seed {}: step {step} is verified and was not seen to hold",
                self.seed
            );
        }
    }

    fn somebody_acts(&mut self) {
        let bad = &self.bad[self.rng.random_range(0..self.bad.len())];
        let acts = bad.acts();
        let facts = &acts[self.rng.random_range(0..acts.len())];
        for fact in facts {
            self.acts.push(fact.place());
            self.platform.set(fact.clone());
        }
    }

    /// The holder dies, or is thought dead; the next goes on from any save.
    fn restore(&mut self) {
        if self.saves.is_empty() || self.holders.len() > 5 {
            return;
        }
        let (bytes, looked, saved_by) = &self.saves[self.rng.random_range(0..self.saves.len())];
        let mut run = Run::from_bytes(bytes, self.params.clone()).unwrap();
        // Store, then send: whoever has sent an effect has stored what was seen before it.
        let looks = |step: &Step| run.status(step.id) == Some(&StepStatus::Looking);
        let is_sent = |step: &&Step| self.sent.contains(&step.action.place().unwrap());
        if self.plan.steps.iter().filter(is_sent).any(looks) {
            return;
        }
        let fence = self.holders.last().unwrap().fence + 1;
        run.resume(fence).unwrap();
        self.looked.insert(fence, looked.clone());
        // Whoever goes on from a holder that looked late has looked late.
        let late = self.late.iter().filter(|(late, _)| late == saved_by);
        let late: Vec<_> = late.map(|(_, place)| (fence, place.clone())).collect();
        self.late.extend(late);
        let dies = self.chance(50);
        let seen = BTreeMap::new();
        if dies {
            self.holders.clear();
        }
        self.holders.push(Holder { run, fence, seen });
    }
}
