//! Frames within frames, set right: the checksum finds accidents, and would keep a fuzzer from everything behind it, as
//! the version would keep all that was found before a format changed.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::seeds;

/// Every format's magic begins with this.
const MAGIC: &[u8] = b"ASTN";
/// Magic, version and checksum.
const HEADER: usize = 16;

/// The version of each format today, by its magic.
type Versions = BTreeMap<[u8; 8], [u8; 4]>;

/// The bytes with the version of today in each frame, and the checksum of its body, the innermost first.
pub(crate) fn mended(bytes: &[u8]) -> Vec<u8> {
    static VERSIONS: OnceLock<Versions> = OnceLock::new();
    let versions = VERSIONS.get_or_init(versions);
    let mut bytes = bytes.to_vec();
    for start in starts(&bytes).into_iter().rev() {
        let Some(end) = end_of(&bytes, start) else {
            continue;
        };
        let (magic, rest) = bytes[start..end].split_at_mut(8);
        if let Some(version) = versions.get(&*magic) {
            rest[..4].copy_from_slice(version);
        }
        let checksum = crc32fast::hash(&rest[8..]);
        rest[4..8].copy_from_slice(&checksum.to_le_bytes());
    }
    bytes
}

fn versions() -> Versions {
    let mut versions = Versions::new();
    for bytes in seeds::graphs().into_iter().chain(seeds::guards()) {
        for start in starts(&bytes) {
            let (magic, rest) = bytes[start..].split_first_chunk().expect("a magic");
            versions.insert(*magic, *rest.first_chunk().expect("a version"));
        }
    }
    versions
}

fn starts(bytes: &[u8]) -> Vec<usize> {
    let is_start = |start: &usize| bytes[*start..].starts_with(MAGIC);
    (0..bytes.len()).filter(is_start).collect()
}

/// Where the frame that begins at `start` ends: the whole, or as long as the number before it says, in seven bits a byte.
fn end_of(bytes: &[u8], start: usize) -> Option<usize> {
    let length = if start == 0 {
        bytes.len()
    } else {
        let before = bytes[..start - 1].iter().rev();
        let more = before.take_while(|byte| **byte >= 0x80).take(9).count();
        let number = &bytes[start - 1 - more..start];
        number.iter().rev().try_fold(0_usize, |length, byte| {
            length
                .checked_mul(0x80)?
                .checked_add(usize::from(byte & 0x7f))
        })?
    };
    let end = start.checked_add(length)?;
    (length >= HEADER && end <= bytes.len()).then_some(end)
}
