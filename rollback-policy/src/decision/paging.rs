//! When a person is called about what no rollback answers.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use astern_graph_core::Timestamp;
use astern_graph_core::signal::Verdict;
use astern_stats::ParamError;
use astern_stats::param::{duration, in_range};

use crate::decision::{Decision, Reason, Ruling};
use crate::run::Mode;

/// Parameters of [`Paging`], checked with those of the [`Policy`](crate::Policy).
///
/// | parameter | default | rule |
/// |---|---|---|
/// | `page_after` | 2 min | how long [`Escalate`](Decision::Escalate) (or `Remediate`, which nothing carries out) must be decided before a person is called, at most 30 days; what is held meanwhile leaves it open, `Continue` begins again |
/// | `blind_limit` | 15 min | how long to hold without data before a person is called, at most 30 days |
/// | `quiet_for` | 15 min | how long nothing must be found worse until the next time is another incident, at most 30 days |
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct PagingParams {
    #[serde(with = "duration")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub(crate) page_after: Duration,
    #[serde(with = "duration")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub(crate) blind_limit: Duration,
    #[serde(with = "duration")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub(crate) quiet_for: Duration,
}

impl Default for PagingParams {
    fn default() -> Self {
        let quarter = Duration::from_secs(900);
        Self {
            page_after: Duration::from_secs(120),
            blind_limit: quarter,
            quiet_for: quarter,
        }
    }
}

astern_stats::setters!(PagingParams {
    /// Sets how long to escalate must be decided before a person is called.
    page_after: Duration,
    /// Sets how long to hold without data before a person is called.
    blind_limit: Duration,
    /// Sets how long nothing must be wrong until the next time is another incident.
    quiet_for: Duration,
});

impl PagingParams {
    pub(crate) fn check(&self) -> Result<(), ParamError> {
        let max = Duration::from_secs(30 * 86_400).as_secs_f64();
        for (name, value) in [
            ("page_after in seconds", self.page_after),
            ("blind_limit in seconds", self.blind_limit),
            ("quiet_for in seconds", self.quiet_for),
        ] {
            in_range(name, value.as_secs_f64(), 0.0, max)?;
        }
        Ok(())
    }
}

/// What a person is called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PageCause {
    /// Something is wrong that nothing can be done about without a person.
    Escalated,
    /// Nothing can be seen: no telemetry, or none of what should be seen.
    Blind,
}

impl PageCause {
    /// What a decision is a cause for, if anything.
    pub fn of(ruling: &Ruling) -> Option<Self> {
        let is_blind = || ruling.reasons.contains(&Reason::Verdict(Verdict::NoData));
        match ruling.decision {
            // Nothing restarts or scales yet.
            Decision::Escalate | Decision::Remediate => Some(Self::Escalated),
            Decision::Hold if is_blind() => Some(Self::Blind),
            _ => None,
        }
    }

    /// Whether a decision leaves open whether there is such an incident, or shows that there is.
    fn is_open(self, ruling: &Ruling) -> bool {
        match self {
            Self::Blind => Self::of(ruling) == Some(self),
            // What was rolled back is found worse for as long as its steps are compared.
            Self::Escalated => match ruling.decision {
                Decision::Continue => false,
                Decision::Hold => !ruling.reasons.contains(&Reason::Undone),
                _ => true,
            },
        }
    }

    fn lasts(self, params: &PagingParams) -> Duration {
        match self {
            Self::Escalated => params.page_after,
            Self::Blind => params.blind_limit,
        }
    }
}

impl fmt::Display for PageCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Escalated => "a person must decide",
            Self::Blind => "nothing can be seen",
        })
    }
}

/// For what a person is to be called, and was: once an incident for each cause. Kept from step to step.
///
/// An incident begins with the first decision that is a [cause](PageCause::of), is confirmed once such decisions last for
/// the time of its cause, and is over after `quiet_for` in which nothing was found worse, or nobody looked.
///
/// # Example
/// ```
/// use std::time::Duration;
///
/// use astern_graph_core::Timestamp;
/// use astern_graph_core::signal::{Assessment, Verdict};
/// use astern_rollback_policy::{Mode, PageCause, Paging, Policy, PolicyParams, Risk};
///
/// let policy = Policy::new(PolicyParams::default())?;
/// let mut paging = Paging::default();
/// let blind = policy.decide(&Risk::new(0.0, 0.0)?, &Assessment::new(Verdict::NoData), None, &[]);
/// for minute in 0..15 {
///     policy.record(&mut paging, &blind, Timestamp::from_secs(60 * minute));
///     assert_eq!(policy.page_due(&paging, Mode::Apply), None);
/// }
/// policy.record(&mut paging, &blind, Timestamp::from_secs(900));
/// assert_eq!(policy.page_due(&paging, Mode::Apply), Some(PageCause::Blind));
/// paging.called(PageCause::Blind, Mode::Apply, Timestamp::from_secs(900));
/// assert_eq!(policy.page_due(&paging, Mode::Apply), None);
/// # Ok::<(), astern_stats::ParamError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paging(BTreeMap<PageCause, Lasting>);

/// An incident, from its first to its last such decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Lasting {
    since: Timestamp,
    last: Timestamp,
    /// In which mode a person was called.
    called: Option<Mode>,
}

impl Lasting {
    /// In this mode, or in one that truly calls.
    fn was_called(&self, mode: Mode) -> bool {
        self.called == Some(mode) || self.called == Some(Mode::Apply)
    }
}

impl Paging {
    pub(super) fn record(&mut self, params: &PagingParams, ruling: &Ruling, at: Timestamp) {
        let is_worse = ruling
            .reasons
            .contains(&Reason::Verdict(Verdict::Regressed));
        self.0.retain(|cause, lasting| match lasting.called {
            Some(_) => at.since(lasting.last) < params.quiet_for,
            None => cause.is_open(ruling),
        });
        for (cause, lasting) in &mut self.0 {
            if lasting.called.is_some() && is_worse && cause.is_open(ruling) {
                lasting.last = at;
            }
        }
        if let Some(cause) = PageCause::of(ruling) {
            self.at(cause, at).last = at;
        }
    }

    /// Whether a person was called for an incident that is not over.
    pub fn was_called(&self, cause: PageCause, mode: Mode) -> bool {
        let lasting = self.0.get(&cause);
        lasting.is_some_and(|lasting| lasting.was_called(mode))
    }

    pub(super) fn due(&self, params: &PagingParams, mode: Mode) -> Option<PageCause> {
        let is_due = |(cause, lasting): &(&PageCause, &Lasting)| {
            !lasting.was_called(mode) && lasting.last.since(lasting.since) >= cause.lasts(params)
        };
        self.0.iter().find(is_due).map(|(cause, _)| *cause)
    }

    /// Takes note that a person was called, for whatever reason: the incident has its page. A dry run calls nobody, so
    /// whoever goes on in [`Mode::Apply`] calls again.
    pub fn called(&mut self, cause: PageCause, mode: Mode, at: Timestamp) {
        let lasting = self.at(cause, at);
        lasting.last = lasting.last.max(at);
        if lasting.called != Some(Mode::Apply) {
            lasting.called = Some(mode);
        }
    }

    /// The incident of a cause, which begins now unless there is one.
    fn at(&mut self, cause: PageCause, at: Timestamp) -> &mut Lasting {
        self.0.entry(cause).or_insert(Lasting {
            since: at,
            last: at,
            called: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ESCALATE: Decision = Decision::Escalate;
    const HOLD: Decision = Decision::Hold;

    fn ruling(decision: Decision, verdict: Verdict) -> Ruling {
        Ruling {
            decision,
            reasons: vec![Reason::Verdict(verdict)],
        }
    }

    /// The minutes in which a person is called, of decisions minute by minute.
    fn pages(decisions: impl IntoIterator<Item = (Decision, Verdict)>) -> Vec<usize> {
        let params = PagingParams::default();
        let mut paging = Paging::default();
        let mut called = Vec::new();
        for (minute, (decision, verdict)) in decisions.into_iter().enumerate() {
            let at = Timestamp::MIN.plus(Duration::from_secs(60 * minute as u64));
            paging.record(&params, &ruling(decision, verdict), at);
            if let Some(cause) = paging.due(&params, Mode::Apply) {
                called.push(minute);
                paging.called(cause, Mode::Apply, at);
            }
        }
        called
    }

    fn regressed(decisions: &str) -> Vec<usize> {
        let of = |letter| match letter {
            'e' => ESCALATE,
            'h' => HOLD,
            _ => Decision::Continue,
        };
        pages(decisions.chars().map(|l| (of(l), Verdict::Regressed)))
    }

    #[test]
    fn one_page_an_incident_once_it_is_confirmed() {
        for (decisions, expected) in [
            ("e", &[][..]),
            ("ee", &[]),
            ("eeeeeeee", &[2]),
            ("ehe", &[2]),
            ("ehhhe", &[4]),
            // Noise: each time it begins again.
            ("ece", &[]),
            ("eceececehhceec", &[]),
            // Quiet for fourteen minutes: the same. For a quarter of an hour: another one.
            ("eeeccccccccccccccece", &[2]),
            ("eeeccccccccccccccceee", &[2, 20]),
            // Held and still worse: it is not over.
            ("eeehhhhhhhhhhhhhhheee", &[2]),
        ] {
            assert_eq!(regressed(decisions), expected, "{decisions}");
        }
    }

    #[test]
    fn long_steps_confirm_as_well() {
        let params = PagingParams::default();
        let mut paging = Paging::default();
        for hour in 0..2 {
            let at = Timestamp::from_secs(3_600 * hour);
            paging.record(&params, &ruling(ESCALATE, Verdict::Regressed), at);
        }
        assert_eq!(paging.due(&params, Mode::Apply), Some(PageCause::Escalated));
    }

    #[test]
    fn what_was_rolled_back_and_is_still_compared_leaves_nothing_open() {
        let params = PagingParams::default();
        let mut paging = Paging::default();
        let mut undone = ruling(HOLD, Verdict::Regressed);
        undone.reasons.push(Reason::Undone);
        let escalate = ruling(ESCALATE, Verdict::Regressed);
        for minute in 0..30 {
            let at = Timestamp::from_secs(60 * minute);
            let now = if minute % 3 == 0 { &escalate } else { &undone };
            paging.record(&params, now, at);
            assert_eq!(paging.due(&params, Mode::Apply), None, "{minute}");
        }
    }

    #[test]
    fn a_long_time_in_which_nobody_looked_is_quiet() {
        let params = PagingParams::default();
        let mut paging = Paging::default();
        let escalate = ruling(ESCALATE, Verdict::Regressed);
        let mut called = Vec::new();
        for minute in [0, 1, 2, 3, 18, 19, 20, 21] {
            let at = Timestamp::from_secs(60 * minute);
            paging.record(&params, &escalate, at);
            if let Some(cause) = paging.due(&params, Mode::Apply) {
                paging.called(cause, Mode::Apply, at);
                called.push(minute);
            }
        }
        assert_eq!(called, [2, 20]);
        assert!(paging.was_called(PageCause::Escalated, Mode::Apply));
    }

    #[test]
    fn blindness_is_an_incident_of_its_own() {
        let blind = |minutes| (0..minutes).map(|_| (HOLD, Verdict::NoData));
        assert_eq!(pages(blind(15)), [0; 0]);
        assert_eq!(pages(blind(60)), [15]);
        let both = blind(20).chain((0..5).map(|_| (ESCALATE, Verdict::Regressed)));
        assert_eq!(pages(both), [15, 22]);
    }

    #[test]
    fn a_dry_run_binds_no_guard_that_applies() {
        let params = PagingParams::default();
        let mut paging = Paging::default();
        for minute in 0..3 {
            let at = Timestamp::from_secs(60 * minute);
            paging.record(&params, &ruling(ESCALATE, Verdict::Regressed), at);
        }
        let at = Timestamp::from_secs(120);
        paging.called(PageCause::Escalated, Mode::DryRun, at);
        assert_eq!(paging.due(&params, Mode::DryRun), None);
        let due = Some(PageCause::Escalated);
        assert_eq!(paging.due(&params, Mode::Apply), due);
        paging.called(PageCause::Escalated, Mode::Apply, at);
        paging.called(PageCause::Escalated, Mode::DryRun, at);
        assert_eq!(paging.due(&params, Mode::Apply), None);
    }

    #[test]
    fn each_rule_refuses() {
        let params = PagingParams::default;
        let long = Duration::from_secs(30 * 86_400 + 1);
        for (what, bad) in [
            ("page_after", params().page_after(long)),
            ("blind_limit", params().blind_limit(long)),
            ("quiet_for", params().quiet_for(long)),
        ] {
            let text = bad.check().unwrap_err().to_string();
            assert!(text.contains(what), "{text}");
        }
        assert!(params().check().is_ok());
    }
}
