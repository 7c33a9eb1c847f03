//! Spans as CSV with a header, as the Nezha data set (Yu et al. 2023) has them.
//!
//! | column | what it holds |
//! |---|---|
//! | `TraceID`, `SpanID` | hexadecimal; other text is hashed |
//! | `ParentID` | the same; empty or `root` is none |
//! | `PodName` | the instance; the service is its name without what Kubernetes adds to a pod's |
//! | `OperationName` | the operation |
//! | `StartTimeUnixNano`, `EndTimeUnixNano` | nanoseconds since the Unix epoch; empty is not known |
//!
//! Columns stand in any order, others are passed over (`Duration` is the end less the start, cut to
//! microseconds). A pod's service is `cart` for `cart-5c95b49cff-tdsdz` (Deployment) and `cart-0`
//! (`StatefulSet`). Spans have no kind: calls are where a child is in another service than its parent.

use csv::{ByteRecord, ReaderBuilder};

use crate::attributes::service_of_pod;
use crate::error::ParseError;
use crate::id;
use crate::params::SpanParams;
use crate::spans::{Decoded, Draft, Spans};

/// Decodes a document and joins its spans.
///
/// # Errors
/// [`ParseError`] when it is no such document, or when a parameter breaks its rule.
pub fn decode(bytes: &[u8], params: &SpanParams) -> Result<Decoded, ParseError> {
    Spans::of_document(params, |spans| read(bytes, spans))
}

const COLUMNS: [&str; 7] = [
    "TraceID",
    "SpanID",
    "ParentID",
    "PodName",
    "OperationName",
    "StartTimeUnixNano",
    "EndTimeUnixNano",
];

/// A column by its place in [`COLUMNS`].
#[derive(Clone, Copy)]
enum Column {
    Trace,
    Span,
    Parent,
    Pod,
    Operation,
    Start,
    End,
}

pub(crate) fn read(bytes: &[u8], spans: &mut Spans) -> Result<(), ParseError> {
    let error = |cause| ParseError::Csv { cause };
    let mut reader = ReaderBuilder::new().from_reader(bytes);
    let places = places(reader.byte_headers().map_err(error)?)?;
    let mut record = ByteRecord::new();
    while reader.read_byte_record(&mut record).map_err(error)? {
        let row = Row {
            record: &record,
            places,
        };
        let pod = row.text(Column::Pod)?;
        let draft = Draft {
            trace: or_zero(row.bytes(Column::Trace), id::text_trace),
            id: or_zero(row.bytes(Column::Span), id::text_span),
            parent: match row.bytes(Column::Parent) {
                b"root" => 0,
                parent => or_zero(parent, id::text_span),
            },
            name: row.text(Column::Operation)?.into(),
            start: row.nanos(Column::Start)?,
            duration: match (row.nanos(Column::Start)?, row.nanos(Column::End)?) {
                (Some(start), Some(end)) => Some(end - start),
                _ => None,
            },
            ..Draft::default()
        };
        let from = spans.held();
        if spans.accept(draft) {
            let Spans { origins, names, .. } = &mut *spans;
            let origin = origins.of_pod(pod, service_of_pod(pod), names);
            spans.settle(from, |_| origin.clone().map(|origin| (origin, None)));
        }
    }
    Ok(())
}

/// Where each column stands in the header.
fn places(header: &ByteRecord) -> Result<[usize; COLUMNS.len()], ParseError> {
    let mut places = [0; COLUMNS.len()];
    for (place, column) in places.iter_mut().zip(COLUMNS) {
        let found = header
            .iter()
            .position(|name| name.trim_ascii() == column.as_bytes());
        *place = found.ok_or(ParseError::MissingColumn { column })?;
    }
    Ok(places)
}

struct Row<'r> {
    record: &'r ByteRecord,
    places: [usize; COLUMNS.len()],
}

impl<'r> Row<'r> {
    fn bytes(&self, column: Column) -> &'r [u8] {
        let place = self.places.get(column as usize);
        place
            .and_then(|place| self.record.get(*place))
            .unwrap_or_default()
            .trim_ascii()
    }

    fn text(&self, column: Column) -> Result<&'r str, ParseError> {
        std::str::from_utf8(self.bytes(column)).map_err(|_| self.wrong(column, "UTF-8"))
    }

    fn nanos(&self, column: Column) -> Result<Option<i128>, ParseError> {
        let text = self.text(column)?;
        if text.is_empty() {
            return Ok(None);
        }
        let number: Result<i64, _> = text.parse();
        let number = number.map_err(|_| self.wrong(column, "a whole number of nanoseconds"))?;
        Ok(Some(number.into()))
    }

    fn wrong(&self, column: Column, expected: &'static str) -> ParseError {
        let value = String::from_utf8_lossy(self.bytes(column))
            .chars()
            .take(40)
            .collect();
        ParseError::Field {
            line: self.record.position().map_or(0, csv::Position::line),
            column: COLUMNS.get(column as usize).copied().unwrap_or_default(),
            value,
            expected,
        }
    }
}

/// The id in a text; zero where there is none.
fn or_zero<T: Default>(text: &[u8], id: fn(&[u8]) -> T) -> T {
    if text.is_empty() {
        T::default()
    } else {
        id(text)
    }
}
