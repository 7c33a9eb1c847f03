//! Parameters of a module to names and numbers, and back.

use tch::Tensor;

use super::TorchError;
use super::error::Named;
use super::module::Module;
use super::tensor::{from_values, to_values};
use crate::state::StateDict;

/// All parameters of `module` by name, exactly.
///
/// # Errors
///
/// [`TorchError`] when a tensor cannot be read.
pub fn state_of(module: &dyn Module) -> Result<StateDict, TorchError> {
    let mut state = StateDict::default();
    for (name, tensor) in module.parameters() {
        state.insert(name, &shape_of(tensor), to_values(tensor)?);
    }
    Ok(state)
}

/// Overwrites all parameters of `module` with those of `state`; nothing is changed when one is
/// absent, has another shape, or is not known to the module.
///
/// # Errors
///
/// [`TorchError`] that names the parameter.
pub fn load_state(module: &dyn Module, state: &StateDict) -> Result<(), TorchError> {
    let parameters = module.parameters();
    let mut loaded = Vec::with_capacity(parameters.len());
    for (name, tensor) in &parameters {
        loaded.push(load_tensor(state, name, tensor)?);
    }
    let known = |name: &str| parameters.iter().any(|(known, _)| known == name);
    if let Some((name, _)) = state.iter().find(|(name, _)| !known(name)) {
        let problem = format!("`{name}` is no parameter of the model");
        return Err(TorchError::new("load_state", &[], problem));
    }
    for ((_, tensor), values) in parameters.into_iter().zip(loaded) {
        let mut tensor = tensor.shallow_clone();
        tch::no_grad(|| tensor.f_copy_(&values)).named("copy_", &[&tensor, &values])?;
    }
    Ok(())
}

/// A tensor of `state` that goes with `like`: of its shape, kind and device.
pub(super) fn load_tensor(
    state: &StateDict,
    name: &str,
    like: &Tensor,
) -> Result<Tensor, TorchError> {
    let expected = shape_of(like);
    let problem = match state.get(name) {
        Some(found) if found.shape == expected => {
            return from_values(&found.values, &like.size(), like.kind(), like.device());
        }
        Some(found) => format!("`{name}` has shape {:?}, not {expected:?}", found.shape),
        None => format!("`{name}` is absent"),
    };
    Err(TorchError::new("load_state", &[like], problem))
}

pub(super) fn shape_of(tensor: &Tensor) -> Vec<usize> {
    let size = tensor.size();
    size.into_iter()
        .map(|n| usize::try_from(n).unwrap_or(0))
        .collect()
}
