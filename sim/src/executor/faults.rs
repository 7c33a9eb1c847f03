//! Calls to the platform that go wrong on demand.

use std::time::Duration;

use astern_rollback_policy::{IdempotencyKey, Refusal, StepId};
use astern_stats::ParamError;
use astern_stats::param::in_range;
use astern_stats::rng::{ChaCha8Rng, seeded};
use rand::RngExt;

/// Stream of the faults that come by chance; those of runs lie below.
const CHANCE: u64 = 110;

/// What goes wrong with one call to the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallFault {
    /// The platform refuses, and nothing is changed.
    Fail(Refusal),
    /// The platform answers at once that it was done, but the effect is there only after this
    /// much simulated time: what it observes until then is the old state. An observation or a dry
    /// run, which has no effect, is answered as ever. More than 0, at most a day.
    Slow(Duration),
    /// The effect happens, and the answer is lost.
    LoseReply,
    /// The request is lost: no effect, and no answer.
    LoseRequest,
    /// The caller crashes before the request leaves it: no effect.
    CrashBefore,
    /// The caller crashes after the effect and before the answer.
    CrashAfter,
}

/// Which request a fault is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum When {
    /// The request of this number, counting every request from 1.
    Request(u64),
    /// The next request under this key.
    Key(IdempotencyKey),
    /// The next request for the effect of this step, of whatever plan.
    Step(StepId),
}

/// Which calls to a [`SimExecutor`](crate::SimExecutor) go wrong.
///
/// Each scripted fault happens once: the first one left in the script that fits a request is used
/// up by it, so two faults of one step hit its first and its second attempt. Where none fits,
/// faults happen by chance. The same script, seed and requests give the same faults.
///
/// | parameter | default | rule |
/// |---|---|---|
/// | script | empty | [`When::Request`] from 1; [`CallFault::Slow`] more than 0, at most a day |
/// | chances | none | each 0 to 1, and 0 to 1 in all |
///
/// ```
/// use astern_rollback_policy::StepId;
/// use astern_sim::{CallFault, ExecutorFaults, When};
///
/// let faults = ExecutorFaults::new(7)
///     .on(When::Step(StepId::new(1)), CallFault::LoseReply)
///     .on(When::Request(5), CallFault::CrashAfter)
///     .by_chance(0.05, CallFault::LoseRequest);
/// # let _ = faults;
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ExecutorFaults {
    seed: u64,
    script: Vec<(When, CallFault)>,
    chances: Vec<(f64, CallFault)>,
}

impl ExecutorFaults {
    /// No faults yet; the seed is that of chance.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            script: Vec::new(),
            chances: Vec::new(),
        }
    }

    /// With a fault at the end of the script.
    #[must_use]
    pub fn on(mut self, when: When, fault: CallFault) -> Self {
        self.script.push((when, fault));
        self
    }

    /// With a fault that hits any request with this probability; of several, at most one does.
    #[must_use]
    pub fn by_chance(mut self, probability: f64, fault: CallFault) -> Self {
        self.chances.push((probability, fault));
        self
    }

    pub(super) fn check(&self) -> Result<(), ParamError> {
        for (when, _) in &self.script {
            if let When::Request(number) = when {
                in_range("number of a request", *number as f64, 1.0, f64::MAX)?;
            }
        }
        let scripted = self.script.iter().map(|(_, fault)| fault);
        for fault in scripted.chain(self.chances.iter().map(|(_, fault)| fault)) {
            if let CallFault::Slow(wait) = fault {
                in_range("slow in seconds", wait.as_secs_f64(), 1e-6, 86_400.0)?;
            }
        }
        for (probability, _) in &self.chances {
            in_range("probability", *probability, 0.0, 1.0)?;
        }
        let all = self
            .chances
            .iter()
            .map(|(probability, _)| probability)
            .sum();
        in_range("sum of the probabilities", all, 0.0, 1.0)?;
        Ok(())
    }
}

/// The faults that are still to come.
#[derive(Debug)]
pub(super) struct Pending {
    left: ExecutorFaults,
    rng: ChaCha8Rng,
    requests: u64,
}

impl Pending {
    pub(super) fn new(faults: ExecutorFaults) -> Self {
        Self {
            rng: seeded(faults.seed, CHANCE),
            left: faults,
            requests: 0,
        }
    }

    /// What goes wrong with the next request.
    pub(super) fn next(&mut self, key: &IdempotencyKey) -> Option<CallFault> {
        self.requests += 1;
        // One number for each request, whatever becomes of it.
        let mut chance: f64 = self.rng.random();
        let fits = |when: &When| match when {
            When::Request(number) => *number == self.requests,
            When::Key(wanted) => wanted == key,
            When::Step(step) => *step == key.step && key.observation.is_none(),
        };
        if let Some(first) = self.left.script.iter().position(|(when, _)| fits(when)) {
            return Some(self.left.script.remove(first).1);
        }
        let hit = |(probability, _): &&(f64, CallFault)| {
            chance -= probability;
            chance < 0.0
        };
        self.left
            .chances
            .iter()
            .find(hit)
            .map(|(_, fault)| fault.clone())
    }
}
