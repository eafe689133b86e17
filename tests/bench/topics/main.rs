// SPDX-License-Identifier: MPL-2.0

//! Topic boundaries on real transcripts: Pk (Beeferman, Berger, Lafferty 1999), lower is better,
//! per file, beside "none", equidistant boundaries and TextTiling.
//!
//! `cargo bench --bench topics --no-default-features`

use std::fs;
use std::path::{Path, PathBuf};

use gstlecture::timeline::{Span, Time};
use gstlecture::topics::{Options, Sentence, segment};

/// A transcript and where its topics start (sentence indices, without 0).
struct Case {
    name: String,
    sentences: Vec<Sentence>,
    truth: Vec<usize>,
}

/// Share of windows of half the mean topic whose ends are wrongly called the same or different
/// topics.
fn pk(sentences: usize, truth: &[usize], found: &[usize]) -> f64 {
    let window = ((sentences as f64 / (truth.len() + 1) as f64) / 2.0)
        .round()
        .max(1.0) as usize;
    let label = |boundaries: &[usize], at: usize| boundaries.partition_point(|&b| b <= at);
    let windows = sentences.saturating_sub(window);
    let wrong = (0..windows)
        .filter(|&at| {
            let same = |b: &[usize]| label(b, at) == label(b, at + window);
            same(truth) != same(found)
        })
        .count();
    wrong as f64 / windows.max(1) as f64
}

fn equidistant(sentences: usize, topics: usize) -> Vec<usize> {
    (1..topics)
        .map(|topic| topic * sentences / topics)
        .collect()
}

fn lecture(path: &Path) -> Case {
    let text = fs::read_to_string(path).expect("transcript");
    let mut sentences = Vec::new();
    let mut truth = Vec::new();
    for line in text.lines() {
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
    Case {
        name: path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        sentences,
        truth,
    }
}

fn time(text: &str) -> Time {
    Time::from_secs_f64(text.split(':').fold(0.0, |sum, part| {
        sum * 60.0 + part.parse::<f64>().unwrap_or(0.0)
    }))
}

fn cues(path: &Path) -> Vec<Sentence> {
    let text = fs::read_to_string(path).expect("cues");
    text.split("\n\n")
        .filter_map(|block| {
            let (times, text) = block.trim().split_once('\n')?;
            let (start, end) = times.split_once(" --> ")?;
            Some(Sentence {
                span: Some(Span::new(time(start), time(end.trim()))),
                text: text.to_owned(),
            })
        })
        .collect()
}

fn meeting(folder: &Path, number: usize, level: &str) -> Case {
    let sentences = cues(&folder.join(format!("meeting-{number}.transcript.vtt")));
    let starts = cues(&folder.join(format!("meeting-{number}.{level}.vtt")));
    let mut truth: Vec<usize> = starts
        .iter()
        .skip(1)
        .filter_map(|start| {
            sentences.iter().position(|s| {
                s.span
                    .map(|s| s.start.saturating_add(Time::from_millis(500)))
                    >= start.span.map(|s| s.start)
            })
        })
        .filter(|&at| at > 0)
        .collect();
    truth.sort_unstable();
    truth.dedup();
    Case {
        name: format!("meeting-{number} {level}"),
        sentences,
        truth,
    }
}

fn main() {
    let shared = std::env::var_os("LECTURE_SHARED")
        .map_or_else(|| PathBuf::from("/work/shared"), PathBuf::from);
    let topics = shared.join("data/topics");
    let mut groups: Vec<(String, Vec<Case>)> = Vec::new();
    for group in ["ai-manual", "physics-manual", "physics-asr"] {
        let mut paths: Vec<PathBuf> = fs::read_dir(topics.join("lectures"))
            .expect("lectures")
            .flatten()
            .map(|e| e.path())
            .filter(|p| p.file_name().unwrap().to_string_lossy().starts_with(group))
            .collect();
        paths.sort();
        groups.push((group.into(), paths.iter().map(|p| lecture(p)).collect()));
    }
    for level in ["chapters", "sections"] {
        groups.push((
            format!("meetings {level}"),
            (1..=5)
                .map(|n| meeting(&topics.join("meetings"), n, level))
                .collect(),
        ));
    }
    let quiet = std::env::var_os("QUIET").is_some();
    let mut all = [0.0; 4];
    for (group, cases) in &groups {
        let mut sums = [0.0; 4];
        for case in cases {
            let n = case.sentences.len();
            let k = case.truth.len() + 1;
            let find = |topics| -> Vec<usize> {
                segment(
                    &case.sentences,
                    &Options {
                        topics,
                        language: Some("en".into()),
                        ..Options::default()
                    },
                )
                .iter()
                .map(|b| b.sentence)
                .collect()
            };
            let known = find(Some(k));
            let unknown = find(None);
            let row = [
                pk(n, &case.truth, &[]),
                pk(n, &case.truth, &equidistant(n, k)),
                pk(n, &case.truth, &known),
                pk(n, &case.truth, &unknown),
            ];
            for (s, r) in sums.iter_mut().zip(row) {
                *s += r / cases.len() as f64;
            }
            if !quiet {
                println!(
                    "{:28} n {n:4} topics {k:2} none {:.3} equi {:.3} known {:.3} unknown {:.3} ({})",
                    case.name,
                    row[0],
                    row[1],
                    row[2],
                    row[3],
                    unknown.len() + 1
                );
            }
        }
        println!(
            "= {group:26} none {:.3} equi {:.3} known {:.3} unknown {:.3}",
            sums[0], sums[1], sums[2], sums[3]
        );
        for (a, s) in all.iter_mut().zip(sums) {
            *a += s / groups.len() as f64;
        }
    }
    println!("= all known {:.3} unknown {:.3}", all[2], all[3]);
}
