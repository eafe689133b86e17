// SPDX-License-Identifier: MPL-2.0

//! Topic boundaries and titles on real transcripts.
//!
//! Boundaries: Pk (D. Beeferman, A. Berger, J. Lafferty 1999, window of half the mean topic), lower
//! is better, per file with known and unknown number of topics, beside no boundary at all,
//! equidistant ones, and TextTiling. Then how often boundaries of some confidence are right, titles
//! beside those that people gave, and the time that eight hours of transcript take.
//!
//! `LECTURE_SHARED=… cargo bench --bench topics --no-default-features`

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Instant;
use std::{env, fs, io};

use gstlecture::timeline::Time;
use gstlecture::topics::{Options, Sentence, segment, titles};
use gstlecture::webvtt;

/// A transcript and where its topics start (sentence indices, without 0).
struct Case {
    name: String,
    sentences: Vec<Sentence>,
    truth: Vec<usize>,
    /// Titles of all topics, where people gave some.
    titles: Vec<String>,
}

impl Case {
    fn topics(&self) -> usize {
        self.truth.len() + 1
    }

    fn find(&self, topics: Option<usize>) -> Vec<(usize, f64)> {
        let options = Options {
            topics,
            ..Options::default()
        };
        segment(&self.sentences, &options)
            .iter()
            .map(|boundary| (boundary.sentence, boundary.confidence))
            .collect()
    }

    fn window(&self) -> usize {
        let half = self.sentences.len() as f64 / self.topics() as f64 / 2.0;
        (half.round() as usize).max(1)
    }

    /// Share of windows whose ends are wrongly said to be of one topic or of two.
    fn pk(&self, found: &[usize]) -> f64 {
        let window = self.window();
        let topic = |starts: &[usize], at: usize| starts.partition_point(|&start| start <= at);
        let one = |starts: &[usize], at: usize| topic(starts, at) == topic(starts, at + window);
        let windows = self.sentences.len().saturating_sub(window);
        let wrong = (0..windows)
            .filter(|&at| one(&self.truth, at) != one(found, at))
            .count();
        wrong as f64 / windows.max(1) as f64
    }
}

fn equidistant(sentences: usize, topics: usize) -> Vec<usize> {
    (1..topics)
        .map(|topic| topic * sentences / topics)
        .collect()
}

/// M. Hearst's TextTiling (1997) with a known number of topics: boundaries at the deepest valleys
/// of the cosine between the words of ten sentences before and after.
fn text_tiling(sentences: &[Sentence], topics: usize) -> Vec<usize> {
    const BLOCK: usize = 10;
    let counts = |range: Range<usize>| {
        let mut counts: HashMap<String, f64> = HashMap::new();
        for sentence in &sentences[range] {
            for word in sentence.text.split(|c: char| !c.is_alphanumeric()) {
                if word.len() > 3 {
                    *counts.entry(word.to_lowercase()).or_default() += 1.0;
                }
            }
        }
        counts
    };
    let norm = |counts: &HashMap<String, f64>| counts.values().map(|n| n * n).sum::<f64>().sqrt();
    let n = sentences.len();
    let cosines: Vec<f64> = (0..n)
        .map(|at| {
            let before = counts(at.saturating_sub(BLOCK)..at);
            let after = counts(at..(at + BLOCK).min(n));
            let product: f64 = before
                .iter()
                .filter_map(|(word, count)| after.get(word).map(|other| count * other))
                .sum();
            product / (norm(&before) * norm(&after)).max(1e-9)
        })
        .collect();
    // How far the cosine climbs on a side before it falls again.
    let climb = |side: &mut dyn Iterator<Item = usize>, from: f64| {
        side.map(|at| cosines[at])
            .scan(from, |last, cosine| {
                (cosine >= *last).then(|| {
                    *last = cosine;
                    cosine
                })
            })
            .last()
            .unwrap_or(from)
    };
    let mut valleys: Vec<(f64, usize)> = (1..n)
        .map(|at| {
            let left = climb(&mut (0..at).rev(), cosines[at]);
            let right = climb(&mut (at + 1..n), cosines[at]);
            (left + right - 2.0 * cosines[at], at)
        })
        .collect();
    valleys.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut found: Vec<usize> = Vec::new();
    for (_, at) in valleys {
        if found.len() + 1 >= topics {
            break;
        }
        if found.iter().all(|other| other.abs_diff(at) > 2) {
            found.push(at);
        }
    }
    found.sort_unstable();
    found
}

/// One sentence a line, `=====` between topics.
fn lecture(path: &Path) -> io::Result<Case> {
    let mut sentences = Vec::new();
    let mut truth = Vec::new();
    for line in fs::read_to_string(path)?.lines() {
        if line.starts_with("=====") {
            truth.push(sentences.len());
        } else {
            sentences.push(Sentence {
                span: None,
                text: line.to_owned(),
            });
        }
    }
    truth.retain(|&at| at > 0 && at < sentences.len());
    Ok(Case {
        name: path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        sentences,
        truth,
        titles: Vec::new(),
    })
}

fn cues(path: &Path) -> io::Result<Vec<Sentence>> {
    let document = webvtt::read(&fs::read(path)?).map_err(io::Error::other)?;
    Ok(document
        .cues()
        .map(|cue| Sentence {
            span: Some(cue.span),
            text: cue.plain_text(),
        })
        .collect())
}

fn meeting(folder: &Path, name: &str, level: &str) -> io::Result<Case> {
    let sentences = cues(&folder.join(format!("{name}.transcript.vtt")))?;
    let topics = cues(&folder.join(format!("{name}.{level}.vtt")))?;
    let mut starts: Vec<(usize, String)> = topics
        .into_iter()
        .filter_map(|topic| {
            // Cues and topics were timed by different hands.
            let start = topic.span?.start.saturating_sub(Time::from_millis(500));
            let first = sentences
                .iter()
                .position(|cue| cue.span.is_some_and(|span| span.start >= start))?;
            Some((first, topic.text))
        })
        .collect();
    starts.sort();
    starts.dedup_by_key(|start| start.0);
    Ok(Case {
        name: format!("{name} {level}"),
        sentences,
        truth: starts
            .iter()
            .map(|start| start.0)
            .filter(|&at| at > 0)
            .collect(),
        titles: starts.into_iter().map(|start| start.1).collect(),
    })
}

/// Groups of cases: lectures by the first words of their names, meetings by level.
fn groups(data: &Path) -> io::Result<Vec<(String, Vec<Case>)>> {
    let names = |folder: &Path, end: &str| -> io::Result<Vec<String>> {
        let mut names: Vec<String> = fs::read_dir(folder)?
            .flatten()
            .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(end)?.to_owned()))
            .collect();
        names.sort();
        Ok(names)
    };
    let mut groups: Vec<(String, Vec<Case>)> = Vec::new();
    let lectures = data.join("lectures");
    for name in names(&lectures, ".txt")? {
        let group: String = name.split('-').take(2).collect::<Vec<_>>().join(" ");
        let case = lecture(&lectures.join(format!("{name}.txt")))?;
        match groups.iter_mut().find(|(other, _)| *other == group) {
            Some((_, cases)) => cases.push(case),
            None => groups.push((group, vec![case])),
        }
    }
    let meetings = data.join("meetings");
    for level in ["chapters", "sections"] {
        let cases: io::Result<Vec<Case>> = names(&meetings, ".transcript.vtt")?
            .iter()
            .map(|name| meeting(&meetings, name, level))
            .collect();
        groups.push((format!("meetings, {level}"), cases?));
    }
    Ok(groups)
}

fn boundaries(groups: &[(String, Vec<Case>)]) {
    println!(
        "Pk                            topics   none  equid.  tiling   known  unknown (topics)"
    );
    // Boundaries found and those with a true one within a quarter of a topic, by confidence.
    let mut right = [[0usize; 2]; 4];
    for (group, cases) in groups {
        let mut means = [0.0; 5];
        for case in cases {
            let starts = |found: &[(usize, f64)]| found.iter().map(|f| f.0).collect::<Vec<_>>();
            let unknown = case.find(None);
            for (at, confidence) in &unknown {
                let bin = &mut right[((confidence * 4.0) as usize).min(3)];
                let near = case.window() / 2;
                bin[0] += 1;
                bin[1] += usize::from(case.truth.iter().any(|t| t.abs_diff(*at) <= near));
            }
            let row = [
                case.pk(&[]),
                case.pk(&equidistant(case.sentences.len(), case.topics())),
                case.pk(&text_tiling(&case.sentences, case.topics())),
                case.pk(&starts(&case.find(Some(case.topics())))),
                case.pk(&starts(&unknown)),
            ];
            for (mean, value) in means.iter_mut().zip(row) {
                *mean += value / cases.len() as f64;
            }
            println!(
                "{:30}{:6}{} ({})",
                case.name,
                case.topics(),
                row.map(|value| format!("{value:8.3}")).concat(),
                unknown.len() + 1
            );
        }
        println!(
            "{:30}{:6}{}\n",
            format!("= {group}"),
            "",
            means.map(|value| format!("{value:8.3}")).concat()
        );
    }
    println!("Boundaries with a true one within a quarter of a topic, by confidence");
    for (bin, [found, near]) in right.iter().enumerate() {
        let low = bin as f64 / 4.0;
        println!("{low:.2} to {:.2}: {near} of {found}", low + 0.25);
    }
}

fn named(groups: &[(String, Vec<Case>)]) {
    println!("\nTitles of the true topics");
    for case in groups.iter().flat_map(|(_, cases)| cases) {
        println!("{}", case.name);
        let mut edges = vec![0];
        edges.extend(&case.truth);
        edges.push(case.sentences.len());
        let ranges: Vec<Range<usize>> = edges.windows(2).map(|pair| pair[0]..pair[1]).collect();
        let found = titles(&case.sentences, &ranges, None);
        for (index, title) in found.iter().enumerate() {
            let given = match case.titles.get(index) {
                Some(given) => given,
                None => &case.sentences[ranges[index].start].text,
            };
            let given: String = given.chars().take(60).collect();
            println!("    {:49} | {given}", title.as_deref().unwrap_or("-"));
        }
    }
}

/// All lectures one after another until there are eight hours.
fn eight_hours(groups: &[(String, Vec<Case>)]) {
    const WORDS: usize = 100_000;
    let mut words = 0;
    let said: Vec<Sentence> = groups
        .iter()
        .flat_map(|(_, cases)| cases)
        .flat_map(|case| &case.sentences)
        .cycle()
        .take_while(|sentence| {
            words += sentence.text.split_whitespace().count();
            words < WORDS
        })
        .cloned()
        .collect();
    let start = Instant::now();
    let found = segment(&said, &Options::default());
    let segmented = start.elapsed();
    let mut edges = vec![0];
    edges.extend(found.iter().map(|boundary| boundary.sentence));
    edges.push(said.len());
    let ranges: Vec<Range<usize>> = edges.windows(2).map(|pair| pair[0]..pair[1]).collect();
    let start = Instant::now();
    titles(&said, &ranges, None);
    println!(
        "\n{WORDS} words in {} sentences: {} topics in {:.2} s, their titles in {:.2} s",
        said.len(),
        ranges.len(),
        segmented.as_secs_f64(),
        start.elapsed().as_secs_f64()
    );
}

fn main() -> io::Result<()> {
    let shared = env::var_os("LECTURE_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"),
        PathBuf::from,
    );
    let data = shared.join("data/topics");
    if !data.is_dir() {
        println!(
            "skipped: no {}; LECTURE_SHARED names the folder",
            data.display()
        );
        return Ok(());
    }
    let groups = groups(&data)?;
    boundaries(&groups);
    named(&groups);
    eight_hours(&groups);
    Ok(())
}
