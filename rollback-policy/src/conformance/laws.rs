//! Each law as a function of a setting.

use std::fmt;

use astern_graph_core::{NodeKey, Revision, Timestamp, TrafficShare};

use super::Setting;
use crate::executor::{Effect, Executor, IdempotencyKey, Observed, Outcome, Refusal};
use crate::fact::Fact;
use crate::place::Version;
use crate::plan::{PlanError, Precondition, StepId};

/// A law that an executor breaks.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{law}: {found}")]
#[non_exhaustive]
pub struct Breach {
    /// Which one.
    pub law: Law,
    /// What the executor did instead.
    pub found: String,
}

/// The laws, by the name of their functions here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Law {
    /// [`effect_is_done_once`]
    Once,
    /// [`lost_reply_is_found_again`]
    LostReply,
    /// [`key_is_remembered`]
    KeyRemembered,
    /// [`missing_precondition_is_refused`]
    Precondition,
    /// [`version_is_of_the_effect`]
    VersionOfEffect,
    /// [`stale_version_is_refused`]
    StaleVersion,
    /// [`stale_fence_is_refused`]
    Fenced,
    /// [`dry_run_changes_nothing`]
    DryRun,
    /// [`observation_changes_nothing`]
    Observation,
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Once => "an effect that is asked for already is answered with `AlreadyDone`",
            Self::LostReply => "an effect whose reply is lost is there when it is looked for",
            Self::KeyRemembered => "a key that was carried out changes nothing again",
            Self::Precondition => "a precondition that does not hold is refused",
            Self::VersionOfEffect => {
                "after an effect its place has another version, that of the reply"
            }
            Self::StaleVersion => "an effect that requires an older version is refused",
            Self::Fenced => "a fence below the greatest is refused, also to an observation",
            Self::DryRun => "a dry run changes nothing",
            Self::Observation => "an observation changes nothing and holds what is so",
        })
    }
}

/// Plays every law, each on a fresh setting, and gives those that are broken.
pub fn check<E: Executor>(make: impl Fn() -> Setting<E>) -> Vec<Breach> {
    type Play<E> = fn(&Setting<E>) -> Result<(), Breach>;
    let laws: [Play<E>; 9] = [
        effect_is_done_once,
        lost_reply_is_found_again,
        key_is_remembered,
        missing_precondition_is_refused,
        version_is_of_the_effect,
        stale_version_is_refused,
        stale_fence_is_refused,
        dry_run_changes_nothing,
        observation_changes_nothing,
    ];
    laws.iter().filter_map(|law| law(&make()).err()).collect()
}

/// An effect is carried out, and one that is asked for already is answered with [`Outcome::AlreadyDone`], whatever its
/// key and its preconditions.
///
/// # Errors
/// The [`Breach`].
pub fn effect_is_done_once<E: Executor>(setting: &Setting<E>) -> Result<(), Breach> {
    let law = Law::Once;
    let key = key(setting, law)?;
    let first = setting.apply(key, Some(Precondition::Is(setting.before.clone())));
    expect(law, matches!(first, Outcome::Done(_)), &first)?;
    for again in [key, another(key)] {
        let second = setting.apply(again, Some(Precondition::Is(setting.before.clone())));
        expect(law, matches!(second, Outcome::AlreadyDone(_)), &second)?;
    }
    holds(setting, key, law, true)
}

/// After an effect whose reply nobody took, an observation shows the target, and the same request is
/// [`Outcome::AlreadyDone`].
///
/// # Errors
/// The [`Breach`].
pub fn lost_reply_is_found_again<E: Executor>(setting: &Setting<E>) -> Result<(), Breach> {
    let law = Law::LostReply;
    let key = key(setting, law)?;
    drop(setting.apply(key, None));
    holds(setting, key, law, true)?;
    let again = setting.apply(key, None);
    expect(law, matches!(again, Outcome::AlreadyDone(_)), &again)
}

/// An effect that was carried out under a key is not done again under it, although somebody else has undone it since.
///
/// # Errors
/// The [`Breach`].
pub fn key_is_remembered<E: Executor>(setting: &Setting<E>) -> Result<(), Breach> {
    let law = Law::KeyRemembered;
    if !setting.remembers {
        return Ok(());
    }
    let key = key(setting, law)?;
    drop(setting.apply(key, None));
    (setting.somebody_acts)(&setting.executor);
    drop(setting.apply(key, None));
    holds(setting, key, law, false)
}

/// An effect one of whose preconditions does not hold is refused, with [`Refusal::PreconditionFailed`], and not done.
///
/// # Errors
/// The [`Breach`].
pub fn missing_precondition_is_refused<E: Executor>(setting: &Setting<E>) -> Result<(), Breach> {
    let law = Law::Precondition;
    let key = key(setting, law)?;
    let outcome = setting.apply(key, Some(Precondition::Is(unlike(&setting.before))));
    let refused = matches!(
        &outcome,
        Outcome::Refused(Refusal::PreconditionFailed { .. })
    );
    expect(law, refused, &outcome)?;
    holds(setting, key, law, false)
}

/// The reply to an effect has the version that its place has then, and it is not that of before.
///
/// # Errors
/// The [`Breach`].
pub fn version_is_of_the_effect<E: Executor>(setting: &Setting<E>) -> Result<(), Breach> {
    let law = Law::VersionOfEffect;
    if !setting.versioned {
        return Ok(());
    }
    let key = key(setting, law)?;
    let version = |number| {
        setting
            .seen(key, number)
            .and_then(|seen| setting.version(&seen))
    };
    let before = version(1);
    expect(law, before.is_some(), &"no version is seen")?;
    let outcome = setting.apply(key, before.clone().map(unchanged));
    let replied = match &outcome {
        Outcome::Done(seen) => setting.version(seen),
        _ => None,
    };
    expect(law, replied.is_some() && replied != before, &outcome)?;
    let after = version(2).map(|version| version.token);
    let replied = replied.map(|version| version.token);
    expect(law, after == replied, &(replied, &after))
}

/// An effect that requires a version from before somebody else acted is refused, and not done, although all is as it was.
///
/// # Errors
/// The [`Breach`].
pub fn stale_version_is_refused<E: Executor>(setting: &Setting<E>) -> Result<(), Breach> {
    let law = Law::StaleVersion;
    if !setting.versioned {
        return Ok(());
    }
    let key = key(setting, law)?;
    let seen = setting.seen(key, 1).and_then(|seen| setting.version(&seen));
    (setting.somebody_acts)(&setting.executor);
    let outcome = setting.apply(key, seen.map(unchanged));
    let refused = matches!(
        &outcome,
        Outcome::Refused(Refusal::PreconditionFailed { .. })
    );
    expect(law, refused, &outcome)?;
    holds(setting, key, law, false)
}

/// Once a fence was seen, a request with a lower one is refused with [`Refusal::Fenced`]: effects and observations.
///
/// # Errors
/// The [`Breach`].
pub fn stale_fence_is_refused<E: Executor>(setting: &Setting<E>) -> Result<(), Breach> {
    let law = Law::Fenced;
    let key = key(setting, law)?;
    let look = |number| IdempotencyKey::observation(key.plan, key.step, number);
    drop(setting.ask(look(1), 3, setting.look(), None));
    let apply = Effect::Apply(setting.action.clone());
    for (key, effect) in [(look(2), setting.look()), (key, apply)] {
        let outcome = setting.ask(key, 2, effect, None);
        let fenced = matches!(outcome, Outcome::Refused(Refusal::Fenced { .. }));
        expect(law, fenced, &outcome)?;
    }
    let outcome = setting.ask(look(3), 3, setting.look(), None);
    expect(law, !shows_target(setting, &outcome), &outcome)
}

/// A dry run of an effect changes nothing, and is refused where the effect would be.
///
/// # Errors
/// The [`Breach`].
pub fn dry_run_changes_nothing<E: Executor>(setting: &Setting<E>) -> Result<(), Breach> {
    let law = Law::DryRun;
    let key = key(setting, law)?;
    let ask = |requires| {
        setting.ask(
            key,
            1,
            Effect::DryRun(setting.action.clone()),
            Some(requires),
        )
    };
    let possible = ask(Precondition::Is(setting.before.clone()));
    expect(law, matches!(possible, Outcome::Done(_)), &possible)?;
    let refused = ask(Precondition::Is(unlike(&setting.before)));
    expect(law, matches!(refused, Outcome::Refused(_)), &refused)?;
    holds(setting, key, law, false)?;
    let done = setting.apply(key, None);
    expect(law, matches!(done, Outcome::Done(_)), &done)
}

/// An observation shows what holds, and changes nothing, however often it is repeated.
///
/// # Errors
/// The [`Breach`].
pub fn observation_changes_nothing<E: Executor>(setting: &Setting<E>) -> Result<(), Breach> {
    let law = Law::Observation;
    let key = key(setting, law)?;
    let (first, second) = (setting.seen(key, 1), setting.seen(key, 2));
    expect(law, first == second, &(&first, &second))?;
    let seen = first.unwrap_or_default();
    let shown = |fact: &Fact| fact.satisfies(&setting.before) == Some(true);
    expect(law, seen.facts.iter().any(shown), &seen)
}

fn key<E: Executor>(setting: &Setting<E>, law: Law) -> Result<IdempotencyKey, Breach> {
    setting.key().map_err(|error: PlanError| Breach {
        law,
        found: error.to_string(),
    })
}

/// The key of another step.
fn another(key: IdempotencyKey) -> IdempotencyKey {
    let next = key.step.number().saturating_add(1);
    IdempotencyKey::effect(key.plan, StepId::new(next))
}

fn expect(law: Law, kept: bool, found: &dyn fmt::Debug) -> Result<(), Breach> {
    if kept {
        return Ok(());
    }
    let found = format!("{found:?}");
    Err(Breach { law, found })
}

/// Whether the target is seen, as it should be or not.
fn holds<E: Executor>(
    setting: &Setting<E>,
    key: IdempotencyKey,
    law: Law,
    wanted: bool,
) -> Result<(), Breach> {
    let seen: Option<Observed> = setting.seen(key, 9);
    let outcome = Outcome::Done(seen.clone().unwrap_or_default());
    expect(
        law,
        seen.is_some() && shows_target(setting, &outcome) == wanted,
        &seen,
    )
}

fn shows_target<E: Executor>(setting: &Setting<E>, outcome: &Outcome) -> bool {
    let (Outcome::Done(seen), Some(target)) = (outcome, setting.action.target()) else {
        return false;
    };
    seen.facts
        .iter()
        .any(|fact| fact.satisfies(&target) == Some(true))
}

fn unchanged(version: Version) -> Precondition {
    Precondition::Unchanged {
        place: version.place,
        token: version.token,
    }
}

/// A fact about the same thing that does not hold while this one does.
fn unlike(fact: &Fact) -> Fact {
    let other = |revision: &Revision| Revision::from(format!("{revision}-other").as_str());
    let mut fact = fact.clone();
    match &mut fact {
        Fact::Revision { revision, .. } | Fact::Config { revision, .. } => {
            *revision = other(revision);
        }
        Fact::Traffic { share, .. } if *share == TrafficShare::ZERO => *share = TrafficShare::FULL,
        Fact::Traffic { share, .. } => *share = TrafficShare::ZERO,
        Fact::Flag { on, .. } => *on = !*on,
        Fact::Replicas { replicas, .. } => *replicas = replicas.wrapping_add(1),
        Fact::Started { since, .. } => *since = Timestamp::MAX,
        // Nothing holds that is about no node.
        Fact::Held { service } => *service = NodeKey::service(""),
    }
    fact
}
