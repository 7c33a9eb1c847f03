//! The folders: where they are, when they count as whole, how they come into being.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use super::VERSION;
use crate::run::Failure;

/// Which libraries a folder holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    Cpu,
    Cuda,
}

impl Flavour {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Flavour::Cpu => "cpu",
            Flavour::Cuda => "cuda",
        }
    }

    /// The library that distinguishes the flavours.
    fn mark(self) -> &'static str {
        match self {
            Flavour::Cpu => "libtorch_cpu.so",
            Flavour::Cuda => "libtorch_cuda.so",
        }
    }
}

/// The cache outside the checkout.
#[derive(Debug)]
pub(crate) struct Cache {
    root: PathBuf,
    dry_run: bool,
}

impl Cache {
    pub(crate) fn open(dry_run: bool) -> Result<Self, Failure> {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let root = variable("ASTERN_CACHE")
            .map(PathBuf::from)
            .or_else(|| variable("XDG_CACHE_HOME").map(|home| Path::new(&home).join("astern")))
            .or_else(|| variable("HOME").map(|home| Path::new(&home).join(".cache/astern")))
            .ok_or_else(|| Failure::new(1, "no place for a cache: set ASTERN_CACHE"))?;
        // A link to a relative path would be read from the wrong folder.
        let root = std::path::absolute(&root)
            .map_err(Failure::io(format!("{} is no usable path", root.display())))?;
        if !dry_run {
            fs::create_dir_all(&root)
                .map_err(Failure::io(format!("cannot make {}", root.display())))?;
        }
        Ok(Self { root, dry_run })
    }

    pub(crate) fn folder(&self, flavour: Flavour) -> PathBuf {
        self.root
            .join(format!("libtorch-{VERSION}-{}", flavour.name()))
    }

    pub(crate) fn whole(&self, flavour: Flavour) -> bool {
        is_whole(&self.folder(flavour), flavour)
    }

    /// Held while the cache changes; the system drops it with the process, so it is never stale.
    pub(crate) fn lock(&self) -> Result<Option<File>, Failure> {
        if self.dry_run {
            return Ok(None);
        }
        let path = self.root.join("lock");
        let file = File::create(&path).map_err(Failure::io(format!(
            "cannot make the lock {}",
            path.display()
        )))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                eprintln!(
                    "another set-up is at work in {}; waiting for it",
                    self.root.display()
                );
                file.lock().map_err(Failure::io("cannot take the lock"))?;
            }
            Err(TryLockError::Error(reason)) => {
                return Err(Failure::io("cannot take the lock")(reason));
            }
        }
        Ok(Some(file))
    }

    /// Where wheels are kept until they have been unpacked.
    pub(crate) fn wheels(&self) -> Result<PathBuf, Failure> {
        let path = self.root.join("wheels").join(VERSION);
        if !self.dry_run {
            fs::create_dir_all(&path)
                .map_err(Failure::io(format!("cannot make {}", path.display())))?;
        }
        Ok(path)
    }

    /// An empty folder beside the final one, on the same file system.
    pub(crate) fn partial(&self, flavour: Flavour) -> Result<PathBuf, Failure> {
        let path = self
            .root
            .join(format!("libtorch-{VERSION}-{}.partial", flavour.name()));
        if !self.dry_run {
            removed(&path)?;
            fs::create_dir_all(&path)
                .map_err(Failure::io(format!("cannot make {}", path.display())))?;
        }
        Ok(path)
    }

    /// Writes what the wheels lack, then gives the folder its final name.
    pub(crate) fn finish(&self, flavour: Flavour, partial: &Path) -> Result<(), Failure> {
        if self.dry_run {
            return Ok(());
        }
        let write = |name: &str, text: &str| {
            let path = partial.join(name);
            fs::write(&path, text).map_err(Failure::io(format!("cannot write {}", path.display())))
        };
        // The linker takes `-ltorch` from here; the wheel's own stub would ask for CUDA.
        write("lib/libtorch.so", "INPUT(libtorch_cpu.so)\n")?;
        write("build-version", &format!("{VERSION}\n"))?;
        let target = self.folder(flavour);
        removed(&target)?;
        fs::rename(partial, &target).map_err(Failure::io(format!(
            "cannot rename to {}",
            target.display()
        )))?;
        removed(&self.root.join("wheels"))
    }
}

/// Whether a folder can be built against: right version, and the last file to be written is there.
pub(crate) fn is_whole(folder: &Path, flavour: Flavour) -> bool {
    let version = fs::read_to_string(folder.join("build-version")).unwrap_or_default();
    version.trim() == VERSION
        && folder.join("lib").join(flavour.mark()).is_file()
        && folder.join("include").is_dir()
}

/// Makes `.libtorch` point at `target`; what is there and not a link is left alone.
pub(crate) fn link(link: &Path, target: &Path) -> Result<(), Failure> {
    match fs::symlink_metadata(link) {
        Ok(found) if found.file_type().is_symlink() => {
            fs::remove_file(link).map_err(Failure::io(format!(
                "cannot remove the old {}",
                link.display()
            )))?;
        }
        Ok(_) => {
            return Err(Failure::new(
                1,
                format!(
                    "{} is in the way: it is no link, and no libtorch {VERSION}. Move it away, or \
                     set LIBTORCH to it if it is your own",
                    link.display()
                ),
            ));
        }
        Err(_) => {}
    }
    symlink(target, link).map_err(Failure::io(format!(
        "cannot link {} to {}. Make the link by hand, or set LIBTORCH to the latter",
        link.display(),
        target.display()
    )))?;
    println!("linked {} to {}", link.display(), target.display());
    Ok(())
}

#[cfg(unix)]
fn symlink(target: &Path, link: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(not(unix))]
fn symlink(_: &Path, _: &Path) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

fn removed(path: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(path) {
        Err(reason) if reason.kind() != std::io::ErrorKind::NotFound => Err(Failure::io(format!(
            "cannot remove {}",
            path.display()
        ))(reason)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A cache of its own for each test, gone at its end.
    struct Scratch(Cache);

    impl Scratch {
        fn new(name: &str) -> Self {
            let root = std::env::temp_dir().join(format!("xtask-{name}-{}", std::process::id()));
            removed(&root).unwrap();
            fs::create_dir_all(&root).unwrap();
            Self(Cache {
                root,
                dry_run: false,
            })
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = removed(&self.0.root);
        }
    }

    fn filled(cache: &Cache, flavour: Flavour) -> PathBuf {
        let partial = cache.partial(flavour).unwrap();
        fs::create_dir_all(partial.join("include")).unwrap();
        fs::create_dir_all(partial.join("lib")).unwrap();
        fs::write(partial.join("lib").join(flavour.mark()), "").unwrap();
        partial
    }

    #[test]
    fn a_folder_is_whole_only_when_finished() {
        let Scratch(cache) = &Scratch::new("whole");
        let partial = filled(cache, Flavour::Cpu);
        assert!(!cache.whole(Flavour::Cpu));
        assert!(!is_whole(&partial, Flavour::Cpu));
        cache.finish(Flavour::Cpu, &partial).unwrap();
        assert!(cache.whole(Flavour::Cpu));
        assert!(!partial.exists());
        assert!(!is_whole(&cache.folder(Flavour::Cpu), Flavour::Cuda));
    }

    #[test]
    fn another_version_does_not_count_and_is_replaced() {
        let Scratch(cache) = &Scratch::new("version");
        cache
            .finish(Flavour::Cpu, &filled(cache, Flavour::Cpu))
            .unwrap();
        fs::write(cache.folder(Flavour::Cpu).join("build-version"), "2.10.0\n").unwrap();
        assert!(!cache.whole(Flavour::Cpu));
        cache
            .finish(Flavour::Cpu, &filled(cache, Flavour::Cpu))
            .unwrap();
        assert!(cache.whole(Flavour::Cpu));
    }

    #[test]
    fn what_a_broken_run_left_is_not_mixed_in() {
        let Scratch(cache) = &Scratch::new("broken");
        let partial = filled(cache, Flavour::Cuda);
        fs::write(partial.join("lib/stray.so"), "").unwrap();
        assert!(!cache.partial(Flavour::Cuda).unwrap().join("lib").exists());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_moved_and_a_folder_is_left_alone() {
        let Scratch(cache) = &Scratch::new("link");
        let (first, second) = (cache.folder(Flavour::Cpu), cache.folder(Flavour::Cuda));
        let path = cache.root.join(".libtorch");
        link(&path, &first).unwrap();
        link(&path, &second).unwrap();
        assert_eq!(fs::read_link(&path).unwrap(), second);
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(
            link(&path, &first)
                .unwrap_err()
                .message
                .contains("in the way")
        );
    }

    #[test]
    fn a_lock_waits_for_its_holder() {
        let Scratch(cache) = &Scratch::new("lock");
        let held = cache.lock().unwrap();
        let file = File::create(cache.root.join("lock")).unwrap();
        assert!(matches!(file.try_lock(), Err(TryLockError::WouldBlock)));
        drop(held);
        file.try_lock().unwrap();
    }
}
