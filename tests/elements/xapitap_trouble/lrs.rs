// SPDX-License-Identifier: MPL-2.0

//! An LRS that is none, cannot be trusted, or hangs.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use super::{WATCHED, watch};
use crate::harness::player::folder;

/// What a server answers to everything, or nothing at all.
fn server(answer: Option<&'static str>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        let mut hanging = Vec::new();
        for mut stream in listener.incoming().flatten() {
            match answer {
                Some(answer) => {
                    let mut request = [0; 65536];
                    let _ = stream.read(&mut request);
                    let _ = stream.write_all(answer.as_bytes());
                }
                None => hanging.push(stream),
            }
        }
    });
    address.to_string()
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server whose certificate nobody vouches for.
fn self_signed(folder: &Path) -> (Killed, String) {
    let openssl = |arguments: &str| {
        let mut command = Command::new("openssl");
        command.args(arguments.split(' ')).current_dir(folder);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let made = openssl(
        "req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -keyout key.pem -out cert.pem",
    )
    .status();
    assert!(made.is_ok_and(|status| status.success()), "openssl runs");
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port")
        .port();
    let server = openssl(&format!(
        "s_server -accept {port} -key key.pem -cert cert.pem -www"
    ))
    .stdin(Stdio::piped())
    .spawn()
    .expect("openssl runs");
    let address = format!("localhost:{port}");
    while std::net::TcpStream::connect(&address).is_err() {
        thread::yield_now();
    }
    (Killed(server), address)
}

#[test]
fn an_lrs_that_is_none() {
    let folder = folder();
    let (_server, unknown) = self_signed(folder.path());
    let html = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 14\r\n\
                Connection: close\r\n\r\n<html>x</html>";
    let moved = "HTTP/1.1 301 Moved\r\nLocation: https://elsewhere.example/\r\n\
                 Content-Length: 0\r\nConnection: close\r\n\r\n";
    let busy = "HTTP/1.1 500 Oops\r\nContent-Length: 4\r\nConnection: close\r\n\r\noops";
    for (endpoint, state, words) in [
        // Nobody listens on the discard port.
        ("http://127.0.0.1:9/".to_owned(), "retrying", "refused"),
        (format!("https://{unknown}/"), "retrying", "ertificate"),
        (format!("https://{}/", server(Some(html))), "retrying", ""),
        (
            format!("http://{}/", server(Some(html))),
            "held",
            "is not an LRS",
        ),
        (
            format!("http://{}/", server(Some(moved))),
            "held",
            "elsewhere.example",
        ),
        (
            format!("http://{}/", server(Some(busy))),
            "retrying",
            "oops",
        ),
    ] {
        let journal = folder.path().join(endpoint.replace(['/', ':'], "-"));
        let player = watch(
            folder.path(),
            &format!("endpoint={endpoint} journal={}", journal.display()),
        );
        assert_eq!(player.verbs(), WATCHED);
        assert_eq!(player.warnings, [""; 0], "{endpoint}");
        let told: Vec<(String, String)> = player
            .deliveries
            .iter()
            .filter_map(|told| Some((told.get("state").ok()?, told.get("reason").ok()?)))
            .filter(|(state, _)| state != "working")
            .collect();
        assert_eq!(told.len(), 1, "{endpoint}: {told:?}");
        assert!(told[0].0 == state && told[0].1.contains(words), "{told:?}");
        assert!(player.number("failures") >= 1);
        assert_eq!((player.number("pending"), player.number("lost")), (5, 0));
    }
}

#[test]
fn an_lrs_that_hangs() {
    let folder = folder();
    let endpoint = format!("http://{}/", server(None));
    let player = watch(
        folder.path(),
        &format!("endpoint={endpoint} drain-timeout=100000000"),
    );
    assert_eq!(player.verbs(), WATCHED);
    assert_eq!(player.number("pending"), 5);
}
