//! Public types can be sent to another thread and shared between threads.

use astern_gnn::graph::{
    Batch, GraphWindow, NeighbourSampleError, NeighbourSampler, NodeSplit, SplitError, Subgraph,
    WindowError,
};
use astern_gnn::model::PreparedGraph;
use astern_gnn::one_class::TrainReport;
use astern_gnn::{
    Checkpoint, ConfigError, EncodeError, FileError, GraphDataError, GraphSnapshots, Network,
    NetworkConfig, OneClass, OneClassError, OneClassParams, ScaleError, Scaler,
};

fn shared<T: Send + Sync + Unpin>() {}

#[test]
fn plain_types_are_send_and_sync() {
    shared::<(GraphSnapshots, Scaler, ScaleError)>();
    shared::<(NetworkConfig, Checkpoint, Network<f32>, PreparedGraph<f32>)>();
    shared::<(OneClass, OneClassParams, TrainReport)>();
    shared::<(
        Batch,
        NodeSplit,
        Subgraph,
        NeighbourSampler,
        GraphWindow<'_>,
    )>();
    shared::<(SplitError, NeighbourSampleError, WindowError)>();
    shared::<(
        GraphDataError,
        ConfigError,
        EncodeError,
        OneClassError,
        FileError,
    )>();
}

#[cfg(feature = "onnx")]
#[test]
fn export_types_are_send_and_sync() {
    use astern_gnn::model::onnx::{EdgeWeights, OnnxError};
    shared::<(EdgeWeights, OnnxError)>();
}

#[cfg(feature = "torch")]
#[test]
fn torch_types_are_send() {
    use astern_gnn::torch;
    fn sent<T: Send + Unpin>() {}
    sent::<(torch::GcnConv, torch::TrainableNetwork, torch::GraphTensors)>();
    shared::<(torch::DeviceChoice, torch::TorchDevice, torch::CudaStatus)>();
    shared::<(torch::DeviceError, torch::TorchError)>();
}
