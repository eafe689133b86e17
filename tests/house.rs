// SPDX-License-Identifier: MPL-2.0

//! The rules of the house: which module may use which, and the first line of every file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Modules that know no GStreamer, no clock, no socket, no threads.
const PURE: [&str; 15] = [
    "captions",
    "chapters",
    "descriptions",
    "edit",
    "language",
    "package",
    "record",
    "slides",
    "source",
    "speech",
    "timeline",
    "titles",
    "topics",
    "webvtt",
    "xapi",
];

/// The floors of the library: a module and the modules that it may use. A name that is not listed
/// here may not be used by any pure module.
const LIBRARY: [(&str, &[&str]); 17] = [
    ("timeline", &[]),
    ("language", &[]),
    ("source", &[]),
    ("webvtt", &["timeline"]),
    ("edit", &["timeline", "language", "webvtt", "speech"]),
    ("captions", &["timeline", "webvtt"]),
    ("speech", &["timeline"]),
    ("slides", &["timeline"]),
    ("topics", &["timeline", "language"]),
    ("titles", &["timeline"]),
    ("descriptions", &["timeline", "webvtt", "speech", "topics"]),
    (
        "chapters",
        &["timeline", "language", "speech", "topics", "titles"],
    ),
    ("record", &["timeline", "language", "webvtt", "edit"]),
    ("package", &["timeline", "language", "webvtt", "edit"]),
    ("xapi", &["timeline"]),
    ("delivery", &["xapi"]),
    (
        "elements",
        &[
            "timeline", "language", "webvtt", "edit", "speech", "slides", "topics", "titles",
            "chapters", "captions", "record", "source", "package", "xapi", "delivery",
        ],
    ),
];

/// The floors of the program: a room may use itself and the rooms before it.
const PROGRAM: [&str; 11] = [
    "error",
    "options",
    "stop",
    "print",
    "fs",
    "serve",
    "engine",
    "media",
    "destination",
    "class",
    "jobs",
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
    let mut folders: BTreeSet<String> = files("src/elements", "rs")
        .iter()
        .filter(|file| file.iter().count() > 3)
        .map(|file| part(file, 2))
        .collect();
    assert!(folders.remove("shared"));
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
fn no_module_uses_a_floor_above() {
    for file in files("src", "rs").iter().filter(|file| !is_program(file)) {
        let own = part(file, 1);
        let Some((_, allowed)) = LIBRARY.iter().find(|(module, _)| *module == own) else {
            assert!(own == "lib", "{} is on no floor", file.display());
            continue;
        };
        for path in paths(&code(file)) {
            let Some(used) = path.strip_prefix("crate::") else {
                continue;
            };
            let used = used.split("::").next().unwrap_or_default();
            assert!(
                used.is_empty() || used == own || allowed.contains(&used),
                "{} names {path}: {own} does not stand on {used}",
                file.display()
            );
        }
    }
    let floor = |room: &str| PROGRAM.iter().position(|other| *other == room);
    for file in files("src/bin/lecture", "rs") {
        let own = part(&file, 3);
        if own == "main" {
            continue;
        }
        let own_floor = floor(&own);
        assert!(own_floor.is_some(), "{} is in no room", file.display());
        for path in paths(&code(&file)) {
            let Some(used) = path.strip_prefix("crate::") else {
                continue;
            };
            let used = used.split("::").next().unwrap_or_default();
            assert!(
                floor(used) <= own_floor,
                "{} names {path}: the room {used} is above {own}",
                file.display()
            );
        }
    }
}

fn is_program(file: &Path) -> bool {
    file.starts_with("src/bin")
}

/// The module of a file: `bin` or `lib`, then the names of its path.
fn module(file: &Path) -> Vec<String> {
    let skipped = if is_program(file) { 3 } else { 1 };
    let root = if is_program(file) { "bin" } else { "lib" };
    let names = file.iter().skip(skipped).map(|name| name.to_string_lossy());
    let mut module: Vec<String> = [root.to_owned()]
        .into_iter()
        .chain(names.map(|name| name.trim_end_matches(".rs").to_owned()))
        .collect();
    if matches!(
        module.last().map(String::as_str),
        Some("mod" | "lib" | "main")
    ) {
        module.pop();
    }
    module
}

/// The modules that a module uses. Its ancestors do not count: they declare it, and hold what its
/// siblings share.
fn used(own: &[String], code: &str, modules: &BTreeMap<Vec<String>, PathBuf>) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for path in paths(code) {
        let mut names: Vec<String> = path.split("::").map(str::to_owned).collect();
        let mut target: Vec<String> = match names[0].as_str() {
            "crate" => own[..1].to_vec(),
            "self" => own.to_vec(),
            "super" => own[..own.len().saturating_sub(1)].to_vec(),
            _ => continue,
        };
        names.remove(0);
        while names.first().is_some_and(|name| name == "super") {
            target.pop();
            names.remove(0);
        }
        target.extend(names);
        while !target.is_empty() && !modules.contains_key(&target) {
            target.pop();
        }
        if !target.is_empty() && !own.starts_with(&target) && !target.starts_with(own) {
            found.push(target);
        }
    }
    found
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    let modules: BTreeMap<Vec<String>, PathBuf> = files("src", "rs")
        .into_iter()
        .map(|file| (module(&file), file))
        .collect();
    let mut uses: BTreeMap<&Vec<String>, Vec<Vec<String>>> = modules
        .iter()
        .map(|(own, file)| (own, used(own, &code(file), &modules)))
        .collect();
    // Takes away, again and again, each file that uses none of those left: a circle remains.
    loop {
        let left: BTreeSet<Vec<String>> = uses.keys().map(|own| (*own).clone()).collect();
        let before = uses.len();
        uses.retain(|_, used| used.iter().any(|other| left.contains(other)));
        if uses.len() == before {
            break;
        }
    }
    let circle: Vec<String> = uses
        .iter()
        .map(|(own, used)| {
            let used: Vec<String> = used.iter().map(|path| path.join("::")).collect();
            format!("{} -> {}", own.join("::"), used.join(", "))
        })
        .collect();
    assert!(
        circle.is_empty(),
        "in a circle, or above one:\n{}",
        circle.join("\n")
    );
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
fn every_description_says_what_it_is_for_and_where_its_variables_are_listed() {
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
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        // A job with several sources has a description of each: record-rtp, record-test.
        let job = stem.split('-').next().unwrap_or_default();
        let is_listed = [&*stem, job].iter().any(|job| {
            let listed = format!("Variables: `lecture {job} --help` lists them.");
            comments.contains(&&*listed)
        });
        let is_part = comments[1].ends_with(": a part of other descriptions.");
        assert!(is_part || is_listed, "{name}");
        let body = text.lines().filter(|line| !line.starts_with('#'));
        assert!(body.clone().any(|line| line.contains(" ! ")), "{name}");
    }
}
