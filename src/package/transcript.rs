// SPDX-License-Identifier: MPL-2.0

//! Transcript of a class: one HTML page made from its captions, the text of its slides and its
//! chapters.

use std::fmt::Write;

use super::chapters::Chapter;
use super::manifest::{PointEntry, SummaryEntry};
use super::slides::Slide;
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

/// Parts of the page between its headings, in the package's time.
#[derive(Clone, Copy, Default)]
pub struct Material<'a> {
    pub captions: Option<&'a Document>,
    pub chapters: &'a [Chapter],
    pub slides: &'a [Slide],
    pub summary: Option<&'a SummaryEntry>,
}

/// Returns the page in the language of a text. `title` is the class's.
pub fn html(title: &str, text: &Text, material: Material<'_>) -> String {
    let chapters = material.chapters;
    let captions = material
        .captions
        .map(|document| paragraphs(document, chapters));
    let spoken = captions.into_iter().flatten();
    let spoken = spoken.map(|paragraph| (paragraph.start, format!("<p>{}</p>", said(&paragraph))));
    let shown = material.slides.iter().map(|slide| {
        let start = Time::from_secs_f64(slide.start);
        (start, shown(slide))
    });
    let mut parts: Vec<(Time, String)> = shown.chain(spoken).collect();
    // Stable: a slide stands before what is said about it.
    parts.sort_by_key(|(start, _)| *start);
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
         color-scheme: light dark }} time {{ opacity: .8; font-size: .8em }} \
         .slide {{ border-inline-start: .2em solid; padding-inline-start: .8em }}</style>\n\
         </head>\n<body>\n<main>\n<h1 dir=\"auto\">{title}</h1>\n",
        attribute(&text.language),
        title = escape(title),
    );
    if let Some(summary) = material.summary {
        page.push_str(&listed("Summary", &summary.sentences));
        page.push_str(&listed("Key points", &summary.key_points));
    }
    let mut left = parts.into_iter().peekable();
    let mut say_until = |page: &mut String, end: Time| {
        while let Some((_, part)) = left.next_if(|(start, _)| *start < end) {
            // Writing to a string does not fail.
            let _ = writeln!(page, "{part}");
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

/// Returns a part of the summary: nothing if it is empty.
fn listed(heading: &str, points: &[PointEntry]) -> String {
    if points.is_empty() {
        return String::new();
    }
    let item = |point: &PointEntry| {
        let start = point
            .start
            .map(|start| clock(Time::from_secs_f64(start)) + " ");
        let text = escape(&point.text);
        format!(
            "<li dir=\"auto\">{}{text}</li>\n",
            start.unwrap_or_default()
        )
    };
    let items: String = points.iter().map(item).collect();
    format!("<h2 lang=\"en\" dir=\"ltr\">{heading}</h2>\n<ul>\n{items}</ul>\n")
}

/// Returns the text of a slide; its lines stay.
fn shown(slide: &Slide) -> String {
    let lines: Vec<String> = slide.text.lines().map(escape).collect();
    let start = clock(Time::from_secs_f64(slide.start));
    format!(
        "<p class=\"slide\" dir=\"auto\">{start} {}</p>",
        lines.join("<br>")
    )
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
        let material = Material {
            captions: Some(&document),
            chapters: &chapters,
            ..Material::default()
        };
        let page = html("Sets & <maps>", &text, material);
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
    fn slides_stand_before_what_is_said_about_them_and_their_text_is_no_html() {
        let text = Text::new(TextRole::Slides, Some("en".into()), None, &[]);
        let document = captions::read(b"WEBVTT\n\n00:05.000 --> 00:06.000\nSee <i>this</i>\n")
            .expect("captions");
        let slide = Slide {
            start: 5.0,
            end: 9.0,
            text: "</p><script>alert(1)</script>\nA & B".into(),
            image: None,
        };
        let summary = SummaryEntry {
            sentences: vec![PointEntry {
                start: Some(5.0),
                text: "1 < 2".into(),
            }],
            key_points: Vec::new(),
        };
        let material = Material {
            captions: Some(&document),
            slides: std::slice::from_ref(&slide),
            summary: Some(&summary),
            ..Material::default()
        };
        let page = html("Class", &text, material);
        let expected = "<p class=\"slide\" dir=\"auto\"><time datetime=\"PT5S\" dir=\"ltr\">0:05</time> \
            &lt;/p&gt;&lt;script&gt;alert(1)&lt;/script&gt;<br>A &amp; B</p>\n\
            <p><time datetime=\"PT5S\" dir=\"ltr\">0:05</time> See this</p>\n";
        assert!(page.contains(expected), "{page}");
        let summary = "<ul>\n<li dir=\"auto\"><time datetime=\"PT5S\" dir=\"ltr\">0:05</time> 1 &lt; 2</li>\n</ul>\n";
        assert!(page.contains(summary), "{page}");
        assert!(!page.contains("Key points"), "{page}");
    }

    #[test]
    fn arabic_runs_from_the_right_and_japanese_without_spaces() {
        assert!(page("ar", FILE, &[]).contains("<html lang=\"ar\" dir=\"rtl\">"));
        let file =
            "WEBVTT\n\n00:01.000 --> 00:02.000\n日本\n語\n\n00:02.000 --> 00:03.000\nOK go\n";
        assert!(page("ja", file, &[]).contains("日本語OK go"));
    }
}
