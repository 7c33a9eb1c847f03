//! One table: lines of one type as CSV text, and fields of lines.

use std::fmt::Display;
use std::str::FromStr;

use csv::{ReaderBuilder, StringRecord, WriterBuilder};
use serde::Serialize;
use serde::de::value::Error as WordError;
use serde::de::{DeserializeOwned, IntoDeserializer};

use super::ExportError;
use super::field::Text;

/// A line of a table, as it is written.
pub(super) trait Row: Serialize {
    /// What its table is called.
    const TABLE: &'static str;
    /// Its columns, in the order of its fields.
    const COLUMNS: &'static [&'static str];
}

pub(super) fn write<R: Row>(rows: &[R]) -> Result<String, ExportError> {
    let failed = |cause: Box<dyn std::error::Error + Send + Sync>| ExportError::Write {
        table: R::TABLE,
        cause,
    };
    // The headers are written by hand, so that a table without lines has them too.
    let mut writer = WriterBuilder::new().has_headers(false).from_writer(vec![]);
    writer
        .write_record(R::COLUMNS)
        .map_err(|e| failed(e.into()))?;
    for row in rows {
        writer.serialize(row).map_err(|e| failed(e.into()))?;
    }
    let bytes = writer
        .into_inner()
        .map_err(|e| failed(e.to_string().into()))?;
    String::from_utf8(bytes).map_err(|e| failed(e.into()))
}

/// Reads a table line by line; `line` takes a line's fields.
pub(super) fn read<R: Row>(
    text: &str,
    mut line: impl FnMut(&Fields<'_>) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let table = R::TABLE;
    let mut reader = ReaderBuilder::new().from_reader(text.as_bytes());
    let malformed = |e: csv::Error| ExportError::Malformed {
        table,
        cause: e.into(),
    };
    let headers = reader.headers().map_err(malformed)?.clone();
    let place = |column: &&'static str| {
        let missing = ExportError::MissingColumn { table, column };
        let index = headers.iter().position(|header| header == *column);
        index.map(|index| (*column, index)).ok_or(missing)
    };
    let columns: Vec<_> = R::COLUMNS.iter().map(place).collect::<Result<_, _>>()?;
    for record in reader.into_records() {
        let record = record.map_err(malformed)?;
        line(&Fields {
            table,
            columns: &columns,
            record: &record,
        })?;
    }
    Ok(())
}

/// The fields of one line, by column.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    table: &'static str,
    columns: &'a [(&'static str, usize)],
    record: &'a StringRecord,
}

impl Fields<'_> {
    /// Text without the mark that [`Text`] sets; empty for a column that the table does not have.
    pub(super) fn text(&self, column: &str) -> &str {
        let place = self.columns.iter().find(|(name, _)| *name == column);
        place
            .and_then(|(_, index)| self.record.get(*index))
            .map(Text::of)
            .unwrap_or_default()
    }

    /// A value that is text to serde: a name, a key, one of several words.
    pub(super) fn word<T: DeserializeOwned>(&self, column: &'static str) -> Result<T, ExportError> {
        let text = self.text(column).into_deserializer();
        T::deserialize(text).map_err(|e: WordError| self.wrong(column, e))
    }

    /// A number.
    pub(super) fn number<T: FromStr<Err: Display>>(
        &self,
        column: &'static str,
    ) -> Result<T, ExportError> {
        let parsed = self.text(column).parse();
        parsed.map_err(|e| self.wrong(column, e))
    }

    /// What `field` reads, unless the field is empty.
    pub(super) fn optional<T>(
        &self,
        column: &'static str,
        field: impl FnOnce(&Self, &'static str) -> Result<T, ExportError>,
    ) -> Result<Option<T>, ExportError> {
        let there = !self.text(column).is_empty();
        there.then(|| field(self, column)).transpose()
    }

    /// An error about a field of this line.
    pub(super) fn wrong(&self, column: &'static str, problem: impl Display) -> ExportError {
        ExportError::Field {
            table: self.table,
            line: self.record.position().map_or(0, csv::Position::line),
            column,
            text: self.text(column).to_owned(),
            problem: problem.to_string(),
        }
    }
}
