// SPDX-License-Identifier: MPL-2.0

//! The raw recording of a meeting of BigBlueButton: finds its files, and makes a video of the
//! presentation.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use gstlecture::record::layout::Source;
use gstlecture::record::session::sources::Found;
use gstlecture::record::session::sources::bigbluebutton::{
    FILE_NAME, MIX, Meeting, PRESENTATION, Page,
};
use gstlecture::timeline::Time;
use once_cell::sync::Lazy;

use super::super::{Request, output};
use crate::engine::description::{Description, Facts};
use crate::error::Error;
use crate::print::counted;
use crate::stop::Stop;

static DESCRIPTION: Lazy<Description> = Lazy::new(|| {
    Description::read(include_str!(
        "../../../../../pipelines/session-presentation.launch"
    ))
});

/// The folders of the media, beside `events.xml`.
const FOLDERS: [&str; 3] = ["audio", "video", "deskshare"];

/// The depth of the folders that are searched.
const DEPTH: usize = 3;

/// The video of the presentation, in the folder of the session.
const VIDEO: &str = "presentation.mkv";

/// Nanoseconds that a frame of it lasts, as in the description.
const FRAME: i64 = 500_000_000;

/// The longest presentation in nanoseconds, a day.
const LONGEST: i64 = 86_400_000_000_000;

/// The longer side of a page in pixels: that of the video.
const PAGE_SIZE: &str = "1280";

/// The program that draws the pages, and its package.
const PROGRAM: &str = "pdftoppm";
const PACKAGE: &str = "poppler-utils";

/// The longest time that it may take for a page.
const LIMIT: Duration = Duration::from_secs(60);

/// The interval of looks at whether it has ended.
const GLANCE: Duration = Duration::from_millis(20);

/// A meeting, and the files of it that are there.
pub struct Recorded {
    pub meeting: Meeting,
    /// Their paths are absolute.
    pub tracks: Vec<Found>,
}

/// Reads the meeting in a folder, and writes the video of its presentation to `output`. Returns
/// `None` if only the line of the pipeline is wanted.
pub fn read(request: &Request, folder: &Path, output: &Path) -> Result<Option<Recorded>, Error> {
    let path = folder.join(FILE_NAME);
    let text = fs::read_to_string(&path).map_err(|error| Error::reading(&path, &error))?;
    let meeting = Meeting::read(&text).map_err(|error| {
        Error::request(
            format!("these are no events of BigBlueButton: {error}"),
            path.display().to_string(),
            "take the folder of the raw recording, /var/bigbluebutton/recording/raw/MEETING",
        )
    })?;
    let mut tracks = media(request, folder, meeting.tracks());
    drop_own_voices(request, &mut tracks);
    if !meeting.pages().is_empty() {
        let Some(video) = presentation(request, &meeting, folder, output)? else {
            return Ok(None);
        };
        tracks.extend(video);
    }
    request.note("chat and the strokes on the whiteboard are left out");
    Ok(Some(Recorded { meeting, tracks }))
}

/// Finds the files that the events name. Those that are not there are named and left out.
fn media(request: &Request, folder: &Path, named: &[Found]) -> Vec<Found> {
    let mut files = BTreeMap::new();
    for name in FOLDERS {
        collect(&folder.join(name), DEPTH, &mut files);
    }
    let mut tracks = Vec::new();
    for found in named {
        let stem = stem(&found.file);
        match files.get(&*found.file).or_else(|| files.get(stem)) {
            Some(path) => tracks.push(Found {
                file: path.display().to_string(),
                ..found.clone()
            }),
            None => request.note(&format!(
                "warning: {FILE_NAME} names {}, which is not in the folder; it is left out",
                found.file
            )),
        }
    }
    tracks
}

/// Collects the files of a folder by their names, with and without the extension: the server
/// converts some after it has written their names.
fn collect(folder: &Path, depth: usize, files: &mut BTreeMap<String, PathBuf>) {
    // A folder that is not there has no files.
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() && depth > 0 {
            collect(&path, depth - 1, files);
        } else if let Some(name) = path.file_name().and_then(|name| name.to_str()) {
            files.entry(stem(name).to_owned()).or_insert(path.clone());
            files.insert(name.to_owned(), path);
        }
    }
}

fn stem(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// Leaves the voices of single participants out if there is a mix of all: they are in it.
fn drop_own_voices(request: &Request, tracks: &mut Vec<Found>) {
    if !tracks.iter().any(|track| track.participant == MIX) {
        return;
    }
    tracks.retain(|track| {
        let is_own = track.source == Source::Microphone && track.participant != MIX;
        if is_own {
            request.note(&format!(
                "warning: {} is left out: the mix of all voices is taken; if it is not in the mix, add it \
                 to session.json",
                track.file
            ));
        }
        !is_own
    });
}

/// Makes the video of the presentation. Returns `None` if only the line is wanted, and no track if no
/// page can be drawn.
fn presentation(
    request: &Request,
    meeting: &Meeting,
    folder: &Path,
    output: &Path,
) -> Result<Option<Option<Found>>, Error> {
    fs::create_dir_all(output).map_err(|error| Error::writing(output, &error))?;
    let pages = Pages::new(output)?;
    let drawn = draw(request, meeting.pages(), folder, &pages)?;
    let shown: Vec<(&Page, &Path)> = meeting
        .pages()
        .iter()
        .filter_map(|page| Some((page, drawn.get(&key(page))?.as_path())))
        .collect();
    let Some((first, _)) = shown.first() else {
        return Ok(Some(None));
    };
    let start = first.time;
    if meeting.end().saturating_sub(start) > LONGEST {
        request.note(&format!(
            "warning: the presentation is left out: by the times in {FILE_NAME} it lasts for days"
        ));
        return Ok(Some(None));
    }
    let frames = pages.link(&shown, meeting.end())?;
    let video = output.join(VIDEO);
    let describe = |to: &Path| {
        let mut values = request.values.clone();
        values.set("pages", pages.pattern());
        values.set("output", to.display().to_string());
        DESCRIPTION.pipeline(&Facts::default(), &values)
    };
    let duration = Time::from_nanos(u64::try_from(frames * FRAME).unwrap_or(0));
    if !output::write(
        request,
        ("session", Some(duration)),
        &video,
        describe,
        |_| Ok(()),
    )? {
        return Ok(None);
    }
    Ok(Some(Some(Found {
        file: video.display().to_string(),
        room: None,
        participant: PRESENTATION.to_owned(),
        label: None,
        source: Source::Screen,
        codec: None,
        start,
        is_estimated: false,
        duration: Some(duration),
        events: Vec::new(),
    })))
}

type Key = (String, u32);

fn key(page: &Page) -> Key {
    (page.presentation.clone(), page.page)
}

/// Draws each page once. Pages that cannot be drawn are named.
fn draw(
    request: &Request,
    shown: &[Page],
    folder: &Path,
    pages: &Pages,
) -> Result<BTreeMap<Key, PathBuf>, Error> {
    let wanted: BTreeSet<Key> = shown.iter().map(key).collect();
    let mut drawn = BTreeMap::new();
    for (number, (presentation, page)) in wanted.into_iter().enumerate() {
        let Some(document) = document(folder, &presentation) else {
            request.note(&format!(
                "warning: page {page} is left out: there is no PDF in {}",
                folder.join("presentation").join(&presentation).display()
            ));
            continue;
        };
        let picture = pages.picture(number);
        match draw_page(&document, page, &picture, &request.stop)? {
            Drawn::Yes => {
                drawn.insert((presentation, page), picture);
            }
            Drawn::No => request.note(&format!(
                "warning: {}: {PROGRAM} cannot draw page {page}; it is left out",
                document.display()
            )),
            Drawn::NoProgram => {
                request.note(&format!(
                    "warning: the presentation is left out: the program {PROGRAM} is missing; install \
                     the package {PACKAGE}"
                ));
                return Ok(BTreeMap::new());
            }
        }
    }
    request.note(&counted(
        drawn.len(),
        "page of the presentation",
        "pages of the presentation",
    ));
    Ok(drawn)
}

/// Returns the PDF of a presentation.
fn document(folder: &Path, presentation: &str) -> Option<PathBuf> {
    // The name comes from the file with the events.
    if presentation.contains('/') || presentation.starts_with('.') {
        return None;
    }
    let folder = folder.join("presentation").join(presentation);
    let own = folder.join(format!("{presentation}.pdf"));
    if own.is_file() {
        return Some(own);
    }
    let mut others: Vec<PathBuf> = fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "pdf"))
        .collect();
    others.sort();
    others.into_iter().next()
}

enum Drawn {
    Yes,
    No,
    NoProgram,
}

fn draw_page(document: &Path, page: u32, picture: &Path, stop: &Stop) -> Result<Drawn, Error> {
    let page = page.to_string();
    let spawned = Command::new(PROGRAM)
        .args([
            "-jpeg",
            "-jpegopt",
            "quality=95",
            "-singlefile",
            "-scale-to",
            PAGE_SIZE,
        ])
        .args(["-f", &page, "-l", &page])
        .arg(document)
        // The program adds the extension.
        .arg(picture.with_extension(""))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = spawned else {
        return Ok(Drawn::NoProgram);
    };
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            let is_drawn = status.success() && picture.is_file();
            return Ok(if is_drawn { Drawn::Yes } else { Drawn::No });
        }
        let stopped = stop.check();
        if stopped.is_err() || Instant::now() >= deadline {
            // Both fail only if it has ended by itself.
            let _ = child.kill();
            let _ = child.wait();
            stopped?;
            return Ok(Drawn::No);
        }
        thread::sleep(GLANCE);
    }
}

/// The folder of the pictures, removed on drop.
struct Pages(PathBuf);

impl Pages {
    fn new(output: &Path) -> Result<Self, Error> {
        let folder = output.join(".pages");
        let pages = Self(folder.clone());
        // What a killed run left.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).map_err(|error| Error::writing(&folder, &error))?;
        Ok(pages)
    }

    /// Returns the path of a drawn page.
    fn picture(&self, number: usize) -> PathBuf {
        self.0.join(format!("page-{number}.jpg"))
    }

    /// Returns the pattern of the frames' names, for multifilesrc.
    fn pattern(&self) -> String {
        self.0.join("frame-%07d.jpg").display().to_string()
    }

    /// Links a page to each frame, from the first page to `end`. Returns the number of frames.
    fn link(&self, shown: &[(&Page, &Path)], end: i64) -> Result<i64, Error> {
        let start = shown.first().map_or(end, |(page, _)| page.time);
        let mut frame = 0;
        for (index, (_, picture)) in shown.iter().enumerate() {
            let until = shown.get(index + 1).map_or(end, |(next, _)| next.time);
            // At the nearest frame; the last page has one at least.
            let next = until.saturating_sub(start).saturating_add(FRAME / 2) / FRAME;
            let next = next.max(i64::from(index + 1 == shown.len()));
            while frame < next {
                let link = self.0.join(format!("frame-{frame:07}.jpg"));
                symlink(picture, &link).map_err(|error| Error::writing(&link, &error))?;
                frame += 1;
            }
        }
        Ok(frame)
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // What is left is removed by the next run.
        let _ = fs::remove_dir_all(&self.0);
    }
}
