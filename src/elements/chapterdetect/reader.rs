// SPDX-License-Identifier: MPL-2.0

//! Reads slides in a thread of its own, one after the other, so that no stream waits for it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use super::tesseract::{Failure, Tesseract, Unavailable};
use crate::elements::shared::lock::lock;
use crate::timeline::Time;
use crate::titles::{self, PackedSheet, Reading, Sheet};

/// Largest size of the slides that wait. Most take 20 to 60 kB.
const MOST_BYTES: usize = 48 << 20;
/// Number of failures after which no further slide is tried if none has been read.
const MOST_FAILURES: usize = 3;
/// Number of slides, one after the other, that may take too long.
const MOST_SLOW: usize = 3;

/// Results of reading.
#[derive(Default)]
pub struct Readings {
    pub slides: Vec<Reading>,
    /// Reason why nothing was read.
    pub unavailable: Option<Unavailable>,
    /// Number of slides that could not be read.
    pub failed: usize,
    /// Whether the reader was stopped before its end.
    pub is_stopped: bool,
}

/// The queue of slides and its thread.
pub struct Reader {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<Readings>>,
}

/// Stops a reader from another thread.
#[derive(Clone)]
pub struct Stopper(Arc<Shared>);

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    is_stopped: AtomicBool,
}

/// A slide that waits.
struct Waiting {
    time: Time,
    sheet: PackedSheet,
    /// Whether it shows the end of a slide that was added before.
    is_again: bool,
}

#[derive(Default)]
struct Queue {
    sheets: VecDeque<Waiting>,
    bytes: usize,
    is_complete: bool,
    /// Number of slides for which there was no room.
    dropped: usize,
}

impl Shared {
    fn stop(&self) {
        let queue = lock(&self.queue);
        self.is_stopped.store(true, Ordering::Relaxed);
        drop(queue);
        self.wake.notify_all();
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed)
    }

    /// Waits for the next slide; returns `None` after the last one.
    fn next(&self) -> Option<Waiting> {
        let mut queue = lock(&self.queue);
        loop {
            if self.is_stopped() {
                return None;
            }
            if let Some(waiting) = queue.sheets.pop_front() {
                queue.bytes -= waiting.sheet.bytes();
                return Some(waiting);
            }
            if queue.is_complete {
                return None;
            }
            queue = self
                .wake
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn run(&self, language: Option<&str>) -> Readings {
        let mut readings = Readings::default();
        let mut program = None;
        let mut slow = 0;
        while let Some(Waiting {
            time,
            sheet,
            is_again,
        }) = self.next()
        {
            // Looked for when there is something to read: most classes of a camera have nothing.
            let program =
                program.get_or_insert_with(|| Tesseract::find(language, || self.is_stopped()));
            let program = match program {
                Ok(program) => program,
                Err(reason) => {
                    readings.unavailable = Some(reason.clone());
                    break;
                }
            };
            let words = sheet.unpack().ok_or(Failure::Failed).and_then(|sheet| {
                titles::read(&sheet, |sheet, arrangement| {
                    program.recognise(sheet, arrangement, || self.is_stopped())
                })
            });
            slow = if matches!(words, Err(Failure::Slow)) {
                slow + 1
            } else {
                0
            };
            match words {
                Ok(words) => readings.slides.push(Reading {
                    time,
                    words,
                    is_again,
                }),
                Err(Failure::Stopped) => break,
                Err(Failure::Slow | Failure::Failed) => readings.failed += 1,
            }
            let is_useless = readings.failed >= MOST_FAILURES && readings.slides.is_empty();
            if is_useless || slow >= MOST_SLOW {
                break;
            }
        }
        let mut queue = lock(&self.queue);
        readings.failed += queue.dropped + queue.sheets.len();
        // Nobody reads what comes later.
        queue.is_complete = true;
        queue.sheets.clear();
        drop(queue);
        readings.is_stopped = self.is_stopped();
        readings
    }
}

impl Reader {
    /// Starts the thread; `language` is a BCP 47 tag.
    pub fn start(language: Option<String>) -> std::io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let thread = thread::Builder::new().name("chapterdetect:titles".into());
        let reads = Arc::clone(&shared);
        let thread = thread.spawn(move || reads.run(language.as_deref()))?;
        Ok(Reader {
            shared,
            thread: Some(thread),
        })
    }

    /// Adds the slide of a time; `is_again` if it shows the end of one that was added before. Never
    /// waits: a slide for which there is no room is left out.
    pub fn add(&self, time: Time, sheet: Sheet, is_again: bool) {
        let sheet = sheet.pack();
        let mut queue = lock(&self.shared.queue);
        if queue.is_complete {
            return;
        }
        if queue.bytes + sheet.bytes() > MOST_BYTES {
            queue.dropped += 1;
            return;
        }
        queue.bytes += sheet.bytes();
        queue.sheets.push_back(Waiting {
            time,
            sheet,
            is_again,
        });
        drop(queue);
        self.shared.wake.notify_one();
    }

    /// Returns a handle that makes [`Reader::finish`] return soon.
    pub fn stopper(&self) -> Stopper {
        Stopper(Arc::clone(&self.shared))
    }

    /// Waits for the last slide.
    pub fn finish(mut self) -> Readings {
        lock(&self.shared.queue).is_complete = true;
        self.shared.wake.notify_all();
        let readings = self.thread.take().map(JoinHandle::join);
        readings.and_then(Result::ok).unwrap_or_default()
    }
}

impl Drop for Reader {
    /// Stops the thread and waits for its end, which takes a moment: the process must not end before
    /// the program that it runs.
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.shared.stop();
            let _ = thread.join();
        }
    }
}

impl Stopper {
    pub fn stop(&self) {
        self.0.stop();
    }
}
