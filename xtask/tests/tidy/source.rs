//! Rust files as the rules see them: without comments, without what literals say, as tokens.

use std::fs;
use std::path::Path;

/// One file. `code` keeps the lines of the text: comments are blank there, and the characters of
/// literals are `_`, so that nothing mentioned in passing looks like code.
#[derive(Debug)]
pub(crate) struct Source {
    /// From the checkout's root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) code: String,
}

/// A word or a single punctuation mark.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Token<'a> {
    pub(crate) word: &'a str,
    /// From 1.
    pub(crate) line: usize,
    /// Byte range in the code.
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            code: blanked(text),
        }
    }

    /// Whether the file as a whole is test code, by where it lies.
    pub(crate) fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.ends_with("/tests.rs")
    }

    /// `code` with the items marked `#[cfg(test)]` blank as well.
    pub(crate) fn shipped(&self) -> String {
        let tokens = tokens(&self.code);
        let mut bytes = self.code.clone().into_bytes();
        let mut at = 0;
        while at < tokens.len() {
            let Some(end) = test_item(&tokens[at..]) else {
                at += 1;
                continue;
            };
            let last = tokens[at + end];
            for byte in &mut bytes[tokens[at].start..last.end] {
                if *byte != b'\n' {
                    *byte = b' ';
                }
            }
            at += end + 1;
        }
        // Whole tokens were blanked, and only between ASCII characters: it is UTF-8 still.
        String::from_utf8(bytes).unwrap()
    }
}

/// Every Rust file of the checkout, sorted.
pub(crate) fn all() -> Vec<Source> {
    let root = crate::root();
    let mut sources = Vec::new();
    walk(&root, &root, &mut sources);
    sources.sort_by(|a: &Source, b: &Source| a.path.cmp(&b.path));
    assert!(
        sources.len() > 10,
        "the walk lost its way in {}",
        root.display()
    );
    sources
}

fn walk(root: &Path, folder: &Path, sources: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        let name = entry.file_name().to_string_lossy().into_owned();
        if kind.is_dir() && name != "target" && !name.starts_with('.') {
            walk(root, &path, sources);
        } else if kind.is_file() && path.extension().is_some_and(|end| end == "rs") {
            let relative = path
                .strip_prefix(root)
                .unwrap()
                .to_string_lossy()
                .replace('\\', "/");
            sources.push(Source::new(&relative, &fs::read_to_string(&path).unwrap()));
        }
    }
}

/// The words and marks of blanked code.
pub(crate) fn tokens(code: &str) -> Vec<Token<'_>> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let (mut found, mut line, mut at) = (Vec::new(), 1, 0);
    while let Some(first) = code[at..].chars().next() {
        let rest = &code[at..];
        let length = if is_word(first) {
            rest.find(|c| !is_word(c)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        if first == '\n' {
            line += 1;
        } else if !first.is_whitespace() {
            found.push(Token {
                word: &rest[..length],
                line,
                start: at,
                end: at + length,
            });
        }
        at += length;
    }
    found
}

/// Whether the words of `tokens` start with those of `pattern`.
pub(crate) fn starts_with(tokens: &[Token<'_>], pattern: &[&str]) -> bool {
    tokens.len() >= pattern.len() && pattern.iter().zip(tokens).all(|(a, b)| *a == b.word)
}

/// The index of the mark that closes the one at the start.
pub(crate) fn closing(tokens: &[Token<'_>]) -> Option<usize> {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate() {
        match token.word {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return Some(index);
        }
    }
    None
}

/// The index of `{` or `;` that ends an item's head, or starts its body.
pub(crate) fn head_end(tokens: &[Token<'_>]) -> Option<usize> {
    let mut at = 0;
    while at < tokens.len() {
        match tokens[at].word {
            "{" | ";" => return Some(at),
            "(" | "[" => at += closing(&tokens[at..])? + 1,
            _ => at += 1,
        }
    }
    None
}

/// The index of the last token of a test-only item that starts here with its attribute.
fn test_item(tokens: &[Token<'_>]) -> Option<usize> {
    let marks = [
        &["#", "[", "cfg", "(", "test", ")"][..],
        &["#", "[", "cfg", "(", "all", "(", "test"],
    ];
    if starts_with(tokens, &["#", "!", "[", "cfg", "(", "test", ")"]) {
        return Some(tokens.len() - 1);
    }
    if !marks.iter().any(|mark| starts_with(tokens, mark)) {
        return None;
    }
    let mut at = 0;
    while tokens.get(at)?.word == "#" {
        at += 1 + closing(&tokens[at + 1..])? + 1;
    }
    let head = at + head_end(&tokens[at..])?;
    if tokens[head].word == "{" {
        Some(head + closing(&tokens[head..])?)
    } else {
        Some(head)
    }
}

/// Blanks comments, and fills literals with `_`; lines stay what they were.
fn blanked(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let rest = &chars[at..];
        let inside_word = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
        let (length, fill) = if rest.starts_with(&['/', '/']) {
            (
                rest.iter().position(|c| *c == '\n').unwrap_or(rest.len()),
                ' ',
            )
        } else if rest.starts_with(&['/', '*']) {
            (block_comment(rest), ' ')
        } else if let Some(length) = (!inside_word).then(|| raw_string(rest)).flatten() {
            (length, '_')
        } else if rest[0] == '"' {
            (quoted(rest), '_')
        } else if let Some(length) = char_literal(rest) {
            (length, '_')
        } else {
            out.push(rest[0]);
            at += 1;
            continue;
        };
        out.extend(
            rest[..length]
                .iter()
                .map(|c| if *c == '\n' { '\n' } else { fill }),
        );
        at += length;
    }
    out
}

fn block_comment(chars: &[char]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < chars.len() {
        if chars[at..].starts_with(&['/', '*']) {
            depth += 1;
            at += 2;
        } else if chars[at..].starts_with(&['*', '/']) {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    at
}

/// The length of `r"…"`, `br#"…"#` and the like, if one starts here.
fn raw_string(chars: &[char]) -> Option<usize> {
    let prefix = chars.iter().take(2).position(|c| *c == 'r')? + 1;
    if prefix == 2 && !matches!(chars[0], 'b' | 'c') {
        return None;
    }
    let hashes = chars[prefix..].iter().take_while(|c| **c == '#').count();
    let mut at = prefix + hashes;
    if chars.get(at) != Some(&'"') {
        return None;
    }
    at += 1;
    while at < chars.len() {
        let closes = chars[at] == '"'
            && chars[at + 1..]
                .iter()
                .take(hashes)
                .filter(|c| **c == '#')
                .count()
                == hashes;
        at += 1;
        if closes {
            return Some(at + hashes);
        }
    }
    Some(at)
}

/// The length of a literal between two of the mark at the start.
fn quoted(chars: &[char]) -> usize {
    let mut at = 1;
    while at < chars.len() && chars[at] != chars[0] {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    chars.len().min(at + 1)
}

/// The length of a character literal; a lifetime is none.
fn char_literal(chars: &[char]) -> Option<usize> {
    let literal = chars[0] == '\'' && (chars.get(1) == Some(&'\\') || chars.get(2) == Some(&'\''));
    literal.then(|| quoted(chars))
}

#[test]
fn comments_and_literals_are_no_code() {
    let text = r##"a /* x /* y */ z */ b // c
"d\"e" 'f' '\'' '"' r#"g "h"# br"i" "j
k" &'life m"##;
    let code = blanked(text);
    assert_eq!(code.lines().count(), 3);
    let words: Vec<&str> = tokens(&code).iter().map(|token| token.word).collect();
    let real = |word: &&&str| word.chars().any(|c| c != '_');
    assert_eq!(
        words.iter().filter(real).collect::<Vec<_>>(),
        [&"a", &"b", &"&", &"'", &"life", &"m"]
    );
    assert_eq!(tokens(&code).last().unwrap().line, 3);
}

#[test]
fn raw_names_and_words_that_end_in_r_are_code() {
    let code = blanked("r#fn br attr\"x\" r");
    let words: Vec<&str> = tokens(&code).iter().map(|token| token.word).collect();
    assert_eq!(words, ["r", "#", "fn", "br", "attr___", "r"]);
}

#[test]
fn test_items_are_not_shipped() {
    let text = "fn a() {}\n#[cfg(test)]\n#[allow(x)]\nmod tests {\n fn b() { '}' }\n}\nfn c() {}\n\
                #[cfg(test)]\nmod more;\n#[cfg(all(test, unix))]\nfn d(e: [u8; 2]) {}\nfn f() {}";
    let shipped = Source::new("x.rs", text).shipped();
    let words: Vec<&str> = tokens(&shipped).iter().map(|token| token.word).collect();
    let names = words
        .iter()
        .filter(|word| word.len() == 1 && word.chars().all(char::is_alphabetic));
    assert_eq!(names.collect::<Vec<_>>(), [&"a", &"c", &"f"]);
    assert_eq!(shipped.lines().count(), text.lines().count());
    assert!(tokens(&Source::new("x.rs", "#![cfg(test)]\nfn a() {}").shipped()).is_empty());
}
