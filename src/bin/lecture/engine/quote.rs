// SPDX-License-Identifier: MPL-2.0

//! Escapes a pipeline's values for `gst-launch-1.0`, then its words for the shell.

use crate::engine::description::{Pipeline, Word};

/// Returns the command line that runs `pipeline` with the plugins of `plugin_folder`, if there is
/// one.
pub fn command_line(pipeline: &Pipeline, plugin_folder: Option<&str>) -> String {
    let mut line = String::new();
    if let Some(folder) = plugin_folder {
        line.push_str(&format!("GST_PLUGIN_PATH={} ", shell(folder)));
    }
    line.push_str("gst-launch-1.0");
    for word in &pipeline.words {
        line.push(' ');
        match word {
            Word::Text(text) => line.push_str(&shell(text)),
            Word::Assign(set) => {
                line.push_str(&shell(&format!("{}={}", set.property, gst(&set.value))));
            }
        }
    }
    line
}

/// Quotes a value as gst-launch-1.0 reads it in `property=VALUE`.
///
/// Between double quotes its parser splits nothing and removes a backslash before any character.
/// Two kinds of strings do not survive that. One begins with a double quote: it is unwrapped again
/// when the property's type is read (`gst_value_deserialize`). The other ends in a backslash: the
/// parser's longest match runs past the closing quote. They are written in GStreamer's own wrapped
/// form, with octal codes.
fn gst(value: &str) -> String {
    if is_plain(value) {
        value.to_string()
    } else if value.starts_with('"') || value.ends_with('\\') {
        format!("\"{}\"", escape(&wrap(value)))
    } else {
        format!("\"{}\"", escape(value))
    }
}

/// Puts a backslash before each double quote and backslash.
fn escape(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', "\\\"")
}

/// Wraps a string as `gst_string_unwrap` reads it.
fn wrap(value: &str) -> String {
    let mut wrapped = String::from("\"");
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() {
            wrapped.push(char::from(byte));
        } else {
            wrapped.push_str(&format!("\\{byte:03o}"));
        }
    }
    wrapped.push('"');
    wrapped
}

/// Quotes a word for a POSIX shell.
fn shell(word: &str) -> String {
    // A lone `!` is the one place where an interactive shell does not treat it as history.
    if is_plain(word) || word == "!" {
        word.to_string()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Returns whether neither gst-launch nor a shell treats any of its characters specially.
fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"/._-+:,=%@".contains(&byte))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::*;
    use crate::engine::description::Assignment;

    fn assign(property: &str, value: &str) -> Word {
        Word::Assign(Assignment {
            element: String::new(),
            property: property.into(),
            value: value.into(),
        })
    }

    /// Has a real shell and a real gst-launch-1.0 copy files with such names.
    #[test]
    fn any_file_name_comes_through_shell_and_gst_launch() {
        for name in [
            "a b",
            "it's",
            "\"quoted\" and not",
            "\"",
            "back\\slash",
            "ends in \\",
            "100 %",
            "%s%d",
            "$HOME `id` $(id)",
            "a!b !c",
            "x ! filesink location=y",
            "a=b,c;d&e|f>g",
            "~ * ? [a] {b}",
            "Übung 講義",
            "tab\tand\nnewline",
        ] {
            let folder = tempfile::tempdir().expect("temporary folder");
            let from = folder.path().join("from");
            fs::write(&from, name).expect("written");
            let pipeline = Pipeline {
                words: vec![
                    Word::Text("filesrc".into()),
                    assign("location", &from.display().to_string()),
                    Word::Text("!".into()),
                    Word::Text("filesink".into()),
                    // Relative, so that the value begins with the name itself.
                    assign("location", name),
                ],
            };
            let run = Command::new("sh")
                .arg("-c")
                .arg(command_line(&pipeline, None))
                .current_dir(folder.path())
                .output()
                .expect("a shell");
            let copied = fs::read_to_string(folder.path().join(name));
            assert_eq!(copied.ok().as_deref(), Some(name), "{run:?}");
        }
    }

    #[test]
    fn words_are_quoted_for_the_shell() {
        assert_eq!(shell("!"), "!");
        assert_eq!(shell("audio/x-raw,rate=1"), "audio/x-raw,rate=1");
        assert_eq!(shell("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(shell(""), "''");
    }

    #[test]
    fn values_are_quoted_for_gst_launch() {
        assert_eq!(gst("a.mkv"), "a.mkv");
        assert_eq!(gst("a b"), "\"a b\"");
        assert_eq!(gst(r#"a"b\c"#), r#""a\"b\\c""#);
        assert_eq!(gst("\"a"), r#""\"\\042a\"""#);
        assert_eq!(gst("a\\"), r#""\"a\\134\"""#);
    }

    #[test]
    fn a_line_sets_properties_where_the_description_has_them() {
        let pipeline = Pipeline {
            words: vec![
                Word::Text("filesrc".into()),
                assign("location", "a $b.mkv"),
                Word::Text("!".into()),
                Word::Text("fakesink".into()),
            ],
        };
        assert_eq!(
            command_line(&pipeline, Some("/p")),
            "GST_PLUGIN_PATH=/p gst-launch-1.0 filesrc 'location=\"a $b.mkv\"' ! fakesink"
        );
    }
}
