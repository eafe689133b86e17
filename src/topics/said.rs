// SPDX-License-Identifier: MPL-2.0

//! Words that are said only where nobody is to hear them.

use std::collections::HashSet;

use super::words::{Language, split};

/// Which words are said in what is published of a class, and which in what is left out.
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

    /// The first word of a text that is said in what is left out and nowhere else, such as the name
    /// that was muted; in lower case.
    pub fn reveals(&self, text: &str) -> Option<String> {
        words(text).find(|word| self.left_out.contains(word) && !self.published.contains(word))
    }
}

/// The words in lower case. What follows an apostrophe is grammar: "Ada's" is "Ada".
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
