// SPDX-License-Identifier: MPL-2.0

//! Words that are said only in parts that are not published.

use std::collections::HashSet;

use super::words::{Language, split};

/// Words said in the published parts of a class, and words said in the other parts.
#[derive(Clone, Debug, Default)]
pub struct Said {
    published: HashSet<String>,
    left_out: HashSet<String>,
}

impl Said {
    /// Adds plain texts in a language (a BCP 47 tag), each with whether it is published.
    pub fn add<T: AsRef<str>>(
        &mut self,
        language: &str,
        texts: impl IntoIterator<Item = (T, bool)>,
    ) {
        let language = Language::new(Some(language), &[]);
        for (text, is_published) in texts {
            for word in words(text.as_ref()) {
                if is_published {
                    self.published.insert(word);
                } else if !language.is_function_word(&word) {
                    self.left_out.insert(word);
                }
            }
        }
    }

    /// Returns, in lower case, the first word of a text that is said only in unpublished parts,
    /// such as a muted name.
    pub fn reveals(&self, text: &str) -> Option<String> {
        words(text).find(|word| self.left_out.contains(word) && !self.published.contains(word))
    }
}

/// Iterates over the words in lower case. The part after an apostrophe is grammar: "Ada's" is
/// "Ada".
fn words(text: &str) -> impl Iterator<Item = String> {
    split(text).into_iter().map(|(word, _)| {
        let head = word.split(['\'', '’']).next().unwrap_or(word);
        head.to_lowercase()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_said_nowhere_else_reveals_something() {
        let mut said = Said::default();
        said.add(
            "en",
            [
                ("A question about recursion from Zebulon's group", false),
                ("Recursion calls itself", true),
            ],
        );
        said.add("zh", [("我们感谢张伟老师", false), ("今天讲递归", true)]);
        for (title, word) in [
            ("Recursion", None),
            ("From the stack", None),
            ("What ZEBULON asks", Some("zebulon")),
            ("Zebulon’s question", Some("zebulon")),
            ("感谢", Some("感谢")),
            ("递归", None),
            ("", None),
        ] {
            assert_eq!(said.reveals(title).as_deref(), word, "{title}");
        }
    }
}
