//! Protobuf's wire format, read in place.

use crate::error::ParseError;

/// A field's value as it stands on the wire.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    /// No field that matters here is one.
    Fixed32,
    Bytes(Message<'a>),
}

/// Bytes of a message, and where they begin in the document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message<'a> {
    bytes: &'a [u8],
    /// Offset of the first byte.
    at: usize,
}

impl<'a> Message<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    pub(super) fn error(&self, what: &'static str) -> ParseError {
        ParseError::Wire {
            offset: self.at,
            what,
        }
    }

    /// As text.
    pub(super) fn text(&self) -> Result<&'a str, ParseError> {
        std::str::from_utf8(self.bytes).map_err(|wrong| ParseError::Wire {
            offset: self.at + wrong.valid_up_to(),
            what: "a string is not UTF-8",
        })
    }

    /// Number and value of the next field, which is taken off; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<(u32, Value<'a>)>, ParseError> {
        if self.bytes.is_empty() {
            return Ok(None);
        }
        let start = *self;
        let key = self.varint()?;
        let number = u32::try_from(key >> 3)
            .ok()
            .filter(|n| (1..1 << 29).contains(n));
        let number = number.ok_or_else(|| start.error("a field has an impossible number"))?;
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let here = *self;
                let length = usize::try_from(self.varint()?).ok();
                let taken = length.and_then(|length| self.take(length));
                Value::Bytes(
                    taken.ok_or_else(|| here.error("a field is longer than what is left"))?,
                )
            }
            5 => {
                self.array::<4>()?;
                Value::Fixed32
            }
            _ => return Err(start.error("a field is of a wire type that OTLP does not use")),
        };
        Ok(Some((number, value)))
    }

    /// The next `length` bytes.
    fn take(&mut self, length: usize) -> Option<Self> {
        let (head, rest) = self.bytes.split_at_checked(length)?;
        let taken = Self {
            bytes: head,
            at: self.at,
        };
        self.at += length;
        self.bytes = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ParseError> {
        let here = *self;
        let taken = self.take(N).and_then(|taken| taken.bytes.try_into().ok());
        taken.ok_or_else(|| here.error("a number is cut off"))
    }

    fn varint(&mut self) -> Result<u64, ParseError> {
        let here = *self;
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            let bits = u64::from(byte & 0x7f);
            // Only one bit of the tenth byte fits.
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(here.error("a varint does not end within 64 bits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(bytes: &[u8]) -> Result<Vec<u32>, String> {
        let mut message = Message::new(bytes);
        let mut numbers = Vec::new();
        while let Some((number, _)) = message.next().map_err(|error| error.to_string())? {
            numbers.push(number);
        }
        Ok(numbers)
    }

    #[test]
    fn every_wire_type_is_read() {
        let bytes = [
            8, 0x96, 1, 0x11, 1, 2, 3, 4, 5, 6, 7, 8, 0x1a, 1, b'x', 0x25, 1, 2, 3, 4,
        ];
        assert_eq!(fields(&bytes), Ok(vec![1, 2, 3, 4]));
        assert_eq!(fields(&[]), Ok(vec![]));
        let mut message = Message::new(&bytes);
        assert!(matches!(message.next(), Ok(Some((1, Value::Varint(150))))));
    }

    #[test]
    fn what_is_wrong_is_reported_with_its_byte() {
        for (bytes, offset, what) in [
            (&[0x08][..], 1, "cut off"),
            (&[0x08, 0, 0x11, 1], 3, "cut off"),
            (&[0x0a, 5, 1], 1, "longer"),
            (
                &[
                    0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1,
                ],
                1,
                "longer",
            ),
            (&[0x0b], 0, "wire type"),
            (&[0x00, 1], 0, "number"),
            (
                &[8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2],
                1,
                "varint",
            ),
            (
                &[8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1],
                1,
                "varint",
            ),
        ] {
            let text = fields(bytes).unwrap_err();
            assert!(
                text.contains(&format!("byte {offset}:")) && text.contains(what),
                "{text}"
            );
        }
    }
}
