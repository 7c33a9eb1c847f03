#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    feature = "torch",
    doc = r"
Training needs the feature `torch`:

```
use astern_gnn::{GraphSnapshots, OneClass, OneClassParams, ndarray::Array3};

let x = Array3::from_shape_fn((30, 3, 2), |(t, n, f)| ((7 * t + 3 * n + 2 * f) % 11) as f64);
let healthy = GraphSnapshots::new(x, [(1, 0), (2, 1)])?;
let params = OneClassParams::default().hidden([8]).embedding(4).epochs(20).seed(1);
let model = params.fit(&healthy)?;
assert_eq!(model.report().epochs_run(), 20);

// The bytes can be scored where libtorch is absent.
let loaded = OneClass::from_bytes(&model.to_bytes()?)?;
assert_eq!(loaded.score(&healthy)?, model.score(&healthy)?);
# Ok::<(), Box<dyn std::error::Error>>(())
```
"
)]

mod error;
pub mod explain;
mod file;
pub mod graph;
mod kernel;
pub mod layer;
pub mod model;
pub mod one_class;
mod scale;
pub mod search;
mod state;
#[cfg(feature = "torch")]
pub mod torch;
pub mod train;
mod weights;

pub use error::{ConfigError, EncodeError, FileError, GraphDataError};
pub use graph::{EdgeIndex, Graph, GraphSnapshots, Propagation, SelfLoops};
pub use model::{Checkpoint, Network, NetworkConfig};
pub use ndarray;
pub use one_class::{OneClass, OneClassError, OneClassParams};
pub use scale::{ScaleError, Scaler};
pub use state::{StateDict, StateTensor};
