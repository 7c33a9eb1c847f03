//! Anomaly scores, smoothing, thresholds and release comparison for Astern
#![forbid(unsafe_code)]
