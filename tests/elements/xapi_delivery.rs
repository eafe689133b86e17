// SPDX-License-Identifier: MPL-2.0

//! The journal and the delivery against a disk and an LRS with bad days. (Good days are tested with
//! real LRSs in tests/lrs.)

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{fs, thread};

use gstlecture::delivery::{Courier, Credentials, Delivery, Endpoint, Journal, Lrs, Trouble};
use gstlecture::xapi::{Facts, History, Input, Plan, Session, Statement, Uuid, actor, check};
use serde_json::Value;

fn ids(seed: u64) -> impl FnMut() -> Uuid {
    let mut count = 0_u64;
    move || {
        count += 1;
        let mut random = [0; 16];
        random[..8].copy_from_slice(&seed.to_be_bytes());
        random[8..].copy_from_slice(&count.to_be_bytes());
        Uuid::v4(random)
    }
}

fn session(viewer: u64) -> Session {
    let plan = Plan {
        actor: actor(&format!("mailto:viewer-{viewer}@example.org")).expect("valid"),
        activity_id: "https://example.org/class/7".into(),
        activity_name: None,
        threshold: 900,
        require_check: false,
        check_suffices: false,
        rates: (0.25, 4.0),
    };
    let registration = ids(viewer + 1_000_000)();
    Session::new(plan, History::new(registration, None), Facts::default())
}

/// Watches a minute, in steps as an element takes them.
fn watch(viewer: u64, mut step: impl FnMut(&str, &Session, &[Statement])) -> usize {
    let (mut session, mut ids) = (session(viewer), ids(viewer));
    let mut count = 0;
    let inputs = [
        Input::Length(60_000),
        Input::Play { at: 0, rate: 1.0 },
        Input::Pause { at: 20_000 },
        Input::Play {
            at: 20_000,
            rate: 1.0,
        },
        Input::Tick { at: 54_000 },
        Input::Pause { at: 55_000 },
        Input::Terminate { at: 55_000 },
    ];
    for (turn, input) in (0..).zip(inputs) {
        let said = session.apply(input, 1_800_000_000_000 + turn * 10_000, &mut ids);
        count += said.len();
        step(&format!("viewer {viewer}"), &session, &said);
    }
    count
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

fn statements(journal: &Journal) -> Vec<Value> {
    let pending = journal.contents().pending.values();
    pending
        .map(|entry| journal.statement(entry).expect("it can be read"))
        .map(|json| serde_json::from_str(&json).expect("JSON"))
        .collect()
}

#[test]
fn a_journal_cut_anywhere_holds_legal_sessions() {
    let folder = folder();
    let file = folder.path().join("statements.journal");
    let mut journal = Journal::open(folder.path()).expect("a new journal");
    let mut count = 0;
    for viewer in 0..3 {
        count += watch(viewer, |key, session, said| {
            journal.append(key, session, said).expect("written");
        });
    }
    assert_eq!(statements(&journal).len(), count);
    drop(journal);
    let whole = fs::read(&file).expect("it is there");
    let mut ids = ids(99);
    // Every record boundary is near one of these; the pure tests cut at every byte.
    for cut in (0..=whole.len()).step_by(97) {
        fs::write(&file, &whole[..cut]).expect("cut");
        let mut journal = Journal::open(folder.path()).expect("a torn journal opens");
        journal.close_abandoned(&mut ids).expect("written");
        assert_eq!(journal.close_abandoned(&mut ids).expect("written"), 0);
        let findings = check::all(&statements(&journal));
        assert!(findings.is_empty(), "cut at {cut}: {findings:?}");
    }
}

#[test]
fn a_journal_has_one_owner_and_keeps_what_it_cannot_read() {
    let folder = folder();
    let journal = Journal::open(folder.path()).expect("a new journal");
    assert!(matches!(
        Journal::open(folder.path()),
        Err(Trouble::Locked(_))
    ));
    drop(journal);
    let file = folder.path().join("statements.journal");
    for strange in [
        &b"LECTXAPI\x09\0\0\0 from the future"[..],
        b"something of someone else's",
    ] {
        fs::write(&file, strange).expect("written");
        assert!(matches!(
            Journal::open(folder.path()),
            Err(Trouble::Unreadable(..))
        ));
        assert_eq!(fs::read(&file).expect("still there"), strange);
    }
}

#[test]
fn ten_thousand_sessions_open_at_once() {
    let folder = folder();
    let file = folder.path().join("statements.journal");
    let mut bytes = gstlecture::xapi::journal::header();
    let mut number = 0;
    for viewer in 0..10_000 {
        watch(viewer, |key, session, said| {
            let state = serde_json::to_vec(session).expect("it can be written");
            bytes.extend(gstlecture::xapi::journal::step(key, &state, number, said));
            number += said.len() as u64;
        });
    }
    fs::write(&file, &bytes).expect("written");
    let began = Instant::now();
    let mut journal = Journal::open(folder.path()).expect("it opens");
    assert_eq!(journal.close_abandoned(&mut ids(1)).expect("written"), 0);
    println!(
        "{} MB of 10000 sessions opened in {:?}",
        bytes.len() >> 20,
        began.elapsed()
    );
    assert_eq!(journal.contents().pending.len() as u64, number);
    assert_eq!(journal.contents().states.len(), 10_000);
}

/// An LRS whose every answer is chosen by the number of the request.
struct Lrss {
    endpoint: Endpoint,
    stored: Arc<Mutex<BTreeMap<String, Value>>>,
    requests: Arc<AtomicUsize>,
}

type Behaviour = dyn Fn(usize, &[Value]) -> Answer + Send + Sync;

enum Answer {
    Store,
    /// Stores, and closes the connection without a word.
    StoreAndVanish,
    Say(u16, &'static str, &'static str),
}

fn lrs(behaviour: impl Fn(usize, &[Value]) -> Answer + Send + Sync + 'static) -> Lrss {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let stored = Arc::new(Mutex::new(BTreeMap::new()));
    let requests = Arc::new(AtomicUsize::new(0));
    let behaviour: Arc<Behaviour> = Arc::new(behaviour);
    let (s, r) = (stored.clone(), requests.clone());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (s, r, behaviour) = (s.clone(), r.clone(), behaviour.clone());
            thread::spawn(move || serve(stream, &s, &r, &*behaviour));
        }
    });
    Lrss {
        endpoint: Endpoint::parse(&format!("http://{address}/xapi")).expect("a URL"),
        stored,
        requests,
    }
}

fn serve(
    stream: TcpStream,
    stored: &Mutex<BTreeMap<String, Value>>,
    requests: &AtomicUsize,
    behaviour: &Behaviour,
) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut writer = stream;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let is_post = line.starts_with("POST");
        let mut length = 0;
        loop {
            let mut header = String::new();
            reader
                .read_line(&mut header)
                .ok()
                .filter(|read| *read > 0)?;
            let header = header.trim().to_ascii_lowercase();
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            if header.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let answer = if is_post {
            let statements: Vec<Value> = serde_json::from_slice(&body).expect("an array");
            assert!(!statements.is_empty());
            let answer = behaviour(requests.fetch_add(1, Ordering::SeqCst), &statements);
            if !matches!(answer, Answer::Say(..)) {
                let mut stored = stored.lock().expect("not poisoned");
                for statement in &statements {
                    let id = statement["id"].as_str().expect("an id").to_owned();
                    let before = stored.insert(id, statement.clone());
                    assert!(before.is_none_or(|before| before == *statement));
                }
            }
            answer
        } else {
            Answer::Say(404, "", "no about here")
        };
        let (status, headers, body) = match answer {
            Answer::Store => (200, "", "[]"),
            Answer::StoreAndVanish => return None,
            Answer::Say(status, headers, body) => (status, headers, body),
        };
        let length = body.len();
        write!(
            writer,
            "HTTP/1.1 {status} x\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        )
        .ok()?;
    }
}

/// Sends what a journal holds, for a while.
fn deliver(folder: &Path, lrs: &Lrss, until: impl Fn(&Delivery) -> bool) -> Delivery {
    let journal = Journal::open(folder).expect("it opens");
    let client = Lrs::new(lrs.endpoint.clone(), &Credentials::None, None);
    let courier = Courier::start(journal, Some(client), |_| {});
    let began = Instant::now();
    while !until(&courier.status()) {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "{:?}",
            courier.status()
        );
        thread::sleep(Duration::from_millis(10));
    }
    courier.finish(Duration::ZERO)
}

fn journal_of(sessions: u64) -> (tempfile::TempDir, usize) {
    let folder = folder();
    let mut journal = Journal::open(folder.path()).expect("a new journal");
    let mut count = 0;
    for viewer in 0..sessions {
        count += watch(viewer, |key, session, said| {
            journal.append(key, session, said).expect("written");
        });
    }
    (folder, count)
}

fn done(status: &Delivery) -> bool {
    status.pending == 0
}

#[test]
fn bad_days_lose_and_double_nothing() {
    let (folder, count) = journal_of(10);
    let lrs = lrs(|request, _| match request {
        0 => Answer::Say(500, "", "oops"),
        1 => Answer::StoreAndVanish,
        2 => Answer::Say(429, "Retry-After: 1\r\n", ""),
        _ => Answer::Store,
    });
    let status = deliver(folder.path(), &lrs, done);
    assert_eq!((status.delivered, status.dead), (count as u64, 0));
    assert_eq!(lrs.stored.lock().expect("not poisoned").len(), count);
    // Nothing is left, and nothing is sent again.
    let requests = lrs.requests.load(Ordering::SeqCst);
    deliver(folder.path(), &lrs, done);
    assert_eq!(lrs.requests.load(Ordering::SeqCst), requests);
}

#[test]
fn a_poisoned_statement_is_set_aside_with_the_servers_words() {
    let (folder, count) = journal_of(4);
    let lrs = lrs(|_, statements| {
        let poison = |s: &Value| {
            s["verb"]["id"]
                .as_str()
                .is_some_and(|id| id.ends_with("completed"))
        };
        if statements.iter().any(poison) {
            Answer::Say(400, "", "no such verb here")
        } else {
            Answer::Store
        }
    });
    let status = deliver(folder.path(), &lrs, done);
    assert_eq!((status.delivered, status.dead), (count as u64 - 4, 4));
    let journal = Journal::open(folder.path()).expect("it opens");
    assert!(
        journal
            .contents()
            .dead
            .iter()
            .all(|(_, words)| words.contains("no such verb here"))
    );
}

#[test]
fn what_is_no_lrs_holds_the_queue() {
    for (status, headers, body, words) in [
        (401, "", "who are you", "who are you"),
        (
            302,
            "Location: https://elsewhere.example/\r\n",
            "",
            "elsewhere.example",
        ),
        (
            200,
            "Content-Type: text/html\r\n",
            "<html>Welcome to the hotel</html>",
            "is not an LRS",
        ),
        (404, "", "", "404"),
    ] {
        let (folder, count) = journal_of(1);
        let lrs = lrs(move |_, _| Answer::Say(status, headers, body));
        let delivery = deliver(folder.path(), &lrs, |status| status.state == "held");
        assert!(delivery.words.contains(words), "{}", delivery.words);
        assert_eq!((delivery.pending, delivery.dead), (count as u64, 0));
    }
}

#[test]
fn a_batch_that_is_too_large_is_halved() {
    let (folder, count) = journal_of(10);
    let lrs = lrs(|_, statements| {
        if statements.len() > 3 {
            Answer::Say(413, "", "too large")
        } else {
            Answer::Store
        }
    });
    let status = deliver(folder.path(), &lrs, done);
    assert_eq!(status.delivered, count as u64);
}

#[test]
fn a_hanging_lrs_does_not_hold_up_the_shutdown() {
    let (folder, count) = journal_of(1);
    let lrs = lrs(|_, _| {
        thread::sleep(Duration::from_secs(40));
        Answer::Store
    });
    let journal = Journal::open(folder.path()).expect("it opens");
    let client = Lrs::new(lrs.endpoint.clone(), &Credentials::None, None);
    let courier = Courier::start(journal, Some(client), |_| {});
    while lrs.requests.load(Ordering::SeqCst) == 0 {
        thread::sleep(Duration::from_millis(10));
    }
    let status = courier.finish(Duration::from_millis(50));
    assert_eq!(status.pending, count as u64);
    // The journal is free at once.
    Journal::open(folder.path()).expect("it opens");
}
