//! The other side of `benches/peers/te_speed.py`.
#![forbid(unsafe_code)]

use std::error::Error;
use std::io;

fn main() -> Result<(), Box<dyn Error>> {
    astern_benches::peer::serve_te(io::stdin().lock(), io::stdout().lock())
}
