//! Plans as files for people and other tools.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use astern_graph_core::CodecError;

use crate::plan::Plan;

const FORMAT: &str = "astern.plan";
const VERSION: u32 = 1;

/// Read first, so that a file of another version is distinguished from a damaged one.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    format: Cow<'a, str>,
    version: u32,
}

#[derive(Serialize)]
struct Written<'a> {
    format: &'static str,
    version: u32,
    plan: &'a Plan,
}

#[derive(Deserialize)]
struct Read {
    plan: Plan,
}

impl Plan {
    /// The plan as indented JSON, with name and version of the format.
    ///
    /// # Errors
    /// [`CodecError::Damaged`] when it could not be read again: a plan may have been altered since it was made.
    pub fn to_json(&self) -> Result<String, CodecError> {
        let file = Written {
            format: FORMAT,
            version: VERSION,
            plan: self,
        };
        let text = serde_json::to_string_pretty(&file).map_err(damaged)?;
        Self::from_json(&text)?;
        Ok(text)
    }

    /// A plan from [`to_json`](Self::to_json), validated.
    ///
    /// # Errors
    /// [`CodecError::WrongMagic`] for JSON of another format, [`CodecError::WrongVersion`] for
    /// another version, [`CodecError::Damaged`] for what is no JSON or no valid plan (the cause
    /// is then a [`PlanError`](crate::PlanError)).
    pub fn from_json(text: &str) -> Result<Self, CodecError> {
        let head: Head<'_> = serde_json::from_str(text).map_err(damaged)?;
        if head.format != FORMAT {
            return Err(CodecError::WrongMagic { expected: FORMAT });
        }
        if head.version != VERSION {
            let (found, supported) = (head.version, VERSION);
            return Err(CodecError::WrongVersion {
                format: FORMAT,
                found,
                supported,
            });
        }
        let Read { plan } = serde_json::from_str(text).map_err(damaged)?;
        plan.validate().map_err(damaged)?;
        Ok(plan)
    }
}

fn damaged(cause: impl std::error::Error + Send + Sync + 'static) -> CodecError {
    CodecError::Damaged {
        format: FORMAT,
        cause: Box::new(cause),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Action, PlanError, Step, StepId};
    use astern_graph_core::signal::Evidence;
    use astern_graph_core::{NodeKey, Timestamp};

    fn json() -> String {
        let action = Action::Hold {
            service: NodeKey::service("cart"),
        };
        let steps = vec![Step::new(StepId::new(1), action)];
        Plan::new(Timestamp::from_secs(0), steps, Vec::new())
            .unwrap()
            .to_json()
            .unwrap()
    }

    #[test]
    fn what_could_not_be_read_again_is_not_written() {
        let mut plan = Plan::from_json(&json()).unwrap();
        plan.steps[0].action = Action::Hold {
            service: NodeKey::service("web"),
        };
        assert!(matches!(plan.to_json(), Err(CodecError::Damaged { .. })));
    }

    #[test]
    fn evidence_may_be_infinite() {
        let plan = Plan::from_json(&json()).unwrap();
        let mut steps = plan.steps;
        let metric = "errors".into();
        steps[0].because.push(Evidence::Correlation {
            metric,
            r: f64::INFINITY,
        });
        let plan = Plan::new(plan.made, steps, Vec::new()).unwrap();
        assert_eq!(Plan::from_json(&plan.to_json().unwrap()).unwrap(), plan);
    }

    #[test]
    fn each_refusal() {
        let read = |text: &str| Plan::from_json(text).unwrap_err();
        assert!(matches!(read("{"), CodecError::Damaged { .. }));
        let other = json().replace("astern.plan", "astern.report");
        assert!(matches!(read(&other), CodecError::WrongMagic { .. }));
        let newer = json().replace("\"version\": 1", "\"version\": 2");
        assert!(matches!(
            read(&newer),
            CodecError::WrongVersion { found: 2, .. }
        ));
        let altered = json().replace("service/cart", "service/web");
        let CodecError::Damaged { cause, .. } = read(&altered) else {
            panic!()
        };
        assert!(matches!(
            cause.downcast_ref(),
            Some(PlanError::WrongId { .. })
        ));
    }
}
