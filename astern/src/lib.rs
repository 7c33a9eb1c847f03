//! From telemetry to an executed rollback: is this deployment making things worse, what is the cause, what is the safest way back
#![forbid(unsafe_code)]
