// SPDX-License-Identifier: MPL-2.0

//! The rules of the house: who may use whom, and what every file says of itself.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Modules that know no GStreamer, no clock, no socket, no threads.
const PURE: [&str; 11] = [
    "chapters", "edit", "language", "package", "record", "slides", "speech", "timeline", "topics",
    "webvtt", "xapi",
];

/// What no pure module names.
const IMPURE: [&str; 12] = [
    "gst",
    "gst_app",
    "gst_audio",
    "gst_base",
    "gst_pbutils",
    "gst_video",
    "std::thread",
    "std::net",
    "std::sync::mpsc",
    "std::time::Instant",
    "std::time::SystemTime",
    "std::process",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files below `folder` with this extension, relative to the repository.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the repository") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path.strip_prefix(root()).expect("inside").to_path_buf());
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no {extension} files in {folder}");
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(root().join(path)).expect("a text file of the repository")
}

/// The code of a file: without comments, and without what is only compiled for tests at its end.
fn code(path: &Path) -> String {
    let text = read(path);
    let text = text
        .split("\n#[cfg(test)]\nmod ")
        .next()
        .unwrap_or_default();
    text.lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n")
}

/// Every path that a file names, such as `std::thread` or `crate::webvtt`. The braces of a `use`
/// are taken apart.
fn paths(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for statement in code.split(';') {
        if let Some(at) = statement.find("use ") {
            expand(&statement[at + 4..], "", &mut found);
        }
    }
    let is_path = |character: char| character.is_alphanumeric() || "_:".contains(character);
    for word in code.split(|character| !is_path(character)) {
        if word.contains("::") {
            found.insert(word.trim_matches(':').to_string());
        }
    }
    found
}

fn expand(tree: &str, prefix: &str, found: &mut BTreeSet<String>) {
    let mut depth = 0;
    let mut part = String::new();
    for character in tree.chars().chain([',']) {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if character == ',' && depth == 0 {
            let path = part.trim();
            match path.split_once('{') {
                Some((head, tail)) => {
                    let inner = tail.strip_suffix('}').unwrap_or(tail);
                    expand(inner, &format!("{prefix}{}", head.trim()), found);
                }
                None => {
                    let path = path.split(" as ").next().unwrap_or_default();
                    found.insert(format!("{prefix}{path}"));
                }
            }
            part.clear();
        } else {
            part.push(character);
        }
    }
}

/// Whether `path` is `module` or lies in it.
fn is_in(path: &str, module: &str) -> bool {
    path == module
        || path
            .strip_prefix(module)
            .is_some_and(|rest| rest.starts_with("::"))
}

/// The second folder of a file's path: `silencetrim` of `src/elements/silencetrim/imp.rs`.
fn part(path: &Path, index: usize) -> String {
    let part = path.iter().nth(index).unwrap_or_default().to_string_lossy();
    part.trim_end_matches(".rs").to_string()
}

#[test]
fn a_use_is_taken_apart() {
    let found = paths("use a::{b, c::{d, e as f}};\nuse g;\nlet x = h::i(1);");
    for path in ["a::b", "a::c::d", "a::c::e", "g", "h::i"] {
        assert!(found.contains(path), "{path} in {found:?}");
    }
}

#[test]
fn pure_modules_know_no_gstreamer_clock_socket_or_thread() {
    for file in files("src", "rs") {
        if !PURE.contains(&part(&file, 1).as_str()) {
            continue;
        }
        for path in paths(&code(&file)) {
            for impure in IMPURE {
                assert!(!is_in(&path, impure), "{} names {path}", file.display());
            }
            assert!(
                !is_in(&path, "crate::elements"),
                "{} names {path}: elements use pure modules, never the other way",
                file.display()
            );
        }
    }
}

#[test]
fn no_element_uses_another() {
    let folders: BTreeSet<String> = files("src/elements", "rs")
        .iter()
        .filter(|file| file.iter().count() > 3)
        .map(|file| part(file, 2))
        .collect();
    assert!(folders.contains("silencetrim"), "{folders:?}");
    for file in files("src/elements", "rs") {
        let own = part(&file, 2);
        if own == "mod" {
            continue;
        }
        for path in paths(&code(&file)) {
            for other in folders.iter().filter(|other| **other != own) {
                let is_other = is_in(&path, &format!("crate::elements::{other}"))
                    || path.contains(&format!("super::{other}::"));
                assert!(!is_other, "{} names {path}", file.display());
            }
        }
    }
}

#[test]
fn the_library_uses_elements_and_the_program_pure_modules_only() {
    for path in paths(&code(Path::new("src/lib.rs"))) {
        assert!(
            !PURE.iter().any(|pure| is_in(&path, pure)),
            "src/lib.rs registers the elements and nothing else, it names {path}"
        );
    }
    for file in files("src/bin", "rs") {
        for path in paths(&code(&file)) {
            let Some(rest) = path.strip_prefix("gstlecture::") else {
                continue;
            };
            let module = rest.split("::").next().unwrap_or_default();
            assert!(
                PURE.contains(&module) || ["delivery", "plugin_register_static"].contains(&module),
                "{} names {path}",
                file.display()
            );
        }
    }
}

#[test]
fn every_file_says_its_licence() {
    for folder in ["src", "tests"] {
        for file in files(folder, "rs") {
            let text = read(&file);
            let first = text.lines().next().unwrap_or_default();
            assert_eq!(
                first,
                "// SPDX-License-Identifier: MPL-2.0",
                "{}",
                file.display()
            );
        }
    }
}

#[test]
fn every_description_says_what_it_is_for_and_lists_its_variables() {
    for file in files("pipelines", "launch") {
        let text = read(&file);
        let name = file.display();
        let comments: Vec<&str> = text
            .lines()
            .map_while(|line| line.strip_prefix('#'))
            .map(str::trim)
            .collect();
        assert_eq!(comments[0], "SPDX-License-Identifier: MPL-2.0", "{name}");
        assert!(comments[1].ends_with('.'), "{name}: {}", comments[1]);
        assert!(comments.contains(&"Variables:"), "{name}");
        let body = text.lines().filter(|line| !line.starts_with('#'));
        assert!(body.clone().any(|line| line.contains(" ! ")), "{name}");
        // What is documented and not in the body is read by the runner itself.
        let read_by_runner = [
            "accept-truncated",
            "output",
            "title",
            "completion-threshold",
            "views",
            "storage-rate",
            "delivery-rate",
            "headless",
            "mp4",
            "captions.<lang>",
            "captions-time",
            "loudness",
            "descriptions.<lang>",
        ];
        let body: String = body.collect();
        for comment in comments {
            let is_variable = [" (required):", " (optional):", " (default "];
            if let Some(variable) = is_variable
                .iter()
                .find_map(|need| comment.split_once(need))
                .map(|(variable, _)| variable)
            {
                assert!(
                    body.contains(&format!("${{{variable}}}"))
                        || read_by_runner.contains(&variable),
                    "{name}: {variable} has no use"
                );
            }
        }
    }
}
