//! `cargo xtask libtorch`: libtorch from the wheels on the package index, kept in a cache that
//! checkouts share, linked into this one as `.libtorch`.
//!
//! A folder under its final name is whole: it is made beside it and renamed. Wheels that have
//! arrived are kept until then, so that a broken run goes on where it stopped. Each is compared with the
//! checksum of what was published under its name.

mod cache;
pub(crate) mod pip;
mod wheels;

use std::path::{Path, PathBuf};

use crate::run::{Failure, Runner};
use cache::{Cache, Flavour};

/// The version that tch 0.24 binds.
const VERSION: &str = "2.11.0";

pub(crate) fn command(runner: &mut Runner, cuda: bool) -> Result<(), Failure> {
    if let Some(own) = own_libtorch(runner) {
        println!("LIBTORCH is set to {own} and wins; nothing to do");
        return Ok(());
    }
    let wanted = if cuda { Flavour::Cuda } else { Flavour::Cpu };
    let link = runner.link();
    if let Some(found) = linked(&link, wanted) {
        println!("libtorch {VERSION} is there: {found}");
        return Ok(());
    }
    let cache = Cache::open(runner.dry_run)?;
    if cache.whole(wanted) {
        println!(
            "libtorch {VERSION} is in the cache: {}",
            cache.folder(wanted).display()
        );
    } else {
        make(runner, &cache, wanted)?;
    }
    if runner.dry_run {
        return Ok(());
    }
    cache::link(&link, &cache.folder(wanted))
}

/// Set-up for the commands that use libtorch; a failure says why it is unavailable.
pub(crate) fn set_up(runner: &mut Runner) -> Result<(), Failure> {
    command(runner, false)
}

/// The user's own libtorch. `.cargo/config.toml` sets the variable too: to the checkout's link.
fn own_libtorch(runner: &Runner) -> Option<String> {
    let path = PathBuf::from(std::env::var_os("LIBTORCH")?);
    let lacks = if path.join("lib").is_dir() {
        ""
    } else {
        " (which has no folder `lib`)"
    };
    (path != runner.link()).then(|| format!("{}{lacks}", path.display()))
}

/// What `.libtorch` holds already, when it will do: a CUDA folder serves a CPU build as well.
fn linked(link: &Path, wanted: Flavour) -> Option<String> {
    let cuda = cache::is_whole(link, Flavour::Cuda);
    let enough = cuda || (wanted == Flavour::Cpu && cache::is_whole(link, Flavour::Cpu));
    let target = std::fs::read_link(link).unwrap_or_else(|_| link.to_path_buf());
    enough.then(|| target.display().to_string())
}

fn make(runner: &mut Runner, cache: &Cache, wanted: Flavour) -> Result<(), Failure> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err(Failure::new(
            3,
            "libtorch is made from wheels for Linux on x86_64 only. Elsewhere, set LIBTORCH to an \
             unpacked libtorch 2.11 of your own",
        ));
    }
    let python = pip::Python::find(&runner.root)?;
    let _lock = cache.lock()?;
    // Whoever held the lock may have made it meanwhile.
    if !cache.whole(wanted) {
        let wheels = cache.wheels()?;
        python.download(runner, wanted, &wheels)?;
        let partial = cache.partial(wanted)?;
        python.unpack(runner, wanted, &wheels, &partial)?;
        cache.finish(wanted, &partial)?;
    }
    Ok(())
}
