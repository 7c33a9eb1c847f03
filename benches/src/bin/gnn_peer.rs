//! The other side of the scripts in `benches/peers/`.
#![forbid(unsafe_code)]

use std::error::Error;
use std::io;

fn main() -> Result<(), Box<dyn Error>> {
    astern_benches::peer::serve(io::stdin().lock(), io::stdout().lock())
}
