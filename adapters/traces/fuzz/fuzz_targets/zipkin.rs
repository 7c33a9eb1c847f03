#![no_main]

mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check::check(astern_traces::TraceFormat::Zipkin, bytes));
