//! Answers a peer's script (`benches/peers/`) over standard input and output, one JSON value a
//! line: the script runs the peer and this program in turns on the same inputs.

mod papers;
mod protocol;
mod speed;

pub use protocol::serve;
