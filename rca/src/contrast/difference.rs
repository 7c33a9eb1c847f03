//! Difference-in-differences of new against old instances, each against its own past.

use astern_graph_core::ChangeEvent;
use astern_graph_core::schema::ERROR_RATE;
use astern_graph_core::signal::Evidence;
use astern_graph_core::view::ChangeSide;
use astern_stats::order::ascending;
use astern_stats::robust;
use astern_stats::sequential::{SideHits, half_width, ln_e_mean, ln_e_share, ln_mean, p_value};

use super::units::{DistinguishedBy, LATENCIES, Unit, Units};

/// Rise of a latency, as a logarithm, that does not matter: 10 %.
const MARGIN_LN: f64 = 0.095;
/// Rise of the share of failed calls that does not matter, where there is no control.
const MARGIN_ERRORS: f64 = 0.01;
/// Size of a rise, in standard deviations of one step, that is found quickest.
const RHO: f64 = 1.0;
/// One step never counts as more than this many standard deviations.
const STEP_LIMIT: f64 = 4.0;
/// Fewest steps before the change.
const BEFORE_MIN: usize = 5;
/// Fewest steps with both sides; with fewer the past of the service stands in.
const CONTROLLED_MIN: usize = 3;
/// Level of the intervals.
const ALPHA: f64 = 0.05;
/// Least standard deviation of one instance's latency in a step, as a logarithm.
const NOISE_LN: f64 = 0.02;
const ALL: [ChangeSide; 3] = [ChangeSide::Old, ChangeSide::New, ChangeSide::Neither];

/// What the comparison says of one change.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Contrast {
    /// Logarithm of the Bayes factor for "worse" against "not worse", over all metrics.
    pub(crate) ln_e: f64,
    /// Whether old instances at the same time stood beside the new ones.
    pub(crate) controlled: bool,
    pub(crate) evidence: Vec<Evidence>,
}

/// One step of a standardised difference.
#[derive(Debug, Clone, Copy)]
struct Difference {
    delta: f64,
    sd: f64,
}

impl Contrast {
    /// `δ_t = (new_t - its past) - (old_t - its past)` for each step t after the change, in which
    /// both sides handled calls: of the logarithms of latency quantiles, weighted by calls. The
    /// noise is that of healthy steps, after what all instances share, over the square root of the
    /// calls. Failed calls are compared by the side on which they fall.
    ///
    /// `None`, with the reason, where that cannot be estimated.
    pub(super) fn of(change: &ChangeEvent, units: &Units) -> Result<Self, &'static str> {
        let before = units.seen_before();
        if before < BEFORE_MIN {
            return Err("too few steps from before the change");
        }
        let hits = units.hits();
        let both = |hits: &&SideHits| hits.new_trials > 0 && hits.old_trials > 0;
        let controlled = units.by != DistinguishedBy::Nothing
            && hits.iter().filter(both).count() >= CONTROLLED_MIN;
        let mut ln_es = Vec::new();
        let mut evidence = Vec::new();
        for (metric, name) in LATENCIES.iter().enumerate() {
            let differences = if controlled {
                units.controlled(metric)
            } else {
                units.against_past(metric)
            };
            let Some((ln_e, of_latency)) = weigh_latency(name, before, &differences) else {
                continue;
            };
            ln_es.push(ln_e);
            evidence.extend(of_latency);
        }
        if controlled {
            let after = ln_e_share(&hits);
            ln_es.extend(after.last());
            evidence.extend(evidence_of_errors(&hits, &after));
        } else {
            let differences = units.errors_against_past();
            ln_es.extend(bet(before, &differences, MARGIN_ERRORS).last());
        }
        if !controlled {
            evidence.push(Evidence::Fallback {
                wanted: "old and new instances side by side".into(),
                used: "the service against its own past".into(),
                reason: format!("{} cannot be distinguished for long enough", change.id).into(),
            });
        }
        let ln_e = ln_mean(&ln_es).ok_or("no latency and no failed call on either side")?;
        Ok(Self {
            ln_e,
            controlled,
            evidence,
        })
    }

    /// What it says of the metric whose rise is least likely by chance.
    pub(crate) fn least_by_chance(&self) -> Option<&Evidence> {
        let p_value = |e: &Evidence| match e {
            Evidence::Contrast { p_value, .. } | Evidence::NewAgainstOld { p_value, .. } => {
                Some(*p_value)
            }
            _ => None,
        };
        let with_p_value = self.evidence.iter().filter_map(|e| Some((p_value(e)?, e)));
        with_p_value
            .min_by(|a, b| ascending(a.0, b.0))
            .map(|(_, e)| e)
    }
}

/// Logarithms of the e-value after each difference against "it exceeds the margin by nothing".
fn bet(before: usize, differences: &[Difference], margin: f64) -> Vec<f64> {
    let m = before as f64;
    let (mut sum, mut n) = (0.0, 0.0);
    let after = differences.iter().map(|d| {
        sum += ((d.delta - margin) / d.sd).clamp(-STEP_LIMIT, STEP_LIMIT);
        n += 1.0;
        let shrink = m / (m + n);
        ln_e_mean(shrink * sum, shrink * n, RHO)
    });
    after.collect()
}

fn weigh_latency(
    name: &str,
    before: usize,
    differences: &[Difference],
) -> Option<(f64, Option<Evidence>)> {
    let after = bet(before, differences, MARGIN_LN);
    let last = *after.last()?;
    let greatest = after.into_iter().fold(f64::NEG_INFINITY, f64::max);
    let (n, m) = (differences.len() as f64, before as f64);
    let mean = differences.iter().map(|d| d.delta).sum::<f64>() / n;
    let sd = (differences.iter().map(|d| d.sd * d.sd).sum::<f64>() / n).sqrt();
    let half = sd * half_width(n * m / (m + n), RHO, ALPHA);
    let evidence = Evidence::Contrast {
        metric: name.into(),
        ratio: mean.exp(),
        low: (mean - half).exp(),
        high: (mean + half).exp(),
        p_value: p_value(greatest),
        steps: differences.len(),
    };
    Some((last, half.is_finite().then_some(evidence)))
}

fn evidence_of_errors(hits: &[SideHits], after: &[f64]) -> Option<Evidence> {
    let both = hits.iter().filter(|h| h.new_trials > 0 && h.old_trials > 0);
    let sum = |of: fn(&SideHits) -> u64| both.clone().map(of).sum::<u64>() as f64;
    let old = sum(|h| h.old_hits) / sum(|h| h.old_trials);
    let new = sum(|h| h.new_hits) / sum(|h| h.new_trials);
    let greatest = after.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (old > 0.0 || new > 0.0).then(|| Evidence::NewAgainstOld {
        metric: ERROR_RATE.into(),
        old,
        new,
        p_value: p_value(greatest),
    })
}

impl Units {
    fn after(&self) -> std::ops::Range<usize> {
        self.before..self.times.len()
    }

    /// Failed and all calls of each step after the change, by side.
    fn hits(&self) -> Vec<SideHits> {
        let of_step = |t: usize| {
            let mut hits = SideHits::default();
            for unit in &self.rows {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "rounded counts that are not negative; NaN counts as none"
                )]
                let (failed, all) = (unit.errors[t] as u64, unit.calls[t] as u64);
                match unit.sides[t] {
                    ChangeSide::New => {
                        hits.new_hits += failed.min(all);
                        hits.new_trials += all;
                    }
                    ChangeSide::Old => {
                        hits.old_hits += failed.min(all);
                        hits.old_trials += all;
                    }
                    ChangeSide::Neither => {}
                }
            }
            hits
        };
        self.after().map(of_step).collect()
    }

    /// Each unit's mean over the steps before the change; that of all where it has too few.
    fn pasts(&self, metric: usize) -> Option<Vec<f64>> {
        let steps = |unit: &Unit| -> Vec<(f64, f64)> {
            let values = unit.ln_latency[metric].iter().zip(&unit.calls);
            let seen = values.take(self.before).map(|(x, calls)| (*x, *calls));
            seen.filter(|(x, calls)| x.is_finite() && *calls > 0.0)
                .collect()
        };
        let of_units: Vec<Vec<(f64, f64)>> = self.rows.iter().map(steps).collect();
        let all = weighted_mean(of_units.iter().flatten().copied())?;
        let own = of_units.into_iter().map(|steps| {
            let enough = steps.len() >= BEFORE_MIN;
            enough
                .then(|| weighted_mean(steps))
                .flatten()
                .unwrap_or(all)
        });
        Some(own.collect())
    }

    /// Mean distance from the own past of the units on these sides in a step, and their calls.
    fn moved(
        &self,
        metric: usize,
        pasts: &[f64],
        t: usize,
        sides: &[ChangeSide],
    ) -> Option<(f64, f64)> {
        let units = self.rows.iter().zip(pasts);
        let on_side = units.filter(|(unit, _)| sides.contains(&unit.sides[t]));
        let seen = on_side.filter_map(|(unit, past)| {
            let (x, calls) = (unit.ln_latency[metric][t], unit.calls[t]);
            (x.is_finite() && calls > 0.0).then_some((x - past, calls))
        });
        let seen: Vec<(f64, f64)> = seen.collect();
        let calls = seen.iter().map(|(_, calls)| calls).sum();
        weighted_mean(seen).map(|mean| (mean, calls))
    }

    fn controlled(&self, metric: usize) -> Vec<Difference> {
        let Some(pasts) = self.pasts(metric) else {
            return Vec::new();
        };
        let Some(noise) = self.noise(metric, &pasts) else {
            return Vec::new();
        };
        let differences = self.after().filter_map(|t| {
            let (new, new_calls) = self.moved(metric, &pasts, t, &[ChangeSide::New])?;
            let (old, old_calls) = self.moved(metric, &pasts, t, &[ChangeSide::Old])?;
            Some(Difference {
                delta: new - old,
                sd: noise * (1.0 / new_calls + 1.0 / old_calls).sqrt(),
            })
        });
        differences.collect()
    }

    /// Standard deviation of one call's worth of a unit's latency, once what all units share in a
    /// step is taken away; never less than 2 % a step.
    fn noise(&self, metric: usize, pasts: &[f64]) -> Option<f64> {
        let (mut own, mut calls_seen) = (Vec::new(), Vec::new());
        for t in 0..self.before {
            let Some((shared, _)) = self.moved(metric, pasts, t, &ALL) else {
                continue;
            };
            let seen: Vec<(f64, f64)> = self
                .rows
                .iter()
                .zip(pasts)
                .map(|(unit, past)| (unit.ln_latency[metric][t] - past, unit.calls[t]))
                .filter(|(x, calls)| x.is_finite() && *calls > 0.0)
                .collect();
            let n = seen.len() as f64;
            // A unit alone shares nothing; of n, the mean takes away one degree of freedom.
            let (shared, lost) = if seen.len() > 1 {
                (shared, (n / (n - 1.0)).sqrt())
            } else {
                (0.0, 1.0)
            };
            for (x, calls) in seen {
                own.push((x - shared).abs() * lost * calls.sqrt());
                calls_seen.push(calls);
            }
        }
        let typical = robust::median(&calls_seen)?;
        let sigma = robust::MAD_TO_SIGMA * robust::median(&own)?;
        Some(sigma.max(NOISE_LN * typical.sqrt()))
    }

    /// The new side, or all of the service, against the service's past.
    fn against_past(&self, metric: usize) -> Vec<Difference> {
        let Some(pasts) = self.pasts(metric) else {
            return Vec::new();
        };
        let healthy: Vec<f64> = (0..self.before)
            .filter_map(|t| self.moved(metric, &pasts, t, &ALL).map(|(x, _)| x))
            .collect();
        let Some(sd) = robust::spread(&healthy).map(|sd| sd.max(NOISE_LN)) else {
            return Vec::new();
        };
        let deltas = self
            .after()
            .filter_map(|t| self.moved(metric, &pasts, t, &[ChangeSide::New]));
        deltas.map(|(delta, _)| Difference { delta, sd }).collect()
    }

    /// The share of failed calls on the new side, above that of before the change.
    fn errors_against_past(&self) -> Vec<Difference> {
        let sum = |t: usize, sides: &[ChangeSide]| {
            let units = self
                .rows
                .iter()
                .filter(|unit| sides.contains(&unit.sides[t]));
            units.fold((0.0, 0.0), |(errors, calls), unit| {
                (errors + unit.errors[t], calls + unit.calls[t])
            })
        };
        let (failed, seen) = (0..self.before)
            .map(|t| sum(t, &ALL))
            .fold((0.0, 0.0), |(a, b), (errors, calls)| {
                (a + errors, b + calls)
            });
        let past = if seen > 0.0 { failed / seen } else { 0.0 };
        let p = past.clamp(MARGIN_ERRORS, 0.5);
        let steps = self
            .after()
            .map(|t| sum(t, &[ChangeSide::New]))
            .filter(|(_, calls)| *calls > 0.0);
        steps
            .map(|(errors, calls)| Difference {
                delta: errors / calls - past,
                sd: (p * (1.0 - p) / calls).sqrt(),
            })
            .collect()
    }
}

fn weighted_mean(values: impl IntoIterator<Item = (f64, f64)>) -> Option<f64> {
    let (sum, weight) = values
        .into_iter()
        .fold((0.0, 0.0), |(sum, weight), (x, w)| {
            (sum + x * w, weight + w)
        });
    (weight > 0.0).then(|| sum / weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rise_within_the_margin_is_no_evidence_and_one_step_alone_cannot_decide() {
        let steps = |delta: f64, n| vec![Difference { delta, sd: 0.1 }; n];
        let last = |delta, n| *bet(60, &steps(delta, n), MARGIN_LN).last().unwrap();
        assert!(last(0.0, 10) < -1.0 && last(MARGIN_LN, 10) < 0.0);
        assert!(last(0.4, 10) > 20f64.ln());
        assert!(last(1e9, 1) < 100f64.ln(), "{}", last(1e9, 1));
    }
}
