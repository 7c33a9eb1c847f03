//! How many workers a topology needs for a load.

use astern_stats::ParamError;
use astern_stats::param::{in_range, positive};

use super::Flow;
use crate::error::SimError;
use crate::queueing::Wait;
use crate::topology::{ServiceSpec, Topology};

/// Most workers that an instance is given before another instance is added.
const WORKERS_MAX: u32 = 8;

/// Time of a call and its answer on the network: twice the mean of a default scenario.
const NETWORK_MS: f64 = 1.0;

impl Topology {
    /// Share of each service's workers that computes, in the order of
    /// [`services`](Self::services), under this load: `rate · visits · work / workers`.
    ///
    /// The simulator's metric `cpu_utilisation` has this mean, whatever the waiting, as long as
    /// no service is overloaded and few requests fail. Workers that wait for callees do not
    /// compute; [`sized_for`](Self::sized_for) counts them.
    ///
    /// # Errors
    /// [`SimError`] for a topology that breaks a rule, and a rate outside 0 to 10⁶.
    pub fn utilisation(&self, per_second: f64) -> Result<Vec<f64>, SimError> {
        let per_ms = in_range("per_second", per_second, 0.0, 1e6).map_err(wrong)? / 1e3;
        let visits = self.visits()?;
        let busy = |(spec, visits): (&ServiceSpec, f64)| {
            per_ms * visits * spec.work.mean_ms() / workers(spec)
        };
        Ok(self.services.iter().zip(visits).map(busy).collect())
    }

    /// The same services with as many workers and instances as this load takes, and never fewer
    /// than now, so that the workers of no service are held for more than `utilisation_max` of
    /// the time.
    ///
    /// | parameter | rule |
    /// |---|---|
    /// | `per_second` | requests from outside; more than 0, at most 10⁶ |
    /// | `utilisation_max` | 0.01 to 0.9 |
    ///
    /// A worker is held while it computes and while it waits for callees, so callees are sized
    /// first. The time that a call is waited for counts the callee's own queue (M/M/c, see Erlang
    /// 1917) and, for calls made at once, the sum in place of the longest: the plan errs on the
    /// safe side. An instance gets up to eight workers before another one is added.
    ///
    /// # Errors
    /// [`SimError`] for a topology or a parameter that breaks a rule, and for a service that would
    /// need more than 1,000 instances.
    ///
    /// # Complexity
    /// `O((n + m) log n)` for n services and m calls.
    ///
    /// # Example
    /// ```
    /// use astern_sim::Topology;
    /// let busy = Topology::sock_shop().sized_for(200.0, 0.5)?;
    /// assert!(busy.utilisation(200.0)?.iter().all(|share| *share <= 0.5));
    /// # Ok::<(), astern_sim::SimError>(())
    /// ```
    pub fn sized_for(mut self, per_second: f64, utilisation_max: f64) -> Result<Self, SimError> {
        positive("per_second", per_second).map_err(wrong)?;
        in_range("per_second", per_second, 0.0, 1e6).map_err(wrong)?;
        in_range("utilisation_max", utilisation_max, 0.01, 0.9).map_err(wrong)?;
        let flow = Flow::of(&self)?;
        let visits = flow.visits();
        let mut stay_ms = vec![0.0; visits.len()];
        for &index in flow.order.iter().rev() {
            let spec = &mut self.services[index];
            let calls = flow.calls(index);
            let waiting_ms = calls.map(|(to, p)| p * (stay_ms[to] + NETWORK_MS));
            let held_ms = spec.work.mean_ms() + waiting_ms.sum::<f64>();
            let offered = per_second / 1e3 * visits[index] * held_ms;
            grow(spec, offered / utilisation_max).map_err(|cause| SimError::Param {
                part: format!("service `{}`", spec.key.name),
                cause,
            })?;
            let each = offered / f64::from(spec.instances);
            stay_ms[index] = held_ms + Wait::before(spec.workers, each, held_ms, 1.0).mean;
        }
        Ok(self)
    }
}

fn wrong(cause: ParamError) -> SimError {
    SimError::Param {
        part: "the sizing".to_owned(),
        cause,
    }
}

fn workers(spec: &ServiceSpec) -> f64 {
    f64::from(spec.instances) * f64::from(spec.workers)
}

/// Gives a service at least so many workers.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "both counts are positive and bounded before the cast"
)]
fn grow(spec: &mut ServiceSpec, needed: f64) -> Result<(), ParamError> {
    if workers(spec) >= needed {
        return Ok(());
    }
    let each = (needed / f64::from(spec.instances)).ceil();
    let most = WORKERS_MAX.max(spec.workers);
    let workers = each.min(f64::from(most));
    let instances = (needed / workers).ceil();
    in_range("instances", instances, 1.0, 1e3)?;
    spec.workers = workers as u32;
    spec.instances = instances as u32;
    Ok(())
}
