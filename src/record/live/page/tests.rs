// SPDX-License-Identifier: MPL-2.0

use super::*;

/// A page to which the browser has answered until it is being loaded.
fn loading(ready: Ready) -> Page {
    let mut page = Page::new(
        "https://h/?token=s3cret".into(),
        ready,
        Some("s3cret".into()),
    );
    assert_eq!(page.open()["method"], "Target.setDiscoverTargets");
    let created = |kind: &str, id: &str| json!({"method": "Target.targetCreated", "params": {"targetInfo": {"targetId": id, "type": kind}}});
    assert_eq!(page.take(&created("browser", "B")), []);
    let steps = page.take(&created("page", "P"));
    let [Step::Send(attach)] = &steps[..] else {
        panic!("{steps:?}");
    };
    assert_eq!(attach["params"]["targetId"], "P");
    let answer = json!({"id": attach["id"], "result": {"sessionId": "S"}});
    let steps = page.take(&answer);
    let Some(Step::Send(navigate)) = steps.last() else {
        panic!("{steps:?}");
    };
    assert_eq!(
        (&navigate["method"], &navigate["sessionId"]),
        (&json!("Page.navigate"), &json!("S"))
    );
    assert_eq!(navigate["params"]["url"], "https://h/?token=s3cret");
    let answer = json!({"id": navigate["id"], "sessionId": "S", "result": {"frameId": "P"}});
    assert_eq!(page.take(&answer), []);
    page
}

fn event(method: &str, params: Value) -> Value {
    json!({"method": method, "sessionId": "S", "params": params})
}

fn log(text: &str) -> Value {
    event(
        "Runtime.consoleAPICalled",
        json!({"args": [{"type": "string", "value": text}]}),
    )
}

#[test]
fn a_page_is_ready_once_it_is_loaded_or_reports_it() {
    let load = event("Page.loadEventFired", json!({}));
    let mut page = loading(Ready::Load);
    assert_eq!(page.take(&log(START)), []);
    assert_eq!(page.take(&load), [Step::Ready]);
    assert_eq!(page.take(&load), []);
    let mut page = loading(Ready::Signal);
    let steps = page.take(&load);
    assert!(matches!(&steps[..], [Step::Send(_)]), "{steps:?}");
    assert_eq!(page.take(&log("START_RECORDING now")), []);
    assert_eq!(page.take(&log(START)), [Step::Ready]);
    assert_eq!(page.take(&log(END)), [Step::End]);
}

#[test]
fn a_page_may_be_loaded_before_its_navigation_is_answered() {
    let stage = |frame: &str, loader: &str| {
        let params = json!({"frameId": frame, "loaderId": loader, "name": "load"});
        event("Page.lifecycleEvent", params)
    };
    for (early, frame, steps) in [
        ("L", "P", vec![Step::Ready]),
        ("blank", "P", vec![]),
        ("L", "inner", vec![]),
    ] {
        let mut page = loading(Ready::Load);
        let load = page.load();
        assert_eq!(page.take(&event("Page.loadEventFired", json!({}))), []);
        assert_eq!(page.take(&stage(frame, early)), []);
        let answer = json!({"id": load["id"], "result": {"frameId": "P", "loaderId": "L"}});
        assert_eq!(page.take(&answer), steps, "{early} {frame}");
        // Reported between its two events, the answer is followed by the second one.
        if steps.is_empty() {
            assert_eq!(page.take(&stage("P", "L")), [Step::Ready]);
        }
    }
}

#[test]
fn a_page_that_cannot_be_shown_is_named_without_its_secret() {
    let mut page = loading(Ready::Signal);
    let steps = page.take(&event("Page.loadEventFired", json!({})));
    let [Step::Send(request)] = &steps[..] else {
        panic!("{steps:?}");
    };
    let answer = json!({"id": request["id"], "result": {"result": {"value": "bad token s3cret"}}});
    assert_eq!(
        page.take(&answer),
        [Step::Fail("the page shows an error: bad token …".into())]
    );
    let response = |frame: &str, status: u16| {
        let response =
            json!({"type": "Document", "frameId": frame, "response": {"status": status}});
        event("Network.responseReceived", response)
    };
    assert_eq!(page.take(&response("P", 200)), []);
    assert_eq!(page.take(&response("inner", 404)), []);
    assert_eq!(
        page.take(&response("P", 404)),
        [Step::Fail("the server answers status 404".into())]
    );
    let again = page.load();
    let answer = json!({"id": again["id"], "result": {"errorText": "net::ERR_CONNECTION_REFUSED"}});
    let steps = page.take(&answer);
    assert!(
        matches!(&steps[..], [Step::Fail(text)] if text.contains("ERR_CONNECTION_REFUSED")),
        "{steps:?}"
    );
    // The page that stands for the error is loaded, too.
    let load = event("Page.loadEventFired", json!({}));
    assert_eq!(page.take(&load), []);
}

#[test]
fn dialogs_windows_and_errors_do_not_stop_a_page() {
    let mut page = loading(Ready::Load);
    let opening = json!({"type": "confirm", "message": "Go\non?"});
    let steps = page.take(&event("Page.javascriptDialogOpening", opening));
    let [Step::Note(note), Step::Send(answer)] = &steps[..] else {
        panic!("{steps:?}");
    };
    assert!(note.ends_with("Go on?"), "{note}");
    assert_eq!(answer["params"]["accept"], false);
    let info = json!({"targetInfo": {"targetId": "Q", "type": "page"}});
    let steps = page.take(&json!({"method": "Target.targetCreated", "params": info}));
    let [Step::Note(_), Step::Send(close)] = &steps[..] else {
        panic!("{steps:?}");
    };
    assert_eq!(close["params"]["targetId"], "Q");
    let thrown = json!({"exceptionDetails": {"exception": {"description": "Error: boom\n at x"}}});
    let thrown = event("Runtime.exceptionThrown", thrown);
    let notes: Vec<Step> = (0..100).flat_map(|_| page.take(&thrown)).collect();
    assert_eq!(notes.len(), MOST_ERRORS);
    assert_eq!(
        notes[0],
        Step::Note("warning: a script of the page failed: Error: boom".into())
    );
}

#[test]
fn a_crash_is_reported_once_and_the_page_is_loaded_again() {
    let mut page = loading(Ready::Load);
    let crash = event("Inspector.targetCrashed", json!({}));
    assert_eq!(page.take(&crash), [Step::Crash]);
    let same = json!({"method": "Target.targetCrashed", "params": {"targetId": "P"}});
    assert_eq!(page.take(&same), []);
    let load = page.load();
    assert_eq!(load["sessionId"], "S");
    let answer = json!({"id": load["id"], "result": {"frameId": "P"}});
    assert_eq!(page.take(&answer), []);
    let loaded = event("Page.loadEventFired", json!({}));
    assert_eq!(page.take(&loaded), [Step::Ready]);
    assert_eq!(page.take(&crash), [Step::Crash]);
}

#[test]
fn messages_of_any_form_are_taken() {
    let mut page = loading(Ready::Load);
    for message in [
        json!(null),
        json!([1]),
        json!({"id": 999}),
        json!({"method": 3, "sessionId": {}}),
        event("Page.javascriptDialogOpening", json!(null)),
        event("Runtime.consoleAPICalled", json!({"args": 1})),
        event("Runtime.exceptionThrown", json!([])),
        json!({"method": "Target.targetCreated"}),
    ] {
        let _ = page.take(&message);
    }
}
