//! Frame of every versioned binary file: magic, version, body in postcard.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::CodecError;

/// Name, magic bytes and version of a binary format.
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
    /// Encodes a value: magic, version (little endian), postcard body.
    ///
    /// # Errors
    /// [`CodecError::Damaged`] when the value cannot be serialised.
    pub fn encode<T: Serialize>(&self, value: &T) -> Result<Vec<u8>, CodecError> {
        let mut bytes = self.magic.to_vec();
        bytes.extend_from_slice(&self.version.to_le_bytes());
        postcard::to_extend(value, bytes).map_err(|e| self.damaged(e))
    }

    /// Decodes what [`Format::encode`] wrote. Trailing bytes are damage.
    ///
    /// # Errors
    /// [`CodecError`] for other magic, another version, or a body that does not decode.
    pub fn decode<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, CodecError> {
        let rest = bytes
            .strip_prefix(&self.magic)
            .ok_or(CodecError::WrongMagic {
                expected: self.name,
            })?;
        let (version, body) = rest
            .split_first_chunk::<4>()
            .ok_or_else(|| self.damaged(postcard::Error::DeserializeUnexpectedEnd))?;
        let found = u32::from_le_bytes(*version);
        if found != self.version {
            let supported = self.version;
            return Err(CodecError::WrongVersion {
                format: self.name,
                found,
                supported,
            });
        }
        match postcard::take_from_bytes(body) {
            Ok((value, [])) => Ok(value),
            Ok(_) => Err(self.damaged(postcard::Error::DeserializeBadEncoding)),
            Err(error) => Err(self.damaged(error)),
        }
    }

    fn damaged(&self, source: postcard::Error) -> CodecError {
        CodecError::Damaged {
            format: self.name,
            source: source.into(),
        }
    }
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
