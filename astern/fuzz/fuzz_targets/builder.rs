#![no_main]
#![allow(dead_code, reason = "each target checks one of the entries")]

#[path = "../../tests/it/entries/mod.rs"]
mod entries;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    entries::check(&entries::BUILDER, bytes);
});
