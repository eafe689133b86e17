// SPDX-License-Identifier: MPL-2.0

//! Cue text: tags, escapes, voices (§6.4).

/// A part of a cue text.
#[derive(Debug, PartialEq, Eq)]
enum Token<'a> {
    Text(&'a str),
    Start {
        name: &'a str,
        /// Text after the name and its classes: the speaker of `v`, the language of `lang`.
        annotation: &'a str,
    },
    End(&'a str),
}

/// Iterates over the tokens of a cue text. A tag that is not closed takes the rest of the text.
fn tokens(text: &str) -> impl Iterator<Item = Token<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some(tag) = rest.strip_prefix('<') else {
            let end = rest.find('<').unwrap_or(rest.len());
            let (text, after) = rest.split_at(end);
            rest = after;
            return Some(Token::Text(text));
        };
        let (tag, after) = tag.split_once('>').unwrap_or((tag, ""));
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            return Some(Token::End(name));
        }
        let (name, annotation) = match tag.find(is_space) {
            Some(at) => (&tag[..at], &tag[at..]),
            None => (tag, ""),
        };
        let name = name.split('.').next().unwrap_or_default();
        Some(Token::Start { name, annotation })
    })
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\u{c}')
}

/// Decodes the character references of a text and leaves its tags.
pub fn unescape(text: &str) -> String {
    htmlize::unescape(text).into_owned()
}

/// Returns the text without tags and without ruby glosses, its character references decoded. Line
/// breaks stay. (§6.6, "rules for extracting the chapter title"; this is the text to read and to
/// search.)
pub fn plain_text(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let (mut in_ruby, mut in_gloss) = (false, false);
    for token in tokens(text) {
        match token {
            Token::Text(text) if !in_gloss => plain.push_str(&htmlize::unescape(text)),
            Token::Text(_) => {}
            Token::Start { name: "ruby", .. } => in_ruby = true,
            Token::Start { name: "rt", .. } => in_gloss = in_ruby,
            Token::Start { .. } => {}
            Token::End("rt") => in_gloss = false,
            Token::End("ruby") => (in_ruby, in_gloss) = (false, false),
            Token::End(_) => {}
        }
    }
    plain
}

/// Returns the first speaker that the text names in a `<v>` tag, white space collapsed.
pub fn voice(text: &str) -> Option<String> {
    tokens(text).find_map(|token| match token {
        Token::Start {
            name: "v",
            annotation,
        } => {
            let speaker = htmlize::unescape(annotation);
            let words: Vec<&str> = speaker.split_ascii_whitespace().collect();
            (!words.is_empty()).then(|| words.join(" "))
        }
        _ => None,
    })
}

/// Escapes text that would be read as a tag, a character reference or an arrow (§4.2.2).
pub fn escape(plain_text: &str) -> String {
    let mut escaped = String::with_capacity(plain_text.len());
    for c in plain_text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tags_are_removed_and_references_decoded() {
        for (written, plain) in [
            ("<v.loud Ada &amp; Co>Hello <b>all</b></v>", "Hello all"),
            (
                "a &lt;b&gt; &amp;amp; c&nbsp;d &#8594; &eacute;",
                "a <b> &amp; c\u{a0}d \u{2192} \u{e9}",
            ),
            ("AT&T &unknown; & x", "AT&T &unknown; & x"),
            ("<c.yellow.bg_blue>two\nlines</c>", "two\nlines"),
            ("<00:00:01.000>word <00:00:02.000>by word", "word by word"),
            (
                "<ruby>\u{6f22}<rt>kan</rt>\u{5b57}<rt>ji</ruby>!",
                "\u{6f22}\u{5b57}!",
            ),
            ("<lang en-GB>colour</lang> 1 > 0", "colour 1 > 0"),
            ("left open <i", "left open "),
            ("1 < 2", "1 "),
        ] {
            assert_eq!(plain_text(written), plain, "{written}");
        }
    }

    #[test]
    fn the_voice_is_the_annotation_of_the_first_v_tag() {
        assert_eq!(voice("<v Ada>Hi</v> <v Bob>Ho"), Some("Ada".to_owned()));
        assert_eq!(
            voice("<i><v.loud\n Ada  L. &lt;3>Hi"),
            Some("Ada L. <3".to_owned())
        );
        assert_eq!(voice("<v>Hi"), None);
        assert_eq!(voice("<video Ada>Hi"), None);
    }

    proptest! {
        #[test]
        fn what_is_escaped_reads_back(plain in "\\PC{0,40}|[&<>a; -]{0,40}") {
            prop_assert_eq!(plain_text(&escape(&plain)), plain);
        }
    }
}
