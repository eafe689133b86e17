// SPDX-License-Identifier: MPL-2.0

//! The text of a caption as a person edits it: the speaker and the words, without marks.

use serde::{Deserialize, Serialize};

use crate::webvtt;

/// The text of a caption.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct CaptionText {
    /// Name of the only speaker; empty if none is named.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub speaker: String,
    /// The words. If `marked` is true, the text with its tags and escapes, as WebVTT has it.
    pub text: String,
    /// Whether the text has tags that would be lost if it were edited as plain words.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub marked: bool,
}

impl CaptionText {
    /// Parses the text of a cue.
    pub fn read(written: &str) -> Self {
        let speaker = webvtt::voice(written).unwrap_or_default();
        let tags = written.matches('<').count();
        let is_plain = match speaker.is_empty() {
            true => tags == 0,
            false => {
                let is_closed = written.trim_end().ends_with("</v>");
                written.starts_with("<v ") && tags == 1 + usize::from(is_closed)
            }
        };
        if is_plain {
            CaptionText {
                speaker,
                text: webvtt::plain_text(written),
                marked: false,
            }
        } else {
            CaptionText {
                speaker: String::new(),
                text: written.to_owned(),
                marked: true,
            }
        }
    }

    /// Returns the text of the cue. `before` is the text that it had: it is returned if nothing was
    /// edited.
    pub fn write(&self, before: Option<&str>) -> String {
        if let Some(before) = before.filter(|before| CaptionText::read(before) == *self) {
            return before.to_owned();
        }
        if self.marked {
            return self.text.clone();
        }
        let text = webvtt::escape(&self.text);
        match self.speaker.trim() {
            "" => text,
            speaker => format!("<v {}>{text}", webvtt::escape(speaker)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_and_speaker_are_edited_without_marks() {
        let read = CaptionText::read("<v Ada &amp; Co>1 &lt; 2</v>");
        assert_eq!(
            (&*read.speaker, &*read.text, read.marked),
            ("Ada & Co", "1 < 2", false)
        );
        assert_eq!(read.write(None), "<v Ada &amp; Co>1 &lt; 2");
        assert_eq!(
            read.write(Some("<v Ada &amp; Co>1 &lt; 2</v>")),
            "<v Ada &amp; Co>1 &lt; 2</v>"
        );
    }

    #[test]
    fn other_marks_are_shown_as_they_are_and_stay() {
        for written in [
            "<i>so</i>",
            "<v Ada>Hi</v> <v Bob>Ho",
            "<v.loud Ada>Hi",
            "a <b",
        ] {
            let read = CaptionText::read(written);
            assert_eq!((&*read.text, read.marked), (written, true));
            assert_eq!(read.write(None), written);
        }
    }

    proptest! {
        #[test]
        fn any_words_read_back(speaker in "[A-Z<>&][a-z<>&]{0,8}", text in "[a-z<>&;\n-]{0,40}") {
            let edited = CaptionText { speaker, text, marked: false };
            prop_assert_eq!(CaptionText::read(&edited.write(None)), edited);
        }
    }
}
