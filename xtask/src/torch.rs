//! The second pass: what `test`, `ci` and `demo` share of it.

use crate::libtorch;
use crate::run::{Failure, Runner, in_ci, loud};

/// The feature, and a target folder of its own: one folder for both feature sets would make each
/// pass undo the other's work.
pub(crate) const TORCH: [&str; 4] = ["--features", "torch", "--target-dir", "target/torch"];

/// Sets libtorch up when it is `wanted`. Without it the pass is left out, loudly; in CI that is a
/// failure, since nobody reads a warning there.
pub(crate) fn set_up(runner: &mut Runner, wanted: bool) -> Result<bool, Failure> {
    if !wanted {
        eprintln!("--no-torch: what needs libtorch is left out");
        return Ok(false);
    }
    match libtorch::set_up(runner) {
        Ok(()) => Ok(true),
        Err(failure) if in_ci() => Err(failure),
        Err(failure) => {
            loud(&format!(
                "What needs libtorch is LEFT OUT:\n{}",
                failure.message
            ));
            Ok(false)
        }
    }
}

/// `-p a -p b …`
pub(crate) fn selected(packages: &[String]) -> impl Iterator<Item = &str> {
    packages.iter().flat_map(|package| ["-p", package.as_str()])
}
