// SPDX-License-Identifier: MPL-2.0

//! Dead air and speech against the truth, per file.
//!
//! `cargo bench --bench trim [-- [--video] [--scope=all] FOLDER|FILE…]`; without a folder the
//! shared classes and speech clips. `--video` lets chapterdetect look at the slides as well.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use gst::prelude::*;
use serde_json::Value;

type Spans = Vec<(f64, f64)>;

#[derive(Default)]
struct Found {
    cuts: Vec<(f64, f64, String, f64)>,
    speech: Spans,
    silent: bool,
}

fn run(path: &Path, video: bool, scope: &str) -> Found {
    let mut description = format!(
        "silencetrim name=trim mode=detect scope={scope} filesrc name=file ! decodebin name=source \
         source. ! queue ! audio/x-raw ! trim.sink_0 trim.src_0 ! fakesink async=false sync=false "
    );
    if video {
        description += "source. ! queue ! video/x-raw ! chapterdetect name=slides titles=none \
             slides.video_src ! trim.sink_1 trim.src_1 ! fakesink async=false sync=false";
        description = description.replace(
            "chapterdetect name=slides titles=none slides.video_src",
            "slides.video_sink chapterdetect name=slides titles=none slides.video_src",
        );
    }
    let pipeline = gst::parse::launch(&description).expect("pipeline");
    let pipeline = pipeline.downcast::<gst::Pipeline>().expect("pipeline");
    let file = pipeline.by_name("file").expect("file");
    file.set_property("location", path);
    pipeline.set_state(gst::State::Playing).expect("playing");
    let mut found = Found::default();
    let bus = pipeline.bus().expect("bus");
    for message in bus.iter_timed(gst::ClockTime::NONE) {
        match message.view() {
            gst::MessageView::Eos(_) => break,
            gst::MessageView::Error(error) => panic!("{}: {error:?}", path.display()),
            gst::MessageView::Element(element) => {
                let Some(s) = element.structure() else {
                    continue;
                };
                let time = |field| s.get::<u64>(field).map_or(0.0, |t| t as f64 / 1e9);
                match s.name().as_str() {
                    "silencetrim-speech" => found.speech.push((time("start"), time("end"))),
                    "silencetrim-cut" => found.cuts.push((
                        time("start"),
                        time("end"),
                        s.get("reason").unwrap_or_default(),
                        s.get("confidence").unwrap_or_default(),
                    )),
                    "silencetrim-summary" => {
                        found.silent = s.get("microphone-silent").unwrap_or_default();
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
    pipeline.set_state(gst::State::Null).expect("null");
    found.speech.sort_by(|a, b| a.0.total_cmp(&b.0));
    found
}

fn spans(value: &Value) -> Spans {
    let pair = |v: &Value| Some((v.get(0)?.as_f64()?, v.get(1)?.as_f64()?));
    let list = value.as_array().map(|list| list.iter().filter_map(pair));
    list.map(Iterator::collect).unwrap_or_default()
}

fn shared(a: &Spans, b: &Spans) -> f64 {
    a.iter()
        .flat_map(|x| {
            b.iter()
                .map(move |y| (x.1.min(y.1) - x.0.max(y.0)).max(0.0))
        })
        .sum()
}

fn length(spans: &Spans) -> f64 {
    spans.iter().map(|span| span.1 - span.0).sum()
}

fn share(part: f64, whole: f64) -> f64 {
    100.0 * part / whole.max(1e-9)
}

/// Spans of speech in an RTTM file, overlapping speakers joined.
fn rttm(path: &Path, name: &str) -> Spans {
    let text = fs::read_to_string(path).unwrap_or_default();
    let mut spans: Spans = text
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|words| words.get(1) == Some(&name))
        .filter_map(|words| Some((words.get(3)?.parse().ok()?, words.get(4)?.parse().ok()?)))
        .map(|(start, length): (f64, f64)| (start, start + length))
        .collect();
    spans.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut joined: Spans = Vec::new();
    for span in spans {
        match joined.last_mut() {
            Some(last) if span.0 <= last.1 => last.1 = last.1.max(span.1),
            _ => joined.push(span),
        }
    }
    joined
}

fn class(path: &Path, video: bool, scope: &str) {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let truth = fs::read(path.with_extension("truth.json")).expect("truth");
    let truth: Value = serde_json::from_slice(&truth).expect("truth is JSON");
    let number = |field: &str| truth[field].as_f64().unwrap_or(0.0);
    let found = run(path, video, scope);
    let speech = spans(&truth["speech"]);
    let chatter = spans(&truth["chatter"]);
    let duration = number("duration");
    let cuts: Spans = found.cuts.iter().map(|cut| (cut.0, cut.1)).collect();
    let start = cuts.first().filter(|c| c.0 == 0.0).map_or(0.0, |c| c.1);
    let end = cuts.last().filter(|c| c.1 >= duration - 0.5 && c.0 > 0.0);
    let end = end.map_or(duration, |c| c.0);
    let lost = shared(&cuts, &speech);
    let cut_chatter = shared(&cuts, &chatter);
    println!(
        "{name:10} start {:+7.2}  end {:+7.2}  speech kept {:7.3} %  chatter left {:5.1} s of {:5.1} s  detected {:5.1} % of speech, {:5.1} % of it right{}",
        number("class_start") - start,
        end - number("class_end"),
        share(length(&speech) - lost, length(&speech)),
        length(&chatter) - cut_chatter,
        length(&chatter),
        share(shared(&found.speech, &speech), length(&speech)),
        share(
            shared(&found.speech, &speech) + shared(&found.speech, &chatter),
            length(&found.speech)
        ),
        if found.silent {
            "  microphone silent"
        } else {
            ""
        },
    );
    for (start, end, reason, confidence) in &found.cuts {
        println!("           cut {start:8.2} {end:8.2}  {confidence:.2}  {reason}");
    }
}

fn clip(path: &Path, truth: &Path) {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let truth = rttm(truth, &name);
    let found = run(path, false, "edges");
    let hit = shared(&found.speech, &truth);
    println!(
        "{name:10} precision {:5.1} %  recall {:5.1} %",
        share(hit, length(&found.speech)),
        share(hit, length(&truth))
    );
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    files.sort();
    files
}

fn main() {
    gst::init().expect("GStreamer");
    gstlecture::plugin_register_static().expect("plugin");
    let shared = env::var_os("LECTURE_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"),
        PathBuf::from,
    );
    let arguments: Vec<String> = env::args().skip(1).collect();
    let video = arguments.iter().any(|a| a == "--video");
    let scope = arguments.iter().find_map(|a| a.strip_prefix("--scope="));
    let mut inputs: Vec<PathBuf> = arguments
        .iter()
        .filter(|a| !a.starts_with("--"))
        .map(PathBuf::from)
        .collect();
    if inputs.is_empty() {
        inputs = vec![shared.join("data/classes"), shared.join("data/speech")];
    }
    for input in inputs {
        let listed = if input.is_dir() {
            files(&input)
        } else {
            vec![input]
        };
        for file in listed {
            let truth = file.with_file_name("speech.rttm");
            if file.with_extension("truth.json").exists() {
                class(&file, video, scope.unwrap_or("edges"));
            } else if file.extension().is_some_and(|e| e == "wav") && truth.exists() {
                clip(&file, &truth);
            }
        }
    }
}
