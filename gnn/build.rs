//! Compiles the kernels of message passing, and lets programs that cargo runs find libtorch without
//! `LD_LIBRARY_PATH`.
//!
//! Cargo puts native search paths on the dynamic linker's path for `cargo run` and `cargo test`,
//! but only those below its target folder. So the folder of libtorch is linked into `OUT_DIR` and
//! that link is named as the search path. Programs that run outside cargo need an rpath or
//! `LD_LIBRARY_PATH`.

#![allow(
    clippy::print_stdout,
    reason = "cargo reads a build script's standard output"
)]

#[cfg(not(feature = "torch"))]
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
}

#[cfg(feature = "torch")]
fn main() -> std::io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    torch::set_up()
}

#[cfg(feature = "torch")]
mod torch {
    use std::path::{Path, PathBuf};
    use std::{env, fs, io};

    pub(super) fn set_up() -> io::Result<()> {
        // Set by torch-sys; absent when it builds for documentation only.
        println!("cargo::rerun-if-env-changed=DEP_TCH_LIBTORCH_LIB");
        let (Some(libraries), Some(out)) =
            (env::var_os("DEP_TCH_LIBTORCH_LIB"), env::var_os("OUT_DIR"))
        else {
            return Ok(());
        };
        let libraries = fs::canonicalize(&libraries)?;
        kernels(&libraries);
        let link = Path::new(&out).join("libtorch");
        match fs::read_link(&link) {
            Ok(target) if target == libraries => {}
            Ok(_) => {
                fs::remove_file(&link)?;
                symlink(&libraries, &link)?;
            }
            Err(_) => symlink(&libraries, &link)?,
        }
        println!("cargo::rustc-link-search=native={}", link.display());
        Ok(())
    }

    /// The headers lie beside the libraries, in libtorch's own folder and in a wheel's alike. Flags are
    /// those of torch-sys: both sides pass C++ objects to each other.
    fn kernels(libraries: &Path) {
        const SOURCE: &str = "src/torch/kernel/kernel.cpp";
        println!("cargo::rerun-if-changed={SOURCE}");
        println!("cargo::rerun-if-env-changed=LIBTORCH_CXX11_ABI");
        println!("cargo::rerun-if-env-changed=LIBTORCH_INCLUDE");
        let root = env::var_os("LIBTORCH_INCLUDE").map_or_else(
            || libraries.parent().unwrap_or(libraries).to_path_buf(),
            PathBuf::from,
        );
        let include = root.join("include");
        let abi = env::var("LIBTORCH_CXX11_ABI").unwrap_or_else(|_| "1".to_owned());
        cc::Build::new()
            .cpp(true)
            .pic(true)
            .std("c++17")
            .opt_level(3)
            .debug(false)
            // libtorch's headers have warnings of their own.
            .warnings(false)
            .define("_GLIBCXX_USE_CXX11_ABI", abi.as_str())
            .include(&include)
            .include(include.join("torch/csrc/api/include"))
            // About vectors passed between functions; all of ours are inlined.
            .flag_if_supported("-Wno-psabi")
            // Without it the kernels run on one thread.
            .flag_if_supported("-fopenmp")
            // The same bits on every processor: see the file.
            .flag_if_supported("-ffp-contract=off")
            .file(SOURCE)
            .compile("astern_kernel");
    }

    #[cfg(unix)]
    fn symlink(target: &Path, link: &Path) -> io::Result<()> {
        std::os::unix::fs::symlink(target, link)
    }

    #[cfg(windows)]
    fn symlink(target: &Path, link: &Path) -> io::Result<()> {
        std::os::windows::fs::symlink_dir(target, link)
    }
}
