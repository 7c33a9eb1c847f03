//! Answers a peer's script (`benches/peers/`) over standard input and output, one JSON value a
//! line: the script runs the peer and this program in turns on the same inputs.

mod lines;
#[cfg(feature = "torch")]
mod papers;
#[cfg(feature = "torch")]
mod protocol;
#[cfg(feature = "torch")]
mod speed;
mod te;

#[cfg(feature = "torch")]
pub use protocol::serve;
pub use te::serve as serve_te;
