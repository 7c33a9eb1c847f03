//! Where to compute.

use std::fmt;

use tch::Device;

use super::load::{CudaStatus, cuda_status};

/// Where a model should be trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum DeviceChoice {
    /// The first GPU if there is one, else the CPU.
    #[default]
    Auto,
    /// The CPU; CUDA is not looked for.
    Cpu,
    /// The GPU of this number, from 0.
    Cuda(usize),
}

impl DeviceChoice {
    /// Looks for the device.
    ///
    /// # Errors
    ///
    /// [`DeviceError`] when a GPU is asked for that is not there; `Auto` and `Cpu` always succeed.
    pub fn resolve(self) -> Result<TorchDevice, DeviceError> {
        if self == Self::Cpu {
            return Ok(TorchDevice {
                device: Device::Cpu,
                without: None,
            });
        }
        match (self, cuda_status()) {
            (Self::Cuda(index), &CudaStatus::Ready { devices }) if index >= devices => {
                Err(DeviceError::NoSuchDevice { index, devices })
            }
            (Self::Cuda(index), CudaStatus::Ready { .. }) => Ok(TorchDevice {
                device: Device::Cuda(index),
                without: None,
            }),
            (Self::Cuda(index), status) => Err(DeviceError::NoCuda {
                index,
                status: status.clone(),
            }),
            (_, CudaStatus::Ready { .. }) => Ok(TorchDevice {
                device: Device::Cuda(0),
                without: None,
            }),
            (_, status) => Ok(TorchDevice {
                device: Device::Cpu,
                without: Some(status),
            }),
        }
    }
}

/// A device that is there. `Display` says which, and why not a GPU if one was looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TorchDevice {
    device: Device,
    without: Option<&'static CudaStatus>,
}

impl TorchDevice {
    /// The device as `tch` names it.
    pub fn device(&self) -> Device {
        self.device
    }

    /// `cpu`, `cuda:0`, …
    pub fn name(&self) -> String {
        match self.device {
            Device::Cuda(index) => format!("cuda:{index}"),
            _ => "cpu".into(),
        }
    }
}

impl fmt::Display for TorchDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())?;
        match self.without {
            Some(status) => write!(f, " ({status})"),
            None => Ok(()),
        }
    }
}

/// A GPU that was asked for is unavailable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// There is no CUDA here.
    #[error("cuda:{index} cannot be used: {status}")]
    NoCuda {
        /// Number of the GPU that was asked for.
        index: usize,
        /// What was found.
        status: CudaStatus,
    },
    /// There are fewer GPUs.
    #[error("cuda:{index} was asked for, there are {devices} devices")]
    NoSuchDevice {
        /// Number of the GPU that was asked for.
        index: usize,
        /// Number of GPUs.
        devices: usize,
    },
}
