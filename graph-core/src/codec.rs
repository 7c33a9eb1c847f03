//! Frame of every versioned binary file: magic, version, checksum, body in postcard.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::CodecError;

/// Bytes of magic, version and checksum, in front of the body.
const HEADER: usize = 16;

/// Name, magic bytes and version of a binary format.
///
/// A file is the magic, the version and the CRC-32 (ISO-HDLC, as in zip) of the body, both as
/// little-endian `u32`, and the body in postcard. The checksum finds damage by accident, before
/// anything is decoded; it does not resist forgery.
#[derive(Debug, Clone, Copy)]
pub struct Format {
    /// Name for error messages.
    pub name: &'static str,
    /// First eight bytes of a file.
    pub magic: [u8; 8],
    /// Version that is written and read.
    pub version: u32,
}

impl Format {
    /// Encodes a value.
    ///
    /// # Errors
    /// [`CodecError::Damaged`] when the value cannot be serialised.
    pub fn encode<T: Serialize>(&self, value: &T) -> Result<Vec<u8>, CodecError> {
        let mut bytes = self.magic.to_vec();
        bytes.extend_from_slice(&self.version.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        let mut bytes = postcard::to_extend(value, bytes).map_err(|e| self.damaged(e))?;
        let checksum = crc32fast::hash(&bytes[HEADER..]);
        bytes[HEADER - 4..HEADER].copy_from_slice(&checksum.to_le_bytes());
        Ok(bytes)
    }

    /// Decodes what [`Format::encode`] wrote. Trailing bytes are damage.
    ///
    /// # Errors
    /// [`CodecError`] for other magic, another version, or a body that has another checksum or
    /// does not decode.
    pub fn decode<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, CodecError> {
        let rest = bytes
            .strip_prefix(&self.magic)
            .ok_or(CodecError::WrongMagic {
                expected: self.name,
            })?;
        let too_short = || self.damaged(postcard::Error::DeserializeUnexpectedEnd);
        let (version, rest) = rest.split_first_chunk::<4>().ok_or_else(too_short)?;
        let found = u32::from_le_bytes(*version);
        if found != self.version {
            let supported = self.version;
            return Err(CodecError::WrongVersion {
                format: self.name,
                found,
                supported,
            });
        }
        let (stored, body) = rest.split_first_chunk::<4>().ok_or_else(too_short)?;
        let (stored, computed) = (u32::from_le_bytes(*stored), crc32fast::hash(body));
        if stored != computed {
            return Err(self.damaged(ChecksumError { stored, computed }));
        }
        match postcard::take_from_bytes(body) {
            Ok((value, [])) => Ok(value),
            Ok(_) => Err(self.damaged(postcard::Error::DeserializeBadEncoding)),
            Err(error) => Err(self.damaged(error)),
        }
    }

    fn damaged(&self, cause: impl std::error::Error + Send + Sync + 'static) -> CodecError {
        CodecError::Damaged {
            format: self.name,
            cause: Box::new(cause),
        }
    }
}

/// CRC-32 of a value as it is stored: whether two values are the same, without keeping either. It does not resist
/// forgery.
///
/// # Errors
/// [`CodecError::Damaged`] when the value cannot be serialised.
pub fn fingerprint<T: Serialize>(value: &T) -> Result<u32, CodecError> {
    let bytes = postcard::to_stdvec(value).map_err(|error| CodecError::Damaged {
        format: "a fingerprint",
        cause: Box::new(error),
    })?;
    Ok(crc32fast::hash(&bytes))
}

/// The body is not the one that was written.
#[derive(Debug, thiserror::Error)]
#[error("the checksum of the body is {computed:08x}; {stored:08x} was written")]
struct ChecksumError {
    stored: u32,
    computed: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMAT: Format = Format {
        name: "a test file",
        magic: *b"ASTNTEST",
        version: 2,
    };

    #[test]
    fn the_frame_is_as_documented() {
        let bytes = FORMAT.encode(&"123456789").unwrap();
        assert_eq!(&bytes[..8], b"ASTNTEST");
        assert_eq!(bytes[8..12], [2, 0, 0, 0]);
        // The check value of CRC-32 is that of these nine digits; postcard puts their number first.
        assert_eq!(crc32fast::hash(b"123456789"), 0xcbf4_3926);
        assert_eq!(
            bytes[12..16],
            crc32fast::hash(b"\x09123456789").to_le_bytes()
        );
        assert_eq!(&bytes[16..], b"\x09123456789");
    }

    #[test]
    fn any_flipped_bit_is_refused() {
        let bytes = FORMAT.encode(&(7u64, "some text", [0.5f64; 3])).unwrap();
        for at in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[at / 8] ^= 1 << (at % 8);
            let refused = FORMAT
                .decode::<(u64, String, [f64; 3])>(&flipped)
                .unwrap_err();
            match at / 8 {
                0..8 => assert!(matches!(refused, CodecError::WrongMagic { .. })),
                8..12 => assert!(matches!(refused, CodecError::WrongVersion { .. })),
                _ => assert!(matches!(refused, CodecError::Damaged { .. })),
            }
        }
    }

    #[test]
    fn round_trip_and_each_refusal() {
        let bytes = FORMAT.encode(&(1u8, "x")).unwrap();
        assert_eq!(
            FORMAT.decode::<(u8, String)>(&bytes).unwrap(),
            (1, "x".to_owned())
        );
        let refused = |bytes: &[u8]| FORMAT.decode::<(u8, String)>(bytes).unwrap_err();
        assert!(matches!(refused(b"PK"), CodecError::WrongMagic { .. }));
        let mut newer = bytes.clone();
        newer[8] = 3;
        assert!(matches!(
            refused(&newer),
            CodecError::WrongVersion { found: 3, .. }
        ));
        for cut in 8..bytes.len() {
            assert!(matches!(refused(&bytes[..cut]), CodecError::Damaged { .. }));
        }
        let mut longer = bytes;
        longer.push(0);
        assert!(matches!(refused(&longer), CodecError::Damaged { .. }));
    }
}
