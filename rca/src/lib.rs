//! Root-cause analysis over service graphs for Astern
#![forbid(unsafe_code)]
