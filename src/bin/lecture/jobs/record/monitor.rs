// SPDX-License-Identifier: MPL-2.0

//! The pages by which others watch over a recorder: `/metrics` for Prometheus, and `/health`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gstlecture::record::live::Metrics;

use crate::error::Error;
use crate::serve::{Asked, Listen, Reply, Server, Serving};

/// A recorder whose numbers are older than this does not run as it should.
const LONGEST_SILENCE: Duration = Duration::from_secs(5);

/// The pages, until this is dropped.
pub struct Monitor {
    last: Arc<Mutex<(Instant, Metrics)>>,
    _serving: Serving,
}

impl Monitor {
    /// Opens the pages.
    ///
    /// # Errors
    /// The address is not a loopback address, or the port is taken.
    pub fn open(listen: Listen) -> Result<Self, Error> {
        if !listen.0.ip().is_loopback() {
            return Err(Error::usage(
                "metrics are for this machine alone",
                format!("metrics-listen={}", listen.0),
                "listen on 127.0.0.1, and let a proxy protect it",
            ));
        }
        let server = Server::listen(listen, "metrics-listen")?;
        let last = Arc::new(Mutex::new((Instant::now(), Metrics::default())));
        let own = last.clone();
        let serving = server.start(0, move |asked| {
            let (time, metrics) = read(&own).clone();
            answer(asked, &metrics, time.elapsed())
        });
        Ok(Monitor {
            last,
            _serving: serving,
        })
    }

    /// Shows these numbers from now on.
    pub fn update(&self, metrics: Metrics) {
        *read(&self.last) = (Instant::now(), metrics);
    }
}

/// Returns a page that shows numbers of this age.
fn answer(asked: &Asked, metrics: &Metrics, age: Duration) -> Reply {
    let is_read = ["GET", "HEAD"].contains(&&*asked.method);
    let (status, text) = match asked.path() {
        _ if !is_read => (405, String::new()),
        "/metrics" => (200, metrics.to_text()),
        "/health" if age < LONGEST_SILENCE => (200, metrics.health()),
        "/health" => (503, "the recorder stands still\n".into()),
        _ => (404, "see /metrics and /health\n".into()),
    };
    Reply::new(status, "text/plain; version=0.0.4", text.into_bytes())
}

fn read<T>(last: &Mutex<T>) -> MutexGuard<'_, T> {
    last.lock().unwrap_or_else(PoisonError::into_inner)
}
