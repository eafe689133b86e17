// SPDX-License-Identifier: MPL-2.0

//! The paths of the page: its files, the recording, and the requests of its scripts.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::ReviewResults;
use super::class::{Class, Recording};
use super::copy::Copy;
use super::drafts::{Refused, Shown};
use super::files::{self, failed, unknown};
use super::work::{State, Work};
use crate::class::folder;
use crate::error::Error;
use crate::jobs::summary::Summary;
use crate::jobs::{Request, package};
use crate::media::peaks;
use crate::media::playable::{Playable, media_type};
use crate::serve::{Asked, Reply};

/// The page of a class.
pub struct Page {
    request: Request,
    class: Class,
    packaging: Work,
    copying: Work,
    /// The copy for browsers, if there is a recording.
    copy: Option<Copy>,
    /// Held while a draft is read, compared and written.
    writing: Mutex<()>,
    peaks: Arc<OnceLock<Vec<u8>>>,
    saved: AtomicUsize,
    /// Whether a page of several classes leads to it.
    is_listed: bool,
}

/// The class as the page loads it.
#[derive(Serialize)]
struct Loaded {
    name: String,
    /// Length of the recording in milliseconds.
    duration: u64,
    /// Whether browsers play the recording; absent if it is not found.
    #[serde(skip_serializing_if = "Option::is_none")]
    playable: Option<Playable>,
    /// Whether a page of several classes leads to it.
    listed: bool,
    drafts: Vec<Shown>,
}

impl Page {
    pub fn new(request: &Request, class: Class) -> Self {
        let mut request = request.clone();
        let path = |path: &std::path::Path| path.to_string_lossy().into_owned();
        request.values.set("output", path(&class.output));
        if let Some(recording) = &class.recording {
            request.values.set("input", path(&recording.path));
        }
        Page {
            request,
            packaging: Work::default(),
            copying: Work::default(),
            copy: class
                .recording
                .as_ref()
                .map(|recording| Copy::of(&class, recording)),
            class,
            writing: Mutex::default(),
            peaks: Arc::default(),
            saved: AtomicUsize::default(),
            is_listed: false,
        }
    }

    /// Makes it a page to which a page of several classes leads.
    pub fn listed(self) -> Self {
        Page {
            is_listed: true,
            ..self
        }
    }

    pub fn class(&self) -> &Class {
        &self.class
    }

    /// Whether a package or a copy is being made.
    pub fn is_busy(&self) -> bool {
        let all = [&self.packaging, &self.copying];
        all.iter()
            .any(|work| matches!(work.state(), State::Running { .. }))
    }

    /// Measures the recording's loudness over time in a thread of its own. That of a recording which
    /// browsers do not play is measured in its copy, which has the times of the drafts.
    pub fn listen_for_peaks(self: &Arc<Self>) {
        let page = self.clone();
        thread::spawn(move || {
            let recording = page.class.recording.as_ref();
            if recording.is_some_and(is_copied) {
                return;
            }
            let file = recording.filter(|recording| recording.has_audio);
            let found = file.map(|file| peaks::of_file(&file.media, &page.request.stop));
            let found = found.and_then(Result::ok).unwrap_or_default();
            // Set once only.
            let _ = page.peaks.set(found);
        });
    }

    /// Starts to make the copy for browsers, unless it is there.
    fn start_copy(&self) {
        let (Some(copy), Some(recording)) = (&self.copy, &self.class.recording) else {
            return;
        };
        let (copy, peaks) = (copy.clone(), self.peaks.clone());
        let listens = is_copied(recording) && recording.has_audio;
        self.copying.start(&self.request, move |request| {
            let made = copy.make(request);
            if peaks.get().is_none() {
                let heard = listens && made.is_ok();
                let found = heard.then(|| peaks::of_file(&copy.path(), &request.stop));
                // Set once only.
                let _ = peaks.set(found.and_then(Result::ok).unwrap_or_default());
            }
            made
        });
    }

    /// Ends the page.
    pub fn finish(&self) -> ReviewResults {
        self.copying.finish();
        ReviewResults {
            saved: self.saved.load(Ordering::SeqCst),
            packages: self.packaging.finish(),
        }
    }

    /// Answers a request for `path` that the guard lets pass. A path is compared as a whole, so that
    /// it cannot lead anywhere else.
    pub fn answer(&self, asked: &Asked, path: &str) -> Reply {
        let method = files::method(asked);
        if let Some(file) = files::find(path, files::CLASS).filter(|_| method == "GET") {
            return file;
        }
        let (folder, name) = path.rsplit_once('/').unwrap_or_default();
        match (method, path, folder) {
            ("GET", "/media", _) => self.media(asked.field("range")),
            ("GET", "/copy", _) => match &self.copy {
                Some(copy) => file(&copy.path(), asked.field("range")),
                None => unknown(),
            },
            ("GET", "/api/copy", _) => Reply::json(200, &self.copying.state()),
            ("POST", "/api/copy", _) => {
                self.start_copy();
                Reply::json(202, &self.copying.state())
            }
            ("GET", "/api/class", _) => self.load(),
            ("GET", "/api/peaks", _) => match self.peaks.get() {
                Some(peaks) => Reply::new(200, "application/octet-stream", peaks.clone()),
                None => Reply::text(202, "Not yet."),
            },
            ("GET", "/api/package", _) => Reply::json(200, &self.package()),
            ("POST", "/api/package", _) => {
                self.packaging.start(&self.request, |request| {
                    package::run(request, &mut Summary::default())
                });
                Reply::json(202, &self.package())
            }
            ("GET", _, "/api/findings") => match self.class.findings(name) {
                Ok(Some(found)) => Reply::json(200, &found),
                Ok(None) => unknown(),
                Err(error) => failed(&error),
            },
            ("GET", _, "/api/divided") => match self.class.divided(name) {
                Ok(Some(cues)) => Reply::json(200, &cues),
                Ok(None) => unknown(),
                Err(error) => failed(&error),
            },
            ("PUT", _, "/api/draft") => self.write(asked, |change| self.class.save(name, &change)),
            ("POST", _, "/api/approve") => {
                self.write(asked, |approval| self.class.approve(name, approval))
            }
            _ => unknown(),
        }
    }

    fn load(&self) -> Reply {
        let recording = self.class.recording.as_ref();
        match self.class.shown() {
            Ok(drafts) => Reply::json(
                200,
                &Loaded {
                    name: self.class.name.clone(),
                    duration: self.class.duration.millis(),
                    playable: recording.map(|recording| recording.playable),
                    listed: self.is_listed,
                    drafts,
                },
            ),
            Err(error) => failed(&error),
        }
    }

    fn media(&self, range: Option<&str>) -> Reply {
        match &self.class.recording {
            Some(recording) => file(&recording.media, range),
            None => unknown(),
        }
    }

    /// Returns the state of the package and what it lacks for publishing.
    fn package(&self) -> serde_json::Value {
        let manifest = folder::manifest(&self.class.output.join("package"));
        let missing = manifest.and_then(|manifest| manifest.missing.get("A").cloned());
        json!({ "job": self.packaging.state(), "missing": missing })
    }

    fn write<C: DeserializeOwned>(
        &self,
        asked: &Asked,
        write: impl FnOnce(C) -> Result<Shown, Refused>,
    ) -> Reply {
        let change = match serde_json::from_slice(&asked.body) {
            Ok(change) => change,
            Err(error) => return Reply::text(400, error.to_string()),
        };
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        match write(change) {
            Ok(shown) => {
                self.saved.fetch_add(1, Ordering::SeqCst);
                Reply::json(200, &shown)
            }
            Err(Refused::Unknown) => unknown(),
            Err(Refused::Changed(theirs)) => Reply::json(409, &theirs),
            Err(Refused::Wrong(problems)) => Reply::json(422, &problems),
            Err(Refused::Failed(error)) => failed(&error),
        }
    }
}

/// Whether the page plays a copy of the recording in every browser.
fn is_copied(recording: &Recording) -> bool {
    recording.playable == Playable::Unsure
}

fn file(path: &Path, range: Option<&str>) -> Reply {
    match Reply::file(path, media_type(path), range) {
        Ok(reply) => reply,
        Err(error) if error.kind() == io::ErrorKind::NotFound => unknown(),
        Err(error) => failed(&Error::reading(path, &error)),
    }
}

#[cfg(test)]
mod tests {
    use gstlecture::edit::Analysis;
    use std::io::Read;

    use gstlecture::timeline::Time;
    use serde_json::Value;

    use super::*;
    use crate::options::Values;
    use crate::stop::Stop;

    const TRIM: &str = "WEBVTT\n\nNOTE\nstatus: draft\ninput: abc\n\nNOTE ask Bob\n\n\
        00:00.000 --> 00:10.000\ncut: chatter\nI listened\n";
    const CAPTIONS: &str = "WEBVTT\n\n00:12.000 --> 00:14.000\n<v Ada>Hello</v>\n";

    fn page(at: &Path) -> Page {
        let folder = at.join("drafts");
        std::fs::create_dir(&folder).expect("made");
        for (name, text) in [
            ("trim.vtt", TRIM),
            ("captions.en.vtt", CAPTIONS),
            ("notes.txt", "-"),
        ] {
            std::fs::write(folder.join(name), text).expect("written");
        }
        let class = Class {
            name: "Class".into(),
            output: at.to_owned(),
            folder,
            recording: None,
            duration: Time::from_secs(60),
            analysis: Analysis::default(),
        };
        let request = Request {
            values: Values::default(),
            print: false,
            json: false,
            stop: Stop::default(),
            watched: Default::default(),
        };
        Page::new(&request, class)
    }

    fn ask(page: &Page, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let asked = Asked {
            method: method.into(),
            body: body.to_string().into_bytes(),
            ..Asked::default()
        };
        let reply = page.answer(&asked, path);
        let status = reply.status;
        let mut bytes = Vec::new();
        reply.into_reader().1.read_to_end(&mut bytes).expect("read");
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    /// Returns a draft of the loaded class.
    fn load(page: &Page, file: &str) -> Value {
        let (status, class) = ask(page, "GET", "/api/class", &Value::Null);
        assert_eq!(status, 200);
        let mut drafts = class["drafts"].as_array().expect("drafts").iter();
        drafts
            .find(|draft| draft["file"] == file)
            .expect(file)
            .clone()
    }

    fn on_disk(at: &Path, name: &str) -> String {
        std::fs::read_to_string(at.join("drafts").join(name)).expect("read")
    }

    #[test]
    fn a_change_is_saved_in_the_file_that_a_text_editor_opens() {
        let at = tempfile::tempdir().expect("temporary folder");
        let page = page(at.path());
        let trim = load(&page, "trim.vtt");
        let mut change = json!({ "base": trim["version"], "content": trim["content"] });
        let (status, same) = ask(&page, "PUT", "/api/draft/trim.vtt", &change);
        assert_eq!((status, &same["version"]), (200, &trim["version"]));
        assert_eq!(on_disk(at.path(), "trim.vtt"), TRIM, "nothing was changed");
        change["content"]["passages"][0]["end"] = json!(12_000);
        let (status, _) = ask(&page, "PUT", "/api/draft/trim.vtt", &change);
        assert_eq!(status, 200);
        let text = on_disk(at.path(), "trim.vtt");
        for part in [
            "00:00:00.000 --> 00:00:12.000\ncut: chatter\nI listened",
            "ask Bob",
            "status: draft\ninput: abc",
            "00:00:12.000 --> 00:01:00.000\nkeep",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn what_somebody_else_saved_is_not_overwritten() {
        let at = tempfile::tempdir().expect("temporary folder");
        let page = page(at.path());
        let captions = load(&page, "captions.en.vtt");
        let theirs = CAPTIONS.replace("Hello", "Good morning");
        std::fs::write(at.path().join("drafts/captions.en.vtt"), &theirs).expect("written");
        let cues = json!({ "cues": [{ "start": 12_000, "end": 14_000, "text": "Hi" }] });
        let change = json!({ "base": captions["version"], "content": cues });
        let path = "/api/draft/captions.en.vtt";
        let (status, other) = ask(&page, "PUT", path, &change);
        assert_eq!(status, 409);
        assert_eq!(other["content"]["cues"][0]["text"], "Good morning");
        assert_eq!(on_disk(at.path(), "captions.en.vtt"), theirs);
        let approval = json!({ "base": captions["version"], "by": "Ada", "on": "2026-11-30" });
        let (status, _) = ask(&page, "POST", "/api/approve/captions.en.vtt", &approval);
        assert_eq!(status, 409);
        let change = json!({ "base": other["version"], "content": cues });
        assert_eq!(ask(&page, "PUT", path, &change).0, 200);
        assert!(on_disk(at.path(), "captions.en.vtt").ends_with("\nHi\n"));
    }

    #[test]
    fn an_approval_has_a_name_and_ends_with_a_change() {
        let at = tempfile::tempdir().expect("temporary folder");
        let page = page(at.path());
        let captions = load(&page, "captions.en.vtt");
        let path = "/api/approve/captions.en.vtt";
        let approval = |by: &str| {
            json!({
                "base": captions["version"], "by": by, "on": "2026-11-30",
                "signed": ["words", "a\nstatus: x"],
            })
        };
        assert_eq!(ask(&page, "POST", path, &approval(" ")).0, 422);
        let (status, approved) = ask(&page, "POST", path, &approval("Ada\nL."));
        assert_eq!((status, &approved["approved"]), (200, &json!(true)));
        let note = "NOTE\nstatus: approved\nby: Ada L.\nsigned: words\non: 2026-11-30\n";
        let text = on_disk(at.path(), "captions.en.vtt");
        assert!(
            text.contains(note) && text.contains("<v Ada>Hello</v>"),
            "{text}"
        );
        let mut change = json!({ "base": approved["version"], "content": approved["content"] });
        let (_, same) = ask(&page, "PUT", "/api/draft/captions.en.vtt", &change);
        assert_eq!(same["approved"], json!(true));
        change["content"]["cues"][0]["text"] = json!("Hello!");
        let (_, changed) = ask(&page, "PUT", "/api/draft/captions.en.vtt", &change);
        assert_eq!(changed["approved"], json!(false));
        assert!(on_disk(at.path(), "captions.en.vtt").contains("<v Ada>Hello!"));
    }

    #[test]
    fn what_breaks_the_rules_of_a_file_is_refused() {
        let at = tempfile::tempdir().expect("temporary folder");
        let page = page(at.path());
        let trim = load(&page, "trim.vtt");
        let all = json!([{ "kind": "cut", "start": 0, "end": 60_000 }]);
        let change = json!({ "base": trim["version"], "content": { "passages": all } });
        let (status, problems) = ask(&page, "PUT", "/api/draft/trim.vtt", &change);
        assert_eq!(status, 422);
        let text = problems[0].as_str().unwrap_or_default();
        assert!(text.contains("everything is cut"), "{text}");
        let untitled = json!([{ "start": 0, "end": 60_000, "text": " " }]);
        let change = json!({ "base": "", "content": { "cues": untitled } });
        assert_eq!(ask(&page, "PUT", "/api/draft/chapters.vtt", &change).0, 422);
        assert_eq!(on_disk(at.path(), "trim.vtt"), TRIM);
        assert!(!at.path().join("drafts/chapters.vtt").exists());
    }

    #[test]
    fn text_that_belongs_to_no_cue_is_not_lost() {
        let at = tempfile::tempdir().expect("temporary folder");
        let page = page(at.path());
        let odd = format!("{CAPTIONS}\nWords without a time\n");
        let path = at.path().join("drafts/captions.en.vtt");
        std::fs::write(path, &odd).expect("written");
        let captions = load(&page, "captions.en.vtt");
        let problem = captions["problems"][0].as_str().unwrap_or_default();
        assert!(problem.starts_with("line 6: "), "{problem}");
        let change = json!({ "base": captions["version"], "content": { "cues": [] } });
        let (status, _) = ask(&page, "PUT", "/api/draft/captions.en.vtt", &change);
        assert_eq!(status, 422);
        assert_eq!(on_disk(at.path(), "captions.en.vtt"), odd);
    }

    #[test]
    fn no_path_leads_to_another_file() {
        let at = tempfile::tempdir().expect("temporary folder");
        let page = page(at.path());
        std::fs::write(at.path().join("captions.fr.vtt"), CAPTIONS).expect("written");
        let change = json!({ "base": "", "content": { "cues": [] } });
        for name in [
            "notes.txt",
            "../captions.fr.vtt",
            "..%2fcaptions.fr.vtt",
            "analysis.json",
            "captions.de.vtt",
            "",
        ] {
            let path = format!("/api/draft/{name}");
            assert_eq!(ask(&page, "PUT", &path, &change).0, 404, "{name}");
            let path = format!("/api/findings/{name}");
            assert_eq!(ask(&page, "GET", &path, &change).0, 404, "{name}");
        }
        for path in [
            "/../Cargo.toml",
            "//etc/passwd",
            "/media",
            "/review.css/..",
            "/drafts/trim.vtt",
        ] {
            assert_eq!(ask(&page, "GET", path, &Value::Null).0, 404, "{path}");
        }
        assert_eq!(ask(&page, "GET", "/", &Value::Null).0, 200);
        assert_eq!(on_disk(at.path(), "notes.txt"), "-");
    }
}
