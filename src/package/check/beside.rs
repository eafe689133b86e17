// SPDX-License-Identifier: MPL-2.0

//! Checks of files next to the playlists: a DASH manifest, still images.

use serde_json::Value;

use super::load::{Loader, resolve};
use super::rules;
use crate::package::{dash, names, pictures, slides};
use crate::webvtt;

/// Checks the files next to the multivariant playlist at `playlist`.
pub(super) fn check(loader: &mut Loader<'_>, playlist: &str) {
    if let Some(path) = resolve(playlist, names::DASH)
        && let Ok(bytes) = loader.files.read(&path)
    {
        match dash::files(&bytes) {
            None => loader.report.add(rules::DASH, &path, "it cannot be parsed"),
            Some(files) => {
                for file in files {
                    loader.has(rules::DASH, &path, &file);
                }
            }
        }
    }
    if let Some(path) = resolve(playlist, names::THUMBNAILS_VTT)
        && let Ok(bytes) = loader.files.read(&path)
    {
        thumbnails(loader, &path, &bytes);
    }
    if let Some(path) = resolve(playlist, names::SLIDES_JSON)
        && let Ok(bytes) = loader.files.read(&path)
    {
        slide_texts(loader, &path, &bytes);
    }
}

/// Checks the images that the chapters of Apple's JSON at `path` refer to.
pub(super) fn chapters(loader: &mut Loader<'_>, path: &str, chapters: &Value) {
    let chapters = chapters.as_array().into_iter().flatten();
    let images = chapters.flat_map(|chapter| chapter["images"].as_array().into_iter().flatten());
    for url in images.filter_map(|image| image["url"].as_str()) {
        loader.has(rules::CHAPTER_IMAGES, path, url);
    }
}

/// Checks the text of the slides in the file at `path`.
fn slide_texts(loader: &mut Loader<'_>, path: &str, bytes: &[u8]) {
    let rule = rules::SLIDES;
    let Some(slides) = slides::Slides::read(bytes) else {
        return loader.report.add(rule, path, "it cannot be parsed");
    };
    for track in &slides.tracks {
        let file = loader.path(path, &track.file);
        let bytes = file.and_then(|file| loader.files.read(&file).ok());
        match bytes.and_then(|bytes| webvtt::read(&bytes).ok()) {
            None => {
                let what = format!("{} is missing or not WebVTT", track.file);
                loader.report.add(rule, path, what);
            }
            Some(document) if !track.is_of(&document) => {
                let what = format!("{} has other text or times", track.file);
                loader.report.add(rule, path, what);
            }
            Some(_) => {}
        }
        for image in track.slides.iter().filter_map(|slide| slide.image.as_ref()) {
            loader.has(rule, path, image);
        }
    }
}

fn thumbnails(loader: &mut Loader<'_>, path: &str, bytes: &[u8]) {
    let rule = rules::THUMBNAILS;
    let Ok(document) = webvtt::read(bytes) else {
        return loader.report.add(rule, path, "it is not WebVTT");
    };
    let mut sheet: Option<(String, Option<(u32, u32)>)> = None;
    for cue in document.cues() {
        let text = cue.plain_text();
        let Some((name, at)) = text.split_once("#xywh=") else {
            loader
                .report
                .add(rule, path, format!("\"{text}\" is not a part of an image"));
            continue;
        };
        let numbers: Vec<u32> = at.split(',').filter_map(|one| one.parse().ok()).collect();
        if sheet.as_ref().is_none_or(|(last, _)| last != name) {
            let file = loader.path(path, name);
            let bytes = file.map(|file| loader.files.read(&file));
            if matches!(bytes, Some(Err(_))) {
                loader.report.add(rule, path, format!("{name} is missing"));
            }
            let bytes = bytes.and_then(Result::ok);
            let size = bytes.and_then(|bytes| pictures::jpeg_size(&bytes));
            sheet = Some((name.to_owned(), size));
        }
        let size = sheet.as_ref().and_then(|(_, size)| *size);
        match (&numbers[..], size) {
            ([x, y, width, height], Some((wide, high)))
                if x.saturating_add(*width) > wide || y.saturating_add(*height) > high =>
            {
                let what = format!("\"{text}\" is outside of an image of {wide}x{high}");
                loader.report.add(rule, path, what);
            }
            ([_, _, _, _], _) => {}
            _ => loader
                .report
                .add(rule, path, format!("\"{text}\" is not a part of an image")),
        }
    }
}
