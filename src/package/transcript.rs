// SPDX-License-Identifier: MPL-2.0

//! Transcript of a class: one HTML page made from its captions and chapters.

use std::fmt::Write;

use super::chapters::Chapter;
use super::text::Text;
use crate::language;
use crate::timeline::Time;
use crate::webvtt::{Cue, Document, escape};

/// Pause that begins a new paragraph.
const PAUSE: Time = Time::from_secs(3);
/// Length of a paragraph after which the end of a sentence begins a new one.
const LONG: Time = Time::from_secs(45);

/// Uninterrupted speech of one person.
struct Paragraph {
    start: Time,
    end: Time,
    speaker: Option<String>,
    words: String,
}

/// Returns the page. `title` is the class's. Cues and chapters are in the package's time.
pub fn html(title: &str, text: &Text, document: &Document, chapters: &[Chapter]) -> String {
    let paragraphs = paragraphs(document, chapters);
    let direction = match language::is_right_to_left(&text.language) {
        true => "rtl",
        false => "ltr",
    };
    let mut page = format!(
        "<!doctype html>\n<html lang=\"{}\" dir=\"{direction}\">\n<head>\n\
         <meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n\
         <style>body {{ max-width: 40em; margin: auto; padding: 1em; font: 1.1em/1.6 sans-serif; \
         color-scheme: light dark }} time {{ opacity: .8; font-size: .8em }}</style>\n\
         </head>\n<body>\n<main>\n<h1 dir=\"auto\">{title}</h1>\n",
        attribute(&text.language),
        title = escape(title),
    );
    let mut left = paragraphs.into_iter().peekable();
    let mut say_until = |page: &mut String, end: Time| {
        while let Some(paragraph) = left.next_if(|paragraph| paragraph.start < end) {
            // Writing to a string does not fail.
            let _ = writeln!(page, "<p>{}</p>", said(&paragraph));
        }
    };
    let starts = chapters.iter().map(|chapter| chapter.span.start);
    say_until(&mut page, starts.clone().next().unwrap_or(Time::MAX));
    for (chapter, next) in chapters.iter().zip(starts.skip(1).chain([Time::MAX])) {
        let _ = writeln!(
            page,
            "<h2 dir=\"auto\">{} {}</h2>",
            clock(chapter.span.start),
            escape(&chapter.title)
        );
        say_until(&mut page, next);
    }
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

fn said(paragraph: &Paragraph) -> String {
    let speaker = match &paragraph.speaker {
        Some(speaker) => format!("<b><bdi>{}</bdi>:</b> ", escape(speaker)),
        None => String::new(),
    };
    let words = escape(&paragraph.words);
    format!("{} {speaker}{words}", clock(paragraph.start))
}

fn paragraphs(document: &Document, chapters: &[Chapter]) -> Vec<Paragraph> {
    let chapter_of = |time: Time| {
        chapters
            .iter()
            .rposition(|chapter| chapter.span.start <= time)
    };
    let mut paragraphs: Vec<Paragraph> = Vec::new();
    for cue in document.cues() {
        let words = words(cue);
        if words.is_empty() {
            continue;
        }
        let speaker = cue.voice();
        let last = paragraphs.last_mut().filter(|last| {
            let is_end = last
                .words
                .ends_with(['.', '!', '?', '…', '。', '！', '？', '؟', '।']);
            let length = cue.span.start.saturating_sub(last.start);
            last.speaker == speaker
                && cue.span.start.saturating_sub(last.end) < PAUSE
                && !(is_end && length > LONG)
                && chapter_of(last.start) == chapter_of(cue.span.start)
        });
        match last {
            Some(last) => {
                join(&mut last.words, &words);
                last.end = last.end.max(cue.span.end);
            }
            None => paragraphs.push(Paragraph {
                start: cue.span.start,
                end: cue.span.end,
                speaker,
                words,
            }),
        }
    }
    paragraphs
}

/// Returns the text of a cue in one line.
fn words(cue: &Cue) -> String {
    let mut words = String::new();
    for line in cue.plain_text().lines() {
        join(&mut words, line.trim());
    }
    words
}

/// Appends text after a space, which Chinese, Japanese and Thai do not use.
fn join(words: &mut String, more: &str) {
    let is_spaced = |character: char| {
        !matches!(character,
            '\u{e00}'..='\u{e7f}' | '\u{3000}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}'
            | '\u{ff00}'..='\u{ffef}')
    };
    let between = words.chars().next_back().zip(more.chars().next());
    if between.is_some_and(|(before, after)| is_spaced(before) && is_spaced(after)) {
        words.push(' ');
    }
    words.push_str(more);
}

/// Formats a time to read, with its length for machines (ISO 8601).
fn clock(time: Time) -> String {
    let (secs, shown) = (time.millis() / 1000, time.clock());
    format!("<time datetime=\"PT{secs}S\" dir=\"ltr\">{shown}</time>")
}

fn attribute(text: &str) -> String {
    escape(text).replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::text::TextRole;
    use crate::timeline::Span;
    use crate::webvtt::captions;

    fn page(language: &str, file: &str, chapters: &[(u64, &str)]) -> String {
        let text = Text::new(TextRole::Captions, Some(language.into()), None, &[]);
        let chapters: Vec<Chapter> = chapters
            .iter()
            .map(|&(start, title)| Chapter {
                span: Span::new(Time::from_secs(start), Time::MAX),
                title: title.into(),
            })
            .collect();
        let document = captions::read(file.as_bytes()).expect("captions");
        let page = html("Sets & <maps>", &text, &document, &chapters);
        let (_, main) = page.split_once("<main>\n").expect("a main part");
        let (head, _) = page.split_once("<head>").expect("a head");
        format!(
            "{head}{}",
            main.trim_end_matches("</main>\n</body>\n</html>\n")
        )
    }

    const FILE: &str = "\
WEBVTT

00:01.000 --> 00:03.000
<v Ada>Hello,
it's 1 &lt; 2

00:03.000 --> 00:05.000
<v Ada>and <i>so</i> on.</v>

00:06.000 --> 00:07.000
<v Bob \"B\">Yes?

00:20.000 --> 00:21.000
[laughter]

01:01:00.000 --> 01:01:01.000
<b></b>

01:01:02.000 --> 01:01:03.000
Bye
";

    #[test]
    fn words_are_paragraphs_under_their_chapters() {
        let found = page("en", FILE, &[(5, "A & B"), (10, "Empty"), (15, "Last")]);
        let expected = "<!doctype html>\n<html lang=\"en\" dir=\"ltr\">\n\
            <h1 dir=\"auto\">Sets &amp; &lt;maps&gt;</h1>\n\
            <p><time datetime=\"PT1S\" dir=\"ltr\">0:01</time> <b><bdi>Ada</bdi>:</b> Hello, it's 1 &lt; 2 and so on.</p>\n\
            <h2 dir=\"auto\"><time datetime=\"PT5S\" dir=\"ltr\">0:05</time> A &amp; B</h2>\n\
            <p><time datetime=\"PT6S\" dir=\"ltr\">0:06</time> <b><bdi>Bob \"B\"</bdi>:</b> Yes?</p>\n\
            <h2 dir=\"auto\"><time datetime=\"PT10S\" dir=\"ltr\">0:10</time> Empty</h2>\n\
            <h2 dir=\"auto\"><time datetime=\"PT15S\" dir=\"ltr\">0:15</time> Last</h2>\n\
            <p><time datetime=\"PT20S\" dir=\"ltr\">0:20</time> [laughter]</p>\n\
            <p><time datetime=\"PT3662S\" dir=\"ltr\">1:01:02</time> Bye</p>\n";
        assert_eq!(found, expected);
    }

    #[test]
    fn arabic_runs_from_the_right_and_japanese_without_spaces() {
        assert!(page("ar", FILE, &[]).contains("<html lang=\"ar\" dir=\"rtl\">"));
        let file =
            "WEBVTT\n\n00:01.000 --> 00:02.000\n日本\n語\n\n00:02.000 --> 00:03.000\nOK go\n";
        assert!(page("ja", file, &[]).contains("日本語OK go"));
    }
}
