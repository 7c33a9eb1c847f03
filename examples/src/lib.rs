//! Examples that run without arguments on committed sample data
#![forbid(unsafe_code)]
