//! The one error for a parameter outside its rule, shared by every family of parameters.

/// Serde form of a [`Duration`](std::time::Duration) parameter: text like `"30s"` or `"1h 30m"`, exact to the
/// nanosecond. Use as `#[serde(with = "astern_stats::param::duration")]`.
pub use jiff::fmt::serde::unsigned_duration::friendly::compact::required as duration;

/// [`duration`] for a parameter that may be absent. Use as
/// `#[serde(with = "astern_stats::param::optional_duration")]`.
pub use jiff::fmt::serde::unsigned_duration::friendly::compact::optional as optional_duration;

/// A parameter broke its rule; says which, what it was and what would be right.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ParamError {
    /// The value is outside its range, or not a number.
    #[error("parameter `{name}` is {value}; it must lie in {low}..={high}")]
    OutOfRange {
        /// Name of the parameter.
        name: &'static str,
        /// The value given.
        value: f64,
        /// Least allowed value.
        low: f64,
        /// Greatest allowed value.
        high: f64,
    },
    /// The value must be greater than zero (and finite).
    #[error("parameter `{name}` is {value}; it must be positive and finite")]
    NotPositive {
        /// Name of the parameter.
        name: &'static str,
        /// The value given.
        value: f64,
    },
    /// Two parameters contradict each other.
    #[error("parameter `{small}` ({small_value}) is too great for `{large}` ({large_value})")]
    NotOrdered {
        /// The one that is too great.
        small: &'static str,
        /// Its value.
        small_value: f64,
        /// The one that bounds it.
        large: &'static str,
        /// Its value.
        large_value: f64,
    },
}

/// Checks that `low <= value <= high`.
///
/// # Errors
/// [`ParamError::OutOfRange`] when it does not hold; `NaN` never does.
pub fn in_range(name: &'static str, value: f64, low: f64, high: f64) -> Result<f64, ParamError> {
    if (low..=high).contains(&value) {
        Ok(value)
    } else {
        Err(ParamError::OutOfRange {
            name,
            value,
            low,
            high,
        })
    }
}

/// Checks that `value` lies in (0, 1): a level, a confidence.
///
/// # Errors
/// [`ParamError::OutOfRange`] when it does not hold.
pub fn in_open_unit(name: &'static str, value: f64) -> Result<f64, ParamError> {
    in_range(name, value, f64::MIN_POSITIVE, 1.0 - f64::EPSILON)
}

/// Checks that `value` is finite and greater than zero.
///
/// # Errors
/// [`ParamError::NotPositive`] when it does not hold.
pub fn positive(name: &'static str, value: f64) -> Result<f64, ParamError> {
    if value.is_finite() && value > 0.0 {
        Ok(value)
    } else {
        Err(ParamError::NotPositive { name, value })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_open_unit_has_no_ends() {
        for bad in [0.0, 1.0, -0.5, f64::NAN] {
            assert!(in_open_unit("x", bad).is_err(), "{bad}");
        }
        assert_eq!(in_open_unit("x", 0.5), Ok(0.5));
    }

    #[test]
    fn range_includes_its_ends_and_refuses_nan() {
        assert!(in_range("x", 0.0, 0.0, 1.0).is_ok());
        assert!(in_range("x", 1.0, 0.0, 1.0).is_ok());
        assert!(in_range("x", f64::NAN, 0.0, 1.0).is_err());
        let text = in_range("x", 1.5, 0.0, 1.0).unwrap_err().to_string();
        assert_eq!(text, "parameter `x` is 1.5; it must lie in 0..=1");
    }

    #[test]
    fn durations_are_text_and_nothing_else() {
        #[derive(serde::Serialize, serde::Deserialize)]
        struct Params {
            #[serde(with = "duration")]
            wait: Duration,
        }
        let read = |json| serde_json::from_str::<Params>(json).map(|params| params.wait);
        assert_eq!(read(r#"{"wait":"30s"}"#).unwrap(), Duration::from_secs(30));
        let long = read(r#"{"wait":"1 hour 30 minutes"}"#).unwrap();
        assert_eq!(long, Duration::from_secs(5_400));
        let nanos = Duration::new(3_723, 5);
        let text = serde_json::to_string(&Params { wait: nanos }).unwrap();
        assert_eq!(read(&text).unwrap(), nanos);
        for bad in [
            r#"{"wait":30}"#,
            r#"{"wait":"-3s"}"#,
            r#"{"wait":"3 parsecs"}"#,
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn positive_refuses_zero_infinity_and_nan() {
        for bad in [0.0, -1.0, f64::INFINITY, f64::NAN] {
            assert!(positive("x", bad).is_err());
        }
        assert!(positive("x", f64::MIN_POSITIVE).is_ok());
    }
}
