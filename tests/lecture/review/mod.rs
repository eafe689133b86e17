// SPDX-License-Identifier: MPL-2.0

//! `review` over HTTP, as a browser asks it.

mod copy;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::harness::place::Place;

const DRAFT: &str = "WEBVTT\n\n00:00.000 --> 00:10.000\n";
const APPROVED: &str =
    "WEBVTT\n\nNOTE\nstatus: approved\nby: Ada\n\n00:00.000 --> 01:00.000\nAll\n";
const ANALYSIS: &str =
    r#"{ "summary": { "kept": 3720.0, "removed": 0.0 }, "input": { "file": "lesson 1.mkv" } }"#;

/// A review that runs, and the browser that was let in.
struct Review {
    job: Child,
    lines: BufReader<std::process::ChildStdout>,
    address: String,
    cookie: String,
}

impl Review {
    fn open(place: &Place, variables: &[&str]) -> Self {
        let mut job = place
            .command(&[&["review", "--json"], variables].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program runs");
        let mut lines = BufReader::new(job.stdout.take().expect("a pipe"));
        let mut link = String::new();
        lines.read_line(&mut link).expect("a link");
        let rest = link.trim().strip_prefix("http://").expect("a link");
        let (address, path) = rest.split_once('/').expect("a path");
        let mut review = Review {
            job,
            lines,
            address: address.to_owned(),
            cookie: String::new(),
        };
        let (status, head, _) = review.ask("GET", &format!("/{path}"), "");
        assert_eq!(status, 200, "{head}");
        let cookie = head.split("Set-Cookie: ").nth(1).expect("a cookie");
        review.cookie = cookie.split(';').next().expect("a value").to_owned();
        review
    }

    /// Sends a request; returns the status, the head and the body of the answer.
    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String, Vec<u8>) {
        let origin = match method {
            "GET" => String::new(),
            _ => format!("Origin: http://{}\r\n", self.address),
        };
        self.send(method, path, &origin, body)
    }

    fn send(&self, method: &str, path: &str, fields: &str, body: &str) -> (u16, String, Vec<u8>) {
        let mut stream = TcpStream::connect(&self.address).expect("a connection");
        let (address, cookie, length) = (&self.address, &self.cookie, body.len());
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nCookie: {cookie}\r\n{fields}\
             Content-Length: {length}\r\n\r\n{body}"
        )
        .expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
        let body = answer.split_off(end.expect("a head") + 4);
        let head = String::from_utf8(answer).expect("text");
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
        (status.expect("a status"), head, body)
    }

    fn get(&self, path: &str) -> (u16, Value) {
        let (status, _, body) = self.ask("GET", path, "");
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    /// The class in this folder, as the list has it.
    fn listed(&self, folder: &str) -> Option<Value> {
        let (status, classes) = self.get("/api/classes");
        assert_eq!(status, 200);
        let mut classes = classes.as_array().expect("a list").iter();
        classes.find(|class| class["folder"] == folder).cloned()
    }

    /// Ends it as Ctrl-C does; returns its results.
    fn end(mut self) -> Value {
        let pid = self.job.id().to_string();
        let sent = Command::new("kill").args(["-INT", &pid]).status();
        assert!(sent.expect("kill runs").success());
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("its results");
        assert!(self.job.wait().expect("it ends").success());
        serde_json::from_str(&line).expect("JSON")
    }
}

impl Drop for Review {
    /// Ends it when a test has failed; else it has ended.
    fn drop(&mut self) {
        let _ = self.job.kill();
        let _ = self.job.wait();
    }
}

fn classes() -> Place {
    let place = Place::new();
    place.write(
        "all/algebra/drafts/trim.vtt",
        &format!("{DRAFT}cut: chatter\n"),
    );
    place.write("all/algebra/drafts/chapters.vtt", APPROVED);
    place.write(
        "all/algebra/drafts/captions.en.vtt",
        &format!("{DRAFT}Hello\n"),
    );
    place.write("all/algebra/drafts/analysis.json", ANALYSIS);
    place.write("all/Zoë & co/drafts/chapters.vtt", APPROVED);
    place.write(
        "all/broken/drafts/trim.vtt",
        &format!("{DRAFT}chop: everything\n"),
    );
    place.write("all/nothing/drafts/notes.txt", "-");
    place.write("all/.hidden/drafts/chapters.vtt", APPROVED);
    place.write("all/recordings/trim.vtt", DRAFT);
    place
}

fn left(class: &Value) -> Vec<&str> {
    let left = class["left"].as_array().expect("a list");
    left.iter()
        .filter_map(|left| left["kind"].as_str())
        .collect()
}

#[test]
fn a_folder_of_classes_is_listed_with_what_is_left_to_approve() {
    let place = classes();
    let review = Review::open(&place, &["output=all"]);
    let (status, head, page) = review.ask("GET", "/", "");
    assert_eq!(status, 200);
    assert!(head.contains("Content-Security-Policy: default-src 'none'; script-src 'self'"));
    assert!(String::from_utf8_lossy(&page).contains("classes.js"));
    let (_, listed) = review.get("/api/classes");
    let listed = listed.as_array().expect("a list").iter();
    let folders: Vec<_> = listed.map(|class| class["folder"].clone()).collect();
    assert_eq!(folders, ["Zoë & co", "algebra", "broken", "nothing"]);

    let algebra = review.listed("algebra").expect("listed");
    assert_eq!(algebra["title"], "lesson 1");
    assert_eq!(algebra["duration"], 3_720_000);
    assert_eq!(
        (left(&algebra), &algebra["drafts"]),
        (vec!["trim", "captions"], &json!(3))
    );
    let zoe = review.listed("Zoë & co").expect("listed");
    assert_eq!((left(&zoe), &zoe["error"]), (vec![], &Value::Null));
    for (folder, what) in [("broken", "trim.vtt"), ("nothing", "no drafts")] {
        let broken = review.listed(folder).expect("listed");
        let error = broken["error"].as_str().expect("an error");
        assert!(error.contains(what) && !error.contains('\n'), "{error}");
    }

    // What is approved on the page of a class is not left in the list.
    let class = format!("/class/{}", algebra["id"].as_str().expect("an identifier"));
    assert_eq!(review.ask("GET", &format!("{class}/"), "").0, 200);
    assert_eq!(review.ask("GET", &format!("{class}/review.js"), "").0, 200);
    let (status, loaded) = review.get(&format!("{class}/api/class"));
    assert_eq!((status, &loaded["listed"]), (200, &json!(true)));
    let approval =
        json!({ "base": loaded["drafts"][0]["version"], "by": "Ada", "on": "2026-11-30" });
    let approve = format!("{class}/api/approve/trim.vtt");
    let (status, ..) = review.ask("POST", &approve, &approval.to_string());
    assert_eq!(status, 200);
    assert_eq!(
        left(&review.listed("algebra").expect("listed")),
        ["captions"]
    );
    let text = place.read("all/algebra/drafts/trim.vtt");
    assert!(text.contains("status: approved\nby: Ada"), "{text}");

    // A class that comes later is listed, one that goes is not.
    place.write("all/new/drafts/chapters.vtt", &format!("{DRAFT}All\n"));
    assert_eq!(left(&review.listed("new").expect("listed")), ["chapters"]);
    std::fs::remove_dir_all(place.path("all/algebra")).expect("removed");
    assert_eq!(review.listed("algebra"), None);
    assert_eq!(review.get(&format!("{class}/api/class")).0, 404);
    assert_eq!(review.end()["saved"], 1);
}

#[test]
fn no_path_of_a_request_leads_out_of_the_listed_classes() {
    let place = classes();
    place.write("drafts/trim.vtt", DRAFT);
    let mut review = Review::open(&place, &["output=all"]);
    let [algebra, nothing] = ["algebra", "nothing"].map(|folder| {
        let class = review.listed(folder).expect("listed");
        class["id"].as_str().expect("an identifier").to_owned()
    });
    for path in [
        "/class/",
        "/class/algebra/",
        "/class/algebra/api/class",
        "/class/../api/class",
        "/class/..%2f..%2f/api/class",
        "/class/%2e%2e/api/class",
        "/class/.hidden/api/class",
        "/class//api/class",
        "/api/class",
        "/media",
        &format!("/class/{algebra}"),
        &format!("/class/{algebra}/../../drafts/trim.vtt"),
        &format!("/class/{algebra}/api/findings/..%2fanalysis.json"),
        &format!("/class/{algebra}/api/findings/../../broken/drafts/trim.vtt"),
        &format!("/class/{algebra}//etc/passwd"),
    ] {
        assert_eq!(review.get(path).0, 404, "{path}");
    }
    let approve = format!("/class/{algebra}/api/approve/trim.vtt");
    for (fields, status) in [("", 403), ("Origin: https://evil.example\r\n", 403)] {
        let (refused, ..) = review.send("POST", &approve, fields, "{}");
        assert_eq!(refused, status, "{fields}");
    }
    let (status, _, error) = review.ask("GET", &format!("/class/{}/api/class", nothing), "");
    let error = String::from_utf8_lossy(&error);
    assert!(
        status == 500 && error.contains("there are no drafts"),
        "{status} {error}"
    );
    review.cookie.clear();
    assert_eq!(review.get("/api/classes").0, 401);
    review.end();
}

#[test]
fn a_variable_of_one_class_is_refused_for_a_folder_of_classes() {
    let place = classes();
    for variable in ["title=Algebra", "input=class.mkv", "captions.en=en.vtt"] {
        let ended = place.lecture(&["review", "output=all", variable]);
        ended.failed(2, &["belongs to one class"]);
    }
    place.write("none/recordings/notes.txt", "-");
    let ended = place.lecture(&["review", "output=none"]);
    ended.failed(1, &["there are no drafts"]);
}
