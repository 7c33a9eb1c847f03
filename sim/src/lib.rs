//! Seeded simulator of a microservice system with releases and faults, for Astern
#![forbid(unsafe_code)]
