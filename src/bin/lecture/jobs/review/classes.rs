// SPDX-License-Identifier: MPL-2.0

//! A folder of classes: the page that lists them, and the page of each.
//!
//! The path of a class has the fingerprint of its folder's name, and is looked up among the folders
//! that are there: no path of a request becomes a path of a file.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use super::ReviewResults;
use super::api::Page;
use super::class::Class;
use super::drafts::Waiting;
use super::files::{self, failed, unknown};
use crate::class::drafts::{ANALYSIS, CHAPTERS, Drafts, TRIM};
use crate::class::fingerprint::of_bytes;
use crate::class::folder;
use crate::error::Error;
use crate::jobs::Request;
use crate::jobs::package::PackageOptions;
use crate::options::Options;
use crate::serve::{Asked, Reply};

/// Variables that belong to one class.
const OF_ONE: [&str; 4] = ["input", "title", "captions.", "descriptions."];

/// A folder of classes under review.
pub struct Classes {
    request: Request,
    folder: PathBuf,
    /// The classes whose pages were opened, by their identifiers.
    places: Mutex<BTreeMap<String, Arc<Place>>>,
}

/// The place of a class, which one request at a time opens.
type Place = Mutex<Opened>;

/// The page of a class.
#[derive(Default)]
struct Opened {
    page: Option<Arc<Page>>,
    /// The analysis with which it was opened.
    analysis: String,
    /// What the pages before it did.
    results: ReviewResults,
}

/// A class in the list.
#[derive(Serialize)]
struct Entry {
    id: String,
    /// Name of its folder.
    folder: String,
    title: String,
    /// Length of the recording in milliseconds, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    duration: Option<u64>,
    /// Drafts that nobody has approved.
    left: Vec<Waiting>,
    /// Number of its drafts.
    drafts: usize,
    /// Whether it has a package.
    packaged: bool,
    /// The reason why its drafts cannot be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Classes {
    /// Opens a folder of classes; returns `None` if it is itself the folder of a class, or holds
    /// none.
    ///
    /// # Errors
    /// The folder cannot be read, or a variable belongs to one class.
    pub fn open(request: &Request, folder: &Path) -> Result<Option<Self>, Error> {
        let folder = fs::canonicalize(folder).map_err(|error| Error::reading(folder, &error))?;
        let drafts = Drafts::open(folder.join("drafts"));
        let is_class = drafts.read(TRIM)?.is_some() || drafts.read(CHAPTERS)?.is_some();
        if is_class || found(&folder)?.is_empty() {
            return Ok(None);
        }
        if let Some(name) = OF_ONE.into_iter().find(|name| request.values.has(name)) {
            return Err(Error::usage(
                format!("{name}… belongs to one class, and this folder holds several"),
                folder.display().to_string(),
                "leave it out, or name the folder of the class: output=FOLDER/CLASS",
            ));
        }
        Ok(Some(Classes {
            request: request.clone(),
            folder,
            places: Mutex::default(),
        }))
    }

    /// Answers a request that the guard lets pass.
    pub fn answer(&self, asked: &Asked) -> Reply {
        let is_get = files::method(asked) == "GET";
        if let Some(rest) = asked.path().strip_prefix("/class/") {
            return match rest.split_once('/') {
                Some((id, _)) => self.of_class(asked, id, rest.get(id.len()..).unwrap_or_default()),
                None => unknown(),
            };
        }
        if let Some(file) = files::find(asked.path(), files::CLASSES).filter(|_| is_get) {
            return file;
        }
        match asked.path() {
            "/api/classes" if is_get => match found(&self.folder) {
                Ok(found) => {
                    let entries = found.iter().map(|(id, output)| entry(id, output));
                    let mut entries: Vec<Entry> = entries.collect();
                    entries.sort_by(|a, b| a.folder.cmp(&b.folder));
                    Reply::json(200, &entries)
                }
                Err(error) => failed(&error),
            },
            _ => unknown(),
        }
    }

    /// Answers a request for `path` on the page of a class.
    fn of_class(&self, asked: &Asked, id: &str, path: &str) -> Reply {
        let output = match found(&self.folder) {
            Ok(mut found) => found.remove(id),
            Err(error) => return failed(&error),
        };
        let Some(output) = output else {
            return Reply::text(404, "This class is not in the folder any more.");
        };
        let is_get = files::method(asked) == "GET";
        if let Some(file) = files::find(path, files::CLASS).filter(|_| is_get) {
            return file;
        }
        match self.page(id, &output, path == "/api/class") {
            Ok(page) => page.answer(asked, path),
            Err(error) => failed(&error),
        }
    }

    /// Returns the page of a class. If it `is_loaded`, and another analysis was made or the recording
    /// was missing, the class is opened again.
    fn page(&self, id: &str, output: &Path, is_loaded: bool) -> Result<Arc<Page>, Error> {
        let place = self.places().entry(id.to_owned()).or_default().clone();
        let mut opened = place.lock().unwrap_or_else(PoisonError::into_inner);
        let analysis = Drafts::open(output.join("drafts")).read(ANALYSIS)?;
        let analysis = of_bytes(&analysis.unwrap_or_default());
        if let Some(page) = &opened.page {
            let is_old = opened.analysis != analysis || page.class().recording.is_none();
            if !is_loaded || !is_old || page.is_busy() {
                return Ok(page.clone());
            }
        }
        let mut request = self.request.clone();
        request
            .values
            .set("output", output.to_string_lossy().into_owned());
        let class = Class::open(&request, &PackageOptions::parse(&request.values)?)?;
        let page = Arc::new(Page::new(&request, class).listed());
        page.listen_for_peaks();
        if let Some(before) = opened.page.replace(page.clone()) {
            opened.results += before.finish();
        }
        opened.analysis = analysis;
        Ok(page)
    }

    fn places(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Place>>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends all pages.
    pub fn finish(&self) -> ReviewResults {
        let places: Vec<Arc<Place>> = self.places().values().cloned().collect();
        let mut results = ReviewResults::default();
        for place in places {
            let mut opened = place.lock().unwrap_or_else(PoisonError::into_inner);
            results += std::mem::take(&mut opened.results);
            if let Some(page) = &opened.page {
                results += page.finish();
            }
        }
        results
    }
}

/// Returns what the list shows of a class.
fn entry(id: &str, output: &Path) -> Entry {
    let folder = output.file_name().unwrap_or_default().to_string_lossy();
    let manifest = folder::manifest(&output.join("package"));
    let mut entry = Entry {
        id: id.to_owned(),
        folder: folder.clone().into_owned(),
        title: folder.into_owned(),
        duration: None,
        left: Vec::new(),
        drafts: 0,
        packaged: manifest.is_some(),
        error: None,
    };
    let class = match Class::glance(output) {
        Ok(class) => class,
        Err(error) => {
            entry.error = Some(one_line(&error));
            return entry;
        }
    };
    match class.waiting() {
        Ok((left, drafts)) => (entry.left, entry.drafts) = (left, drafts),
        Err(error) => entry.error = Some(one_line(&error)),
    }
    let millis = class.duration.millis();
    entry.duration = Some(millis).filter(|millis| *millis > 0);
    let title = manifest.and_then(|manifest| manifest.title);
    entry.title = title.unwrap_or(class.name);
    entry
}

/// Returns the folders of classes in a folder, by their identifiers: those that hold a folder of
/// drafts.
fn found(folder: &Path) -> Result<BTreeMap<String, PathBuf>, Error> {
    let entries = fs::read_dir(folder).map_err(|error| Error::reading(folder, &error))?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let classes = paths.filter(|path| {
        let name = path.file_name().unwrap_or_default();
        !name.as_bytes().starts_with(b".") && has_drafts(path)
    });
    Ok(classes.map(|path| (id(&path), path)).collect())
}

/// Whether a folder holds drafts. One that may not be looked into counts: the list says why.
fn has_drafts(path: &Path) -> bool {
    match fs::metadata(path.join("drafts")) {
        Ok(drafts) => drafts.is_dir(),
        Err(error) => error.kind() == io::ErrorKind::PermissionDenied,
    }
}

fn id(path: &Path) -> String {
    of_bytes(path.file_name().unwrap_or_default().as_bytes())
}

fn one_line(error: &Error) -> String {
    error
        .to_string()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}
