//! Names as labels: made visible, kept short, escaped for each language.

use std::fmt::Write as _;

/// Longest label, in characters; a longer one is cut.
const CHARS_MAX: usize = 100;

/// A text on one line of bounded length in which every character can be seen: control characters
/// and those that turn the direction of writing are written out, as in `\n` and `\u{202e}`.
fn visible(text: &str) -> String {
    let mut seen = String::new();
    for c in text.chars() {
        if c.is_control() || is_unseen(c) {
            seen.extend(c.escape_default());
        } else {
            seen.push(c);
        }
    }
    match seen.char_indices().nth(CHARS_MAX) {
        None => seen,
        Some(_) => seen.chars().take(CHARS_MAX - 1).chain(['…']).collect(),
    }
}

/// Characters without a shape of their own that break lines or turn the direction of writing, and
/// those that an SVG may not hold.
fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'
            ..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
    )
}

/// A label between double quotes in DOT, where a backslash begins an escape and `&` an entity.
pub(super) fn dot(text: &str) -> String {
    let mut label = String::from("\"");
    for c in visible(text).chars() {
        match c {
            '"' | '\\' => label.extend(['\\', c]),
            '&' => label.push_str("&amp;"),
            _ => label.push(c),
        }
    }
    label.push('"');
    label
}

/// A label between double quotes in Mermaid, where everything but letters, digits and a few plain
/// signs is an entity: `#35;` is a hash. Mermaid searches its text by many patterns before it
/// parses it, and some versions read labels as Markdown, where `__init__` is bold and `www.` begins
/// a link: so nothing that may mean something to one of them is left.
pub(super) fn mermaid(text: &str) -> String {
    let mut label = String::from("\"");
    for c in visible(text).chars() {
        if c.is_alphanumeric() || matches!(c, ' ' | ',' | '-' | '/') {
            label.push(c);
        } else {
            // Writing to a string cannot fail.
            let _ = write!(label, "#{};", u32::from(c));
        }
    }
    label.push('"');
    label
}
