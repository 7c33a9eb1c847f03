//! Records as CSV text and back: pure functions, for sample data that people can read.
//!
//! Calls name their parties by number, and a table of parties says who they are: that halves the
//! text. Times are microseconds since the Unix epoch, rounded down; durations are whole
//! microseconds; values of metrics have six decimals. Whatever is that coarse already, such as
//! what the simulator makes, comes back as it was.

mod field;
mod read;
mod row;
mod table;

use std::collections::BTreeMap;

use astern_graph_core::{Party, Record, visible};

use crate::simulator::sort_records;
use crate::truth::GroundTruth;
use row::{CallRow, ChangeRow, PartyRow, SampleRow};

/// Records as four CSV texts, each with a line of headers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tables {
    /// `party,service,instance,revision,host,segment`.
    pub parties: String,
    /// `at_us,span,kind,caller,callee,operation,client_us,server_us,own_us,status`; spans are
    /// `trace/span` in hexadecimal, kinds those of edges, parties numbers of the table of parties;
    /// `own_us` is the time that the callee did not wait for callees of its own.
    pub calls: String,
    /// `at_us,subject,to,edge,metric,value`; `to` and `edge` are empty for a node.
    pub samples: String,
    /// `at_us,change,service,kind,flag,phase,from,to,instances,share_bp,undo,min_compatible`;
    /// instances are separated by semicolons, shares of traffic are basis points.
    pub changes: String,
}

/// Records cannot be written as text, or text is not what it should be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// A record is of a kind that the tables have no place for.
    #[error("record {index} has no place in the tables: {record}")]
    Unsupported {
        /// Its index.
        index: usize,
        /// The record.
        record: String,
    },
    /// A line could not be written.
    #[error("the table of {table} cannot be written: {cause}")]
    Write {
        /// Which table.
        table: &'static str,
        /// The writer's message.
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The headers lack a column.
    #[error("the table of {table} has no column `{column}`")]
    MissingColumn {
        /// Which table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// The text is not CSV, or a line has more or fewer fields than the headers.
    #[error("the table of {table} is not CSV of one width: {cause}")]
    Malformed {
        /// Which table.
        table: &'static str,
        /// The reader's message, with the line.
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A field does not hold what its column says.
    #[error("{table}, line {line}, column `{column}`: `{}`: {problem}", visible(.text))]
    Field {
        /// Which table.
        table: &'static str,
        /// Line in its text; the headers are line 1.
        line: u64,
        /// The column.
        column: &'static str,
        /// What the field holds.
        text: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The truth is not JSON of the expected form, or cannot be made it.
    #[error("the ground truth cannot be read or written as JSON: {cause}")]
    Truth {
        /// The JSON library's message.
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Records as CSV texts.
///
/// An empty revision, segment or operation reads back as missing. A text that a table program would take for a
/// formula has an apostrophe before it, which reading takes away.
///
/// # Errors
/// [`ExportError::Unsupported`] for a record of a kind that this version does not know, for
/// names of instances that hold a semicolon, for changes with a schedule or a version, and for values of a part of a service; [`ExportError::Write`].
///
/// # Complexity
/// `O(n log p)` for n records of p parties.
///
/// # Example
/// ```
/// use astern_graph_core::{Call, NodeKey, Party, Timestamp};
/// use astern_sim::export::{records_from_csv, records_to_csv};
///
/// let call = Call::new(Timestamp::from_secs(1), Party::new(NodeKey::service("cart")));
/// let tables = records_to_csv(&[call.clone().into()])?;
/// assert_eq!(tables.parties, "party,service,instance,revision,host,segment\n0,service/cart,,,,\n");
/// assert_eq!(records_from_csv(&tables)?, [call.into()]);
/// # Ok::<(), astern_sim::export::ExportError>(())
/// ```
pub fn records_to_csv(records: &[Record]) -> Result<Tables, ExportError> {
    let mut parties = Parties::default();
    let (mut calls, mut samples, mut changes) = (Vec::new(), Vec::new(), Vec::new());
    for (index, record) in records.iter().enumerate() {
        let fits = match record {
            Record::Call(call) => {
                let caller = call.caller.as_ref().map(|caller| parties.number(caller));
                let callee = parties.number(&call.callee);
                calls.push(CallRow::new(call, caller, callee));
                true
            }
            Record::Sample(sample) => SampleRow::new(sample)
                .map(|row| samples.push(row))
                .is_some(),
            Record::Change(change) => ChangeRow::new(change)
                .map(|row| changes.push(row))
                .is_some(),
            _ => false,
        };
        if !fits {
            let record = format!("{record:?}");
            return Err(ExportError::Unsupported { index, record });
        }
    }
    Ok(Tables {
        parties: table::write(&parties.rows)?,
        calls: table::write(&calls)?,
        samples: table::write(&samples)?,
        changes: table::write(&changes)?,
    })
}

/// Records from CSV texts, in the order of [`sort_records`]. Columns may come in any order, and
/// further ones are ignored.
///
/// # Errors
/// [`ExportError::MissingColumn`], [`ExportError::Malformed`], and [`ExportError::Field`], which
/// names line and column.
pub fn records_from_csv(tables: &Tables) -> Result<Vec<Record>, ExportError> {
    let mut parties = BTreeMap::new();
    let mut records: Vec<Record> = Vec::new();
    table::read::<PartyRow>(&tables.parties, |fields| read::party(fields, &mut parties))?;
    table::read::<CallRow>(&tables.calls, |fields| {
        records.push(read::call(fields, &parties)?.into());
        Ok(())
    })?;
    table::read::<SampleRow>(&tables.samples, |fields| {
        records.push(read::sample(fields)?.into());
        Ok(())
    })?;
    table::read::<ChangeRow>(&tables.changes, |fields| {
        records.push(read::change(fields)?.into());
        Ok(())
    })?;
    sort_records(&mut records);
    Ok(records)
}

impl GroundTruth {
    /// As JSON text, for people.
    ///
    /// # Errors
    /// [`ExportError::Truth`] when it cannot be serialised.
    pub fn to_json(&self) -> Result<String, ExportError> {
        let text = serde_json::to_string_pretty(self);
        text.map(|text| text + "\n").map_err(truth)
    }

    /// From JSON text.
    ///
    /// # Errors
    /// [`ExportError::Truth`] for other text.
    pub fn from_json(text: &str) -> Result<Self, ExportError> {
        serde_json::from_str(text).map_err(truth)
    }
}

fn truth(cause: serde_json::Error) -> ExportError {
    ExportError::Truth {
        cause: cause.into(),
    }
}

/// Parties by number, in the order in which they first occur.
#[derive(Debug, Default)]
struct Parties {
    numbers: BTreeMap<Party, u32>,
    rows: Vec<PartyRow>,
}

impl Parties {
    fn number(&mut self, party: &Party) -> u32 {
        let next = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        let number = *self.numbers.entry(party.clone()).or_insert(next);
        if number == next {
            self.rows.push(PartyRow::new(number, party));
        }
        number
    }
}
