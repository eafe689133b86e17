// SPDX-License-Identifier: MPL-2.0

use proptest::prelude::*;

use super::*;

const FILE: &str = "\
WEBVTT Kind: captions
Language: ar

NOTE private remark

STYLE
::cue(v) { color: yellow }

REGION
id:bottom
width:40%

first
00:00:02.000 --> 00:00:05.000 region:bottom align:start
<v Ada>Hello &amp; welcome</v>
second line

00:00:12.000 --> 00:00:14.000
cut away

00:00:17.000 --> 00:00:23.000 line:0
over the cut

first
00:00:29.900 --> 00:00:33.000
a flash

00:00:24.000 --> 00:00:25.000
مرحبا
";

fn cuts(kept: &[(u64, u64)]) -> CutList {
    let spans = kept
        .iter()
        .map(|&(start, end)| Span::new(Time::from_secs(start), Time::from_secs(end)));
    CutList::new(spans).expect("valid spans")
}

fn lines(problems: &[Problem]) -> Vec<usize> {
    problems.iter().map(|problem| problem.line).collect()
}

#[test]
fn a_cue_that_touches_a_silent_span_goes_whole() {
    let text = "WEBVTT\n\n00:01.000 --> 00:03.000\nbefore\n\n\
        00:03.000 --> 00:05.001\nHello <00:04.000>there <00:05.000>Ada\n\n\
        00:05.500 --> 00:06.000\ninside\n\n00:06.999 --> 00:09.000\nover the end\n\n\
        00:07.000 --> 00:08.000\nafter\n";
    let document = read(text.as_bytes()).expect("captions");
    let silent = [Span::new(Time::from_secs(5), Time::from_secs(7))];
    let left = retime(&document, &cuts(&[(1, 20)]), &silent, Time::from_secs(60));
    let said: Vec<String> = left.cues().map(Cue::plain_text).collect();
    assert_eq!(said, ["before", "after"]);
}

#[test]
fn captions_follow_the_cuts() {
    let document = read(FILE.as_bytes()).expect("captions");
    let moved = retime(
        &document,
        &cuts(&[(3, 10), (20, 30)]),
        &[],
        Time::from_secs(60),
    );
    assert_eq!(
        moved.to_string(),
        "\
WEBVTT

STYLE
::cue(v) { color: yellow }

REGION
id:bottom
width:40%

first
00:00:00.000 --> 00:00:02.000 region:bottom align:start
<v Ada>Hello &amp; welcome</v>
second line

00:00:07.000 --> 00:00:10.000 line:0
over the cut

00:00:11.000 --> 00:00:12.000
مرحبا
"
    );
}

#[test]
fn cues_over_a_cut_are_told() {
    let document = read(FILE.as_bytes()).expect("captions");
    let cuts = cuts(&[(3, 10), (20, 30)]).cuts(Time::from_secs(60));
    let over: Vec<usize> = over_cuts(&document, &cuts)
        .iter()
        .map(|cue| cue.line)
        .collect();
    assert_eq!(over, [13, 21, 24]);
}

#[test]
fn nothing_is_shown_past_the_end() {
    let document = read(FILE.as_bytes()).expect("captions");
    let moved = retime(&document, &CutList::keep_all(), &[], Time::from_secs(18));
    let ends: Vec<u64> = moved.cues().map(|cue| cue.span.end.millis()).collect();
    assert_eq!(ends, [5000, 14_000, 18_000]);
}

#[test]
fn what_is_odd_is_said_with_its_line() {
    let document = read(FILE.as_bytes()).expect("captions");
    let problems = check(&document, Some(Time::from_secs(30)));
    assert_eq!(lines(&problems), [24, 24, 28], "{problems:?}");
    let overlap = "WEBVTT\n\n00:01.000 --> 00:03.000\na\n\n00:02.000 --> 00:04.000\nb\n";
    let document = read(overlap.as_bytes()).expect("captions");
    let problems = check(&document, None);
    assert_eq!(lines(&problems), [6]);
    assert!(problems[0].to_string().contains("line 3 by 1.000 s"));
}

#[test]
fn files_that_are_no_captions_are_refused() {
    for (bytes, error) in [
        (&b""[..], ReadError::Empty),
        (b"Dear all,\n\nhello", ReadError::NotCaptions),
        (b"\x89PNG\r\n\x1a\n", ReadError::NotCaptions),
        (b"WEBVTT\n\nNOTE nothing\n", ReadError::NoCue(None)),
    ] {
        assert_eq!(read(bytes), Err(error));
    }
    let srt = read(b"1\r\n00:00:01,000 --> 00:00:02,000\r\nJos\xe9\r\n").expect("SRT");
    assert_eq!(srt.cues().next().map(Cue::plain_text), Some("José".into()));
    assert_eq!(lines(&srt.problems), [3]);
}

/// Cues of whole seconds, apart from each other.
fn any_captions() -> impl Strategy<Value = Vec<(u64, u64)>> {
    prop::collection::vec((0u64..5, 1u64..8), 1..20).prop_map(|list| {
        let mut at = 0;
        list.into_iter()
            .map(|(gap, length)| {
                let start = at + gap;
                at = start + length;
                (start, at)
            })
            .collect()
    })
}

fn any_cuts() -> impl Strategy<Value = CutList> {
    prop::collection::vec((1u64..9, 1u64..20), 1..6).prop_map(|list| {
        let mut at = 0;
        let kept: Vec<(u64, u64)> = list
            .into_iter()
            .map(|(gap, length)| {
                let start = at + gap;
                at = start + length;
                (start, at)
            })
            .collect();
        cuts(&kept)
    })
}

proptest! {
    /// A vendor's captions of what was published come back to where they were.
    #[test]
    fn published_times_go_back_and_forth(list in any_captions(), cuts in any_cuts()) {
        let length = cuts.output_duration();
        let published = Document::new(list.iter().filter_map(|&(start, end)| {
            let span = Span::new(Time::from_secs(start), Time::from_secs(end));
            Some(Cue::new(span.intersection(Span::new(Time::ZERO, length))?, "words"))
        }));
        let again = retime(&to_source(&published, &cuts), &cuts, &[], length);
        prop_assert_eq!(again.to_string(), published.to_string());
    }

    #[test]
    fn moved_captions_are_in_order_and_inside(list in any_captions(), cuts in any_cuts()) {
        let document = Document::new(list.iter().map(|&(start, end)| {
            Cue::new(Span::new(Time::from_secs(start), Time::from_secs(end)), "words")
        }));
        let moved = retime(&document, &cuts, &[], cuts.output_duration());
        prop_assert_eq!(check(&moved, Some(cuts.output_duration())), []);
    }
}

#[test]
fn near_misses_are_read_and_reported() {
    let read = |text: &str| read(text.as_bytes()).expect("captions");
    let srt = read("1\n00:00,000 --> 00:02,000\nFirst\n\n2\n00:02,000 -> 00:04,000\nSecond\n");
    assert_eq!(srt.cues().count(), 2);
    assert_eq!(lines(&srt.problems), [2, 6]);
    let vtt = read("WEBVTT\n\n00:01:39 --> 00:01:41\nOne\n\n00:00:05:12 --> 00:00:06:00\nTwo\n");
    let ends: Vec<u64> = vtt.cues().map(|cue| cue.span.end.millis()).collect();
    assert_eq!(ends, [101_000]);
    assert_eq!(lines(&vtt.problems), [3, 6]);
    assert!(vtt.problems[1].to_string().contains("frames"));
}

#[test]
fn a_file_without_cues_names_the_line_and_the_reason() {
    let error = read(b"1\n00:00:01:12 --> 00:00:02:00\nFirst\n").expect_err("no cue");
    let error = error.to_string();
    assert!(
        error.contains("line 2") && error.contains("frames"),
        "{error}"
    );
}

#[test]
fn an_offset_of_whole_hours_is_taken_off() {
    let captions = |hours: [u64; 2]| {
        let cues = hours.map(|hours| {
            let start = Time::from_secs(hours * 3600 + 60);
            Cue::new(Span::new(start, start.saturating_add(Time::SECOND)), "a")
        });
        Document::new(cues)
    };
    let starts = |document: &Document| -> Vec<u64> {
        document
            .cues()
            .map(|cue| cue.span.start.millis() / 1000)
            .collect()
    };
    let hour = Time::from_secs(3600);
    let mut broadcast = captions([10, 10]);
    assert_eq!(take_hours_off(&mut broadcast, hour), Some(10));
    assert_eq!(starts(&broadcast), [60, 60]);
    // What is not in the recording even so, and what lies in it, stay.
    for (hours, length) in [([10, 12], 1), ([1, 1], 2), ([0, 10], 1)] {
        let mut other = captions(hours);
        let before = starts(&other);
        let length = Time::from_secs(length * 3600);
        assert_eq!(take_hours_off(&mut other, length), None, "{hours:?}");
        assert_eq!(starts(&other), before);
    }
    assert!(!is_seen(&captions([10, 10]), hour));
}
