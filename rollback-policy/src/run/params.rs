//! Parameters of a run.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use astern_stats::ParamError;
use astern_stats::param::{duration, in_range};

/// The longest that any wait may be.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(86_400);

/// Parameters of a [`Run`](crate::Run), checked when it is made.
///
/// | parameter | default | rule |
/// |---|---|---|
/// | `max_attempts` | 5 | times that one effect is sent; 1 to 100 |
/// | `backoff` | 1 s | wait before the first retry, doubled for each further one; 1 ms to 1 day |
/// | `max_backoff` | 60 s | longest such wait; at least `backoff`, at most 1 day |
/// | `max_retry_after` | 1 h | longest wait that a busy platform is granted; 1 ms to 1 day |
/// | `reply_within` | 30 s | a reply that takes longer counts as lost; 1 ms to 1 day |
/// | `look_within` | 2 min | time from the begin of a run to the answer of its first looks; what anybody did before is taken for the state that the plan was made for; 1 ms to 1 day |
/// | `observe_every` | 5 s | pace of observations; 1 ms to 1 day |
/// | `max_parallel` | 1 | steps that change the platform at the same time; 1 to 1,000 |
/// | `proceed_unverified` | false | whether a step that cannot be observed lets those after it start |
/// | `resend_unversioned` | false | whether an effect whose reply was lost is sent again on a platform without [versions](crate::Version), as long as the state before is seen: what a person did since can be undone by it |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RunParams {
    pub(crate) max_attempts: u32,
    #[serde(with = "duration")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub(crate) backoff: Duration,
    #[serde(with = "duration")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub(crate) max_backoff: Duration,
    #[serde(with = "duration")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub(crate) max_retry_after: Duration,
    #[serde(with = "duration")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub(crate) reply_within: Duration,
    #[serde(with = "duration")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub(crate) look_within: Duration,
    #[serde(with = "duration")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub(crate) observe_every: Duration,
    pub(crate) max_parallel: u32,
    pub(crate) proceed_unverified: bool,
    pub(crate) resend_unversioned: bool,
}

impl Default for RunParams {
    fn default() -> Self {
        Self {
            max_attempts: 5,
            backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(60),
            max_retry_after: Duration::from_secs(3_600),
            reply_within: Duration::from_secs(30),
            look_within: Duration::from_secs(120),
            observe_every: Duration::from_secs(5),
            max_parallel: 1,
            proceed_unverified: false,
            resend_unversioned: false,
        }
    }
}

astern_stats::setters!(RunParams {
    /// Sets the number of times that one effect is sent.
    max_attempts: u32,
    /// Sets the wait before the first retry.
    backoff: Duration,
    /// Sets the longest wait before a retry.
    max_backoff: Duration,
    /// Sets the longest wait that a busy platform is granted.
    max_retry_after: Duration,
    /// Sets the time after which a reply counts as lost.
    reply_within: Duration,
    /// Sets the time from the begin of a run to the answer of its first looks.
    look_within: Duration,
    /// Sets the pace of observations.
    observe_every: Duration,
    /// Sets the number of steps that change the platform at the same time.
    max_parallel: u32,
    /// Sets whether a step that cannot be observed lets those after it start.
    proceed_unverified: bool,
    /// Sets whether an effect whose reply was lost is sent again on a platform without versions.
    resend_unversioned: bool,
});

impl RunParams {
    /// Checks the parameters, as a [`Run`](crate::Run) does when it is made.
    ///
    /// # Errors
    /// [`ParamError`] for a parameter outside its rule.
    pub fn check(&self) -> Result<(), ParamError> {
        in_range("max_attempts", f64::from(self.max_attempts), 1.0, 100.0)?;
        for (name, span) in [
            ("backoff in seconds", self.backoff),
            ("max_backoff in seconds", self.max_backoff),
            ("max_retry_after in seconds", self.max_retry_after),
            ("reply_within in seconds", self.reply_within),
            ("look_within in seconds", self.look_within),
            ("observe_every in seconds", self.observe_every),
        ] {
            in_range(name, span.as_secs_f64(), 1e-3, WAIT_MAX.as_secs_f64())?;
        }
        if self.backoff > self.max_backoff {
            return Err(ParamError::NotOrdered {
                small: "backoff in seconds",
                small_value: self.backoff.as_secs_f64(),
                large: "max_backoff in seconds",
                large_value: self.max_backoff.as_secs_f64(),
            });
        }
        in_range("max_parallel", f64::from(self.max_parallel), 1.0, 1e3)?;
        Ok(())
    }

    /// Wait before the retry that follows attempt number `attempt`, on a platform that asks for a wait.
    pub(crate) fn wait(&self, attempt: u32, retry_after: Duration) -> Duration {
        let asked = retry_after.min(self.max_retry_after);
        self.backoff_after(attempt).max(asked)
    }

    fn backoff_after(&self, attempt: u32) -> Duration {
        let factor = 2_u32.saturating_pow(attempt.saturating_sub(1));
        self.backoff.saturating_mul(factor).min(self.max_backoff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_refuses() {
        let params = RunParams::default;
        let (second, minute) = (Duration::from_secs(1), Duration::from_secs(60));
        for (what, bad) in [
            ("max_attempts", params().max_attempts(0)),
            ("max_attempts", params().max_attempts(101)),
            ("backoff in seconds", params().backoff(Duration::ZERO)),
            (
                "max_backoff in seconds",
                params().max_backoff(Duration::MAX),
            ),
            (
                "backoff in seconds",
                params().backoff(minute).max_backoff(second),
            ),
            ("max_retry_after", params().max_retry_after(Duration::MAX)),
            ("reply_within", params().reply_within(Duration::ZERO)),
            ("look_within", params().look_within(Duration::ZERO)),
            ("observe_every", params().observe_every(Duration::ZERO)),
            ("max_parallel", params().max_parallel(0)),
        ] {
            let text = bad.check().unwrap_err().to_string();
            assert!(text.contains(what), "{text}");
        }
        assert!(params().check().is_ok());
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let waits = [1, 2, 3, 7, 100].map(|n| RunParams::default().backoff_after(n).as_secs());
        assert_eq!(waits, [1, 2, 4, 60, 60]);
    }

    #[test]
    fn a_file_names_only_what_differs() {
        let read = |json| serde_json::from_str::<RunParams>(json);
        assert_eq!(read("{}").unwrap(), RunParams::default());
        let params = RunParams::default()
            .backoff(Duration::from_millis(500))
            .proceed_unverified(true);
        let json = r#"{"backoff": "500ms", "proceed_unverified": true}"#;
        assert_eq!(read(json).unwrap(), params);
        let whole = serde_json::to_string(&params).unwrap();
        assert_eq!(read(&whole).unwrap(), params);
        let text = read(r#"{"back_off": "1s"}"#).unwrap_err().to_string();
        assert!(text.contains("unknown field `back_off`"), "{text}");
        assert!(read(r#"{"backoff": "1h"}"#).unwrap().check().is_err());
    }
}
