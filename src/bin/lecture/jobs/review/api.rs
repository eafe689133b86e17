// SPDX-License-Identifier: MPL-2.0

//! The paths of the page: its files, the recording, and the requests of its scripts.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::ReviewResults;
use super::class::Class;
use super::drafts::{Refused, Shown};
use super::files::{self, failed, unknown};
use super::packaging::{Packaging, State};
use crate::class::folder;
use crate::error::Error;
use crate::jobs::Request;
use crate::media::peaks;
use crate::serve::{Asked, Reply};

/// The page of a class.
pub struct Page {
    request: Request,
    class: Class,
    packaging: Packaging,
    /// Held while a draft is read, compared and written.
    writing: Mutex<()>,
    peaks: OnceLock<Vec<u8>>,
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
    /// Whether there is a file to play.
    playable: bool,
    /// Whether the recording is found, which a package needs.
    found: bool,
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
            class,
            packaging: Packaging::default(),
            writing: Mutex::default(),
            peaks: OnceLock::new(),
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

    /// Whether a package is being made.
    pub fn is_packaging(&self) -> bool {
        matches!(self.packaging.state(), State::Running { .. })
    }

    /// Measures the recording's loudness over time in a thread of its own.
    pub fn listen_for_peaks(self: &Arc<Self>) {
        let page = self.clone();
        thread::spawn(move || {
            let recording = page.class.recording.as_ref();
            let file = recording.filter(|recording| recording.has_audio && !recording.is_room);
            let found = file.map(|file| peaks::of_file(&file.path, &page.request.stop));
            let found = found.and_then(Result::ok).unwrap_or_default();
            // Set once only.
            let _ = page.peaks.set(found);
        });
    }

    /// Ends the page.
    pub fn finish(&self) -> ReviewResults {
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
            ("GET", "/api/class", _) => self.load(),
            ("GET", "/api/peaks", _) => match self.peaks.get() {
                Some(peaks) => Reply::new(200, "application/octet-stream", peaks.clone()),
                None => Reply::text(202, "Not yet."),
            },
            ("GET", "/api/package", _) => Reply::json(200, &self.package()),
            ("POST", "/api/package", _) => {
                self.packaging.start(&self.request);
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
                    playable: recording.is_some_and(|recording| !recording.is_room),
                    found: recording.is_some(),
                    listed: self.is_listed,
                    drafts,
                },
            ),
            Err(error) => failed(&error),
        }
    }

    fn media(&self, range: Option<&str>) -> Reply {
        let recording = self.class.recording.as_ref();
        let Some(file) = recording.filter(|recording| !recording.is_room) else {
            return unknown();
        };
        let ending = file.path.extension().unwrap_or_default();
        let kind = match ending.to_ascii_lowercase().to_str() {
            Some("mp4" | "m4v" | "mov") => "video/mp4",
            Some("mkv") => "video/x-matroska",
            Some("webm") => "video/webm",
            Some("ogg" | "ogv") => "video/ogg",
            Some("mp3") => "audio/mpeg",
            Some("m4a") => "audio/mp4",
            Some("wav") => "audio/wav",
            _ => "application/octet-stream",
        };
        match Reply::file(&file.path, kind, range) {
            Ok(reply) => reply,
            Err(error) if error.kind() == io::ErrorKind::NotFound => unknown(),
            Err(error) => failed(&Error::reading(&file.path, &error)),
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

#[cfg(test)]
mod tests {
    use gstlecture::edit::Analysis;
    use std::io::Read;
    use std::path::Path;

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
