// SPDX-License-Identifier: MPL-2.0

//! The titles of chapters whose beginning is cut. A chapter that begins in the lobby has the title of
//! the page that is shown there, which nobody sees in the class.

use super::LEFT_OVER;
use crate::timeline::{CutList, Span};
use crate::titles::is_same;

/// A text and the span of the recording that it belongs to.
pub type Titled = (Span, String);

/// Gives chapters that begin in a cut, and have the title of a slide of that cut, the title of the
/// slide with which they begin once it is cut. `slides` are in order of time. Returns the indices of
/// the chapters that have another title now.
pub fn rename_after_cuts(chapters: &mut [Titled], slides: &[Titled], cuts: &CutList) -> Vec<usize> {
    let mut renamed = Vec::new();
    for (index, (span, title)) in chapters.iter_mut().enumerate() {
        let Some(new) = title_after_cut(*span, title, slides, cuts) else {
            continue;
        };
        new.clone_into(title);
        renamed.push(index);
    }
    renamed
}

fn title_after_cut<'a>(
    chapter: Span,
    title: &str,
    slides: &'a [Titled],
    cuts: &CutList,
) -> Option<&'a str> {
    let parts = cuts.kept().filter_map(|kept| {
        let start = kept.start.max(chapter.start);
        let end = kept.end.min(chapter.end);
        (start < end).then_some(Span::new(start, end))
    });
    let parts: Vec<Span> = parts.collect();
    if parts.first()?.start <= chapter.start {
        return None;
    }
    // A slide that goes when the class has just begun is not a slide of the class.
    let is_seen = |slide: &Span| {
        parts
            .iter()
            .any(|part| slide.end > part.start.saturating_add(LEFT_OVER) && slide.start < part.end)
    };
    let seen: Vec<&Titled> = slides.iter().filter(|(span, _)| is_seen(span)).collect();
    let is_of_a_slide = slides
        .iter()
        .any(|(span, text)| chapter.contains(span.start) && is_same(text, title));
    let is_shown = seen.iter().any(|(_, text)| is_same(text, title));
    if !is_of_a_slide || is_shown {
        return None;
    }
    seen.first().map(|(_, text)| text.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::Time;

    fn span(start: u64, end: u64) -> Span {
        Span::new(Time::from_secs(start), Time::from_secs(end))
    }

    /// A class of 100 s from 23 s on, with a lobby and two slides.
    fn renamed(chapters: &[(u64, u64, &str)], slides: &[(u64, u64, &str)]) -> Vec<String> {
        let titled = |(start, end, text): &(u64, u64, &str)| (span(*start, *end), (*text).into());
        let mut chapters: Vec<Titled> = chapters.iter().map(titled).collect();
        let slides: Vec<Titled> = slides.iter().map(titled).collect();
        let cuts = CutList::new([span(23, 100)]).expect("a cut list");
        rename_after_cuts(&mut chapters, &slides, &cuts);
        chapters.into_iter().map(|(_, title)| title).collect()
    }

    #[test]
    fn the_lobby_names_no_chapter() {
        let slides = [
            (0, 22, "Starts soon"),
            (22, 56, "Cells"),
            (56, 100, "Genes"),
        ];
        let chapters = [(0, 56, "Starts soon"), (56, 100, "Genes")];
        assert_eq!(renamed(&chapters, &slides), ["Cells", "Genes"]);
        // The page stands for a moment after the cut.
        let slides = [(0, 26, "Starts soon"), (26, 100, "Cells")];
        assert_eq!(renamed(&[(0, 100, "Starts soon")], &slides), ["Cells"]);
    }

    #[test]
    fn other_titles_stay() {
        let slides = [(0, 22, "Starts soon"), (22, 56, "Cells")];
        for chapters in [
            // Of what is said.
            [(0, 56, "Mitochondria")],
            // Of a slide of the class.
            [(0, 56, "Cells")],
            // It begins after the cut.
            [(30, 56, "Starts soon")],
        ] {
            assert_eq!(renamed(&chapters, &slides), [chapters[0].2]);
        }
        // The title page stays on in the class.
        let slides = [(0, 60, "Biology"), (60, 100, "Cells")];
        assert_eq!(renamed(&[(0, 100, "Biology")], &slides), ["Biology"]);
        // There is no other title.
        let slides = [(0, 22, "Starts soon")];
        assert_eq!(
            renamed(&[(0, 100, "Starts soon")], &slides),
            ["Starts soon"]
        );
    }
}
