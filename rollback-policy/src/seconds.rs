//! Spans of time in files: seconds as a number, exact to the nanosecond up to 50 days.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer};

pub(crate) fn serialize<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(span.as_secs_f64())
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Duration, D::Error> {
    let seconds = f64::deserialize(deserializer)?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(span) => Ok(span),
        // The longest span is rounded up on its way into the file.
        Err(_) if seconds > 0.0 => Ok(Duration::MAX),
        Err(error) => Err(serde::de::Error::custom(error)),
    }
}

/// A span for people: the two greatest units that it has.
pub(crate) fn text(span: Duration) -> String {
    let seconds = span.as_secs();
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    match (hours, minutes % 60, seconds % 60) {
        (0, 0, _) if span.subsec_nanos() > 0 => format!("{:.3} s", span.as_secs_f64()),
        (0, 0, s) => format!("{s} s"),
        (0, m, 0) => format!("{m} min"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, 0, _) => format!("{h} h"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_well() {
        let texts = [0, 59, 60, 61, 3600, 5400].map(|s| text(Duration::from_secs(s)));
        assert_eq!(
            texts,
            ["0 s", "59 s", "1 min", "1 min 1 s", "1 h", "1 h 30 min"]
        );
        assert_eq!(text(Duration::from_millis(1500)), "1.500 s");
    }

    #[test]
    fn the_longest_span_round_trips_and_a_negative_one_is_refused() {
        let read = |json: &str| deserialize(&mut serde_json::Deserializer::from_str(json));
        let mut json = Vec::new();
        serialize(&Duration::MAX, &mut serde_json::Serializer::new(&mut json)).unwrap();
        assert_eq!(
            read(std::str::from_utf8(&json).unwrap()).unwrap(),
            Duration::MAX
        );
        assert!(read("-1.0").is_err() && read("null").is_err());
    }
}
