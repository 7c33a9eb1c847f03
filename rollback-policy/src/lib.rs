//! Risk, decision, impact, rollback plans and the Executor trait for Astern
#![forbid(unsafe_code)]
