//! Names as labels: made visible, kept short, escaped for each language.

use std::fmt::Write as _;

use crate::text::visible;

/// Longest label, in characters; a longer one is cut.
const CHARS_MAX: usize = 100;

/// A text on one line of bounded length in which every character can be seen.
fn shortened(text: &str) -> String {
    let seen = visible(text).to_string();
    match seen.char_indices().nth(CHARS_MAX) {
        None => seen,
        Some(_) => seen.chars().take(CHARS_MAX - 1).chain(['…']).collect(),
    }
}

/// A label between double quotes in DOT, where a backslash begins an escape and `&` an entity.
pub(super) fn dot(text: &str) -> String {
    let mut label = String::from("\"");
    for c in shortened(text).chars() {
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
    for c in shortened(text).chars() {
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
