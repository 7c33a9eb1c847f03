//! What Astern's adapters share. An adapter is a pure codec: bytes to records, without a clock, IO or
//! an async runtime.
//!
//! | module | what it is for |
//! |---|---|
//! | [`json`] | JSON read field by field straight into records, in memory that the document bounds |
//! | [`Names`] | equal names share memory |
//! | [`Count`], [`sentence`] | what became of each record, in one sentence |
//!
//! # Example
//!
//! A list of `{"host": …, "cpu": …}`, of which nothing but the records is kept.
//!
//! ```
//! use std::fmt;
//! use std::sync::Arc;
//!
//! use astern_adapters_base::json::{Each, Fill, List, Number, Object, Text, skip};
//! use astern_adapters_base::{Count, Names, sentence};
//! use serde::de::{DeserializeSeed, MapAccess, SeqAccess};
//!
//! #[derive(Default)]
//! struct Row<'a> {
//!     host: Text<'a>,
//!     cpu: Number,
//! }
//!
//! impl<'de> Object<'de> for Row<'de> {
//!     fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
//!         match key {
//!             "host" => self.host = map.next_value()?,
//!             "cpu" => self.cpu = map.next_value()?,
//!             _ => skip(map)?,
//!         }
//!         Ok(())
//!     }
//! }
//!
//! #[derive(Default)]
//! struct Rows {
//!     names: Names,
//!     samples: Vec<(Arc<str>, i128)>,
//!     without_value: u64,
//! }
//!
//! impl<'de> List<'de> for &mut Rows {
//!     fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
//!         let mut row = Row::default();
//!         if seq.next_element_seed(Fill(&mut row))?.is_none() {
//!             return Ok(false);
//!         }
//!         match row.cpu.0 {
//!             Some(cpu) => self.samples.push((self.names.get(&row.host.0), cpu)),
//!             None => self.without_value += 1,
//!         }
//!         Ok(true)
//!     }
//! }
//!
//! impl fmt::Display for Rows {
//!     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
//!         let made = self.samples.len() as u64;
//!         let rows = Count::new(made + self.without_value, "row", "rows");
//!         let others = [Count::alike(self.without_value, "without a value")];
//!         sentence(f, rows, Count::new(made, "sample", "samples"), others)
//!     }
//! }
//!
//! let text = r#"[{"host": "a", "cpu": 30}, {"host": "a", "cpu": "31"}, {"host": "b", "gpu": 1}]"#;
//! let mut rows = Rows::default();
//! Each(&mut rows).deserialize(&mut serde_json::Deserializer::from_str(text))?;
//! assert_eq!(rows.to_string(), "3 rows to 2 samples, 1 without a value");
//! assert!(Arc::ptr_eq(&rows.samples[0].0, &rows.samples[1].0));
//! # Ok::<(), serde_json::Error>(())
//! ```
#![forbid(unsafe_code)]

mod count;
pub mod json;
mod names;

pub use count::{Count, sentence};
pub use names::Names;
