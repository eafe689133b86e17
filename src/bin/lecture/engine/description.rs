// SPDX-License-Identifier: MPL-2.0

//! Pipeline descriptions: the content of `pipelines/NAME.launch` files, and the elements and
//! properties that result for one input.
//!
//! Lines that begin with `#` are the documentation. A line `# Variables: …` is for readers of the file
//! alone.
//!
//! Every other line is part of the pipeline:
//! - `?WORD line` is used only if WORD is true of the input, `?!WORD line` only if it is not;
//! - `*WORD line` is repeated for each WORD, with its number as `${n}`; consecutive lines of this
//!   kind are repeated together;
//! - several marks can be combined: `*WORD ?OTHER line`;
//! - `property=${NAME}` sets a property of the element whose `name=` was given last. A variable is
//!   one whole value and never becomes part of the description's text, so that no file name can add
//!   an element. A variable without a value leaves the property at its default.

use std::collections::BTreeMap;

use crate::options::Values;

/// A description and its documentation.
#[derive(Debug)]
pub struct Description {
    /// Purpose of the pipeline; the first line is a summary.
    pub about: String,
    body: Vec<Line>,
}

#[derive(Debug, Default)]
struct Line {
    /// Word for which this line is repeated.
    each: Option<String>,
    /// Words, each with the truth value that it must have.
    conditions: Vec<(String, bool)>,
    text: String,
}

/// The facts on which lines of a description depend.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Count of each word: absent or zero means false; for `*WORD` it is the number of repeats.
    counts: BTreeMap<String, usize>,
    /// The pads that the lines of a word link in place of any that fits of `source`.
    pads: BTreeMap<String, String>,
}

impl Facts {
    pub fn set(&mut self, word: &str, is: bool) {
        self.count(word, usize::from(is));
    }

    pub fn count(&mut self, word: &str, count: usize) {
        self.counts.insert(word.into(), count);
    }

    /// Has the lines of `word` link this pad in place of any of `source`: `ELEMENT.PAD`.
    pub fn set_pad(&mut self, word: &str, pad: String) {
        self.pads.insert(word.into(), pad);
    }

    /// Returns the text of a line with the pad named that its conditions link.
    fn with_pad(&self, line: &Line) -> String {
        let conditions = line.conditions.iter().filter(|(_, wanted)| *wanted);
        let mut words = line.each.iter().chain(conditions.map(|(word, _)| word));
        match words.find_map(|word| self.pads.get(word)) {
            Some(pad) => line.text.replace("source. ", &format!("{pad} ")),
            None => line.text.clone(),
        }
    }

    pub fn is(&self, word: &str) -> bool {
        self.of(word) > 0
    }

    fn of(&self, word: &str) -> usize {
        self.counts.get(word).copied().unwrap_or(0)
    }
}

/// One word of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    Text(String),
    /// A property that takes a variable's value.
    Assign(Assignment),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The `name=` of the element.
    pub element: String,
    /// The property; `PAD::PROPERTY` for a property of a pad.
    pub property: String,
    pub value: String,
}

/// A pipeline for one input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pipeline {
    pub words: Vec<Word>,
}

impl Pipeline {
    /// Returns the text to parse, without the assignments.
    pub fn text(&self) -> String {
        let words: Vec<&str> = self
            .words
            .iter()
            .filter_map(|word| match word {
                Word::Text(text) => Some(text.as_str()),
                Word::Assign(_) => None,
            })
            .collect();
        words.join(" ")
    }

    /// Returns the properties to set after parsing, in order.
    pub fn assignments(&self) -> impl Iterator<Item = &Assignment> {
        self.words.iter().filter_map(|word| match word {
            Word::Assign(assignment) => Some(assignment),
            Word::Text(_) => None,
        })
    }
}

impl Description {
    /// Reads the content of a built-in description.
    pub fn read(file: &str) -> Self {
        let mut about = String::new();
        let mut body = Vec::new();
        for line in file.lines() {
            if let Some(comment) = line.strip_prefix('#').map(str::trim) {
                let is_about = !["SPDX-", "Variables:"]
                    .iter()
                    .any(|start| comment.starts_with(start));
                if is_about {
                    about.push_str(comment);
                    about.push('\n');
                }
            } else if !line.trim().is_empty() {
                body.push(body_line(line.trim()));
            }
        }
        Description {
            about: about.trim().to_string(),
            body,
        }
    }

    /// Puts the lines of another description in front.
    pub fn behind(mut self, first: Description) -> Self {
        self.body.splice(0..0, first.body);
        self
    }

    /// Returns the pipeline for an input of which `facts` are true.
    pub fn pipeline(&self, facts: &Facts, values: &Values) -> Pipeline {
        let mut words = Vec::new();
        let mut element = String::new();
        let mut line_words = |text: &str, repeat: Option<usize>| {
            for word in text.split_whitespace() {
                let word = match repeat {
                    Some(n) => word.replace("${n}", &n.to_string()),
                    None => word.to_string(),
                };
                if let Some(name) = word.strip_prefix("name=") {
                    element = name.to_string();
                }
                match word.split_once("=${") {
                    Some((property, variable)) => {
                        let variable = variable.strip_suffix('}').unwrap_or(variable);
                        if let Some(value) = values.in_repeat(variable, repeat) {
                            words.push(Word::Assign(Assignment {
                                element: element.clone(),
                                property: property.to_string(),
                                value: value.to_string(),
                            }));
                        }
                    }
                    None => words.push(Word::Text(word)),
                }
            }
        };
        let mut lines = self
            .body
            .iter()
            .filter(|line| {
                line.conditions
                    .iter()
                    .all(|(word, wanted)| (facts.of(word) > 0) == *wanted)
            })
            .peekable();
        while let Some(line) = lines.next() {
            let Some(each) = &line.each else {
                line_words(&facts.with_pad(line), None);
                continue;
            };
            let mut group = facts.with_pad(line);
            while let Some(next) = lines.next_if(|next| next.each.as_ref() == Some(each)) {
                group.push(' ');
                group.push_str(&facts.with_pad(next));
            }
            for n in 0..facts.of(each) {
                line_words(&group, Some(n));
            }
        }
        Pipeline { words }
    }
}

fn body_line(text: &str) -> Line {
    let mut line = Line::default();
    let mut rest = text;
    loop {
        let (mark, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        if let Some(word) = mark.strip_prefix("?!") {
            line.conditions.push((word.to_string(), false));
        } else if let Some(word) = mark.strip_prefix('?') {
            line.conditions.push((word.to_string(), true));
        } else if let Some(word) = mark.strip_prefix('*') {
            line.each = Some(word.to_string());
        } else {
            line.text = rest.to_string();
            return line;
        }
        rest = after.trim_start();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# SPDX-License-Identifier: MPL-2.0
# Makes something.
# In two lines.
#
# Variables: elsewhere.

filesrc name=in location=${input} ! decodebin name=d
?video d. ! queue ! venc name=v quality=${quality} other=${other} ! m.
?!video fakesrc ! m.
*audio d. ! queue !
*audio ?slow aslow !
*audio aenc name=a${n} language=${language} ! m.a_${n}
mux name=m ! fakesink
";

    fn values() -> Values {
        let mut values = Values::default();
        values.set("input", "x ! filesink location=/etc/passwd");
        values.set("quality", "23");
        values.set("language.0", "en");
        values.set("language.1", "de");
        values
    }

    #[test]
    fn the_documentation_is_read() {
        let description = Description::read(FILE);
        assert_eq!(description.about, "Makes something.\nIn two lines.");
    }

    #[test]
    fn absent_branches_are_left_out_and_others_repeated() {
        let description = Description::read(FILE);
        let mut facts = Facts::default();
        facts.count("audio", 2);
        let pipeline = description.pipeline(&facts, &values());
        assert_eq!(
            pipeline.text(),
            "filesrc name=in ! decodebin name=d fakesrc ! m. \
             d. ! queue ! aenc name=a0 ! m.a_0 d. ! queue ! aenc name=a1 ! m.a_1 \
             mux name=m ! fakesink"
        );
        facts.set("video", true);
        facts.count("audio", 0);
        let pipeline = description.pipeline(&facts, &values());
        assert_eq!(
            pipeline.text(),
            "filesrc name=in ! decodebin name=d d. ! queue ! venc name=v ! m. mux name=m ! fakesink"
        );
    }

    #[test]
    fn a_pad_is_named_in_the_lines_of_its_word() {
        let description = Description::read("?video source. ! v\n?audio source. ! a\n");
        let mut facts = Facts::default();
        facts.set("video", true);
        facts.set("audio", true);
        facts.set_pad("video", "source.src_1".into());
        let pipeline = description.pipeline(&facts, &values());
        assert_eq!(pipeline.text(), "source.src_1 ! v source. ! a");
    }

    #[test]
    fn a_value_never_becomes_text() {
        let description = Description::read(FILE);
        let mut facts = Facts::default();
        facts.set("video", true);
        facts.count("audio", 2);
        let pipeline = description.pipeline(&facts, &values());
        assert!(!pipeline.text().contains("passwd"));
        let assignments: Vec<(&str, &str, &str)> = pipeline
            .assignments()
            .map(|set| (&*set.element, &*set.property, &*set.value))
            .collect();
        assert_eq!(
            assignments,
            [
                ("in", "location", "x ! filesink location=/etc/passwd"),
                ("v", "quality", "23"),
                ("a0", "language", "en"),
                ("a1", "language", "de"),
            ]
        );
    }
}
