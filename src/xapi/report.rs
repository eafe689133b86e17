// SPDX-License-Identifier: MPL-2.0

//! Report on what many viewers of a video watched most, dropped and watched again.

use std::{collections::BTreeMap, fmt::Write};

use serde_json::Value;

use super::{
    Session, Verb, iri,
    segments::{self, Segment},
    units,
};
use crate::timeline::Time;

/// Result of one registration.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Viewing {
    pub activity: String,
    pub name: Option<String>,
    /// Length in milliseconds.
    pub length: u64,
    pub sessions: u32,
    pub played: Vec<Segment>,
    /// Last position of the viewer.
    pub position: u64,
    pub completed: bool,
}

/// A part of the video, with its viewing figures.
#[derive(Clone, PartialEq, Debug)]
pub struct Part {
    pub title: String,
    /// Start in milliseconds.
    pub start: u64,
    pub end: u64,
    /// Number of times it was played, averaged over its duration.
    pub views: f64,
    /// Number of viewers who saw any of it.
    pub viewers: usize,
    /// Number of times it was played by viewers who had already seen it.
    pub again: f64,
    /// Number of viewers who stopped in it for good without having completed the video.
    pub dropped: usize,
}

/// One video with all of its viewers.
#[derive(Clone, PartialEq, Debug)]
pub struct Report {
    pub activity: String,
    pub name: Option<String>,
    /// Length in milliseconds, the longest reported one.
    pub length: u64,
    pub viewers: usize,
    pub sessions: u32,
    pub completed: usize,
    /// Average over viewers.
    pub progress: f64,
    pub parts: Vec<Part>,
    /// Views of each time step, for a plot.
    pub views: Vec<u32>,
    /// Milliseconds of each time step.
    pub step: u64,
}

/// Largest number of points of the plot.
const POINTS: u64 = 400;
/// Number of parts of a video without chapters.
const PARTS: u64 = 10;

/// Returns the viewings in statements: for each registration the newest one that contains what was
/// played.
pub fn of_statements(statements: &[Value]) -> Vec<Viewing> {
    let mut found: BTreeMap<(String, String), (u64, Viewing)> = BTreeMap::new();
    for statement in statements {
        let verb = statement["verb"]["id"].as_str().and_then(Verb::from_iri);
        let (Some(verb), Some(activity)) = (verb, statement["object"]["id"].as_str()) else {
            continue;
        };
        let context = &statement["context"];
        let result = &statement["result"]["extensions"];
        let whose = context["registration"].as_str().map_or_else(
            || super::actor::identity(&statement["actor"]),
            str::to_owned,
        );
        let at = statement["timestamp"]
            .as_str()
            .and_then(units::timestamp_from_text)
            .unwrap_or(0);
        let (newest, viewing) = found
            .entry((activity.to_owned(), whose))
            .or_insert_with(|| (0, Viewing::default()));
        viewing.activity = activity.to_owned();
        if let Some(names) = statement["object"]["definition"]["name"].as_object() {
            viewing.name = names
                .values()
                .next()
                .and_then(Value::as_str)
                .map(str::to_owned);
        }
        viewing.sessions += u32::from(verb == Verb::Initialized);
        viewing.completed |= verb == Verb::Completed;
        if at < *newest {
            continue;
        }
        *newest = at;
        if let Some(length) = units::thousandths(&context["extensions"][iri::LENGTH]) {
            viewing.length = length;
        }
        for name in [iri::TIME, iri::TIME_TO] {
            if let Some(position) = units::thousandths(&result[name]) {
                viewing.position = position;
            }
        }
        if let Some(Ok(played)) = result[iri::PLAYED_SEGMENTS]
            .as_str()
            .map(segments::from_text)
        {
            viewing.played = played;
        }
    }
    found.into_values().map(|(_, viewing)| viewing).collect()
}

/// Returns the viewing of a session in the journal.
pub fn of_session(session: &Session) -> Viewing {
    let history = session.history();
    Viewing {
        activity: session.plan().activity_id.clone(),
        name: session.plan().activity_name.clone(),
        length: session.length(),
        sessions: history.sessions,
        played: session.played(),
        position: session.position(),
        completed: history.completed,
    }
}

/// Makes a report for each video. `chapters` (title, start, end in milliseconds) are the parts;
/// without them the video is divided into tenths.
pub fn reports(viewings: &[Viewing], chapters: &[(String, u64, u64)]) -> Vec<Report> {
    let mut videos: BTreeMap<&str, Vec<&Viewing>> = BTreeMap::new();
    for viewing in viewings.iter().filter(|viewing| viewing.length > 0) {
        videos.entry(&viewing.activity).or_default().push(viewing);
    }
    videos
        .into_values()
        .map(|viewings| report(&viewings, chapters))
        .collect()
}

fn report(viewings: &[&Viewing], chapters: &[(String, u64, u64)]) -> Report {
    let length = viewings
        .iter()
        .map(|viewing| viewing.length)
        .max()
        .unwrap_or(0);
    let mut parts: Vec<(String, u64, u64)> = chapters.to_vec();
    if parts.is_empty() {
        parts = (0..PARTS)
            .map(|tenth| {
                let part =
                    |number| (u128::from(length) * u128::from(number) / u128::from(PARTS)) as u64;
                let (start, end) = (part(tenth), part(tenth + 1));
                (format!("{} to {}", clock(start), clock(end)), start, end)
            })
            .collect();
    }
    let step = (length / POINTS).max(1000);
    let mut views = vec![0; length.div_ceil(step) as usize];
    for &(from, to) in viewings.iter().flat_map(|viewing| &viewing.played) {
        // A step counts if its middle was played.
        let first = from.saturating_add(step / 2) / step;
        let middle = |at: u64| (at * step).saturating_add(step / 2);
        for view in (first..views.len() as u64).take_while(|&at| middle(at) < to) {
            views[view as usize] += 1;
        }
    }
    let covered =
        |viewing: &Viewing| segments::covered(viewing.played.iter().copied(), viewing.length);
    let progress: f64 = viewings
        .iter()
        .map(|viewing| covered(viewing) as f64 / viewing.length as f64)
        .sum();
    Report {
        activity: viewings[0].activity.clone(),
        name: viewings.iter().find_map(|viewing| viewing.name.clone()),
        length,
        viewers: viewings.len(),
        sessions: viewings.iter().map(|viewing| viewing.sessions).sum(),
        completed: viewings.iter().filter(|viewing| viewing.completed).count(),
        progress: progress / viewings.len() as f64,
        parts: parts
            .into_iter()
            .map(|part| told(part, viewings, length))
            .collect(),
        views,
        step,
    }
}

fn told((title, start, end): (String, u64, u64), viewings: &[&Viewing], length: u64) -> Part {
    let inside = |&(from, to): &Segment| (from.max(start), to.min(end));
    let real = |&(from, to): &Segment| from < to;
    let mut part = Part {
        title,
        start,
        end,
        views: 0.0,
        viewers: 0,
        again: 0.0,
        dropped: 0,
    };
    let span = end.saturating_sub(start).max(1) as f64;
    for viewing in viewings {
        let played: Vec<Segment> = viewing.played.iter().map(inside).filter(real).collect();
        let total = (played.iter()).fold(0_u64, |sum, (from, to)| sum.saturating_add(to - from));
        let once: u64 = segments::union(played, length)
            .iter()
            .map(|(from, to)| to - from)
            .sum();
        part.views += total as f64 / span;
        part.again += total.saturating_sub(once) as f64 / span;
        part.viewers += usize::from(once > 0);
        let stopped = (start..end).contains(&viewing.position.min(length.saturating_sub(1)));
        part.dropped += usize::from(stopped && !viewing.completed);
    }
    part
}

/// Formats milliseconds for people.
pub fn clock(ms: u64) -> String {
    Time::from_millis(ms).clock()
}

/// Draws a plot of views over time, one panel per video, as an SVG document.
pub fn svg(reports: &[Report]) -> String {
    const WIDTH: f64 = 900.0;
    const PANEL: f64 = 220.0;
    let (left, plot, height) = (60.0, WIDTH - 90.0, 130.0);
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;");
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" \
         fill=\"white\"/>\n",
        PANEL * reports.len().max(1) as f64
    );
    for (index, report) in reports.iter().enumerate() {
        let (top, most) = (
            PANEL * index as f64 + 40.0,
            report.views.iter().max().copied().unwrap_or(0).max(1),
        );
        let x = |ms: u64| left + plot * ms as f64 / report.length.max(1) as f64;
        let y = |views: f64| top + height * (1.0 - views / f64::from(most));
        let mut line = format!("{left},{:.1}", y(0.0));
        for (at, views) in report.views.iter().enumerate() {
            let from = (at as u64).saturating_mul(report.step);
            let to = from.saturating_add(report.step);
            for ms in [from, to.min(report.length)] {
                // Writing to a string does not fail.
                let _ = write!(line, " {:.1},{:.1}", x(ms), y(f64::from(*views)));
            }
        }
        let _ = write!(line, " {:.1},{:.1}", x(report.length), y(0.0));
        let title = escape(report.name.as_deref().unwrap_or(&report.activity));
        let _ = writeln!(
            out,
            "<text x=\"{left}\" y=\"{:.1}\" font-size=\"15\">{title}: views over time</text>",
            top - 18.0
        );
        for part in &report.parts {
            let _ = writeln!(
                out,
                "<line x1=\"{0:.1}\" x2=\"{0:.1}\" y1=\"{top:.1}\" y2=\"{1:.1}\" stroke=\"#ccc\"><title>{2}</title></line>",
                x(part.start),
                top + height,
                escape(&part.title)
            );
        }
        let _ = writeln!(
            out,
            "<polygon points=\"{line}\" fill=\"#7aa6d8\" stroke=\"#2f6db0\"/>"
        );
        for (views, label) in [(0, "0".to_owned()), (most, most.to_string())] {
            let _ = writeln!(
                out,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
                left - 8.0,
                y(f64::from(views)) + 4.0
            );
        }
        for quarter in 0..=4 {
            let at = (report.length / 4).saturating_mul(quarter) + report.length % 4 * quarter / 4;
            let _ = writeln!(
                out,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                x(at),
                top + height + 18.0,
                clock(at)
            );
        }
    }
    out.push_str("</svg>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn viewing(played: &[Segment], position: u64, completed: bool) -> Viewing {
        Viewing {
            activity: "https://example.org/class/7".into(),
            name: Some("Class <7>".into()),
            length: 100_000,
            sessions: 1,
            played: played.to_vec(),
            position,
            completed,
        }
    }

    #[test]
    fn views_drops_and_repeats_are_counted() {
        let viewings = [
            viewing(&[(0, 100_000)], 100_000, true),
            viewing(&[(0, 30_000), (20_000, 30_000)], 30_000, false),
        ];
        let chapters = [("One".into(), 0, 30_000), ("Two".into(), 30_000, 100_000)];
        let reports = reports(&viewings, &chapters);
        let report = &reports[0];
        assert_eq!(
            (report.viewers, report.completed, report.sessions),
            (2, 1, 2)
        );
        assert!((report.progress - 0.65).abs() < 1e-9);
        let (one, two) = (&report.parts[0], &report.parts[1]);
        assert_eq!((one.viewers, two.viewers), (2, 1));
        assert!((one.views - (2.0 + 1.0 / 3.0)).abs() < 1e-9);
        assert!((one.again - 1.0 / 3.0).abs() < 1e-9);
        assert_eq!((one.dropped, two.dropped), (0, 1));
        assert_eq!(
            (report.views[0], report.views[25], report.views[60]),
            (2, 3, 1)
        );
        let svg = svg(&reports);
        assert!(svg.contains("Class &lt;7>") && svg.ends_with("</svg>\n"));
    }

    #[test]
    fn statements_and_the_journal_say_the_same() {
        use crate::xapi::{
            Facts, History, Input,
            tests::{ids, plan},
        };
        let mut ids = ids();
        let mut session = Session::new(
            plan(500, false),
            History::new(ids(), None),
            Facts::default(),
        );
        let said: Vec<Value> = [
            Input::Length(20_000),
            Input::Play { at: 0, rate: 1.0 },
            Input::Tick { at: 12_000 },
            Input::Terminate { at: 12_000 },
        ]
        .into_iter()
        .zip(1..)
        .flat_map(|(input, turn)| session.apply(input, turn * 1000, &mut ids))
        .map(|statement| serde_json::from_str(&statement.json).expect("JSON"))
        .collect();
        assert_eq!(of_statements(&said), [of_session(&session)]);
    }

    #[test]
    fn a_length_beyond_all_time_is_told_in_tenths() {
        let mut endless = viewing(&[(0, u64::MAX), (1, u64::MAX)], u64::MAX, false);
        endless.length = u64::MAX;
        let reports = reports(&[endless], &[]);
        assert_eq!(reports[0].parts.len() as u64, PARTS);
        assert_eq!(reports[0].parts[9].end, u64::MAX);
        assert!(svg(&reports).contains("</svg>"));
    }
}
