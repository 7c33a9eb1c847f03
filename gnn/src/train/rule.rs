//! Ranges that settings are held against.

use crate::error::ConfigError;

fn hold(
    ok: bool,
    name: &'static str,
    value: f64,
    allowed: &'static str,
) -> Result<(), ConfigError> {
    if ok {
        return Ok(());
    }
    Err(ConfigError::OutOfRange {
        name,
        value,
        allowed,
    })
}

pub(crate) fn at_least_1(name: &'static str, n: usize) -> Result<(), ConfigError> {
    hold(n > 0, name, n as f64, "at least 1")
}

pub(crate) fn positive(name: &'static str, value: f64) -> Result<(), ConfigError> {
    let ok = value > 0.0 && value.is_finite();
    hold(ok, name, value, "above 0, finite")
}

pub(crate) fn from_0(name: &'static str, value: f64) -> Result<(), ConfigError> {
    let ok = value >= 0.0 && value.is_finite();
    hold(ok, name, value, "at least 0, finite")
}

pub(crate) fn from_0_below_1(name: &'static str, value: f64) -> Result<(), ConfigError> {
    let ok = (0.0..1.0).contains(&value);
    hold(ok, name, value, "at least 0, below 1")
}

#[cfg(feature = "torch")]
pub(crate) fn share(name: &'static str, value: f64) -> Result<(), ConfigError> {
    hold((0.0..=1.0).contains(&value), name, value, "from 0 to 1")
}

pub(crate) fn above_0_to_1(name: &'static str, value: f64) -> Result<(), ConfigError> {
    let ok = value > 0.0 && value <= 1.0;
    hold(ok, name, value, "above 0, at most 1")
}
