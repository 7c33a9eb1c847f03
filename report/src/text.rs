//! Text: how wide it is, how it is shortened, how numbers and times are written.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use astern_graph_core::{NodeKey, NodeKind, Revision, Timestamp, visible};

const SECOND: i64 = 1_000_000_000;

/// A length in an SVG, with one decimal. What is not finite is drawn at zero.
#[derive(Debug, Clone, Copy)]
pub(super) struct Px(pub(super) f64);

impl fmt::Display for Px {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = (self.0 * 10.0).round() / 10.0;
        // Adding zero turns -0 into 0.
        let drawn = if tenths.is_finite() {
            tenths + 0.0
        } else {
            0.0
        };
        write!(f, "{drawn}")
    }
}

/// Estimated width of bold text in em; fonts differ, so this is on the safe side.
pub(super) fn width_em(text: &str) -> f64 {
    text.chars().map(char_em).sum()
}

fn char_em(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | 'f' | 'r' | 't' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | '!'
        | ' ' | '(' | ')' | '/' | '-' => 0.44,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '…' => 1.05,
        'A'..='Z' | '&' | '<' | '>' | '+' | '=' => 0.82,
        ' '..='~' => 0.7,
        _ if u32::from(c) < 0x1100 => 0.85,
        _ => 1.2,
    }
}

/// The text with its middle left out where it would be wider than this; every character can be seen.
pub(super) fn ellipsised(text: &str, most_em: f64) -> Cow<'_, str> {
    let text: Cow<'_, str> = visible(text).into();
    if width_em(&text) <= most_em {
        return text;
    }
    let room = most_em - width_em("…");
    let fits = |budget: f64| {
        move |used: &mut f64, c: char| {
            *used += char_em(c);
            (*used <= budget).then_some(c)
        }
    };
    let head: String = text.chars().scan(0.0, fits(0.6 * room)).collect();
    let left = room - width_em(&head);
    let tail: Vec<char> = text.chars().rev().scan(0.0, fits(left)).collect();
    let tail = tail.into_iter().rev();
    Cow::Owned(head.chars().chain(['…']).chain(tail).collect())
}

/// The name of a node; its kind as well where it is no service.
pub(super) fn name(key: &NodeKey) -> Cow<'_, str> {
    match key.kind {
        NodeKind::Service => visible(&key.name).into(),
        _ => Cow::Owned(format!("{} {}", key.kind, visible(&key.name))),
    }
}

/// Fewest hexadecimal digits in a row that are taken for a digest.
const DIGEST_MIN: usize = 32;

/// The text with each long digest cut to its first digits, and without the name of the image that
/// it is of: `cart@sha256:0123…` turns into `sha256:0123…`.
pub(super) fn brief(text: &str) -> String {
    text.split_inclusive(char::is_whitespace)
        .map(brief_word)
        .collect()
}

fn brief_word(word: &str) -> Cow<'_, str> {
    let is_digest =
        |part: &&str| part.len() >= DIGEST_MIN && part.bytes().all(|b| b.is_ascii_hexdigit());
    let mut parts = word.split(|c: char| !c.is_ascii_alphanumeric());
    let Some((digest, at)) = parts
        .find(is_digest)
        .and_then(|part| Some((part, word.find(part)?)))
    else {
        return Cow::Borrowed(word);
    };
    let (before, after) = (&word[..at], &word[at + digest.len()..]);
    let kind = before.rsplit('@').next().unwrap_or(before);
    Cow::Owned(format!("{kind}{}…{after}", &digest[..12]))
}

/// A revision in short.
pub(super) fn revision(revision: &Revision) -> String {
    ellipsised(&brief(revision.as_str()), 24.0).into_owned()
}

/// A number with about three digits.
pub(super) fn figure(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        "–".to_owned()
    } else if size >= 100.0 {
        format!("{value:.0}")
    } else if size >= 10.0 {
        format!("{value:.1}")
    } else if size >= 1.0 {
        format!("{value:.2}")
    } else if size >= 0.001 {
        format!("{value:.3}")
    } else if size > 0.0 {
        format!("{value:.1e}")
    } else {
        "0".to_owned()
    }
}

/// A probability in whole per cent, never rounded to certainty.
pub(super) fn percent(probability: f64) -> String {
    if !probability.is_finite() {
        "–".to_owned()
    } else if probability > 0.995 && probability < 1.0 {
        "> 99 %".to_owned()
    } else if probability < 0.005 && probability > 0.0 {
        "< 1 %".to_owned()
    } else {
        format!("{:.0} %", 100.0 * probability)
    }
}

/// Time of day in UTC, `HH:MM` or `HH:MM:SS`.
pub(super) fn clock(at: Timestamp, with_seconds: bool) -> String {
    let seconds = at.nanos().div_euclid(SECOND).rem_euclid(86_400);
    let (hour, minute) = (seconds / 3600, seconds / 60 % 60);
    if with_seconds {
        format!("{hour:02}:{minute:02}:{:02}", seconds % 60)
    } else {
        format!("{hour:02}:{minute:02}")
    }
}

/// The date in UTC, `YYYY-MM-DD`.
pub(super) fn date(at: Timestamp) -> String {
    let text = at.to_string();
    text.split('T').next().unwrap_or(&text).to_owned()
}

/// A span by its two greatest units.
pub(super) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    let units = [
        (seconds / 86_400, "d"),
        (seconds / 3600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let shown: Vec<String> = units
        .iter()
        .skip_while(|(count, _)| *count == 0)
        .take(2)
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    if shown.is_empty() {
        return format!("{} s", figure(span.as_secs_f64()));
    }
    shown.join(" ")
}

/// A count with its noun.
pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_and_spans_read_well() {
        let figures = [0.0, 1e-6, 0.01234, 1.234, 12.34, 1234.5].map(figure);
        assert_eq!(figures, ["0", "1.0e-6", "0.012", "1.23", "12.3", "1234"]);
        assert_eq!(
            [0.999, 1.0, 0.001, 0.0, 0.42].map(percent),
            ["> 99 %", "100 %", "< 1 %", "0 %", "42 %"]
        );
        let spans = [0, 61, 3600, 90_000].map(|s| span(Duration::from_secs(s)));
        assert_eq!(spans, ["0 s", "1 min 1 s", "1 h", "1 d 1 h"]);
        assert_eq!(
            [f64::NAN, -0.04, 2.25].map(|x| Px(x).to_string()),
            ["0", "0", "2.3"]
        );
    }

    #[test]
    fn times_of_any_year_are_shown() {
        let at = Timestamp::from_secs(1_700_000_000);
        assert_eq!(
            (clock(at, true), date(at)),
            ("22:13:20".to_owned(), "2023-11-14".to_owned())
        );
        assert_eq!(clock(Timestamp::from_secs(-60), false), "23:59");
        assert!(!date(Timestamp::MIN).is_empty());
    }

    #[test]
    fn digests_are_cut_and_names_are_not() {
        let digest = "0123456789abcdef".repeat(4);
        assert_eq!(revision(&"r2".into()), "r2");
        assert_eq!(
            revision(&format!("ä{digest}").as_str().into()),
            "ä0123456789ab…"
        );
        let sentence = format!("set cart to cart@sha256:{digest}, then wait");
        assert_eq!(
            brief(&sentence),
            "set cart to sha256:0123456789ab…, then wait"
        );
        assert_eq!(brief("nothing  to cut\n"), "nothing  to cut\n");
    }

    #[test]
    fn the_middle_goes_first() {
        assert_eq!(ellipsised("cart", 10.0), "cart");
        assert_eq!(
            ellipsised("recommendation-service-eu-west", 10.0),
            "recomme…-west"
        );
        assert_eq!(ellipsised("a\u{0}b", 10.0), r"a\u{0}b");
    }

    proptest! {
        #[test]
        fn what_is_shortened_fits(text in ".{0,60}", most in 1.5..20.0f64) {
            prop_assert!(width_em(&ellipsised(&text, most)) <= most + 1e-9);
        }
    }
}
