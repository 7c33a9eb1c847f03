//! The formats, and how each is recognised.

use std::fmt;
use std::str::FromStr;

use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use astern_adapters_base::json::Text;
use astern_graph_core::visible;

/// A format that this crate reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum TraceFormat {
    /// Jaeger's query API: `{"data": [{"traceID", "spans", "processes"}]}`, or such traces alone.
    Jaeger,
    /// Zipkin v2: a list of spans, or a list of such lists.
    Zipkin,
    /// OTLP traces as JSON, one document or one a line.
    OtlpJson,
    /// OTLP traces as protobuf: an `ExportTraceServiceRequest` or `TracesData`.
    OtlpProtobuf,
    /// Spans as CSV with a header.
    Csv,
}

impl TraceFormat {
    /// Every format.
    pub const ALL: [Self; 5] = [
        Self::Jaeger,
        Self::Zipkin,
        Self::OtlpJson,
        Self::OtlpProtobuf,
        Self::Csv,
    ];

    /// The format as it is written on a command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jaeger => "jaeger",
            Self::Zipkin => "zipkin",
            Self::OtlpJson => "otlp-json",
            Self::OtlpProtobuf => "otlp-protobuf",
            Self::Csv => "csv",
        }
    }

    /// The format of a document by the way it begins; `None` where it begins like none.
    ///
    /// JSON is recognised by the first key that only one format has, CSV by a header with `TraceID`,
    /// protobuf by its first byte. Whether the rest of the document is right is for reading to say.
    ///
    /// ```
    /// use astern_traces::TraceFormat;
    /// assert_eq!(TraceFormat::recognise(br#"{"resourceSpans": []}"#), Some(TraceFormat::OtlpJson));
    /// assert_eq!(TraceFormat::recognise(b"hello"), None);
    /// ```
    ///
    /// # Complexity
    /// Linear in what comes before the key.
    pub fn recognise(bytes: &[u8]) -> Option<Self> {
        let first = *bytes.trim_ascii_start().first()?;
        if first == b'{' || first == b'[' {
            let mut found = None;
            let mut json = serde_json::Deserializer::from_slice(bytes);
            // It stops at the first tell-tale key by an error of its own: only what it found counts.
            let _ = Probe {
                found: &mut found,
                depth: 0,
            }
            .deserialize(&mut json);
            return found;
        }
        let header = bytes
            .split(|byte| *byte == b'\n')
            .next()
            .unwrap_or_default();
        if header
            .split(|byte| *byte == b',')
            .any(|name| name.trim_ascii() == b"TraceID")
        {
            return Some(Self::Csv);
        }
        // Field 1 of the message, length-delimited: the first resource's spans.
        (bytes.first() == Some(&0x0a)).then_some(Self::OtlpProtobuf)
    }
}

impl fmt::Display for TraceFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Jaeger => "Jaeger JSON",
            Self::Zipkin => "Zipkin JSON",
            Self::OtlpJson => "OTLP JSON",
            Self::OtlpProtobuf => "OTLP protobuf",
            Self::Csv => "CSV",
        })
    }
}

/// A word names no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no format; there are jaeger, zipkin, otlp-json, otlp-protobuf and csv", visible(.word))]
#[non_exhaustive]
pub struct UnknownFormat {
    /// The word given.
    pub word: String,
}

impl FromStr for TraceFormat {
    type Err = UnknownFormat;

    fn from_str(word: &str) -> Result<Self, UnknownFormat> {
        let found = Self::ALL.into_iter().find(|format| format.as_str() == word);
        found.ok_or_else(|| UnknownFormat {
            word: word.to_owned(),
        })
    }
}

/// Looks for the first key that only one format has.
struct Probe<'f> {
    found: &'f mut Option<TraceFormat>,
    depth: u8,
}

/// Lists that a span may lie in: Zipkin has lists of lists.
const LISTS_MAX: u8 = 2;

fn recognised_by(key: &str) -> Option<TraceFormat> {
    match key {
        "data" | "spans" | "processes" | "traceID" => Some(TraceFormat::Jaeger),
        "resourceSpans" | "resource_spans" => Some(TraceFormat::OtlpJson),
        "traceId" | "id" | "localEndpoint" => Some(TraceFormat::Zipkin),
        _ => None,
    }
}

impl<'de> DeserializeSeed<'de> for Probe<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Probe<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a document of traces")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Text(key)) = map.next_key()? {
            if let Some(format) = recognised_by(&key) {
                *self.found = Some(format);
                return Err(A::Error::custom("found"));
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        if self.depth >= LISTS_MAX {
            return Err(A::Error::custom("too deep"));
        }
        let depth = self.depth + 1;
        let mut empty = true;
        while seq
            .next_element_seed(Probe {
                found: &mut *self.found,
                depth,
            })?
            .is_some()
        {
            empty = false;
        }
        // A list without anything is what Zipkin answers when there is nothing.
        if empty && self.found.is_none() {
            *self.found = Some(TraceFormat::Zipkin);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_is_recognised_by_its_beginning() {
        for (bytes, format) in [
            (
                &br#"{"total": {"a": [1]}, "data": []}"#[..],
                Some(TraceFormat::Jaeger),
            ),
            (br#" [{"traceID": "1"}]"#, Some(TraceFormat::Jaeger)),
            (
                br#"[{"kind": "CLIENT", "id": "1""#,
                Some(TraceFormat::Zipkin),
            ),
            (br#"[[{"traceId": "1"}]]"#, Some(TraceFormat::Zipkin)),
            (b"[]", Some(TraceFormat::Zipkin)),
            (br#"{"resource_spans": ["#, Some(TraceFormat::OtlpJson)),
            (br#"{"resourceLogs": []}"#, None),
            (b"a,TraceID\n", Some(TraceFormat::Csv)),
            (b"\x0a\x00", Some(TraceFormat::OtlpProtobuf)),
            (b"{", None),
            (b"[[[[[[", None),
            (b"", None),
        ] {
            assert_eq!(
                TraceFormat::recognise(bytes),
                format,
                "{}",
                String::from_utf8_lossy(bytes)
            );
        }
    }

    #[test]
    fn words_name_formats() {
        for format in TraceFormat::ALL {
            assert_eq!(format.as_str().parse(), Ok(format));
        }
        assert!("xml".parse::<TraceFormat>().is_err());
    }
}
