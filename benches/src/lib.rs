//! Benchmarks and evaluation tables for Astern
#![forbid(unsafe_code)]
