//! Numbers in files, for `#[serde(with = "astern_stats::real")]`: JSON has none for infinities and `NaN`, so text formats
//! hold these as `"Infinity"`, `"-Infinity"` and `"NaN"`, as in the JSON of Protocol Buffers. Binary formats hold plain numbers.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserializer, Serializer};

const INFINITE: &str = "Infinity";
const MINUS_INFINITE: &str = "-Infinity";
const NO_NUMBER: &str = "NaN";

/// Writes a number.
///
/// # Errors
/// The serializer's own.
pub fn serialize<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    let text = match number {
        _ if !serializer.is_human_readable() || number.is_finite() => None,
        number if number.is_nan() => Some(NO_NUMBER),
        number if *number > 0.0 => Some(INFINITE),
        _ => Some(MINUS_INFINITE),
    };
    match text {
        Some(text) => serializer.serialize_str(text),
        None => serializer.serialize_f64(*number),
    }
}

/// Reads a number.
///
/// # Errors
/// For what is neither a number nor one of the three texts.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    if deserializer.is_human_readable() {
        deserializer.deserialize_any(Number)
    } else {
        deserializer.deserialize_f64(Number)
    }
}

struct Number;

impl Visitor<'_> for Number {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a number, \"{INFINITE}\", \"{MINUS_INFINITE}\" or \"{NO_NUMBER}\""
        )
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<f64, E> {
        Ok(number)
    }

    #[allow(
        clippy::cast_precision_loss,
        reason = "as serde reads whole numbers as f64"
    )]
    fn visit_u64<E: Error>(self, number: u64) -> Result<f64, E> {
        Ok(number as f64)
    }

    #[allow(
        clippy::cast_precision_loss,
        reason = "as serde reads whole numbers as f64"
    )]
    fn visit_i64<E: Error>(self, number: i64) -> Result<f64, E> {
        Ok(number as f64)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<f64, E> {
        match text {
            INFINITE => Ok(f64::INFINITY),
            MINUS_INFINITE => Ok(f64::NEG_INFINITY),
            NO_NUMBER => Ok(f64::NAN),
            _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
        }
    }
}

/// The same for a number that may be missing. Say `default` too, or a file must hold it as `null`.
pub mod option {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// A number as it stands in files.
    #[derive(serde::Serialize, serde::Deserialize)]
    struct Real(#[serde(with = "super")] f64);

    /// Writes the number, or that there is none.
    ///
    /// # Errors
    /// The serializer's own.
    pub fn serialize<S: Serializer>(
        number: &Option<f64>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        number.map(Real).serialize(serializer)
    }

    /// Reads the number, or that there is none.
    ///
    /// # Errors
    /// As [`deserialize`](super::deserialize()).
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<f64>, D::Error> {
        let read = Option::<Real>::deserialize(deserializer)?;
        Ok(read.map(|Real(number)| number))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    #[derive(Debug, PartialEq, serde::Serialize, Deserialize)]
    struct Two {
        #[serde(with = "super")]
        one: f64,
        #[serde(with = "super::option", default)]
        other: Option<f64>,
    }

    #[test]
    fn every_number_comes_back() {
        for (one, other, json) in [
            (0.5, Some(-2.0), r#"{"one":0.5,"other":-2.0}"#),
            (f64::INFINITY, None, r#"{"one":"Infinity","other":null}"#),
            (
                1e300,
                Some(f64::NEG_INFINITY),
                r#"{"one":1e+300,"other":"-Infinity"}"#,
            ),
        ] {
            let two = Two { one, other };
            assert_eq!(serde_json::to_string(&two).unwrap(), json);
            assert_eq!(serde_json::from_str::<Two>(json).unwrap(), two);
        }
        let read = |json| serde_json::from_str::<Two>(json);
        let two = read(r#"{"one":"NaN","other":-3}"#).unwrap();
        assert!(two.one.is_nan());
        assert_eq!(two.other, Some(-3.0));
        assert_eq!(read(r#"{"one":1}"#).unwrap().other, None);
        for (bad, named) in [
            (r#"{"one":null,"other":1}"#, "null"),
            (r#"{"one":"inf","other":1}"#, "\"inf\""),
        ] {
            let text = read(bad).unwrap_err().to_string();
            assert!(text.contains(named), "{text}");
        }
    }
}
