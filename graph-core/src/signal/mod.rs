//! Values that cross the borders between crates: what is anomalous, what caused it, why.
//!
//! They are plain data here; the algorithms that make them live in detect and rca, those that use
//! them in rollback-policy. So these crates never depend on each other.

mod assessment;
mod diagnosis;
mod evidence;
mod explanation;
mod missing_evidence;
mod p_value;

pub use assessment::{Anomaly, Assessment, SourceFault, Verdict};
pub use diagnosis::{Abstention, Alternative, BlamedChange, Diagnosis, RankedCause, StaysBroken};
pub use evidence::{Evidence, Role, Stance};
pub use explanation::{Counterfactual, Explanation, Hop};
pub use missing_evidence::MissingEvidence;
