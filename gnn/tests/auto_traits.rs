//! Public types can be sent to another thread and shared between threads.

use astern_gnn::{
    Batch, GraphWindow, NeighbourSampler, NodeSplit, SampleError, SplitError, Subgraph, WindowError,
};
use astern_gnn::{
    Checkpoint, EncodeError, FileError, FitError, GcnConv, GcnEncoder, GcnGraph, GraphError,
    GraphSnapshots, Network, NetworkConfig, OneClass, OneClassParams, ParamError, PreparedGraph,
    Scaler, TrainReport,
};

fn shared<T: Send + Sync + Unpin>() {}

#[test]
fn plain_types_are_send_and_sync() {
    shared::<(GraphSnapshots, GcnGraph, GcnConv, GcnEncoder, Scaler)>();
    shared::<(NetworkConfig, Checkpoint, Network<f32>, PreparedGraph<f32>)>();
    shared::<(OneClass, OneClassParams, TrainReport)>();
    shared::<(
        Batch,
        NodeSplit,
        Subgraph,
        NeighbourSampler,
        GraphWindow<'_>,
    )>();
    shared::<(SplitError, SampleError, WindowError)>();
    shared::<(GraphError, ParamError, EncodeError, FitError, FileError)>();
}

#[cfg(feature = "onnx")]
#[test]
fn export_types_are_send_and_sync() {
    use astern_gnn::model::onnx::{EdgeWeights, ExportError};
    shared::<(EdgeWeights, ExportError)>();
}

#[cfg(feature = "torch")]
#[test]
fn torch_types_are_send() {
    use astern_gnn::torch;
    fn sent<T: Send + Unpin>() {}
    sent::<(torch::GcnConv, torch::GcnEncoder, torch::GraphTensors)>();
    shared::<(torch::DeviceChoice, torch::TorchDevice, torch::CudaStatus)>();
    shared::<(torch::DeviceError, torch::TorchError)>();
}
