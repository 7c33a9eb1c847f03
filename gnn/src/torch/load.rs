//! Finds CUDA at run time. One of two files of the workspace with `unsafe`; the other is
//! `kernel/mod.rs`.
//!
//! Linkers drop `libtorch_cuda` from a program, since nothing names its symbols; libtorch then
//! says that there is no CUDA. So the library is opened by hand before libtorch is first asked, and
//! the same program runs on machines with and without a GPU.

#![allow(unsafe_code, reason = "opening a shared library runs its initialisers")]

use std::error::Error;
use std::fmt;
use std::sync::OnceLock;

use libloading::Library;
use tch::Cuda;

/// What was found on the way to the GPU.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CudaStatus {
    /// CUDA can be used.
    Ready {
        /// Number of GPUs.
        devices: usize,
    },
    /// The library was not found where the dynamic linker looks, or one that it needs was not.
    NotLoaded {
        /// File name of the library.
        library: String,
        /// The dynamic linker's message.
        reason: String,
    },
    /// The library is there; it sees no GPU, or no driver.
    NoDevice {
        /// File name of the library.
        library: String,
    },
}

impl fmt::Display for CudaStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready { devices } => write!(f, "CUDA is ready, {devices} devices"),
            Self::NotLoaded { library, reason } => {
                write!(f, "{library} is not loaded: {reason}")
            }
            Self::NoDevice { library } => write!(f, "{library} is loaded but sees no device"),
        }
    }
}

/// Loads libtorch's CUDA library if it is there, and says what was found. Looks once per process.
///
/// The library is looked for as the dynamic linker does: in the rpath of the program and in
/// `LD_LIBRARY_PATH`, to which cargo adds the folder of libtorch. libtorch remembers its first
/// answer about CUDA: a program that asks `tch` before it asks here may learn that there is
/// none.
pub fn cuda_status() -> &'static CudaStatus {
    static STATUS: OnceLock<CudaStatus> = OnceLock::new();
    STATUS.get_or_init(|| {
        let file = libloading::library_filename("torch_cuda");
        let library = file.to_string_lossy().into_owned();
        // SAFETY: opening a library runs its initialisers, and those of `libtorch_cuda` register
        // kernels with the `libtorch_cpu` that this program already runs on. Both come from one
        // release of libtorch, found in one folder, and are made to be opened in this order.
        let handle = match unsafe { open(&file) } {
            Ok(handle) => handle,
            Err(error) => {
                let reason = error
                    .source()
                    .map_or_else(|| error.to_string(), ToString::to_string);
                return CudaStatus::NotLoaded { library, reason };
            }
        };
        // The kernels are registered for good: the library must never be unloaded.
        std::mem::forget(handle);
        match usize::try_from(Cuda::device_count()) {
            Ok(devices) if devices > 0 => CudaStatus::Ready { devices },
            _ => CudaStatus::NoDevice { library },
        }
    })
}

/// With its symbols visible to libraries that are loaded later: those of CUDA look for them.
#[cfg(unix)]
unsafe fn open(file: &std::ffi::OsStr) -> Result<Library, libloading::Error> {
    use libloading::os::unix::{self, RTLD_GLOBAL, RTLD_NOW};
    // SAFETY: the caller's.
    unsafe { unix::Library::open(Some(file), RTLD_NOW | RTLD_GLOBAL).map(Library::from) }
}

#[cfg(not(unix))]
unsafe fn open(file: &std::ffi::OsStr) -> Result<Library, libloading::Error> {
    // SAFETY: the caller's.
    unsafe { Library::new(file) }
}
