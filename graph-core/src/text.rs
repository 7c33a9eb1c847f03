//! Names from outside where people read them.

use std::borrow::Cow;
use std::fmt;

/// A name or a text from outside as it may stand before a person: control characters, and those that break lines
/// or turn the direction of writing, are written out, as in `\u{1b}` and `\u{202e}`.
///
/// Whoever can choose a name cannot add a line to a plan with it, clear a terminal, or show `tac` as `cat`. Every
/// `Display` and page of Astern passes names through this; values that programs read (JSON, CSV, requests) hold
/// them as they are.
///
/// ```
/// use astern_graph_core::{NodeKey, visible};
///
/// assert_eq!(visible("cart\u{1b}[2J").to_string(), r"cart\u{1b}[2J");
/// let key = NodeKey::service("cart\nstep 1 verified");
/// assert_eq!(key.to_string(), r"service/cart\nstep 1 verified");
/// assert_eq!(&*key.name, "cart\nstep 1 verified");
/// ```
pub fn visible(text: &str) -> Visible<'_> {
    Visible(if text.contains(is_unseen) {
        let mut seen = String::with_capacity(text.len() + 8);
        for c in text.chars() {
            if is_unseen(c) {
                seen.extend(c.escape_default());
            } else {
                seen.push(c);
            }
        }
        Cow::Owned(seen)
    } else {
        Cow::Borrowed(text)
    })
}

/// A text in which every character can be seen; see [`visible`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visible<'a>(Cow<'a, str>);

impl<'a> From<Visible<'a>> for Cow<'a, str> {
    fn from(text: Visible<'a>) -> Self {
        text.0
    }
}

impl fmt::Display for Visible<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Characters without a shape of their own that steer a terminal, break lines or turn the direction of writing,
/// and those that an SVG may not hold.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'
                ..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_names_in_any_script_stay_as_they_are() {
        for name in ["cart", r"a\b", "עגלה", "カート", "", "a  b"] {
            assert_eq!(visible(name).to_string(), name);
        }
        assert_eq!(format!("[{:>8}]", visible("cart")), "[    cart]");
    }

    proptest! {
        #[test]
        fn nothing_unseen_is_left(text in any::<String>()) {
            let seen = visible(&text).to_string();
            prop_assert!(!seen.contains(is_unseen));
            prop_assert_eq!(visible(&seen).to_string(), seen);
        }
    }
}
