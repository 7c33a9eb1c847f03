//! Checksums of frames within frames, set right: the checksum finds accidents, and would keep a fuzzer from everything
//! behind it.

/// Every format's magic begins with this.
const MAGIC: &[u8] = b"ASTN";
/// Magic, version and checksum.
const HEADER: usize = 16;

/// The bytes with the checksum of each frame that of its body, the innermost first.
pub(crate) fn mended(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let starts: Vec<usize> = (0..bytes.len())
        .filter(|start| bytes[*start..].starts_with(MAGIC))
        .collect();
    for start in starts.into_iter().rev() {
        let Some(end) = end_of(&bytes, start) else {
            continue;
        };
        let checksum = crc32fast::hash(&bytes[start + HEADER..end]);
        bytes[start + HEADER - 4..start + HEADER].copy_from_slice(&checksum.to_le_bytes());
    }
    bytes
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
