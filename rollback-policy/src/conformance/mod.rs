//! The laws of an [`Executor`](crate::Executor) as checks, for tests of one's own, and a platform in memory that keeps them.
//!
//! Make a [`Setting`] on your platform: an action that it can do, whose target does not hold yet, and what somebody else
//! would do there. Then [`check`] plays every law against a fresh setting, and each law is a function of its own as well.
//! A law about what your platform does not have (versions, memory of keys) is left out where the setting says so.
//!
//! ```
//! use astern_graph_core::NodeKey;
//! use astern_rollback_policy::conformance::{self, MemoryPlatform, Setting};
//! use astern_rollback_policy::{Action, Fact};
//!
//! fn cart() -> NodeKey {
//!     NodeKey::service("cart")
//! }
//! fn runs(revision: &str) -> Fact {
//!     Fact::Revision { service: cart(), revision: revision.into() }
//! }
//! let breaches = conformance::check(|| {
//!     let platform = MemoryPlatform::new();
//!     platform.set(runs("r2"));
//!     let action = Action::SetRevision { service: cart(), to: "r1".into() };
//!     // Somebody else releases r2 again.
//!     Setting::new(platform, action, runs("r2"), |platform| platform.set(runs("r2")))
//! });
//! assert!(breaches.is_empty(), "{breaches:?}");
//! ```

mod laws;
mod memory;
mod setting;

pub use laws::{
    Breach, Law, check, dry_run_changes_nothing, effect_is_done_once, key_is_remembered,
    lost_reply_is_found_again, missing_precondition_is_refused, observation_changes_nothing,
    stale_fence_is_refused, stale_version_is_refused, version_is_of_the_effect,
};
pub use memory::MemoryPlatform;
pub use setting::Setting;
