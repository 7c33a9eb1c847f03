//! Ids as text.

/// Greatest number of hexadecimal digits of a trace id and of a span id.
const TRACE_DIGITS: usize = 32;
const SPAN_DIGITS: usize = 16;

/// A hexadecimal trace id of at most 128 bits; shorter ones are zero-extended.
pub(crate) fn hex_trace(text: &[u8]) -> Option<u128> {
    hex(text, TRACE_DIGITS)
}

/// A hexadecimal span id of at most 64 bits; shorter ones are zero-extended.
pub(crate) fn hex_span(text: &[u8]) -> Option<u64> {
    u64::try_from(hex(text, SPAN_DIGITS)?).ok()
}

/// Whether a trace id has at most 64 bits: it may be the lower half of one.
pub(crate) fn is_half(trace: u128) -> bool {
    trace >> 64 == 0
}

/// Whether two ids name one trace: they are equal, or one is the lower half of the other.
pub(crate) fn is_same_trace(a: u128, b: u128) -> bool {
    a == b || ((is_half(a) || is_half(b)) && a << 64 == b << 64)
}

/// A trace id as text: hexadecimal, else hashed.
pub(crate) fn text_trace(text: &[u8]) -> u128 {
    hex_trace(text).unwrap_or_else(|| {
        // FNV-1a (Fowler, Noll, Vo 1991), 128 bits.
        let prime = 0x0000_0000_0100_0000_0000_0000_0000_013b_u128;
        text.iter()
            .fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, |hash, byte| {
                (hash ^ u128::from(*byte)).wrapping_mul(prime)
            })
    })
}

/// A span id as text: hexadecimal, else hashed.
pub(crate) fn text_span(text: &[u8]) -> u64 {
    hex_span(text).unwrap_or_else(|| {
        // FNV-1a, 64 bits.
        text.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
    })
}

/// `None` unless there are 1 to `digits` hexadecimal digits and nothing else.
fn hex(text: &[u8], digits: usize) -> Option<u128> {
    if text.is_empty() || text.len() > digits {
        return None;
    }
    text.iter().try_fold(0_u128, |value, byte| {
        let digit = char::from(*byte).to_digit(16)?;
        Some((value << 4) | u128::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_of_either_case_is_read_and_extended() {
        assert_eq!(text_span(b"00fF"), 255);
        assert_eq!(
            hex_trace(b"5B8EFFF798038103D269B633813FC60C"),
            Some(0x5b8e_fff7_9803_8103_d269_b633_813f_c60c)
        );
        assert_eq!(hex_span(b"ffffffffffffffff"), Some(u64::MAX));
    }

    #[test]
    fn the_lower_half_of_a_trace_id_names_the_trace() {
        let whole = 0x5b8e_fff7_9803_8103_d269_b633_813f_c60c;
        let half = 0xd269_b633_813f_c60c;
        assert!(is_same_trace(whole, half) && is_same_trace(half, whole));
        assert!(is_same_trace(half, half) && is_same_trace(whole, whole));
        assert!(!is_same_trace(whole, half + 1));
        // Two whole ids with one lower half are two traces.
        assert!(!is_same_trace(whole, whole ^ (1 << 127)));
    }

    #[test]
    fn other_text_is_hashed_and_never_mistaken() {
        assert_eq!(hex_span(b""), None);
        assert_eq!(hex_span(b"10000000000000000"), None);
        // Published test vectors of FNV-1a.
        assert_eq!(text_span(b"foobar!"), text_span(b"foobar!"));
        assert_eq!(text_span(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(text_span(b"foobar"), 0x8594_4171_f739_67e8);
        assert_eq!(
            text_trace(b"foobar"),
            0x343e_1662_793c_64bf_6f0d_3597_ba44_6f18
        );
    }
}
