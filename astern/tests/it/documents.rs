//! Every seed, and every document that fuzzing found, keeps the laws of its entry.

use std::fs;
use std::path::{Path, PathBuf};

use crate::entries::{ENTRIES, check};

/// Where `cargo xtask fuzz` wants the seeds: a folder an entry.
const SEEDS: &str = "ASTERN_FUZZ_SEEDS";

#[test]
fn seeds_keep_the_laws_of_their_entry() {
    let wanted = std::env::var_os(SEEDS).map(PathBuf::from);
    for entry in &ENTRIES {
        for (number, seed) in (entry.seeds)().iter().enumerate() {
            assert!(check(entry, seed), "seed {number} of {}", entry.name);
            if let Some(folder) = &wanted {
                let folder = folder.join(entry.name);
                fs::create_dir_all(&folder).unwrap();
                fs::write(folder.join(format!("seed-{number}")), seed).unwrap();
            }
        }
    }
}

#[test]
#[allow(
    clippy::print_stdout,
    reason = "says which document breaks a law, where one does"
)]
fn documents_keep_the_laws_of_their_entry() {
    for entry in &ENTRIES {
        let folder = Path::new("tests/documents").join(entry.name);
        let documents = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{folder:?}: {e}"));
        let mut read = 0;
        for document in documents {
            let path = document.unwrap().path();
            println!("{}", path.display());
            let bytes = fs::read(&path).unwrap_or_else(|e| panic!("{path:?}: {e}"));
            read += usize::from(check(entry, &bytes));
        }
        // A format that has changed refuses what was found before: find it again with `cargo xtask fuzz`.
        assert!(read > 0, "no document of {} can be read", entry.name);
    }
}
