//! Whole numbers as the formats write them: as numbers, or as text where JSON's are too narrow.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// A whole number; `null` is none. A fraction is cut off.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct Number(pub Option<i128>);

impl Number {
    /// None for zero too: Zipkin and OTLP write zero for "not known".
    pub fn or_none(self) -> Option<i128> {
        self.0.filter(|number| *number != 0)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberVisitor;
        impl Visitor<'_> for NumberVisitor {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }

            fn visit_i64<E>(self, number: i64) -> Result<Number, E> {
                Ok(Number(Some(number.into())))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Number, E> {
                Ok(Number(Some(number.into())))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Number, E> {
                // `as` saturates; what is too large is found to be out of range later.
                #[expect(clippy::cast_possible_truncation, reason = "saturates, see above")]
                let whole = number as i128;
                Ok(Number(Some(whole.clamp(-FAR, FAR))))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Number, E> {
                let whole = text.parse::<i64>().map(i128::from);
                let whole = whole.or_else(|_| text.parse::<u64>().map(i128::from));
                whole
                    .map(|number| Number(Some(number)))
                    .map_err(|_| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }

            fn visit_unit<E>(self) -> Result<Number, E> {
                Ok(Number(None))
            }
        }
        deserializer.deserialize_any(NumberVisitor)
    }
}

/// Far outside every range of time, and far from where arithmetic on `i128` overflows.
const FAR: i128 = 1 << 70;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_however_they_are_written() {
        let read = |text: &str| {
            serde_json::from_str::<Number>(text)
                .map(|number| number.0)
                .ok()
        };
        assert_eq!(read("-5"), Some(Some(-5)));
        assert_eq!(read("18446744073709551615"), Some(Some(u64::MAX.into())));
        assert_eq!(
            read("\"18446744073709551615\""),
            Some(Some(u64::MAX.into()))
        );
        assert_eq!(read("1.5e3"), Some(Some(1500)));
        assert_eq!(read("1e300"), Some(Some(FAR)));
        assert_eq!(read("null"), Some(None));
        assert_eq!(read("\"x\""), None);
        assert_eq!(read("[]"), None);
    }
}
