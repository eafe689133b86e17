// SPDX-License-Identifier: MPL-2.0

//! Pages on this machine.

use std::sync::{Arc, Mutex};

use tiny_http::{Header, Response, Server};

use crate::harness::place::Place;

/// A page whose video has a flash and a beep per second.
const FILM: &str = "<!doctype html><body style='margin:0;background:#000'>\
    <video src=film.webm style='width:100vw;height:100vh'></video><script>\
    const film = document.querySelector('video');\
    film.play().then(() => console.log('START_RECORDING'));</script>";

/// A page with a dialog and a script that fails. Its second visit ends the recording.
const TROUBLE: &str = "<!doctype html><body style='background:COLOR'><script>\
    alert('Are you there?'); setTimeout(() => { throw new Error('boom') }, 10);\
    if ('COLOR' == '#4f4') setTimeout(() => console.log('END_RECORDING'), 2500);</script>";

/// A page as one of LiveKit's templates whose token is refused.
const TEMPLATE: &str = "<!doctype html><div class=error>cannot join: \
    <script>document.write(new URLSearchParams(location.search).get('token'))</script></div>";

/// A server of pages, until the test ends.
pub struct Site {
    address: String,
    visits: Arc<Mutex<Vec<String>>>,
    _place: Place,
}

impl Site {
    pub fn open() -> Self {
        let place = Place::new();
        place.ffmpeg(&[
            &[
                "-f",
                "lavfi",
                "-i",
                "color=size=320x180:rate=30:duration=30",
            ],
            &[
                "-f",
                "lavfi",
                "-i",
                "aevalsrc=if(lt(mod(t\\,1)\\,0.1)\\,0.5*sin(6283*t)\\,0):d=30",
            ],
            &[
                "-vf",
                "drawbox=t=fill:color=white:enable='lt(mod(t,1),0.1)'",
            ],
            &["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8"],
            &["-c:a", "libopus", "film.webm"],
        ]);
        let film = std::fs::read(place.path("film.webm")).expect("made");
        let server = Server::http("127.0.0.1:0").expect("a port");
        let address = server.server_addr().to_string();
        let visits = Arc::new(Mutex::new(Vec::<String>::new()));
        let seen = visits.clone();
        std::thread::spawn(move || {
            for request in server.incoming_requests() {
                let url = request.url().to_owned();
                let path = url.split('?').next().unwrap_or_default();
                let (kind, status, body) = match path {
                    "/film.webm" => ("video/webm", 200, film.clone()),
                    "/film" => ("text/html", 200, FILM.into()),
                    "/plain" => ("text/html", 200, "<h1>Hello</h1>".into()),
                    "/template" => ("text/html", 200, TEMPLATE.into()),
                    "/trouble" => {
                        let visits = seen.lock().expect("no panic");
                        let is_again = visits.iter().any(|visit| visit == "/trouble");
                        let color = if is_again { "#4f4" } else { "#700" };
                        ("text/html", 200, TROUBLE.replace("COLOR", color).into())
                    }
                    _ => ("text/html", 404, "not here".into()),
                };
                seen.lock().expect("no panic").push(url);
                let kind = Header::from_bytes("Content-Type", kind).expect("a header");
                let response = Response::from_data(body).with_status_code(status);
                let _ = request.respond(response.with_header(kind));
            }
        });
        Site {
            address,
            visits,
            _place: place,
        }
    }

    pub fn url(&self, page: &str) -> String {
        format!("http://{}/{page}", self.address)
    }

    /// The number of visits of a page.
    pub fn visits(&self, page: &str) -> usize {
        let visits = self.visits.lock().expect("no panic");
        visits.iter().filter(|visit| *visit == page).count()
    }

    /// The query of the first visit of a page.
    pub fn query(&self, page: &str) -> Option<String> {
        let visits = self.visits.lock().expect("no panic");
        visits.iter().find_map(|visit| {
            let (path, query) = visit.split_once('?')?;
            (path == page).then(|| query.to_owned())
        })
    }
}
