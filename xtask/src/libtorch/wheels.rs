//! What checks wheels and takes members out of them.

/// A program in Python; see the file itself.
pub(super) const SCRIPT: &str = include_str!("wheels.py");

/// Checksums of the wheels that are unpacked, as `sha256sum` writes them: those of the package index for
/// every Python that torch has wheels for.
pub(super) const SUMS: &str = include_str!("wheels.sha256");

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use super::*;

    /// A folder for one test, gone at its end.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("xtask-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        /// A wheel with one member; `link` makes it a symbolic link.
        fn wheel(&self, member: &str, link: bool) -> PathBuf {
            const MAKE: &str = "import sys, zipfile
member = zipfile.ZipInfo(sys.argv[2])
member.external_attr = (0o120777 if sys.argv[3] == 'true' else 0o100644) << 16
zipfile.ZipFile(sys.argv[1], 'w').writestr(member, '../../../escaped')";
            let path = self.0.join("a.whl");
            let link = link.to_string();
            let arguments = [path.as_os_str(), member.as_ref(), link.as_ref()];
            assert_eq!(python(MAKE, &arguments), None);
            path
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    /// What a script that fails writes.
    fn python(script: &str, arguments: &[&std::ffi::OsStr]) -> Option<String> {
        let mut command = Command::new("python3");
        let output = command.arg("-c").arg(script).args(arguments);
        let output = output.output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        (!output.status.success()).then_some(text)
    }

    fn unpack(target: &Path, wheel: &Path) -> String {
        let arguments = ["cpu".as_ref(), target.as_os_str(), wheel.as_os_str()];
        python(SCRIPT, &arguments).unwrap()
    }

    #[test]
    fn members_outside_and_links_are_refused() {
        let scratch = Scratch::new("members");
        let target = scratch.0.join("deep/target");
        fs::create_dir_all(&target).unwrap();
        for name in [
            "torch/include/../../../escaped",
            "torch/include//escaped",
            "torch/include/..\\..\\escaped",
            "torch/include/c:escaped",
            "../torch/lib/libc10.so",
            "/torch/lib/libc10.so",
        ] {
            let text = unpack(&target, &scratch.wheel(name, false));
            assert!(text.contains("a member outside"), "{name}: {text}");
        }
        let text = unpack(&target, &scratch.wheel("torch/include/a.h", true));
        assert!(text.contains("a link as a member"), "{text}");
        assert_eq!(fs::read_dir(&target).unwrap().count(), 0);
        // What lies inside is taken; the wheel lacks the rest.
        let text = unpack(&target, &scratch.wheel("torch/include/a..b/a.h", false));
        assert!(text.contains("the wheels lack"), "{text}");
        assert!(target.join("include/a..b/a.h").is_file());
    }

    #[test]
    fn a_wheel_that_was_not_published_is_refused() {
        let scratch = Scratch::new("sums");
        let wheel = scratch.wheel("torch/include/a.h", false);
        let check = |sums: &str| {
            let arguments = ["check".as_ref(), sums.as_ref(), wheel.as_os_str()];
            python(SCRIPT, &arguments)
        };
        let text = check(SUMS).unwrap();
        assert!(
            text.contains("a.whl is not a wheel that Astern knows"),
            "{text}"
        );
        assert!(text.contains("torch-2.11.0-cp311-"), "{text}");
        fs::write(&wheel, "abc").unwrap();
        let of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(check(&format!("{of_abc}  a.whl\n")), None);
        fs::write(&wheel, "abd").unwrap();
        let text = check(&format!("{of_abc}  a.whl\n")).unwrap();
        assert!(text.contains("not the file that was published"), "{text}");
    }

    #[test]
    fn every_wheel_has_a_checksum() {
        let names = SUMS.lines().filter_map(|line| line.split_once("  "));
        let names: Vec<_> = names.filter(|(sum, _)| sum.len() == 64).collect();
        assert_eq!(names.len(), SUMS.lines().count());
        for version in [10, 11, 12, 13, 14] {
            let wheel = format!("torch-{}-cp3{version}-", super::super::VERSION);
            assert!(
                names.iter().any(|(_, name)| name.starts_with(&wheel)),
                "{wheel}"
            );
        }
    }
}
